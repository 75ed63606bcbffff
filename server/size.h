/*
 * size - how large a partial update leaves its product.
 *
 * What a product may have (SIZE_MOST) is judged before a change is logged: what is acknowledged is
 * never refused by the index. A product of which nothing is under way is measured as it is stored;
 * of changes that are logged and not yet applied only an upper bound is known (pending_bytes). When
 * the bound is too much the request is to come again once they are applied.
 *
 * Updates of a few bytes are not measured, for most are a price or a stock: all fields together
 * they add less than what the index takes beyond SIZE_MOST (RECORD_MAX).
 */
#ifndef SOUK_SERVER_SIZE_H
#define SOUK_SERVER_SIZE_H

#include "protocol/arena.h"
#include "server/decide.h"

enum { SIZE_MOST = 1000000, SIZE_UNMEASURED = 256 };

/* The product that was measured last, field by field, up to a place in one request. */
struct size {
    const struct put_request *request;
    uint32_t next; /* items before it are in */
    struct slice id;
    uint32_t fields[SCHEMA_MAX_FIELDS + 1], total;
    struct buf document;
};

void size_fini(struct size *s);
/* A new request is decided: what was measured counts no more. */
void size_begin(struct size *s, const struct put_request *p);
/*
 * Item `i` of the request, a PATCH; `taken` tells which items before it count. TOO_LARGE: this item
 * is refused. OVERLOADED: the whole request is. *bytes is an upper bound of what the product has
 * with it, UINT32_MAX when it was not looked at.
 */
enum status size_check(struct size *s, const struct pending *p, struct snapshot *snap, uint32_t i,
                       const bool *taken, uint32_t *bytes);

#endif
