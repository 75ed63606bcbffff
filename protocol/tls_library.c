#include "protocol/tls_private.h"

#include <pthread.h>

/* Addresses of functions, which are the same for everybody: written once, then only read. */
static struct tls_library library;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    static const char *const names[] = {TLS_FUNCTIONS(LATE_NAME)};
    /* libcrypto's are found behind it */
    loaded = late_library_bind("libssl.so.3", names, &library, sizeof names / sizeof *names) ==
             STATUS_OK;
}

const struct tls_library *tls_library(void)
{
    pthread_once(&once, load);
    return loaded ? &library : NULL;
}

const char *tls_failure_name(enum tls_failure f)
{
    static const char *const names[] = {
#define TLS_FAILURE(name, label, help) label,
#include "protocol/tls_failure.def"
#undef TLS_FAILURE
    };
    return (size_t)f < sizeof names / sizeof *names ? names[f] : names[TLS_FAILURE_BROKEN];
}
