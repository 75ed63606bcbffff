#include "protocol/tls_private.h"

#include <errno.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tls_link {
    struct tls_context *context;
    SSL *ssl;
    int fd;
    unsigned wants;
    bool stands, ended, read_wants_write;
    bool eof;  /* of the descriptor */
    bool more; /* another record follows at once: packets may wait for it */
    char host[256];
    enum tls_failure failure;
    struct fault fault;
};

/* --- the descriptor ----------------------------------------------------------------------------
 */

/* OpenSSL's own socket BIO raises SIGPIPE. */
static int put_bytes(BIO *b, const char *bytes, int len)
{
    const struct tls_library *lib = tls_library();
    const struct tls_link *l = lib->BIO_get_data(b);
    ssize_t n;
    do
        n = send(l->fd, bytes, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT | (l->more ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    lib->BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (n < 0 && errno == EAGAIN)
        lib->BIO_set_flags(b, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY);
    return (int)n;
}

static int get_bytes(BIO *b, char *to, int len)
{
    const struct tls_library *lib = tls_library();
    struct tls_link *l = lib->BIO_get_data(b);
    ssize_t n;
    do
        n = recv(l->fd, to, (size_t)len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    lib->BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    if (n < 0 && errno == EAGAIN)
        lib->BIO_set_flags(b, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
    l->eof = n == 0 && len;
    return (int)n;
}

static long control(BIO *b, int what, long number, void *pointer)
{
    (void)number, (void)pointer;
    const struct tls_link *l = tls_library()->BIO_get_data(b);
    return what == BIO_CTRL_FLUSH || (what == BIO_CTRL_EOF && l && l->eof);
}

BIO_METHOD *tls_link_method(const struct tls_library *lib)
{
    BIO_METHOD *m = lib->BIO_meth_new(BIO_TYPE_SOURCE_SINK, "souk");
    if (m && lib->BIO_meth_set_write(m, put_bytes) && lib->BIO_meth_set_read(m, get_bytes) &&
        lib->BIO_meth_set_ctrl(m, control))
        return m;
    if (m)
        lib->BIO_meth_free(m);
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------
 */

/* Whose certificate it must be. An address is looked for among the addresses of the certificate, a
 * name among its names, and told to the server (SNI). */
static bool expect(struct tls_link *l, const char *host)
{
    const struct tls_library *lib = l->context->lib;
    const char *name = *l->context->name ? l->context->name : host;
    size_t len = strlen(name);
    if (!len || len >= sizeof l->host)
        return false;
    memcpy(l->host, name, len + 1);
    if (lib->X509_VERIFY_PARAM_set1_ip_asc(lib->SSL_get0_param(l->ssl), name))
        return true;
    lib->ERR_clear_error();
    lib->SSL_set_hostflags(l->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return lib->SSL_set1_host(l->ssl, name) &&
           lib->SSL_ctrl(l->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                         l->host) == 1;
}

enum status tls_link_create(struct tls_context *c, int fd, const char *host, struct tls_link **out)
{
    const struct tls_library *lib = c->lib;
    struct tls_link *l = calloc(1, sizeof *l);
    BIO *bio = l ? lib->BIO_new(c->method) : NULL;
    *out = NULL;
    if (!l || !bio || !(l->ssl = lib->SSL_new(c->ctx))) {
        if (bio)
            lib->BIO_free(bio);
        free(l);
        return STATUS_NO_MEMORY;
    }
    l->context = c;
    c->refs++;
    l->fd = fd;
    lib->BIO_set_data(bio, l);
    lib->BIO_set_init(bio, 1);
    lib->SSL_set_bio(l->ssl, bio, bio); /* owns it from here on */
    if (c->server) {
        lib->SSL_set_accept_state(l->ssl);
    } else {
        lib->SSL_set_connect_state(l->ssl);
        if (!expect(l, host ? host : "")) {
            tls_link_destroy(&l);
            return STATUS_INVALID;
        }
    }
    l->wants = c->server ? TLS_WANT_READ : TLS_WANT_WRITE;
    *out = l;
    return STATUS_OK;
}

void tls_link_destroy(struct tls_link **l)
{
    struct tls_link *x = *l;
    *l = NULL;
    if (!x)
        return;
    const struct tls_library *lib = x->context->lib;
    if (x->stands && !x->failure)
        lib->SSL_shutdown(x->ssl);
    lib->ERR_clear_error();
    lib->SSL_free(x->ssl);
    tls_context_destroy(&x->context);
    free(x);
}

/* --- what went wrong ----------------------------------------------------------------------------
 */

static void fail(struct tls_link *l, enum tls_failure f, enum status st, const char *text)
{
    l->failure = f;
    fault_set(&l->fault, st, NULL, "%s", text);
}

static void fail_certificate(struct tls_link *l, long code)
{
    const char *whose = l->context->server ? "client" : "server";
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        l->failure = TLS_FAILURE_EXPIRED;
        fault_set(&l->fault, STATUS_TLS, NULL, "the certificate of the %s %s", whose,
                  code == X509_V_ERR_CERT_HAS_EXPIRED ? "has expired" : "is not valid yet");
        return;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        l->failure = TLS_FAILURE_NAME;
        fault_set(&l->fault, STATUS_TLS, NULL, "the certificate of the server is not for %.120s",
                  l->host);
        return;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        l->failure = TLS_FAILURE_UNKNOWN_CA;
        fault_set(&l->fault, STATUS_TLS, NULL,
                  "the certificate of the %s is of an unknown CA: nobody in %.80s vouches for it",
                  whose, l->context->server ? "tls.client_ca" : l->context->ca);
        return;
    default:
        l->failure = TLS_FAILURE_CERTIFICATE;
        fault_set(&l->fault, STATUS_TLS, NULL, "the certificate of the %s is not good: %.120s",
                  whose, l->context->lib->X509_verify_cert_error_string(code));
    }
}

/* Alerts are told by their number in the protocol. */
static void fail_alert(struct tls_link *l, int alert)
{
    static const struct {
        int alert;
        const char *text;
    } told[] = {{SSL_AD_HANDSHAKE_FAILURE, "it has no cipher in common with us"},
                {SSL_AD_PROTOCOL_VERSION, "it has no TLS version in common with us"},
                {SSL_AD_BAD_CERTIFICATE, "our certificate is bad"},
                {SSL_AD_UNSUPPORTED_CERTIFICATE, "our certificate is of a kind it does not take"},
                {SSL_AD_CERTIFICATE_REVOKED, "our certificate is revoked"},
                {SSL_AD_CERTIFICATE_EXPIRED, "our certificate has expired"},
                {SSL_AD_CERTIFICATE_UNKNOWN, "it does not take our certificate"},
                {SSL_AD_UNKNOWN_CA, "it does not know the CA of our certificate"},
                {TLS13_AD_CERTIFICATE_REQUIRED, "it wants a certificate and got none"}};
    const char *whose = l->context->server ? "client" : "server", *why = NULL;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (told[i].alert == alert)
            why = told[i].text;
    l->failure = TLS_FAILURE_REFUSED;
    if (why)
        fault_set(&l->fault, STATUS_TLS, NULL, "the %s refused: %s", whose, why);
    else
        fault_set(&l->fault, STATUS_TLS, NULL, "the %s refused with alert %d", whose, alert);
}

static void fail_protocol(struct tls_link *l, unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    const char *text = l->context->lib->ERR_reason_error_string(code);
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        fail(l, TLS_FAILURE_PLAIN, STATUS_TLS,
             l->context->server ? "the client does not speak TLS"
                                : "the server does not speak TLS on this port");
        return;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        fail(l, TLS_FAILURE_VERSION, STATUS_TLS, "no version of TLS in common; 1.2 is the least");
        return;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        fail(l, TLS_FAILURE_CIPHER, STATUS_TLS, "no cipher, group or signature in common");
        return;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        fail(l, TLS_FAILURE_NO_CERTIFICATE, STATUS_TLS, "the client shows no certificate");
        return;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        fail_certificate(l, l->context->lib->SSL_get_verify_result(l->ssl));
        return;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        fail(l, TLS_FAILURE_CUT, STATUS_UNAVAILABLE,
             "the connection was cut within the TLS handshake");
        return;
    default:
        break;
    }
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
        fail_alert(l, reason - SSL_AD_REASON_OFFSET);
    else
        fail(l, TLS_FAILURE_BROKEN, STATUS_TLS, text ? text : "the peer's bytes break TLS");
}

/* The outcome of a call that returned `n` <= 0: the errno for the caller, 0 when the peer ended. */
static int outcome(struct tls_link *l, int n)
{
    const struct tls_library *lib = l->context->lib;
    int system = errno, kind = lib->SSL_get_error(l->ssl, n);
    unsigned long code = lib->ERR_peek_error();
    switch (kind) {
    case SSL_ERROR_WANT_READ:
        l->wants = TLS_WANT_READ;
        return EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        l->wants = TLS_WANT_WRITE;
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        l->ended = true;
        return 0;
    case SSL_ERROR_SSL:
        fail_protocol(l, code);
        lib->ERR_clear_error();
        /* Frames say how long they are: an end without goodbye cuts none off unseen. */
        l->ended = l->failure == TLS_FAILURE_CUT && l->stands;
        return l->ended ? 0 : EPROTO;
    default:
        lib->ERR_clear_error();
        fail(l, TLS_FAILURE_CUT, STATUS_UNAVAILABLE,
             l->stands ? "the connection was cut"
                       : "the connection was cut within the TLS handshake");
        return system && system != EAGAIN ? system : ECONNRESET;
    }
}

enum tls_failure tls_link_fault(const struct tls_link *l, struct fault *fault)
{
    if (fault)
        *fault = l->fault;
    return l->failure;
}

/* --- bytes -------------------------------------------------------------------------------------
 */

enum status tls_link_handshake(struct tls_link *l)
{
    errno = 0;
    int n = l->context->lib->SSL_do_handshake(l->ssl);
    if (n == 1) {
        l->stands = true;
        l->wants = TLS_WANT_READ;
        return STATUS_OK;
    }
    int why = outcome(l, n);
    if (why == EAGAIN)
        return STATUS_AGAIN;
    if (!l->failure)
        fail(l, TLS_FAILURE_CUT, STATUS_UNAVAILABLE,
             "the connection was ended within the TLS handshake");
    return l->fault.status;
}

unsigned tls_link_wants(const struct tls_link *l)
{
    return l->wants;
}

bool tls_link_read_wants_write(const struct tls_link *l)
{
    return l->read_wants_write;
}

ssize_t tls_link_recv(struct tls_link *l, void *to, size_t len)
{
    size_t got = 0;
    int why = EAGAIN;
    l->read_wants_write = false;
    /* A record at a time, each with room for all of it. */
    while (!l->failure && !l->ended && len - got >= TLS_ROOM) {
        errno = 0;
        int n = l->context->lib->SSL_read(l->ssl, (char *)to + got, TLS_ROOM);
        if (n > 0) {
            got += (size_t)n;
            if (n < TLS_ROOM) /* most likely the last; if not, the descriptor tells */
                break;
            continue;
        }
        why = outcome(l, n);
        l->read_wants_write = why == EAGAIN && l->wants == TLS_WANT_WRITE;
        break;
    }
    if (got)
        return (ssize_t)got; /* what else there is to say comes with the next call */
    if (l->failure && why == EAGAIN)
        why = EPROTO;
    if (l->ended || !why)
        return 0;
    errno = why;
    return -1;
}

ssize_t tls_link_send(struct tls_link *l, const void *bytes, size_t len)
{
    if (l->failure) {
        errno = EPROTO;
        return -1;
    }
    errno = 0;
    l->more = len > TLS_ROOM;
    int n = l->context->lib->SSL_write(l->ssl, bytes, len > INT32_MAX ? INT32_MAX : (int)len);
    l->more = false;
    if (n > 0)
        return n;
    int why = outcome(l, n);
    errno = why ? why : EPIPE;
    return -1;
}
