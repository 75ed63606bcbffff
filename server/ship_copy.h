/*
 * ship_copy - copies of catalogs for those who begin to follow, read a piece at a time.
 *
 * A copy is made by a thread of the lowest urgency from one read transaction into a file of its own
 * (DIR/copies/N), so that no transaction stays open however slowly it is fetched. It is made once
 * for all who ask within a while, as long as its stream is the catalog's, and removed some seconds
 * after somebody has read it through, or when nobody has read of it for COPY_IDLE_MS.
 */
#ifndef SOUK_SERVER_SHIP_COPY_H
#define SOUK_SERVER_SHIP_COPY_H

#include "protocol/follow.h"
#include "server/role.h"

enum { COPY_IDLE_MS = 60000, COPY_PIECE = 256 << 10 };

struct ship_copies;

enum status ship_copies_create(struct role_context *role, struct ship_copies **out);
/* A piece of a copy, its bytes borrowed until the next call. `q->size` 0 in the answer: it is being
 * made. `stream` is the catalog's now, NULL = not known. NOT_FOUND: there is no such copy any more;
 * begin with another. */
enum status ship_copies_read(struct ship_copies *c, const struct copy_read *q,
                             const struct stream_id *stream, struct copy_read *a,
                             struct fault *fault);
/* The least sequence that a copy of the catalog stands at, or will; UINT64_MAX without one. */
uint64_t ship_copies_oldest(const struct ship_copies *c, struct slice name);
void ship_copies_tidy(struct ship_copies *c);

#endif
