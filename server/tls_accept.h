/*
 * tls_accept - connections to tls.listen, from accept() to the end of their TLS handshake.
 *
 *   WAITS ──readable──> READY ──step: more to come──> WAITS
 *     │                   │ ─────step: it stands────> a conn, with its tls_link
 *     │                   └ ─────step: it failed────> LINGERS ──the peer has read it──> gone
 *     └─too long, crowded out──> gone
 *
 * A handshake costs the processor as much as some searches (a signature), and whoever connects can
 * ask for one. So none is made where its bytes come in: those who are ready wait in a line, and a
 * pass makes one step for the first of them behind the requests it ran, and then none until three
 * times as long as the step took has gone by with requests to run: handshakes get at most a quarter
 * of a busy front, and a search waits for one step at most. Nothing is made for a peer that has
 * said nothing yet but this row.
 *
 * At most tls.handshakes at once, each for tls.handshake at most; then the listening socket rests.
 * Those that have been silent for TLS_SILENT_MS make room for who comes: opening connections and
 * saying nothing does not keep others out. A failure is told to the peer (its alert, or one line
 * where it does not speak TLS), in the log, and counted by its reason.
 */
#ifndef SOUK_SERVER_TLS_ACCEPT_H
#define SOUK_SERVER_TLS_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/status.h"

struct front;
struct tls_accept;

enum { TLS_SILENT_MS = 100 };

enum status tls_accept_create(struct front *f, struct tls_accept **out);
void tls_accept_destroy(struct tls_accept **t);
/* HUP: new connections get what the supervisor has taken. */
void tls_accept_reload(struct tls_accept *t);
/* Room for one more? Crowds out a silent one when that is needed. */
bool tls_accept_room(struct tls_accept *t);
/* Takes over the descriptor. */
void tls_accept_add(struct tls_accept *t, int fd);
uint32_t tls_accept_count(const struct tls_accept *t);
/* In a pass, behind its requests. `busy`: there are such. */
void tls_accept_step(struct tls_accept *t, bool busy);
/* Somebody is ready for a step. */
bool tls_accept_waits(const struct tls_accept *t);
/* Every 100 ms: ends what takes too long. */
void tls_accept_tick(struct tls_accept *t, int64_t now_ms);

#endif
