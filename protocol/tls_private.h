/* tls_private - OpenSSL as it was loaded, and the insides of contexts and links. */
#ifndef SOUK_PROTOCOL_TLS_PRIVATE_H
#define SOUK_PROTOCOL_TLS_PRIVATE_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "protocol/late_library.h"
#include "protocol/tls.h"

#define TLS_FUNCTIONS(X)                                                                           \
    X(ASN1_TIME_to_tm)                                                                             \
    X(BIO_clear_flags)                                                                             \
    X(BIO_free)                                                                                    \
    X(BIO_get_data)                                                                                \
    X(BIO_meth_free)                                                                               \
    X(BIO_meth_new)                                                                                \
    X(BIO_meth_set_ctrl)                                                                           \
    X(BIO_meth_set_read)                                                                           \
    X(BIO_meth_set_write)                                                                          \
    X(BIO_new)                                                                                     \
    X(BIO_new_mem_buf)                                                                             \
    X(BIO_set_data)                                                                                \
    X(BIO_set_flags)                                                                               \
    X(BIO_set_init)                                                                                \
    X(ERR_clear_error)                                                                             \
    X(ERR_peek_error)                                                                              \
    X(ERR_reason_error_string)                                                                     \
    X(EVP_PKEY_free)                                                                               \
    X(PEM_read_bio_PrivateKey)                                                                     \
    X(PEM_read_bio_X509)                                                                           \
    X(SSL_CTX_add_client_CA)                                                                       \
    X(SSL_CTX_check_private_key)                                                                   \
    X(SSL_CTX_ctrl)                                                                                \
    X(SSL_CTX_free)                                                                                \
    X(SSL_CTX_get_cert_store)                                                                      \
    X(SSL_CTX_new)                                                                                 \
    X(SSL_CTX_set_cipher_list)                                                                     \
    X(SSL_CTX_set_ciphersuites)                                                                    \
    X(SSL_CTX_set_default_verify_paths)                                                            \
    X(SSL_CTX_set_num_tickets)                                                                     \
    X(SSL_CTX_set_options)                                                                         \
    X(SSL_CTX_set_session_id_context)                                                              \
    X(SSL_CTX_set_verify)                                                                          \
    X(SSL_CTX_use_PrivateKey)                                                                      \
    X(SSL_CTX_use_certificate)                                                                     \
    X(SSL_ctrl)                                                                                    \
    X(SSL_do_handshake)                                                                            \
    X(SSL_free)                                                                                    \
    X(SSL_get0_param)                                                                              \
    X(SSL_get_error)                                                                               \
    X(SSL_get_verify_result)                                                                       \
    X(SSL_new)                                                                                     \
    X(SSL_read)                                                                                    \
    X(SSL_set1_host)                                                                               \
    X(SSL_set_accept_state)                                                                        \
    X(SSL_set_bio)                                                                                 \
    X(SSL_set_connect_state)                                                                       \
    X(SSL_set_hostflags)                                                                           \
    X(SSL_shutdown)                                                                                \
    X(SSL_write)                                                                                   \
    X(TLS_client_method)                                                                           \
    X(TLS_server_method)                                                                           \
    X(X509_STORE_add_cert)                                                                         \
    X(X509_VERIFY_PARAM_set1_ip_asc)                                                               \
    X(X509_free)                                                                                   \
    X(X509_get0_notAfter)                                                                          \
    X(X509_get0_notBefore)                                                                         \
    X(X509_verify_cert_error_string)

struct tls_library {
    TLS_FUNCTIONS(LATE_MEMBER)
};

/* The one table of the process, filled at the first call; NULL when it cannot be. */
const struct tls_library *tls_library(void);

struct tls_context {
    const struct tls_library *lib;
    SSL_CTX *ctx;
    BIO_METHOD *method;
    uint32_t refs; /* its owner's, and one of each link */
    bool server;
    int64_t not_before, not_after;
    char name[256], ca[256]; /* of a client: whose certificate, and who vouches for it */
};

/* An empty context by the common rules. */
enum status tls_context_create(bool server, struct tls_context **out, struct fault *fault);
enum status tls_context_identity(struct tls_context *c, const struct tls_pem *certificate,
                                 const struct tls_pem *key, struct fault *fault);
enum status tls_context_trust(struct tls_context *c, const struct tls_pem *ca, struct fault *fault);
/* tls_link.c: how links read and write their descriptor. */
BIO_METHOD *tls_link_method(const struct tls_library *lib);

#endif
