/*
 * writer_link - a front's connection to the writer: requests go out in order, answers come back by
 * number.
 *
 * Requests that come while the writer is away wait up to a second for the next one, then are
 * answered UNAVAILABLE; those under way when it goes are so at once (the sender repeats them with
 * the same key). The link connects again by itself.
 */
#ifndef SOUK_SERVER_WRITER_LINK_H
#define SOUK_SERVER_WRITER_LINK_H

#include "protocol/frame.h"
#include "server/loop.h"

struct writer_link;
/* `reply` is NULL when the writer went away before it answered. */
typedef void (*writer_done_fn)(void *ctx, const struct frame *reply);

enum status writer_link_create(struct loop *loop, const char *path, struct writer_link **out);
void writer_link_destroy(struct writer_link **l);
/* OVERLOADED or NO_MEMORY: nothing was sent and `done` will not be called. */
enum status writer_link_send(struct writer_link *l, uint8_t opcode, uint16_t flags,
                             uint32_t deadline_ms, struct slice body, writer_done_fn done,
                             void *ctx);
bool writer_link_up(const struct writer_link *l);
uint32_t writer_link_pending(const struct writer_link *l);

#endif
