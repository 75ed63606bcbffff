/*
 * writer_conn - a connection of a front (or the fetcher) to the writer: frames in, answers out.
 *
 * Connections are named by a number that is never used twice, so that an answer which waits for the
 * log or for the index finds out by itself that nobody is there any more. Peers are processes of
 * the same soukd; a broken frame still only ends its own connection.
 */
#ifndef SOUK_SERVER_WRITER_CONN_H
#define SOUK_SERVER_WRITER_CONN_H

#include "protocol/frame.h"
#include "server/loop.h"

struct writer_conns;
typedef void (*writer_frame_fn)(void *ctx, uint64_t conn, const struct frame *f);

/* Listens at the path of a unix socket (a stale one is replaced). */
enum status writer_conns_create(struct loop *loop, const char *path, writer_frame_fn fn, void *ctx,
                                struct writer_conns **out);
void writer_conns_destroy(struct writer_conns **c);
/* Queues a reply to `to` (its opcode and request id count); nothing happens when conn is gone. */
void writer_conns_reply(struct writer_conns *c, uint64_t conn, const struct frame *to,
                        struct slice body);
void writer_conns_error(struct writer_conns *c, uint64_t conn, const struct frame *to,
                        const struct fault *fault);
/* Sends what waits; call once in a turn of the loop. */
void writer_conns_flush(struct writer_conns *c);

#endif
