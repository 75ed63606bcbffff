/*
 * dense - bitmaps of frequent lists, kept between the queries of one thread.
 *
 * Which documents of a segment a list holds, a bit each: a word that one product in 64 has takes
 * no more room so than as numbers, and two of them meet 64 documents a step. Lists are decoded on
 * first use; the ones used last stay, up to DENSE_BYTES. Segments never change, so neither do
 * these.
 */
#ifndef SOUK_INDEX_DENSE_H
#define SOUK_INDEX_DENSE_H

#include "index/edition.h"
#include "index/postings.h"

enum { DENSE_SHARE = 64, DENSE_BYTES = 8 << 20 };

struct dense;
enum status dense_create(struct dense **out);
void dense_destroy(struct dense **d);

/* Is the list frequent enough in its segment of `docs` documents? */
static inline bool dense_worth(const struct postings *p, uint32_t docs)
{
    return p->df >= docs / DENSE_SHARE && p->df > POSTINGS_BLOCK;
}

/* Sets the bits of documents. */
static inline void dense_set(uint64_t *bits, const uint32_t *docs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        bits[docs[i] >> 6] |= (uint64_t)1 << (docs[i] & 63);
}

/* The bitmap of `words` words of lists together, until the next call; it is known by the first of
 * them. NULL: no room for it. CORRUPT when a list is damaged.
 * *decoded grows by the blocks that were. */
enum status dense_bits(struct dense *d, struct edition edition, const struct postings *const *lists,
                       uint32_t count, uint32_t words, uint64_t *decoded, const uint64_t **out);
/* The same when it is kept already; else NULL. */
const uint64_t *dense_kept(struct dense *d, struct edition edition, const struct postings *p,
                           uint32_t words);
/* Sets the bits of a list's documents; others stay. */
enum status dense_mark(const struct postings *p, uint64_t *bits);

#endif
