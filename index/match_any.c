#include "index/match_private.h"

#include <string.h>

/*
 * Any word: MaxScore over windows of documents. Sources are ordered by what they can add; those
 * that cannot lift a document into the top even together are not read, only probed for documents
 * of the others ("essential"). As long as everything must be counted, all are essential. One
 * essential list alone is read block by block; several are added up window by window.
 */

struct any {
    struct matching *g;
    uint32_t upto[PLAN_WORDS_MAX + 1]; /* upto[i]: what the i weakest sources can add at most */
    uint32_t first;                    /* first essential */
    uint32_t floor;
    bool apart;       /* documents of sources behind the first essential one are ranked already */
    uint32_t pending; /* documents of the matcher's batch that are not completed */
};

enum {
    SEED_MOST = 64, /* documents of the top */
    TOGETHER = 32,  /* documents that are completed at once */
    MEET_MOST = 128 /* in a window, where blocks meet instead */
};

static void order(struct any *a)
{
    struct source *s = a->g->sources;
    for (uint32_t i = 1; i < a->g->count; i++) {
        struct source x = s[i];
        uint32_t at = i;
        for (; at && s[at - 1].bound > x.bound; at--)
            s[at] = s[at - 1];
        s[at] = x;
    }
    for (uint32_t i = 0; i < a->g->count; i++)
        a->upto[i + 1] = a->upto[i] + s[i].bound;
}

static void move_floor(struct any *a)
{
    uint32_t first = a->first;
    a->floor = a->g->out->floor(a->g->out->ctx, 0);
    while (first < PLAN_WORDS_MAX && first < a->g->count && a->upto[first + 1] < a->floor)
        first++;
    a->first = first;
}

/* What the document scores that is the `want`-th best of `count`, which are no fewer; `want` <=
 * SEED_MOST. */
static uint32_t best_of(const uint32_t *scores, uint32_t count, uint32_t want)
{
    uint32_t best[SEED_MOST], n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (n == want && scores[i] <= best[n - 1])
            continue;
        uint32_t at = n < want ? n++ : n - 1;
        for (; at && best[at - 1] < scores[i]; at--)
            best[at] = best[at - 1];
        best[at] = scores[i];
    }
    return best[want - 1];
}

/* What the worst of the top scores at least: as much as the documents of one block alone. A rare
 * word tells so at once what frequent ones cannot reach, before its documents are come to. And as
 * many match as the most frequent word has. */
static enum status seed(struct any *a)
{
    struct matching *g = a->g;
    uint32_t want = g->out->takes(g->out->ctx), least = 0, most = 0;
    for (uint32_t i = g->count; want && want <= SEED_MOST && i-- > 0;) {
        struct list *l = source_single(&g->sources[i]);
        most = l && l->p.df > most ? l->p.df : most;
        if (!l || l->p.df < want || g->sources[i].bound <= least)
            continue;
        enum status s = list_load(l, 0);
        if (s)
            return s;
        list_score(l);
        uint32_t score = best_of(l->scores, l->block.count, want);
        least = score > least ? score : least;
    }
    if (least)
        g->out->at_least(g->out->ctx, least, most);
    return STATUS_OK;
}

/* Leaves out what a list holds. */
static enum status drop_known(struct any *a, struct list *l, uint32_t *docs, uint32_t *scores,
                              uint32_t *count)
{
    uint16_t *known = a->g->m->room.index;
    uint32_t n, at = 0, kept = 0;
    enum status s = list_probe(l, docs, *count, known, NULL, &n);
    for (uint32_t i = 0; !s && i < *count; i++) {
        bool drop = at < n && known[at] == i;
        at += drop;
        docs[kept] = docs[i];
        scores[kept] = scores[i];
        kept += !drop;
    }
    *count = kept;
    return s;
}

