/*
 * expiry - when a product may no longer be returned, and the rows that list products by that time.
 *
 *   LMDB `expiry`: key = limit ms u64 BE, docid u32 BE -> nothing (checksum only)
 *
 * The limit is validated + effective ttl + max(swr, sie) (RFC 5861: both windows count from the
 * moment of becoming stale). The effective ttl is 90 to 100 % of the ttl by a hash of id and time,
 * so that products validated together do not expire together. A product that never expires has no
 * row. Rows are exact: each change of freshness moves the row in the same transaction.
 */
#ifndef SOUK_INDEX_EXPIRY_H
#define SOUK_INDEX_EXPIRY_H

#include "index/schema.h"
#include "index/store.h"

#define EXPIRY_NEVER INT64_MAX

enum { EXPIRY_KEY_LEN = 12 };

struct windows {
    int64_t validated_ms;
    int64_t ttl_ms, swr_ms, sie_ms; /* -1 = the catalog's default; ttl 0 = never stale */
};

/* When the product becomes stale. */
int64_t expiry_stale_ms(const struct schema *schema, const struct windows *f, struct slice id);
/* The same without the id's jitter: it is not stale before. */
int64_t expiry_stale_earliest_ms(int64_t validated_ms, int64_t ttl_ms);
/* When it stops being returned. */
int64_t expiry_limit_ms(const struct schema *schema, const struct windows *f, struct slice id);

/* The same when the moment of becoming stale is known. */
int64_t expiry_limit_from_ms(const struct schema *schema, const struct windows *f,
                             int64_t stale_ms);

void expiry_key(uint8_t key[EXPIRY_KEY_LEN], int64_t limit_ms, uint32_t docid);
bool expiry_parse(struct slice key, int64_t *limit_ms, uint32_t *docid);

#endif
