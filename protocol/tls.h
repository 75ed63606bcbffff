/*
 * tls - TLS 1.2 and 1.3 over a connected socket that does not block, for both ends.
 *
 *   tls_context   certificate, key, whom to trust: made once, shared by its connections
 *   tls_link      one connection: handshake, then receive and send as with a socket
 *
 * The rules are Mozilla's "intermediate": TLS 1.2 with forward secrecy and AEAD ciphers only, 1.3
 * with its three AEADs; X25519, P-256, P-384; no compression, no renegotiation, no early data. A
 * client always checks who signed the server's certificate and for whom; there is no switch to turn
 * that off and nothing falls back to plain bytes.
 *
 * A link reads no further than the record it is at, and takes a record whole when there is room for
 * TLS_ROOM bytes: then nothing that was received waits unseen in here, and a level-triggered wait
 * for the descriptor tells as much as it does without TLS. No signals, no abort. OpenSSL is loaded
 * when the first context is made (late_library.h). A context and its links belong to one thread at
 * a time.
 */
#ifndef SOUK_PROTOCOL_TLS_H
#define SOUK_PROTOCOL_TLS_H

#include <sys/types.h>

#include "protocol/slice.h"
#include "protocol/status.h"

enum { TLS_ROOM = 16384 }; /* the longest record, decrypted */

enum tls_failure {
#define TLS_FAILURE(name, label, help) TLS_FAILURE_##name,
#include "protocol/tls_failure.def"
#undef TLS_FAILURE
    TLS_FAILURE_COUNT
};
/* "unknown_ca". */
const char *tls_failure_name(enum tls_failure f);

/* --- contexts --------------------------------------------------------------------------------- */

/* A file in PEM and, for sentences about it, where it came from. Nothing: text of no bytes. */
struct tls_pem {
    const char *path;
    struct slice text;
};

/* Certificate: the own one first, then those in between it and the root. */
struct tls_pems {
    struct tls_pem certificate, key, ca;
};

struct tls_context;

/* With `ca` only clients that show a certificate of it are let in. INVALID: the fault names the
 * file and what is wrong with it. UNAVAILABLE: there is no OpenSSL on this machine. */
enum status tls_server_create(const struct tls_pems *p, struct tls_context **out,
                              struct fault *fault);
/* Paths; ca NULL or "" = whom the system trusts; certificate and key may be left out together.
 * `name`: whose certificate it must be, NULL or "" = the host of the address. */
struct tls_client {
    const char *ca, *certificate, *key, *name;
};
enum status tls_client_create(const struct tls_client *o, struct tls_context **out,
                              struct fault *fault);
/* Its links may live on. Nulls; NULL is fine. */
void tls_context_destroy(struct tls_context **c);
/* When the own certificate ends, in Unix seconds; 0 without one. */
int64_t tls_not_after(const struct tls_context *c);
int64_t tls_not_before(const struct tls_context *c);

/* --- links ------------------------------------------------------------------------------------ */

struct tls_link;
enum tls_want { TLS_WANT_READ = 1, TLS_WANT_WRITE = 2 };

/* `host`: of a client, the name or the address it connects to, unless the context has one. Does
 * not own the descriptor. */
enum status tls_link_create(struct tls_context *c, int fd, const char *host, struct tls_link **out);
/* Says goodbye when the connection stands. Nulls; NULL is fine. */
void tls_link_destroy(struct tls_link **l);
/* One step of the handshake: OK when the connection stands, AGAIN when tls_link_wants() must come
 * first, TLS when it failed, UNAVAILABLE when the peer is gone; tls_link_fault() says why. */
enum status tls_link_handshake(struct tls_link *l);
unsigned tls_link_wants(const struct tls_link *l);
/* As recv() and send(): bytes, 0 when the peer has ended, -1 with errno (EAGAIN, EPROTO for what
 * tls_link_fault() tells). What was not sent yet comes first in the next call, in
 * other memory or not, with more behind it or not; of more than TLS_ROOM bytes the rest is sent at
 * once, until that is EAGAIN: packets wait for it. `len` of tls_link_recv: TLS_ROOM at least. */
ssize_t tls_link_recv(struct tls_link *l, void *to, size_t len);
ssize_t tls_link_send(struct tls_link *l, const void *bytes, size_t len);
/* True when a read is waited for that must write first (the peer changes keys). */
bool tls_link_read_wants_write(const struct tls_link *l);
/* Why it failed: a sentence, and what is counted. */
enum tls_failure tls_link_fault(const struct tls_link *l, struct fault *fault);

#endif
