#include "index/loose.h"
#include "index/term_ahead.h"

#include <stdlib.h>
#include <sys/mman.h>

/*
 * Words are visited from the rarest on. As long as the words left could be enough by themselves,
 * their lists are read whole and open new documents; the frequent rest only seeks the documents
 * that are open. Of one word the best alternative counts, and the terms that it begins are one
 * alternative whose evidence is put together, as in a source: what a document scores does not
 * depend on whether its segment has a list for the beginning.
 */

struct doc {              /* zero between uses, but for what clean() has to do */
    uint32_t score, best; /* of the words so far, of the word at hand */
    uint32_t bonus;       /* of learnt words */
    uint16_t held;        /* bitmap of groups */
    uint16_t stood;       /* groups that a learnt word stands for */
    uint8_t begun;        /* evidence of the terms that the word at hand begins */
    uint8_t learnt;       /* how many learnt words it has */
};

enum {
    PAGE_DOCS = 4096 / sizeof(struct doc),
    PAGE_WORK = 15 /* to have a page made, see pulse.h */
};

struct loose {
    struct doc *docs;
    uint64_t *open;       /* documents with a bit in `held` */
    uint32_t *begun_list; /* the documents with evidence in `begun` */
    uint32_t begun_count;
    uint32_t *list; /* the open documents, ascending, once no more are opened */
    uint32_t list_count;
    bool listed;
    uint8_t *paged;        /* was a document of it ever opened? by number / PAGE_DOCS */
    int32_t fresh;         /* that were not, since they were last told the pulse */
    uint32_t cap, unclean; /* documents, and how many of them an unfinished search may have left */
    void *room;            /* all of these */
    size_t room_bytes;
    struct pulse *pulse;       /* of the segment at hand */
    uint16_t index[LIST_ROOM]; /* of documents found by list_probe() */
    uint32_t found[LIST_ROOM];
};

