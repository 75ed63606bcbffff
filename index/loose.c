#include "index/loose.h"
#include "index/probe.h"

#include <stdlib.h>

/*
 * Words are visited from the rarest on. As long as the words left could be enough by themselves,
 * their lists are read whole and open new documents; the frequent rest only seeks the documents
 * that are open. Of one word the best alternative counts.
 */

enum { READY_SCORE = 512 }; /* as in source.c */

struct loose {
    uint32_t *score, *best; /* by document: of the words so far, of the word at hand */
    uint16_t *held;         /* bitmap of groups */
    uint64_t *open;         /* documents with a bit in `held`; all arrays are zero between uses */
    uint32_t *list;         /* the open documents, ascending, once no more are opened */
    uint32_t list_count;
    bool listed;
    uint32_t cap;
    uint16_t index[LIST_ROOM]; /* of documents found by list_probe() */
    uint32_t found[LIST_ROOM];
};

enum status loose_create(struct loose **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void loose_destroy(struct loose **l)
{
    if (!*l)
        return;
    free((*l)->score);
    free((*l)->best);
    free((*l)->held);
    free((*l)->open);
    free((*l)->list);
    free(*l);
    *l = NULL;
}

static enum status reserve(struct loose *l, uint32_t docs)
{
    if (docs <= l->cap)
        return STATUS_OK;
    free(l->score);
    free(l->best);
    free(l->held);
    free(l->open);
    free(l->list);
    l->list = malloc(((size_t)docs + KERNEL_SLACK) * sizeof *l->list);
    l->score = calloc(docs, sizeof *l->score);
    l->best = calloc(docs, sizeof *l->best);
    l->held = calloc(docs, sizeof *l->held);
    l->open = calloc(docs / 64 + 1, sizeof *l->open);
    l->cap = l->score && l->best && l->held && l->open && l->list ? docs : 0;
    return l->cap ? STATUS_OK : STATUS_NO_MEMORY;
}

static inline void hold(struct loose *l, uint32_t doc, uint16_t bit, uint32_t value)
{
    if (!(l->held[doc] & bit)) {
        l->held[doc] |= bit;
        l->open[doc >> 6] |= (uint64_t)1 << (doc & 63);
        l->best[doc] = value;
        l->score[doc] += value;
    } else if (value > l->best[doc]) {
        l->score[doc] += value - l->best[doc];
        l->best[doc] = value;
    }
}

/* One list of one word: its idf and tier. */
struct part {
    uint16_t bit;
    uint32_t idf, tier;
    const uint32_t *lut;
};

static enum status read_list(struct loose *l, const struct postings *p, const struct part *part,
                             struct query_work *work)
{
    struct postings_block block;
    for (uint32_t b = 0; b < p->block_count; b++) {
        enum status st = postings_decode(p, b, &block);
        if (st)
            return st;
        work->blocks_decoded++;
        work->postings_read += block.count;
        for (uint32_t i = 0; i < block.count; i++)
            hold(l, block.docs[i], part->bit,
                 part->tier + part->lut[block.evidence[i]] * part->idf);
    }
    return STATUS_OK;
}

static void list_open(struct loose *l, uint32_t docs)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w <= (docs - 1) / 64; w++)
        for (uint64_t bits = l->open[w]; bits; bits &= bits - 1)
            l->list[n++] = w * 64 + (uint32_t)__builtin_ctzll(bits);
    l->list_count = n;
    l->listed = true;
}

/* Only documents that are open; none is opened by it. */
static enum status seek_list(struct loose *l, const struct postings *p, uint32_t docs,
                             const struct part *part, struct query_work *work)
{
    struct list list;
    enum status st = STATUS_OK;
    if (!l->listed)
        list_open(l, docs);
    list.p = *p;
    postings_settle(&list.p);
    list_init(&list, (struct postings_weight){part->lut, part->idf, part->tier}, work);
    for (uint32_t from = 0; !st && from < l->list_count; from += LIST_BATCH) {
        uint32_t left = l->list_count - from, n;
        st = list_probe(&list, l->list + from, left < LIST_BATCH ? left : LIST_BATCH, l->index,
                        l->found, &n);
        for (uint32_t k = 0; !st && k < n; k++)
            hold(l, l->list[from + l->index[k]], part->bit, l->found[k]);
    }
    list_account(&list, work);
    return st;
}

static enum status visit(struct loose *l, struct probe *probe, uint32_t docs, bool opens,
                         const struct part *part, struct query_work *work)
{
    return opens ? read_list(l, &probe->list, part, work)
                 : seek_list(l, &probe->list, docs, part, work);
}