/* Adds what the sources before the essential ones hold, dropping what falls behind. */
static enum status complete(struct any *a, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    struct matching *g = a->g;
    for (uint32_t i = a->first; i-- > 0 && count;) {
        struct list *single = source_single(&g->sources[i]);
        if (single && a->floor > a->upto[i])
            count = list_keep(single, docs, scores, count, a->floor - a->upto[i]);
        enum status s =
            source_probe(&g->sources[i], &g->m->room, docs, scores, &count, false, true);
        if (s)
            return s;
        if (a->floor > a->upto[i])
            count = kernels_best()->keep(docs, scores, count, a->floor - a->upto[i]);
    }
    for (uint32_t i = a->first + 1; a->apart && i < g->count && count; i++) {
        enum status s = drop_known(a, source_single(&g->sources[i]), docs, scores, &count);
        if (s)
            return s;
    }
    return match_give(g, docs, scores, count);
}

static enum status complete_pending(struct any *a)
{
    struct matcher *m = a->g->m;
    uint32_t n = a->pending;
    a->pending = 0;
    return n ? complete(a, m->docs, m->scores, n) : STATUS_OK;
}

/* Only between blocks and windows: what is gathered was read from the sources essential then. */
static enum status flush(struct any *a)
{
    enum status s = complete_pending(a);
    move_floor(a);
    return s;
}

/* Completes what was gathered once it is worth it. */
static enum status gathered(struct any *a)
{
    return a->pending >= TOGETHER ? flush(a) : STATUS_OK;
}

/* What the sources that are read must add for a document to reach the floor. */
static uint32_t least(const struct any *a)
{
    uint32_t rest = a->upto[a->first];
    return a->floor > rest + 1 ? a->floor - rest : 1;
}

/* Copies what reaches the floor together with the rest out of a block, from `from` on. */
static void take_block(struct any *a, struct list *l, uint32_t from)
{
    struct matcher *m = a->g->m;
    uint32_t *docs = m->docs + a->pending, *scores = m->scores + a->pending;
    list_score(l);
    while (l->at < l->block.count && l->block.docs[l->at] < from)
        l->at++;
    uint32_t n = l->block.count - l->at;
    memcpy(docs, l->block.docs + l->at, n * sizeof *docs);
    memcpy(scores, l->scores + l->at, n * sizeof *scores);
    a->pending += kernels_best()->keep(docs, scores, n, least(a));
}

/* One essential list: until it ends or stops being essential. */
static enum status drive_one(struct any *a, struct list *l, uint32_t from)
{
    struct matching *g = a->g;
    uint32_t alone = a->first;
    l->cur = postings_seek_block(&l->p, l->cur, from);
    for (; l->cur < l->p.block_count && a->first == alone; l->cur++) {
        uint32_t bound = list_block_bound(l, l->cur) + a->upto[a->first];
        if (g->out->need(g->out->ctx, bound, (uint32_t)l->p.tie[l->cur] << 16) == MATCH_SKIP)
            continue;
        enum status s = list_load(l, l->cur);
        if (s)
            return s;
        take_block(a, l, from);
        s = gathered(a);
        if (s)
            return s;
    }
    return flush(a);
}

/* Several of which few documents fall into a window: until they end or one stops being essential.
 */
static enum status drive_meet(struct any *a, struct list **lists, uint32_t *from)
{
    struct matching *g = a->g;
    uint32_t first = a->first, count = g->count - first, end, bound, n;
    while (a->first == first && (end = match_meet_end(lists, count, *from, &bound)) != DOC_NONE) {
        struct matcher *m = g->m;
        if (g->out->need(g->out->ctx, bound + a->upto[first], 0) != MATCH_SKIP) {
            enum status s = match_meet(lists, count, *from, &end, least(a), m->docs + a->pending,
                                       m->scores + a->pending, &n);
            if (s)
                return s;
            a->pending += n;
            s = gathered(a);
            if (s)
                return s;
        }
        *from = end + 1;
    }
    if (a->first == first)
        *from = DOC_NONE;
    return flush(a);
}

/* The essential lists when blocks of them are to meet; false: windows are better. */
static bool few_in_windows(const struct any *a, struct list **lists)
{
    const struct matching *g = a->g;
    uint64_t postings = 0;
    for (uint32_t i = a->first; i < g->count; i++) {
        struct list *l = source_single(&g->sources[i]);
        if (!l)
            return false;
        lists[i - a->first] = l;
        postings += l->p.df;
    }
    return postings * KERNEL_WINDOW <= (uint64_t)g->doc_count * MEET_MOST;
}