enum status loose_create(struct loose **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

static void free_scratch(struct loose *l)
{
    if (l->room)
        munmap(l->room, l->room_bytes);
    l->room = NULL;
    l->cap = l->unclean = l->begun_count = 0;
}

void loose_destroy(struct loose **l)
{
    if (!*l)
        return;
    free_scratch(*l);
    free(*l);
    *l = NULL;
}

static void *carve(char **at, size_t bytes)
{
    void *p = *at;
    *at += (bytes + 63) / 64 * 64;
    return p;
}

/* Zeros that nobody wrote: what is never opened takes no memory, and nothing is cleared when the
 * first search comes. */
static enum status reserve(struct loose *l, uint32_t docs)
{
    size_t n = (size_t)docs + KERNEL_SLACK;
    if (docs <= l->cap)
        return STATUS_OK;
    free_scratch(l);
    l->room_bytes = n * (sizeof *l->docs + sizeof *l->list + sizeof *l->begun_list) + n / 64 * 8 +
                    n / PAGE_DOCS + UINT64_C(8) * 64;
    char *at =
        mmap(NULL, l->room_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return STATUS_NO_MEMORY;
    l->room = at;
    l->docs = carve(&at, docs * sizeof *l->docs);
    l->list = carve(&at, n * sizeof *l->list);
    l->begun_list = carve(&at, docs * sizeof *l->begun_list);
    l->open = carve(&at, (docs / 64 + 1) * sizeof *l->open);
    l->paged = carve(&at, docs / PAGE_DOCS + 1);
    l->cap = docs;
    return STATUS_OK;
}

/* Where the pages of many new documents have to be made, a block of a list takes its time. */
static inline void note_page(struct loose *l, uint32_t doc)
{
    uint8_t *paged = &l->paged[doc / PAGE_DOCS];
    l->fresh += !*paged;
    *paged = 1;
}

static enum status beat(struct loose *l, int32_t work)
{
    work += l->fresh * PAGE_WORK;
    l->fresh = 0;
    return pulse_beat(l->pulse, work);
}

/* What a search that ended in the middle left: that, too, may end in the middle. */
static enum status clean(struct loose *l)
{
    while (l->begun_count) {
        enum status st = pulse_beat(l->pulse, 1);
        if (st)
            return st;
        l->docs[l->begun_list[--l->begun_count]].begun = 0;
    }
    while (l->unclean) {
        uint32_t w = (l->unclean - 1) / 64;
        enum status st = pulse_beat(l->pulse, l->open[w] ? 8 : 1);
        if (st)
            return st;
        for (uint64_t bits = l->open[w]; bits; bits &= bits - 1) {
            uint32_t doc = w * 64 + (uint32_t)__builtin_ctzll(bits);
            l->docs[doc] = (struct doc){0};
        }
        l->open[w] = 0;
        l->unclean = w * 64;
    }
    return STATUS_OK;
}

static inline void hold(struct loose *l, uint32_t doc, uint16_t bit, uint32_t value)
{
    struct doc *d = &l->docs[doc];
    if (!(d->held & bit)) {
        if (!d->held)
            note_page(l, doc);
        d->held |= bit;
        l->open[doc >> 6] |= (uint64_t)1 << (doc & 63);
        d->best = value;
        d->score += value;
    } else if (value > d->best) {
        d->score += value - d->best;
        d->best = value;
    }
}

/* Evidence of a term that the word begins. Scores come when all of them are read. */
static inline void note(struct loose *l, uint32_t doc, uint32_t evidence)
{
    struct doc *d = &l->docs[doc];
    if (!d->begun) {
        note_page(l, doc);
        l->begun_list[l->begun_count++] = doc;
    }
    d->begun = (uint8_t)postings_better(d->begun, evidence);
}

static inline void take(struct loose *l, bool part, uint32_t doc, uint16_t bit, uint32_t value)
{
    if (part)
        note(l, doc, value);
    else
        hold(l, doc, bit, value);
}

static enum status read_list(struct loose *l, const struct found_list *f, uint16_t bit,
                             struct query_work *work)
{
    struct postings_block block;
    uint32_t scores[POSTINGS_BLOCK + KERNEL_SLACK];
    for (uint32_t b = 0; b < f->p.block_count; b++) {
        enum status st = beat(l, 8);
        if (!st)
            st = postings_decode_docs(&f->p, b, &block);
        if (st)
            return st;
        postings_read_scores(&block, &f->weight, scores);
        work->blocks_decoded++;
        work->postings_read += block.count;
        for (uint32_t i = 0; i < block.count; i++)
            take(l, f->part, block.docs[i], bit, scores[i]);
    }
    return STATUS_OK;
}

static enum status list_open(struct loose *l, uint32_t docs)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w <= (docs - 1) / 64; w++) {
        enum status st = beat(l, l->open[w] ? 1 : 0);
        if (st)
            return st;
        for (uint64_t bits = l->open[w]; bits; bits &= bits - 1)
            l->list[n++] = w * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    l->list_count = n;
    l->listed = true;
    return STATUS_OK;
}

/* Only documents that are open; none is opened by it. */
static enum status seek_list(struct loose *l, const struct found_list *f, uint32_t docs,
                             uint16_t bit, struct query_work *work)
{
    struct list list;
    enum status st = STATUS_OK;
    if (!l->listed)
        st = list_open(l, docs);
    list.p = f->p;
    postings_settle(&list.p);
    list_init(&list, f->weight, work);
    for (uint32_t from = 0; !st && from < l->list_count; from += LIST_BATCH) {
        uint32_t left = l->list_count - from, n = left < LIST_BATCH ? left : LIST_BATCH;
        st = beat(l, (int32_t)n / 8);
        if (!st)
            st = list_probe(&list, l->list + from, n, l->index, l->found, &n);
        for (uint32_t k = 0; !st && k < n; k++)
            take(l, f->part, l->list[from + l->index[k]], bit, l->found[k]);
    }
    list_account(&list, work);
    return st;
}

/* Evidence of all terms that the word begins becomes scores; none is left. */
static enum status score_begun(struct loose *l, const struct postings_weight *w, uint16_t bit)
{
    while (l->begun_count) {
        enum status st = l->begun_count % 16 ? STATUS_OK : beat(l, 4);
        if (st)
            return st;
        uint32_t doc = l->begun_list[--l->begun_count];
        hold(l, doc, bit, w->tier + w->idf * w->lut[l->docs[doc].begun]);
        l->docs[doc].begun = 0;
    }
    return STATUS_OK;
}

static enum status visit_group(struct loose *l, struct source *x, uint32_t docs, uint16_t bit,
                               bool opens, struct query_work *work)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < x->found_count; i++) {
        postings_settle(&x->found[i].p);
        st = opens ? read_list(l, &x->found[i], bit, work)
                   : seek_list(l, &x->found[i], docs, bit, work);
    }
    if (!st && x->part_weight.lut)
        st = score_begun(l, &x->part_weight, bit);
    for (uint32_t i = 0; !st && i < x->ready_count;
         i++) { /* documents that it carries ready made */
        uint32_t doc = (uint32_t)(x->ready[i] >> 32);
        if (opens || l->docs[doc].held)
            hold(l, doc, bit, (uint32_t)x->ready[i]);
    }
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

