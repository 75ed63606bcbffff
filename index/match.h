/*
 * match - candidates of one segment: which documents satisfy the groups, with what score.
 *
 * A matcher holds scratch memory between queries of one thread. match_segment() hands batches of up
 * to 128 documents, ascending, to the consumer, which counts, filters and ranks, and can tell by
 * `admits` that a block is not worth reading.
 */
#ifndef SOUK_INDEX_MATCH_H
#define SOUK_INDEX_MATCH_H

#include "index/plan.h"

#define MATCH_TIER ((uint32_t)1 << 24)

struct match_consumer {
    void *ctx;
    /* docs relative to the segment, ascending; scores beside them. */
    enum status (*batch)(void *ctx, const uint32_t *docs, const uint32_t *scores, uint32_t count);
    /* May documents with scores up to `bound` and ties from `tie` on be skipped uncounted? */
    bool (*skip)(void *ctx, uint32_t bound, uint32_t tie);
};

struct matcher;
enum status matcher_create(struct matcher **out);
void matcher_destroy(struct matcher **m);

/* lut: score by evidence byte, 0..1023. `all`: every group, else any. */
enum status match_segment(struct matcher *m, const struct segment *s, const struct plan *plan,
                          bool all, const uint16_t lut[256], struct arena *arena,
                          const struct match_consumer *out, struct query_work *work);
/* True when the words of the phrase follow each other in one field of the document. */
enum status match_phrase(const struct segment *s, uint32_t doc, const struct slice *words,
                         uint32_t count, bool *yes);

#endif
