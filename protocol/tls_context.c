#include "protocol/tls_private.h"

#include <stdlib.h>
#include <time.h>

/* Mozilla's "intermediate" (version 5.7), in its order, without finite-field Diffie-Hellman, whose
 * handshakes cost the server most. TLS 1.3 has its own list. */
static const char SUITES[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                             "TLS_CHACHA20_POLY1305_SHA256";
static const char CIPHERS[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char GROUPS[] = "X25519:prime256v1:secp384r1";

static enum status broken(struct tls_context *c, struct fault *fault, const char *path,
                          const char *what)
{
    unsigned long code = c->lib->ERR_peek_error();
    const char *why = code ? c->lib->ERR_reason_error_string(code) : NULL;
    c->lib->ERR_clear_error();
    return fault_set(fault, STATUS_INVALID, NULL, "%.120s: %s%s%.60s", path, what, why ? ": " : "",
                     why ? why : "");
}

static enum status no_memory(struct fault *fault)
{
    return fault_set(fault, STATUS_NO_MEMORY, NULL, "out of memory");
}

enum status tls_context_create(bool server, struct tls_context **out, struct fault *fault)
{
    const struct tls_library *lib = tls_library();
    *out = NULL;
    if (!lib)
        return fault_set(fault, STATUS_UNAVAILABLE, NULL,
                         "TLS needs OpenSSL 3, libssl.so.3, which is not on this machine");
    struct tls_context *c = calloc(1, sizeof *c);
    if (!c)
        return no_memory(fault);
    *c = (struct tls_context){.lib = lib, .refs = 1, .server = server};
    c->ctx = lib->SSL_CTX_new(server ? lib->TLS_server_method() : lib->TLS_client_method());
    c->method = tls_link_method(lib);
    if (!c->ctx || !c->method || !lib->SSL_CTX_set_cipher_list(c->ctx, CIPHERS) ||
        !lib->SSL_CTX_set_ciphersuites(c->ctx, SUITES) ||
        lib->SSL_CTX_ctrl(c->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) != 1 ||
        lib->SSL_CTX_ctrl(c->ctx, SSL_CTRL_SET_GROUPS_LIST, 0, (void *)GROUPS) != 1) {
        enum status st = broken(c, fault, "OpenSSL", "cannot be set up");
        tls_context_destroy(&c);
        return st;
    }
    lib->SSL_CTX_set_options(c->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA |
                                         /* a key that came in HELLO does not stay in its buffers */
                                         (server ? SSL_OP_CLEANSE_PLAINTEXT : 0));
    lib->SSL_CTX_ctrl(c->ctx, SSL_CTRL_MODE,
                      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS,
                      NULL);
    /* A read ends behind each record, also one that brings no data: a peer that sends nothing but
     * such does not keep us in one call. */
    lib->SSL_CTX_ctrl(c->ctx, SSL_CTRL_CLEAR_MODE, SSL_MODE_AUTO_RETRY, NULL);
    *out = c;
    return STATUS_OK;
}

void tls_context_destroy(struct tls_context **c)
{
    struct tls_context *x = *c;
    *c = NULL;
    if (!x || --x->refs)
        return;
    if (x->ctx)
        x->lib->SSL_CTX_free(x->ctx);
    if (x->method)
        x->lib->BIO_meth_free(x->method);
    free(x);
}

/* Nobody is asked at a terminal: who starts a server is not there. */
static int no_password(char *to, int size, int rwflag, void *ctx)
{
    (void)to, (void)size, (void)rwflag, (void)ctx;
    return -1;
}

static BIO *bio_of(const struct tls_context *c, const struct tls_pem *p)
{
    return c->lib->BIO_new_mem_buf(p->text.len ? p->text.ptr : "", (int)p->text.len);
}

static int64_t seconds_of(const struct tls_context *c, const ASN1_TIME *t)
{
    struct tm tm;
    return t && c->lib->ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* The chain ends with the first that ends it for the peers. */
static void note_times(struct tls_context *c, const X509 *x)
{
    int64_t end = seconds_of(c, c->lib->X509_get0_notAfter(x));
    int64_t begin = seconds_of(c, c->lib->X509_get0_notBefore(x));
    if (!c->not_after || end < c->not_after)
        c->not_after = end;
    if (begin > c->not_before)
        c->not_before = begin;
}

static enum status use_chain(struct tls_context *c, const struct tls_pem *p, struct fault *fault)
{
    const struct tls_library *lib = c->lib;
    BIO *bio = bio_of(c, p);
    uint32_t count = 0;
    enum status st = bio ? STATUS_OK : no_memory(fault);
    X509 *x;
    while (!st && (x = lib->PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
        note_times(c, x);
        bool taken = count++ ? lib->SSL_CTX_ctrl(c->ctx, SSL_CTRL_CHAIN_CERT, 1, x) == 1
                             : lib->SSL_CTX_use_certificate(c->ctx, x) == 1;
        lib->X509_free(x);
        if (!taken)
            st = broken(c, fault, p->path, "the certificate cannot be used");
    }
    if (!st && !count)
        st = broken(c, fault, p->path, "there is no certificate in it");
    lib->ERR_clear_error(); /* behind the last: no start line */
    if (bio)
        lib->BIO_free(bio);
    return st;
}

enum status tls_context_identity(struct tls_context *c, const struct tls_pem *certificate,
                                 const struct tls_pem *key, struct fault *fault)
{
    const struct tls_library *lib = c->lib;
    enum status st = use_chain(c, certificate, fault);
    BIO *bio = st ? NULL : bio_of(c, key);
    if (st || !bio)
        return st ? st : no_memory(fault);
    EVP_PKEY *pkey = lib->PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    lib->BIO_free(bio);
    if (!pkey)
        return broken(c, fault, key->path, "there is no key in it, or it is encrypted");
    if (lib->SSL_CTX_use_PrivateKey(c->ctx, pkey) != 1 ||
        lib->SSL_CTX_check_private_key(c->ctx) != 1)
        st = broken(c, fault, key->path, "the key is not that of the certificate");
    lib->EVP_PKEY_free(pkey);
    return st;
}

enum status tls_context_trust(struct tls_context *c, const struct tls_pem *ca, struct fault *fault)
{
    const struct tls_library *lib = c->lib;
    X509_STORE *store = lib->SSL_CTX_get_cert_store(c->ctx);
    BIO *bio = bio_of(c, ca);
    uint32_t count = 0;
    enum status st = bio ? STATUS_OK : no_memory(fault);
    X509 *x;
    while (!st && (x = lib->PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
        bool taken = lib->X509_STORE_add_cert(store, x) == 1 &&
                     (!c->server || lib->SSL_CTX_add_client_CA(c->ctx, x) == 1);
        lib->X509_free(x);
        count++;
        if (!taken)
            st = broken(c, fault, ca->path, "a certificate cannot be used");
    }
    if (!st && !count)
        st = broken(c, fault, ca->path, "there is no certificate in it");
    lib->ERR_clear_error();
    if (bio)
        lib->BIO_free(bio);
    return st;
}

enum status tls_server_create(const struct tls_pems *p, struct tls_context **out,
                              struct fault *fault)
{
    static const unsigned char SESSIONS[] = "souk";
    enum status st = tls_context_create(true, out, fault);
    struct tls_context *c = *out;
    if (st || !c)
        return st;
    c->lib->SSL_CTX_set_session_id_context(c->ctx, SESSIONS, sizeof SESSIONS - 1);
    c->lib->SSL_CTX_set_num_tickets(c->ctx, 1);
    st = tls_context_identity(c, &p->certificate, &p->key, fault);
    if (!st && p->ca.text.len) {
        st = tls_context_trust(c, &p->ca, fault);
        c->lib->SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    if (st)
        tls_context_destroy(out);
    return st;
}

int64_t tls_not_after(const struct tls_context *c)
{
    return c->not_after;
}

int64_t tls_not_before(const struct tls_context *c)
{
    return c->not_before;
}
