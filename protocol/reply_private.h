/* reply_private - what the replies to SEARCH and those to everything else share. */
#ifndef SOUK_PROTOCOL_REPLY_PRIVATE_H
#define SOUK_PROTOCOL_REPLY_PRIVATE_H

#include "protocol/reply.h"
#include "protocol/request.h"

/* A product's state in one byte. */
static inline uint8_t freshness_byte(enum freshness f, bool withheld, bool future)
{
    return (uint8_t)((uint8_t)f | (withheld ? FRESHNESS_WITHHELD : 0) |
                     (future ? FRESHNESS_FUTURE : 0));
}

static inline enum freshness freshness_parse(uint8_t byte, bool *withheld, bool *future)
{
    *withheld = byte & FRESHNESS_WITHHELD;
    *future = byte & FRESHNESS_FUTURE;
    return (enum freshness)(byte & FRESHNESS_STATE);
}

/* Room for each value of a tag, and one; NULL when the arena has none. */
static inline void *array_for(struct slice body, uint32_t tag, struct arena *a, size_t size)
{
    return arena_calloc(a, tlv_count(body, tag) + 1, size);
}

#endif
