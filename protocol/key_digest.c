#include "protocol/key_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "protocol/late_library.h"

#define FUNCTIONS(X) X(EVP_Q_digest) X(CRYPTO_memcmp)
LATE_TABLE(crypto, FUNCTIONS)

static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    loaded = late_library_bind("libcrypto.so.3", late_crypto_names, &late_crypto,
                               late_crypto_count) == STATUS_OK;
}

enum status key_digest(struct slice key, uint8_t out[KEY_DIGEST])
{
    size_t len = 0;
    pthread_once(&once, load);
    if (!loaded)
        return STATUS_UNAVAILABLE;
    return late_crypto.EVP_Q_digest(NULL, "SHA256", NULL, key.ptr, key.len, out, &len) &&
                   len == KEY_DIGEST
               ? STATUS_OK
               : STATUS_INTERNAL;
}

bool key_digest_equal(const uint8_t a[KEY_DIGEST], const uint8_t b[KEY_DIGEST])
{
    return late_crypto.CRYPTO_memcmp(a, b, KEY_DIGEST) == 0;
}
