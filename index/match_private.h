/* match_private - what the files match*.c share. */
#ifndef SOUK_INDEX_MATCH_PRIVATE_H
#define SOUK_INDEX_MATCH_PRIVATE_H

#include "index/dense.h"
#include "index/heads.h"
#include "index/match.h"

#include <string.h>

/* A batch, and behind it what a window or a block adds to it. */
enum { MATCH_ROOM = 2 * LIST_ROOM };

struct matcher {
    struct source_room room;
    struct kernel_window window;
    uint32_t docs[MATCH_ROOM], scores[MATCH_ROOM]; /* the batch at hand */
    struct source sources[PLAN_WORDS_MAX];
    struct dense *dense;
    uint64_t *all, *one; /* bitmaps of a segment's documents */
    uint32_t words;      /* of each */
    struct sizes *sizes; /* NULL = not asked for yet, as the heads */
    struct heads *heads;
    void *block; /* as calloc gave it */
};

/* One segment being matched. */
struct matching {
    struct matcher *m;
    struct source *sources; /* those that are not empty */
    uint32_t count;
    uint32_t doc_count; /* of the segment */
    struct edition edition;
    uint32_t segment; /* its number there */
    const struct segment *of;
    uint64_t lut_name;
    uint32_t held; /* matches put by */
    const struct match_consumer *out;
    struct query_work *work;
};

enum status match_all(struct matching *g, const struct match_spec *spec);
enum status match_any(struct matching *g);
/* Is it better found by bitmaps? The sources are not settled, the shortest is the first; `counted`
 * as in match_spec. */
bool match_is_dense(const struct matching *g, uint64_t counted);
/* The sources are settled. */
enum status match_dense(struct matching *g);

/* Moves lists to the blocks where documents from `from` on stand. Returns the last document up to
 * which these hold all, DOC_NONE behind the end of all lists; *bound = the most one of them scores.
 */
uint32_t match_meet_end(struct list **lists, uint32_t count, uint32_t from, uint32_t *bound);
/* Then: the documents from `from` up to *end, with the sum of their scores, that reach `least` > 0;
 * *end becomes less where a list turns out to end before. Room for `count` blocks and KERNEL_SLACK.
 */
enum status match_meet(struct list **lists, uint32_t count, uint32_t from, uint32_t *end,
                       uint32_t least, uint32_t *docs, uint32_t *scores, uint32_t *taken);

/* Either word of two, when those with both are in the top and what is found can be counted by
 * bitmaps. The sources are not settled. */
enum status match_pair(struct matching *g);

enum { MATCH_SIEVES = 6 }; /* bitmaps of one query at most */

/* Makes room in m->all and m->one, and for the bitmaps that are kept. */
enum status match_reserve_bits(struct matcher *m, uint32_t words);
/* `bits` become those of a settled source. */
enum status match_mark(const struct matching *g, const struct source *x, uint64_t *bits,
                       uint32_t words);
/* The kept bitmap of a settled source that is one frequent list, until MATCH_SIEVES more are asked
 * for; NULL: none. */
enum status match_kept_bits(const struct matching *g, const struct source *x, uint32_t words,
                            const uint64_t **bits);
/* Lists of a source that is not settled learn their bitmaps where these are kept: what they do not
 * hold is not looked for. */
void match_know_bits(const struct matching *g, struct source *x);
void match_free_bits(struct matcher *m);

static inline enum status match_give(struct matching *g, uint32_t *docs, uint32_t *scores,
                                     uint32_t count)
{
    g->work->candidates += count;
    return count ? g->out->batch(g->out->ctx, docs, scores, count) : STATUS_OK;
}

/* Few matches are put by until there are some, so that what is read of each is fetched for all
 * together; none may be when the last list ends. */
enum { MATCH_TOGETHER = 32 };
static inline enum status match_give_held(struct matching *g)
{
    uint32_t n = g->held;
    g->held = 0;
    return match_give(g, g->m->docs + LIST_ROOM, g->m->scores + LIST_ROOM, n);
}
static inline enum status match_hold(struct matching *g, uint32_t *docs, uint32_t *scores,
                                     uint32_t count)
{
    enum status s = STATUS_OK;
    if (count >= MATCH_TOGETHER) {
        s = match_give_held(g);
        return s ? s : match_give(g, docs, scores, count);
    }
    memcpy(g->m->docs + LIST_ROOM + g->held, docs, count * sizeof *docs);
    memcpy(g->m->scores + LIST_ROOM + g->held, scores, count * sizeof *scores);
    g->held += count;
    return g->held >= MATCH_TOGETHER ? match_give_held(g) : s;
}

#endif
