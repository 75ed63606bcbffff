/*
 * fetch_write - what the fetcher learned goes to the writer as ordinary changes.
 *
 * Bodies wait here while the writer is away or busy and are sent again; each carries the leases of
 * its items, so that waiting makes nothing wrong. Bounded in bytes: beyond that new ones are
 * refused, and the products will be asked for again.
 */
#ifndef SOUK_SERVER_FETCH_WRITE_H
#define SOUK_SERVER_FETCH_WRITE_H

#include "protocol/reply.h"
#include "server/loop.h"

struct fetch_write;
/* `r` is NULL when the change was given up (`s` says why). */
typedef void (*fetch_write_fn)(void *ctx, enum status s, const struct put_reply *r);

enum status fetch_write_create(struct loop *loop, const char *socket, struct fetch_write **out);
/* Without callbacks. */
void fetch_write_destroy(struct fetch_write **w);
/* Takes the bytes over (`body` is empty after). OVERLOADED: too much waits already. */
enum status fetch_write_put(struct fetch_write *w, struct buf *body, fetch_write_fn done,
                            void *ctx);

#endif
