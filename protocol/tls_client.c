#include "protocol/tls_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/buf.h"

enum { FILE_MOST = 4 << 20 };

static bool given(const char *text)
{
    return text && *text;
}

static enum status read_file(const char *path, struct buf *out, struct fault *fault)
{
    FILE *in = fopen(path, "rbe");
    if (!in)
        return fault_set(fault, STATUS_INVALID, NULL, "%.120s: %s", path, strerror(errno));
    size_t n = 1;
    while (n && out->len < FILE_MOST && buf_reserve(out, 4096)) {
        n = fread(out->ptr + out->len, 1, 4096, in);
        out->len += n;
    }
    bool bad = ferror(in) || out->failed;
    fclose(in);
    return bad ? fault_set(fault, STATUS_INVALID, NULL, "%.120s: it cannot be read", path)
               : STATUS_OK;
}

static enum status show(struct tls_context *c, const struct tls_client *o, struct fault *fault)
{
    struct buf certificate = BUF_INIT, key = BUF_INIT;
    enum status st = read_file(o->certificate, &certificate, fault);
    st = st ? st : read_file(o->key, &key, fault);
    if (!st)
        st = tls_context_identity(c, &(struct tls_pem){o->certificate, buf_slice(&certificate)},
                                  &(struct tls_pem){o->key, buf_slice(&key)}, fault);
    if (key.cap)
        explicit_bzero(key.ptr, key.cap);
    buf_fini(&key);
    buf_fini(&certificate);
    return st;
}

static enum status trust(struct tls_context *c, const struct tls_client *o, struct fault *fault)
{
    struct buf ca = BUF_INIT;
    if (!given(o->ca)) {
        snprintf(c->ca, sizeof c->ca, "the system's list");
        return c->lib->SSL_CTX_set_default_verify_paths(c->ctx) == 1
                   ? STATUS_OK
                   : fault_set(fault, STATUS_INVALID, NULL, "the system has no list of CAs");
    }
    snprintf(c->ca, sizeof c->ca, "%s", o->ca);
    enum status st = read_file(o->ca, &ca, fault);
    st = st ? st : tls_context_trust(c, &(struct tls_pem){o->ca, buf_slice(&ca)}, fault);
    buf_fini(&ca);
    return st;
}

enum status tls_client_create(const struct tls_client *o, struct tls_context **out,
                              struct fault *fault)
{
    if (given(o->certificate) != given(o->key))
        return fault_set(fault, STATUS_INVALID, NULL,
                         "a client certificate and its key go together: one of them is missing");
    if (given(o->name) && strlen(o->name) >= sizeof(*out)->name)
        return fault_set(fault, STATUS_INVALID, NULL, "the name of the server is too long");
    enum status st = tls_context_create(false, out, fault);
    if (st)
        return st;
    struct tls_context *c = *out;
    snprintf(c->name, sizeof c->name, "%s", given(o->name) ? o->name : "");
    c->lib->SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    st = trust(c, o, fault);
    if (!st && given(o->certificate))
        st = show(c, o, fault);
    if (st)
        tls_context_destroy(out);
    return st;
}