static enum status drive_window(struct any *a, uint32_t from, uint32_t base)
{
    struct matching *g = a->g;
    struct matcher *m = g->m;
    uint32_t end = base + KERNEL_WINDOW, bound = a->upto[a->first];
    for (uint32_t i = a->first; i < g->count; i++)
        bound += source_bound_in(&g->sources[i], from, end);
    if (g->out->need(g->out->ctx, bound, 0) == MATCH_SKIP)
        return STATUS_OK;
    enum status s = STATUS_OK;
    for (uint32_t i = a->first; !s && i < g->count; i++)
        s = source_add(&g->sources[i], &m->room, &m->window, base, from, end);
    uint32_t *docs = m->docs + a->pending + KERNEL_SLACK,
             *scores = m->scores + a->pending + KERNEL_SLACK;
    /* behind an error, too: the next search finds it empty */
    uint32_t n = kernels_best()->drain(&m->window, base, least(a), docs, scores);
    if (!s && a->pending + n > LIST_BATCH)
        s = complete_pending(a);
    if (s)
        return s;
    memmove(m->docs + a->pending, docs, n * sizeof *docs);
    memmove(m->scores + a->pending, scores, n * sizeof *scores);
    a->pending += n;
    return gathered(a);
}

/* The next window; *from = behind it. */
static enum status drive_next(struct any *a, uint32_t *from)
{
    struct matching *g = a->g;
    uint32_t next = DOC_NONE;
    for (uint32_t i = a->first; i < g->count; i++) {
        uint32_t d = source_next(&g->sources[i], *from);
        next = d < next ? d : next;
    }
    if (next >= g->doc_count) {
        *from = DOC_NONE;
        return flush(a);
    }
    uint32_t base = next / KERNEL_WINDOW * KERNEL_WINDOW;
    *from = base + KERNEL_WINDOW;
    return drive_window(a, next, base);
}

/*
 * Once enough is counted: the documents of the word that can score most are read first, to the end,
 * with what the others add; then those of the next that have not been read, and so on, until what
 * is left cannot enter even together. The best hold the strong words: what comes behind them finds
 * a top that is nearly what it will be.
 */
static enum status drive_by_strength(struct any *a, uint32_t from)
{
    struct matching *g = a->g;
    uint32_t begin[PLAN_WORDS_MAX], first = a->first;
    enum status s = flush(a);
    for (uint32_t i = 0; i < g->count; i++)
        begin[i] = source_single(&g->sources[i])->cur;
    a->apart = true;
    for (uint32_t i = g->count; !s && i-- > first && a->upto[i + 1] >= a->floor;) {
        for (uint32_t k = 0; k < g->count; k++) { /* again from there */
            struct list *l = source_single(&g->sources[k]);
            l->cur = begin[k];
            l->at = 0;
        }
        a->first = i;
        s = drive_one(a, source_single(&g->sources[i]), from);
    }
    return s;
}

static bool all_single(const struct matching *g)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (!source_single(&g->sources[i]))
            return false;
    return true;
}

enum status match_any(struct matching *g)
{
    struct any a = {.g = g};
    struct list *lists[PLAN_WORDS_MAX];
    enum status s = STATUS_OK;
    uint32_t doc = 0;
    for (uint32_t i = 0; !s && i < g->count; i++)
        s = source_settle(&g->sources[i]);
    if (s)
        return s;
    order(&a);
    s = seed(&a);
    move_floor(&a);
    while (!s && doc != DOC_NONE && a.first < g->count) {
        struct list *last = a.first + 1 == g->count ? source_single(&g->sources[a.first]) : NULL;
        if (last)
            return drive_one(&a, last, doc);
        if (a.floor && all_single(g))
            return drive_by_strength(&a, doc);
        s = few_in_windows(&a, lists) ? drive_meet(&a, lists, &doc) : drive_next(&a, &doc);
    }
    return s;
}
