/* support_segment - segments in memory, filled from made-up products, for tests of the codec. */
#ifndef SOUK_TESTS_INDEX_SUPPORT_SEGMENT_H
#define SOUK_TESTS_INDEX_SUPPORT_SEGMENT_H

#include "index/segment_build.h"

enum { SHELF_EXTENTS = 64, SHELF_FIELDS = 3, SHELF_TERM = 12 };

/* One segment's extents with the checksums behind each: what the store is to the real thing. */
struct shelf {
    struct buf extents[SHELF_EXTENTS];
    uint32_t sums[SHELF_EXTENTS]; /* how many are behind each */
    uint32_t count;
};

void shelf_fini(struct shelf *s);
enum status shelf_sink(void *ctx, uint32_t extent, struct slice bytes, struct slice sums);
enum status shelf_lookup(void *ctx, uint32_t number, uint32_t extent, struct slice *value);
/* Makes the checksums right again after bytes were changed. */
void shelf_seal(struct shelf *s);
struct segment *shelf_open(struct shelf *s);

/* A product of a seeded catalog: words with a skewed distribution in three fields. */
enum { CATALOG_TOKENS = 24 };
struct catalog_product {
    char id[16], words[CATALOG_TOKENS][SHELF_TERM];
    struct builder_token tokens[CATALOG_TOKENS];
    uint32_t count;
};
extern const struct segment_facts shelf_facts;
void catalog_product(unsigned seed, uint32_t docid, struct catalog_product *out);
/* Builds a segment of the products [from, to). */
void shelf_build(struct shelf *s, unsigned seed, uint32_t from, uint32_t to);

#endif
