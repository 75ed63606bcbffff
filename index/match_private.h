/* match_private - what match.c and match_any.c share. */
#ifndef SOUK_INDEX_MATCH_PRIVATE_H
#define SOUK_INDEX_MATCH_PRIVATE_H

#include "index/match.h"

struct matcher {
    struct source_room room;
    struct kernel_window window;
    uint32_t docs[LIST_ROOM], scores[LIST_ROOM]; /* the batch at hand */
    struct source sources[PLAN_WORDS_MAX];
    void *block; /* as calloc gave it */
};

/* One segment being matched. */
struct matching {
    struct matcher *m;
    struct source *sources; /* those that are not empty */
    uint32_t count;
    uint32_t doc_count; /* of the segment */
    const struct match_consumer *out;
    struct query_work *work;
};

enum status match_all(struct matching *g);
enum status match_any(struct matching *g);

static inline enum status match_give(struct matching *g, uint32_t *docs, uint32_t *scores,
                                     uint32_t count)
{
    g->work->candidates += count;
    return count ? g->out->batch(g->out->ctx, docs, scores, count) : STATUS_OK;
}

#endif
