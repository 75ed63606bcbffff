/*
 * match - candidates of one segment: which documents satisfy the groups, with what score.
 *
 * A matcher holds scratch memory between queries of one thread. match_segment() hands ascending
 * batches to the consumer, which filters, counts and ranks, and is asked before a block or a
 * window is read what is still wanted of it (MaxScore, Turtle & Flood 1995, with block maxima, Ding
 * & Suel 2011).
 */
#ifndef SOUK_INDEX_MATCH_H
#define SOUK_INDEX_MATCH_H

#include "index/source.h"

enum match_need {
    MATCH_SKIP,  /* nothing */
    MATCH_COUNT, /* which documents; their scores no longer matter */
    MATCH_SCORE  /* documents and scores */
};

/* Documents of a segment, a bit each. */
struct match_bits {
    const uint64_t *bits;
    uint32_t first, words; /* the bits are words [first, first + words) of the segment's */
    bool last;             /* none follow */
};

struct match_consumer {
    void *ctx;
    /* docs relative to the segment, ascending, scores beside them (0 when only counted); at most
     * LIST_BATCH. The arrays have room for KERNEL_SLACK more and may be written to. */
    enum status (*batch)(void *ctx, uint32_t *docs, uint32_t *scores, uint32_t count);
    /* What of documents that score at most `bound` and have ties from `tie` on? */
    enum match_need (*need)(void *ctx, uint32_t bound, uint32_t tie);
    /* Asked when documents would be given twice, with the better score to count: `again` announces
     * those that are only ranked, since another batch has them too. False: not to be done. */
    bool (*again)(void *ctx, bool again);
    /* Words of the plan that no document of the batches from here on holds, a bit each. 0: nothing
     * is known of that. */
    void (*lacking)(void *ctx, uint32_t groups);
    /* The documents that match, a bit each, part by part: to be counted at once, where nothing but
     * the words decides what counts. False: what follows need not be told. */
    bool (*counted)(void *ctx, const struct match_bits *part);
    /* Documents with ties from `tie` on that score less may be left out, uncounted; 0 = none may.
     * With the least tie of a block it is more than with 0 where all that score as much as the
     * worst of the top have smaller ones. */
    uint32_t (*floor)(void *ctx, uint32_t tie);
    /* How many documents the top takes, where every document counts that the words find; else 0. */
    uint32_t (*takes)(void *ctx);
    /* So many in the segment score at least `score`, and `count` or more match. */
    void (*at_least)(void *ctx, uint32_t score, uint32_t count);
    /* Where documents with both words are in the top already and all of the segment's count: sets
     * the bits of those that hold both, *count of them. */
    bool (*both)(void *ctx, uint64_t *bits, uint32_t *count);
    /* So many match, which is to be counted as counted() would. */
    void (*number)(void *ctx, uint32_t count);
};

struct matcher;
enum status matcher_create(struct matcher **out);
void matcher_destroy(struct matcher **m);

struct match_spec {
    const uint32_t *lut;    /* score by evidence byte, 1..1023, 256 entries */
    uint64_t lut_name;      /* tells it from others */
    bool all;               /* every group, else any */
    bool apart;             /* two groups, any: documents with both are in the top already, and what
                             * is found can be counted at once */
    bool tiers;             /* exact words carry theirs */
    struct edition edition; /* segments have their numbers in it */
    bool one_by_one;        /* no short cuts: lists are read one by one */
    uint64_t counted;       /* before so many are counted no document may be skipped */
    bool by_bits;           /* counted() would count them */
};

enum status match_segment(struct matcher *m, const struct segment *s, const struct plan *plan,
                          const struct match_spec *spec, struct arena *arena,
                          const struct match_consumer *out, struct query_work *work);

#endif