/*
 * Where words are learnt: all words exactly, all in some way, the first of the rest as they were,
 * what else holds enough, what learnt words make enough, what only a rare word does. From the third
 * on each is a tier, and behind those that keep their places learnt words count.
 */
static uint32_t settled_by_learnt(const struct loose *l, uint32_t doc,
                                  const struct loose_rule *rule)
{
    uint32_t score = l->docs[doc].score, held = l->docs[doc].held, exact = score / MATCH_TIER;
    if (exact == rule->words)
        return LOOSE_LEARNT_TIERS * MATCH_TIER + score;
    score %= MATCH_TIER;
    uint32_t value = score + exact * rule->lift;
    if (held == (1U << rule->words) - 1)
        return LOOSE_LEARNT_ALL * MATCH_TIER + value;
    if (rule->most[held] && value >= rule->learnt->head)
        return LOOSE_LEARNT_FIRST * MATCH_TIER + value;
    value = score + exact * rule->learnt_lift + l->docs[doc].bonus;
    value = value < MATCH_TIER ? value : MATCH_TIER - 1;
    uint32_t tier =
        rule->most[held] ? LOOSE_LEARNT_BEHIND : l->docs[doc].learnt >= rule->stands[held];
    return tier * MATCH_TIER + value;
}

/* Taken from what is open; nothing of it is left. */
static bool take_open(struct loose *l, uint32_t doc, const struct loose_rule *rule,
                      uint32_t *settles)
{
    uint16_t held = l->docs[doc].held;
    bool enough = rule->enough[held];
    if (rule->learnt) {
        enough |= l->docs[doc].learnt >= rule->stands[held];
        *settles = settled_by_learnt(l, doc, rule);
    } else {
        *settles = settled(l->docs[doc].score, held, rule);
    }
    l->docs[doc] = (struct doc){0};
    return enough;
}

static enum status offer(struct loose *l, uint32_t docs, const struct loose_rule *rule,
                         const struct match_consumer *out, struct query_work *work)
{
    uint32_t d[POSTINGS_BLOCK + KERNEL_SLACK], v[POSTINGS_BLOCK + KERNEL_SLACK], n = 0;
    enum status st = STATUS_OK;
    for (uint32_t w = 0; !st && w <= (docs - 1) / 64; w++) {
        st = beat(l, l->open[w] ? 8 : 0);
        for (uint64_t bits = l->open[w]; !st && bits; bits &= bits - 1) {
            uint32_t doc = w * 64 + (uint32_t)__builtin_ctzll(bits);
            d[n] = doc;
            n += take_open(l, doc, rule, &v[n]);
            if (n == POSTINGS_BLOCK) {
                work->candidates += n;
                st = out->batch(out->ctx, d, v, n);
                n = 0;
            }
        }
        l->open[w] = st ? l->open[w] : 0;
    }
    work->candidates += n;
    st = st || !n ? st : out->batch(out->ctx, d, v, n);
    l->unclean = st ? l->unclean : 0;
    return st;
}

