/*
 * source - the documents of one segment that satisfy one group of a plan, with their best score.
 *
 * A group of one term is one list. Otherwise a document's score is the best of its alternatives;
 * terms that the prefix begins count as one alternative whose evidence is put together (as in the
 * precomputed list of a short prefix, so that scores do not depend on whether there is one). Long
 * lists are read where they lie; short ones are merged into one run when the query begins.
 *
 * Lives in the query's arena; reading goes forward only.
 */
#ifndef SOUK_INDEX_SOURCE_H
#define SOUK_INDEX_SOURCE_H

#include "index/list.h"
#include "index/plan.h"
#include "index/sizes.h"

/* Score that one exact word adds above all others, see plan.h. */
#define MATCH_TIER ((uint32_t)1 << 24)

/* Short lists put together: ascending documents, score or evidence beside them. */
struct run {
    uint32_t *docs, *values;
    uint32_t count, at;
};

/* An alternative that the segment has, found but not read. */
struct found_list {
    struct postings p;
    struct postings_weight weight;
    bool part;            /* of the prefix: its values are evidence */
    bool whole;           /* the precomputed list of the prefix */
    const uint64_t *bits; /* its documents, a bit each, where that is known; else NULL */
};

struct source {
    struct found_list *found;
    uint32_t found_count, found_cap;
    uint64_t *ready; /* document << 32 | score, of alternatives that carry their documents */
    uint32_t ready_count;
    uint64_t weights; /* of what was found, mixed the same way, but for the table of scores */
    uint64_t name; /* of all that was found, by sizes_mix(): tells it from others of the segment */
    /* from source_settle() on */
    struct list **lists; /* each scored by itself */
    uint32_t list_count;
    struct list **parts; /* of the prefix: values are evidence */
    uint32_t part_count;
    struct run run, part_run;
    struct list **scan; /* of source_take_best() */
    uint32_t scan_count;
    struct postings_weight part_weight;
    struct arena *arena;
    struct query_work *work;
    struct list *whole; /* one of `lists` that holds every document of the source; NULL = none */
    bool beyond;        /* an alternative does not begin with the prefix */
    bool joined;    /* the parts are the list that is ready for the prefix, and terms set apart */
    uint32_t count; /* documents, alternatives summed */
    uint32_t bound; /* most any document can score */
    uint32_t part_bound; /* for being begun by the prefix, where part_count is not 0 */
};

/* Memory that sources share while they work; one per thread. */
struct source_room {
    struct kernel_window best, evidence;
    uint16_t index[LIST_ROOM];
    uint32_t score[LIST_ROOM], value[LIST_ROOM];
    uint32_t docs[LIST_ROOM], scores[LIST_ROOM];
};

/* Finds the alternatives; nothing is read yet. lut: score by evidence byte, 256 entries that
 * outlive the source. `tiers`: exact alternatives carry theirs. */
enum status source_open(struct source *x, const struct segment *s, const struct group *g,
                        const uint32_t *lut, bool tiers, struct arena *arena,
                        struct query_work *work);
/* All documents of a source of at most POSTINGS_BLOCK postings, ascending, with scores. No other
 * reading before or after. */
enum status source_all(struct source *x, uint32_t *docs, uint32_t *scores, uint32_t *count);
/* Of at most POSTINGS_BLOCK documents keeps those that the source holds and adds their scores,
 * reading only what reaches there. UINT32_MAX is written behind the documents. */
enum status source_pick(struct source *x, struct source_room *room, uint32_t *docs,
                        uint32_t *scores, uint32_t *count);
/* Prepares for reading by what follows. */
enum status source_settle(struct source *x);
/* Unless it was done before. */
static inline enum status source_settle_once(struct source *x)
{
    return x->lists ? STATUS_OK : source_settle(x);
}
void source_account(const struct source *x);
/* One list will be all there is to it; before source_settle(). */
static inline bool source_is_one(const struct source *x)
{
    return x->found_count == 1 && !x->ready_count && !x->found[0].part;
}
/* One list is all there is to it. */
static inline bool source_is_single(const struct source *x)
{
    return x->list_count == 1 && !x->part_count && !x->run.count && !x->part_run.count;
}
/* The only list, NULL when there is more. */
static inline struct list *source_single(const struct source *x)
{
    return source_is_single(x) ? x->lists[0] : NULL;
}
/* Smallest document >= from that there may be; DOC_NONE at the end. */
uint32_t source_next(struct source *x, uint32_t from);
/* Most a document in [from, to) scores. */
uint32_t source_bound_in(struct source *x, uint32_t from, uint32_t to);
/* The same, and no document there has a smaller tie key than *tie. */
uint32_t source_reach(struct source *x, uint32_t from, uint32_t to, uint32_t *tie);
/* The same of the parts alone. */
uint32_t source_reach_parts(struct source *x, uint32_t from, uint32_t to, uint32_t *tie);
/* Adds the scores of documents in [from, to), to - from <= KERNEL_WINDOW, to the window, whose
 * first place stands for `base`. */
enum status source_add(struct source *x, struct source_room *room, struct kernel_window *w,
                       uint32_t base, uint32_t from, uint32_t to);
/* The same documents, ascending, as arrays with room for LIST_ROOM. */
enum status source_take(struct source *x, struct source_room *room, uint32_t base, uint32_t from,
                        uint32_t to, uint32_t *docs, uint32_t *scores, uint32_t *count);
/* The same of the terms that the prefix begins alone, when there is more than one long list of them
 * (part_count); no document scores more there than part_bound. */
uint32_t source_next_part(struct source *x, uint32_t from);
enum status source_take_parts(struct source *x, struct source_room *room, uint32_t base,
                              uint32_t from, uint32_t to, uint32_t *docs, uint32_t *scores,
                              uint32_t *count);
/* The same of those documents that score `least` or more, and maybe of others, in a part of one
 * window: of a source with parts and no runs, which reads little where few are left that reach so
 * far. `parts`: of what the parts hold alone; whichever it is, it is the same in all calls. */
bool source_may_take_best(const struct source *x, bool parts);
enum status source_take_best(struct source *x, bool parts, struct source_room *room, uint32_t from,
                             uint32_t to, uint32_t least, uint32_t *docs, uint32_t *scores,
                             uint32_t *count);
/* Do its parts hold every document, and are there alternatives besides? */
static inline bool source_has_whole_parts(const struct source *x)
{
    return x->joined && !x->beyond && x->part_count && !x->part_run.count &&
           (x->list_count || x->run.count);
}
/* Documents of its parts, those of several counted for each, while they are found but not read; 0
 * when there are others beside them. */
static inline uint32_t source_joined(const struct source *x)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->found_count; i++) {
        if (!x->found[i].part)
            return 0;
        n += x->found[i].p.df;
    }
    return x->joined && !x->ready_count ? n : 0;
}
/* The only run, NULL when there is more to it. */
static inline struct run *source_run(struct source *x)
{
    if (x->list_count || x->part_count || (x->run.count && x->part_run.count))
        return NULL;
    return x->run.count ? &x->run : &x->part_run;
}
/*
 * Adds to scores[i] what docs[i] scores here. `required`: documents without are left out, in place;
 * else all stay. `scored` false: only presence matters, scores stay.
 */
enum status source_probe(struct source *x, struct source_room *room, uint32_t *docs,
                         uint32_t *scores, uint32_t *count, bool required, bool scored);

#endif
