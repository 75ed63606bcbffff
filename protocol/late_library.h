/*
 * late_library - a shared library that is loaded when its one user begins, not with the program.
 *
 * libcurl and libmicrohttpd bring thirty others with them (TLS, Kerberos, LDAP); loading those
 * takes longer than all else of a start, and four of our five processes never call them. OpenSSL is
 * wanted only where a connection is to be encrypted. The user lists its functions, gets a table of
 * pointers of them and sends its calls there:
 *
 *   #define FUNCTIONS(X) X(curl_easy_init) X(curl_easy_cleanup)
 *   LATE_TABLE(curl, FUNCTIONS)
 *   #define curl_easy_init late_curl.curl_easy_init
 *
 *   late_library_bind("libcurl.so.4", late_curl_names, &late_curl, late_curl_count)
 *
 * A library stays loaded to the end of the process.
 */
#ifndef SOUK_PROTOCOL_LATE_LIBRARY_H
#define SOUK_PROTOCOL_LATE_LIBRARY_H

#include "protocol/status.h"

#include <stdint.h>

#define LATE_MEMBER(f) __typeof__(f) *f; /* NOLINT(bugprone-macro-parentheses) */
#define LATE_NAME(f)   #f,
#define LATE_TABLE(library, functions)                                                             \
    static struct {                                                                                \
        functions(LATE_MEMBER)                                                                     \
    } late_##library;                                                                              \
    static const char *const late_##library##_names[] = {functions(LATE_NAME)};                    \
    enum {                                                                                         \
        late_##library##_count = sizeof late_##library##_names / sizeof late_##library##_names[0]  \
    };

/* Fills the table, pointers in the order of the names. UNAVAILABLE without the library or one of
 * the functions. */
enum status late_library_bind(const char *soname, const char *const *names, void *table,
                              uint32_t count);

#endif
