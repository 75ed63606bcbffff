/*
 * conn - one accepted connection: bytes in, frames out to a handler, replies back in any order.
 *
 *            bytes                 frame                       closed by the peer, an error,
 *   OPEN ----------> decode ----------------> handler          or a frame that breaks the protocol
 *    |  ^                                         |                        |
 *    |  '---- output below its bound <--- reply appended                   v
 *    '------- output above 4 MiB: not read until it drains            CLOSING -> freed
 *
 * A pass handles at most 64 frames or 256 KiB of one connection, so that none starves the others.
 * The owner gets `closed` once; replies that come later are dropped by conn_find().
 */
#ifndef SOUK_SERVER_CONN_H
#define SOUK_SERVER_CONN_H

#include "protocol/frame.h"
#include "server/loop.h"

struct conn;
struct server; /* the accepting side: listeners and their connections */

typedef void (*conn_handler)(void *ctx, struct conn *c, const struct frame *f);

/* Serves the listening sockets; frames go to the handler. NULL without memory. */
struct server *server_create(struct loop *l, const int *listeners, uint32_t count,
                             uint32_t max_connections, conn_handler handler, void *ctx);
/* Stops accepting; sends GOAWAY to every connection. */
void server_drain(struct server *s);
void server_destroy(struct server **s);
uint32_t server_connections(const struct server *s);

/* The bytes to write; append whole frames, then conn_flush(). */
struct buf *conn_out(struct conn *c);
void conn_flush(struct conn *c);
void conn_error(struct conn *c, const struct frame *to, const struct fault *f);
/* A name that is never used again, for replies that come later. */
uint64_t conn_id(const struct conn *c);
struct conn *conn_find(struct server *s, uint64_t id);

#endif