static enum status visit_prefix(struct loose *l, const struct segment *s, const struct group *g,
                                bool opens, struct part *part, struct query_work *work)
{
    struct probe probe;
    uint32_t lo, hi, docs = segment_doc_count(s);
    part->idf = g->prefix_idf;
    part->tier = MATCH_TIER;
    enum status st = probe_open_prefix(&probe, s, g->prefix);
    if (st == STATUS_OK)
        return visit(l, &probe, docs, opens, part, work);
    if (st != STATUS_NOT_FOUND)
        return st;
    st = segment_prefix_range(s, g->prefix, &lo, &hi);
    for (uint32_t o = lo; !st && o < hi; o++) {
        st = probe_open_ordinal(&probe, s, o);
        if (!st)
            st = visit(l, &probe, docs, opens, part, work);
    }
    return st;
}

/* Documents that an alternative carries ready made. */
static void visit_ready(struct loose *l, const struct segment *s, const struct alternative *a,
                        bool opens, const struct part *part)
{
    uint32_t base = segment_base(s), end = base + segment_doc_count(s);
    for (uint32_t i = 0; i < a->doc_count; i++) {
        uint32_t doc = a->docs[i] - base;
        if (a->docs[i] >= base && a->docs[i] < end && (opens || l->held[doc]))
            hold(l, doc, part->bit, part->tier + READY_SCORE * part->idf);
    }
}

static enum status visit_group(struct loose *l, const struct segment *s, const struct group *g,
                               uint16_t bit, bool opens, const uint32_t *lut,
                               struct query_work *work)
{
    struct part part = {.bit = bit, .lut = lut};
    enum status st = STATUS_OK;
    for (uint32_t a = 0; !st && a < g->count; a++) {
        struct probe probe;
        part.idf = g->items[a].idf;
        part.tier = g->items[a].tier ? MATCH_TIER : 0;
        if (g->items[a].docs) {
            visit_ready(l, s, &g->items[a], opens, &part);
            continue;
        }
        st = probe_open(&probe, s, g->items[a].term);
        if (st == STATUS_OK)
            st = visit(l, &probe, segment_doc_count(s), opens, &part, work);
        else if (st == STATUS_NOT_FOUND)
            st = STATUS_OK;
    }
    if (!st && g->prefix.len)
        st = visit_prefix(l, s, g, opens, &part, work);
    return st;
}

/*
 * The tiers of the words, one each, give way to tiers of the whole: products with all words exactly
 * come first, then those that hold all in some way, then those that hold enough, then, where that
 * is asked for, those with a rare word. Within one a word more only lifts: two rare words may beat
 * three that are everywhere.
 */
static uint32_t settled(uint32_t score, uint16_t held, const struct loose_rule *rule)
{
    uint32_t exact = score / MATCH_TIER, all = (1U << rule->words) - 1;
    if (exact == rule->words)
        return score;
    uint32_t tier = (held == all) + (rule->bare && rule->most[held]);
    return tier * MATCH_TIER + score % MATCH_TIER + exact * rule->lift;
}

static enum status offer(struct loose *l, uint32_t docs, const struct loose_rule *rule, bool good,
                         const struct match_consumer *out, struct query_work *work)
{
    uint32_t d[POSTINGS_BLOCK + KERNEL_SLACK], v[POSTINGS_BLOCK + KERNEL_SLACK], n = 0;
    enum status st = STATUS_OK;
    for (uint32_t w = 0; w <= (docs - 1) / 64; w++) {
        for (uint64_t bits = l->open[w]; bits; bits &= bits - 1) {
            uint32_t doc = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (good && !st && rule->enough[l->held[doc]]) {
                d[n] = doc;
                v[n++] = settled(l->score[doc], l->held[doc], rule);
            }
            l->score[doc] = l->best[doc] = 0;
            l->held[doc] = 0;
            if (n == POSTINGS_BLOCK) {
                work->candidates += n;
                st = out->batch(out->ctx, d, v, n);
                n = 0;
            }
        }
        l->open[w] = 0;
    }
    work->candidates += n;
    return st || !n ? st : out->batch(out->ctx, d, v, n);
}

enum status loose_segment(struct loose *l, const struct segment *s, const struct plan *plan,
                          const struct loose_rule *rule, const uint32_t lut[256],
                          const struct match_consumer *out, struct query_work *work)
{
    uint8_t order[PLAN_WORDS_MAX];
    uint32_t n = plan->group_count, docs = segment_doc_count(s), left = (1U << n) - 1;
    if (!docs || !n)
        return STATUS_OK;
    enum status st = reserve(l, docs);
    if (l->cap < docs)
        return st;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = i;
        for (; k && plan->groups[order[k - 1]].df > plan->groups[i].df; k--)
            order[k] = order[k - 1];
        order[k] = (uint8_t)i;
    }
    l->listed = false;
    for (uint32_t i = 0; !st && i < n; i++) {
        uint16_t bit = (uint16_t)(1U << order[i]);
        st = visit_group(l, s, &plan->groups[order[i]], bit, rule->enough[left], lut, work);
        left &= ~(uint32_t)bit;
    }
    enum status offered = offer(l, docs, rule, !st, out, work);
    return st ? st : offered;
}