/* The open documents that learnt words may order or make enough. */
static enum status list_learnt(struct loose *l, uint32_t docs, const struct loose_rule *rule)
{
    uint32_t n = 0, all = (1U << rule->words) - 1;
    enum status st = list_open(l, docs);
    for (uint32_t i = 0; !st && i < l->list_count; i++) {
        st = i % 16 ? STATUS_OK : beat(l, 1);
        uint32_t held = l->docs[l->list[i]].held;
        l->list[n] = l->list[i];
        n += held != all && (rule->most[held] || rule->stands[held] != LOOSE_NEVER);
    }
    l->list_count = n;
    return st;
}

static inline void stand(struct loose *l, uint32_t doc, const struct learnt_word *w, uint32_t value)
{
    if (w->of & (l->docs[doc].held | l->docs[doc].stood))
        return;
    l->docs[doc].stood |= w->of;
    l->docs[doc].bonus += value;
    l->docs[doc].learnt++;
}

static enum status visit_learnt(struct loose *l, const struct segment *s, uint32_t docs,
                                const struct loose_rule *rule, const uint32_t lut[256],
                                struct query_work *work)
{
    struct list list;
    enum status st = list_learnt(l, docs, rule);
    struct slice terms[LEARNT_MAX];
    enum { AHEAD = 16 }; /* looked up together */
    for (uint32_t i = 0; i < rule->learnt->count; i++)
        terms[i] = rule->learnt->words[i].term;
    for (uint32_t i = 0; !st && l->list_count && i < rule->learnt->count; i++) {
        const struct learnt_word *w = &rule->learnt->words[i];
        uint32_t ordinal, left = rule->learnt->count - i;
        if (i % AHEAD == 0)
            term_ahead(s, terms + i, left < AHEAD ? left : AHEAD);
        st = segment_find_term(s, w->term, &ordinal);
        if (!st)
            st = postings_open(s, ordinal, &list.p);
        if (st) {
            st = st == STATUS_NOT_FOUND ? STATUS_OK : st;
            continue;
        }
        postings_settle(&list.p);
        list_init(&list, (struct postings_weight){lut, w->weight, 0}, work);
        for (uint32_t from = 0; !st && from < l->list_count; from += LIST_BATCH) {
            uint32_t some = l->list_count - from, n = some < LIST_BATCH ? some : LIST_BATCH;
            st = beat(l, 4 + (int32_t)n / 8);
            if (!st)
                st = list_probe(&list, l->list + from, n, l->index, l->found, &n);
            for (uint32_t k = 0; !st && k < n; k++)
                stand(l, l->list[from + l->index[k]], w, l->found[k]);
        }
        list_account(&list, work);
    }
    return st;
}

enum status loose_segment(struct loose *l, const struct segment *s, const struct plan *plan,
                          const struct loose_rule *rule, const uint32_t lut[256],
                          struct arena *arena, const struct match_consumer *out,
                          struct query_work *work)
{
    uint8_t order[PLAN_WORDS_MAX];
    uint32_t n = plan->group_count, docs = segment_doc_count(s), left = (1U << n) - 1;
    if (!docs || !n)
        return STATUS_OK;
    l->pulse = segment_pulse(s);
    enum status st = reserve(l, docs);
    if (!st)
        st = clean(l);
    if (st)
        return st;
    l->unclean = docs;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = i;
        for (; k && plan->groups[order[k - 1]].df > plan->groups[i].df; k--)
            order[k] = order[k - 1];
        order[k] = (uint8_t)i;
    }
    l->listed = false;
    for (uint32_t i = 0; !st && i < n; i++) {
        uint16_t bit = (uint16_t)(1U << order[i]);
        struct source x;
        st = source_open(&x, s, &plan->groups[order[i]], lut, true, arena, work);
        bool opens = rule->enough[left] || (rule->learnt && rule->stands[left] != LOOSE_NEVER);
        if (!st)
            st = visit_group(l, &x, docs, bit, opens, work);
        left &= ~(uint32_t)bit;
    }
    if (!st && rule->learnt)
        st = visit_learnt(l, s, docs, rule, lut, work);
    return st ? st : offer(l, docs, rule, out, work);
}
