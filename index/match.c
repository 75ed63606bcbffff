#include "index/match.h"

#include <stdlib.h>

/*
 * A group in a segment is a list source: either one posting list, read block by block, or the union
 * of its alternatives, materialised as ascending documents with their best score. All words: the
 * shortest source drives, block by block; the others sieve the block's documents. Any word: scores
 * add up in an array over the segment.
 */

struct source {
    bool single;
    uint32_t count; /* documents */
    uint32_t bound; /* most any document can score */
    /* single */
    struct postings list;
    struct postings_block block;
    uint32_t block_at; /* decoded block, UINT32_MAX = none */
    bool has_evidence;
    uint32_t idf, tier;
    /* union */
    uint32_t *docs, *scores;
    uint32_t at;
};

struct matcher {
    uint32_t *score; /* by document, 0 = none; all zero between uses */
    uint64_t *touched;
    uint32_t cap;
    struct source *sources;
};

enum status matcher_create(struct matcher **out)
{
    struct matcher *m = calloc(1, sizeof *m);
    *out = m;
    if (!m)
        return STATUS_NO_MEMORY;
    m->sources = aligned_alloc(64, PLAN_WORDS_MAX * ((sizeof *m->sources + 63) / 64 * 64));
    if (m->sources)
        return STATUS_OK;
    matcher_destroy(out);
    return STATUS_NO_MEMORY;
}

void matcher_destroy(struct matcher **m)
{
    if (!*m)
        return;
    free((*m)->score);
    free((*m)->touched);
    free((*m)->sources);
    free(*m);
    *m = NULL;
}

static enum status reserve(struct matcher *m, uint32_t docs)
{
    if (docs <= m->cap)
        return STATUS_OK;
    free(m->score);
    free(m->touched);
    m->score = calloc(docs, sizeof *m->score);
    m->touched = calloc(docs / 64 + 1, sizeof *m->touched);
    m->cap = m->score && m->touched ? docs : 0;
    return m->cap ? STATUS_OK : STATUS_NO_MEMORY;
}

static uint32_t bound_score(uint32_t bound, const uint16_t *lut)
{
    uint32_t best = 0;
    for (int c = 0; c < 32; c += 8)
        best = lut[bound >> c & 0xff] > best ? lut[bound >> c & 0xff] : best;
    return best;
}

/* --- unions ----------------------------------------------------------------------------------- */

static enum status add_list(struct matcher *m, struct postings *p, uint32_t idf, uint32_t tier,
                            bool sum, const uint16_t *lut, struct query_work *work)
{
    struct postings_block block;
    for (uint32_t b = 0; b < p->block_count; b++) {
        enum status s = postings_decode(p, b, &block);
        if (s)
            return s;
        work->blocks_decoded++;
        work->postings_read += block.count;
        for (uint32_t i = 0; i < block.count; i++) {
            uint32_t d = block.docs[i], v = tier + lut[block.evidence[i]] * idf;
            m->touched[d >> 6] |= (uint64_t)1 << (d & 63);
            if (sum)
                m->score[d] += v;
            else if (v > m->score[d])
                m->score[d] = v;
        }
    }
    return STATUS_OK;
}

static enum status add_prefix(struct matcher *m, const struct segment *s, const struct group *g,
                              bool sum, const uint16_t *lut, struct query_work *work)
{
    struct postings p;
    uint32_t lo, hi;
    enum status st = postings_open_prefix(s, g->prefix, &p);
    if (st == STATUS_OK)
        return add_list(m, &p, g->prefix_idf, MATCH_TIER, sum, lut, work);
    if (st != STATUS_NOT_FOUND)
        return st;
    st = segment_prefix_range(s, g->prefix, &lo, &hi);
    for (uint32_t o = lo; !st && o < hi; o++) {
        st = postings_open(s, o, &p);
        if (!st)
            st = add_list(m, &p, g->prefix_idf, MATCH_TIER, sum, lut, work);
    }
    return st;
}

static enum status add_group(struct matcher *m, const struct segment *s, const struct group *g,
                             bool sum, const uint16_t *lut, struct query_work *work)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < g->count; i++) {
        struct postings p;
        uint32_t ordinal;
        st = segment_find_term(s, g->items[i].term, &ordinal);
        if (st == STATUS_NOT_FOUND) {
            st = STATUS_OK;
            continue;
        }
        if (!st)
            st = postings_open(s, ordinal, &p);
        if (!st)
            st =
                add_list(m, &p, g->items[i].idf, g->items[i].tier ? MATCH_TIER : 0, sum, lut, work);
    }
    if (!st && g->prefix.len)
        st = add_prefix(m, s, g, sum, lut, work);
    return st;
}

static uint32_t touched_count(const struct matcher *m, uint32_t docs)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w <= (docs - 1) / 64; w++)
        n += (uint32_t)__builtin_popcountll(m->touched[w]);
    return n;
}

static enum status make_union(struct matcher *m, const struct segment *s, const struct group *g,
                              const uint16_t *lut, struct arena *arena, struct source *out,
                              struct query_work *work)
{
    uint32_t docs = segment_doc_count(s), n = 0;
    enum status st = reserve(m, docs);
    if (!st)
        st = add_group(m, s, g, false, lut, work);
    if (m->cap < docs)
        return st;
    out->count = touched_count(m, docs);
    out->docs = arena_alloc(arena, ((size_t)out->count + 1) * sizeof *out->docs);
    out->scores = arena_alloc(arena, ((size_t)out->count + 1) * sizeof *out->scores);
    if (!out->docs || !out->scores)
        st = st ? st : STATUS_NO_MEMORY;
    for (uint32_t w = 0; w <= (docs - 1) / 64; w++) {
        for (uint64_t bits = m->touched[w]; bits; bits &= bits - 1) {
            uint32_t d = w * 64 + (uint32_t)__builtin_ctzll(bits), v = m->score[d];
            m->score[d] = 0;
            if (st)
                continue;
            out->bound = v > out->bound ? v : out->bound;
            out->docs[n] = d;
            out->scores[n++] = v;
        }
        m->touched[w] = 0;
    }
    return st;
}

static enum status open_source(struct matcher *m, const struct segment *s, const struct group *g,
                               const uint16_t *lut, struct arena *arena, struct source *out,
                               struct query_work *work)
{
    uint32_t ordinal, found = 0, which = 0;
    *out = (struct source){.block_at = UINT32_MAX};
    for (uint32_t i = 0; i < g->count; i++) {
        enum status st = segment_find_term(s, g->items[i].term, &ordinal);
        if (st == STATUS_OK) {
            found++;
            which = i;
        } else if (st != STATUS_NOT_FOUND) {
            return st;
        }
    }
    if (found != 1 || g->prefix.len)
        return found || g->prefix.len ? make_union(m, s, g, lut, arena, out, work) : STATUS_OK;
    enum status st = segment_find_term(s, g->items[which].term, &ordinal);
    if (!st)
        st = postings_open(s, ordinal, &out->list);
    out->single = true;
    out->count = out->list.df;
    out->idf = g->items[which].idf;
    out->tier = g->items[which].tier ? MATCH_TIER : 0;
    out->bound = out->tier + bound_score(out->list.max_bound, lut) * out->idf;
    return st;
}

/* --- all words -------------------------------------------------------------------------------- */

static enum status load_block(struct source *x, uint32_t b, struct query_work *work)
{
    if (x->block_at == b)
        return STATUS_OK;
    x->block_at = b;
    x->has_evidence = false;
    work->blocks_decoded++;
    return postings_decode_docs(&x->list, b, &x->block);
}

static enum status need_evidence(struct source *x)
{
    if (x->has_evidence)
        return STATUS_OK;
    x->has_evidence = true;
    return postings_decode_evidence(&x->list, x->block_at, &x->block);
}

/* Keeps the documents that a single list holds, adding its scores. */
static enum status sieve_list(struct source *x, uint32_t *docs, uint32_t *scores, uint32_t *count,
                              const uint16_t *lut, struct query_work *work)
{
    uint32_t kept = 0, i = 0, b = x->block_at == UINT32_MAX ? 0 : x->block_at, at = x->at;
    while (i < *count) {
        uint32_t next = postings_seek_block(&x->list, b, docs[i]);
        if (next >= x->list.block_count)
            break;
        if (next != x->block_at) {
            work->blocks_skipped += next > b ? next - b - 1 : 0;
            enum status s = load_block(x, next, work);
            if (s)
                return s;
            at = 0;
        }
        b = next;
        uint32_t last = x->block.docs[x->block.count - 1];
        for (; i < *count && docs[i] <= last; i++) {
            while (x->block.docs[at] < docs[i])
                at++;
            if (x->block.docs[at] != docs[i])
                continue;
            enum status s = need_evidence(x);
            if (s)
                return s;
            docs[kept] = docs[i];
            scores[kept++] = scores[i] + x->tier + lut[x->block.evidence[at]] * x->idf;
        }
        /* a single block knows its last document only now that it is read */
        if (i < *count && next + 1 >= x->list.block_count)
            break;
    }
    x->at = at;
    *count = kept;
    return STATUS_OK;
}

static void sieve_union(struct source *x, uint32_t *docs, uint32_t *scores, uint32_t *count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count && x->at < x->count; i++) {
        uint32_t step = 1, at = x->at;
        while (at + step < x->count && x->docs[at + step] < docs[i])
            step *= 2;
        uint32_t low = x->docs[at] >= docs[i] ? at : at + step / 2,
                 high = at + step < x->count ? at + step : x->count;
        while (low < high) {
            uint32_t mid = (low + high) / 2;
            if (x->docs[mid] < docs[i])
                low = mid + 1;
            else
                high = mid;
        }
        x->at = low;
        if (low < x->count && x->docs[low] == docs[i]) {
            docs[kept] = docs[i];
            scores[kept++] = scores[i] + x->scores[low];
        }
    }
    *count = kept;
}

static enum status sieve(struct source *sources, uint32_t n, uint32_t *docs, uint32_t *scores,
                         uint32_t count, const uint16_t *lut, const struct match_consumer *out,
                         struct query_work *work)
{
    for (uint32_t k = 1; k < n && count; k++) {
        if (sources[k].single) {
            enum status s = sieve_list(&sources[k], docs, scores, &count, lut, work);
            if (s)
                return s;
        } else {
            sieve_union(&sources[k], docs, scores, &count);
        }
    }
    work->candidates += count;
    return count ? out->batch(out->ctx, docs, scores, count) : STATUS_OK;
}

static enum status drive_list(struct source *sources, uint32_t n, uint32_t others,
                              const uint16_t *lut, const struct match_consumer *out,
                              struct query_work *work)
{
    struct source *d = &sources[0];
    uint32_t scores[POSTINGS_BLOCK];
    for (uint32_t b = 0; b < d->list.block_count; b++) {
        uint32_t bound = d->tier + bound_score(d->list.bound[b], lut) * d->idf + others;
        if (out->skip(out->ctx, bound, (uint32_t)d->list.tie[b] << 16)) {
            work->blocks_skipped++;
            continue;
        }
        enum status s = postings_decode(&d->list, b, &d->block);
        if (s)
            return s;
        work->blocks_decoded++;
        work->postings_read += d->block.count;
        for (uint32_t i = 0; i < d->block.count; i++)
            scores[i] = d->tier + lut[d->block.evidence[i]] * d->idf;
        s = sieve(sources, n, d->block.docs, scores, d->block.count, lut, out, work);
        if (s)
            return s;
    }
    return STATUS_OK;
}

static enum status drive_union(struct source *sources, uint32_t n, uint32_t others,
                               const uint16_t *lut, const struct match_consumer *out,
                               struct query_work *work)
{
    struct source *d = &sources[0];
    uint32_t docs[POSTINGS_BLOCK], scores[POSTINGS_BLOCK];
    for (uint32_t at = 0; at < d->count; at += POSTINGS_BLOCK) {
        uint32_t count = d->count - at < POSTINGS_BLOCK ? d->count - at : POSTINGS_BLOCK, best = 0;
        for (uint32_t i = 0; i < count; i++)
            best = d->scores[at + i] > best ? d->scores[at + i] : best;
        if (out->skip(out->ctx, best + others, 0))
            continue;
        memcpy(docs, d->docs + at, count * sizeof *docs);
        memcpy(scores, d->scores + at, count * sizeof *scores);
        enum status s = sieve(sources, n, docs, scores, count, lut, out, work);
        if (s)
            return s;
    }
    return STATUS_OK;
}

static enum status match_all(struct matcher *m, const struct segment *s, const struct plan *plan,
                             const uint16_t *lut, struct arena *arena,
                             const struct match_consumer *out, struct query_work *work)
{
    uint32_t n = plan->group_count, others = 0, shortest = 0;
    for (uint32_t i = 0; i < n; i++) {
        enum status st = open_source(m, s, &plan->groups[i], lut, arena, &m->sources[i], work);
        if (st)
            return st;
        if (m->sources[i].count == 0)
            return STATUS_OK;
        if (m->sources[i].count < m->sources[shortest].count)
            shortest = i;
    }
    if (shortest) {
        struct source swap = m->sources[0];
        m->sources[0] = m->sources[shortest];
        m->sources[shortest] = swap;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct source *x = &m->sources[i]; /* moved: a list of one block points into itself */
        if (x->single && x->list.block_count == 1) {
            x->list.last = &x->list.inl.last;
            x->list.bound = &x->list.inl.bound;
            x->list.off = &x->list.inl.off;
            x->list.tie = &x->list.inl.tie;
        }
        others += i ? x->bound : 0;
    }
    return m->sources[0].single ? drive_list(m->sources, n, others, lut, out, work)
                                : drive_union(m->sources, n, others, lut, out, work);
}

/* --- any word --------------------------------------------------------------------------------- */

/* Scores of groups add up; within a group the best alternative counts, so groups of several are
 * made one list first. */
static enum status sum_groups(struct matcher *m, const struct segment *s, const struct plan *plan,
                              const uint16_t *lut, struct arena *arena, struct query_work *work)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < plan->group_count; i++) {
        const struct group *g = &plan->groups[i];
        m->sources[i] = (struct source){0};
        if (g->count > 1 || g->prefix.len)
            st = make_union(m, s, g, lut, arena, &m->sources[i], work);
    }
    for (uint32_t i = 0; !st && i < plan->group_count; i++) {
        const struct group *g = &plan->groups[i];
        const struct source *x = &m->sources[i];
        if (g->count == 1 && !g->prefix.len)
            st = add_group(m, s, g, true, lut, work);
        for (uint32_t k = 0; k < x->count; k++) {
            m->touched[x->docs[k] >> 6] |= (uint64_t)1 << (x->docs[k] & 63);
            m->score[x->docs[k]] += x->scores[k];
        }
    }
    return st;
}

static enum status match_any(struct matcher *m, const struct segment *s, const struct plan *plan,
                             const uint16_t *lut, struct arena *arena,
                             const struct match_consumer *out, struct query_work *work)
{
    uint32_t docs = segment_doc_count(s), d[POSTINGS_BLOCK], v[POSTINGS_BLOCK], n = 0;
    enum status st = reserve(m, docs);
    if (m->cap < docs)
        return st;
    st = sum_groups(m, s, plan, lut, arena, work);
    for (uint32_t w = 0; w <= (docs - 1) / 64; w++) {
        for (uint64_t bits = m->touched[w]; bits; bits &= bits - 1) {
            uint32_t doc = w * 64 + (uint32_t)__builtin_ctzll(bits);
            d[n] = doc;
            v[n++] = m->score[doc];
            m->score[doc] = 0;
            if (n == POSTINGS_BLOCK) {
                st = st ? st : out->batch(out->ctx, d, v, n);
                n = 0;
            }
        }
        m->touched[w] = 0;
    }
    return st ? st : n ? out->batch(out->ctx, d, v, n) : STATUS_OK;
}

enum status match_segment(struct matcher *m, const struct segment *s, const struct plan *plan,
                          bool all, const uint16_t lut[256], struct arena *arena,
                          const struct match_consumer *out, struct query_work *work)
{
    if (segment_doc_count(s) == 0 || plan->group_count == 0)
        return STATUS_OK;
    return all ? match_all(m, s, plan, lut, arena, out, work)
               : match_any(m, s, plan, lut, arena, out, work);
}

/* --- phrases ---------------------------------------------------------------------------------- */

static enum status positions_of(const struct segment *s, uint32_t doc, struct slice word,
                                uint32_t *out, uint32_t cap, uint32_t *count)
{
    struct postings p;
    struct postings_block block;
    uint32_t ordinal;
    *count = 0;
    enum status st = segment_find_term(s, word, &ordinal);
    if (!st)
        st = postings_open(s, ordinal, &p);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    uint32_t b = postings_seek_block(&p, 0, doc);
    if (b >= p.block_count)
        return STATUS_OK;
    st = postings_decode(&p, b, &block);
    for (uint32_t i = 0; !st && i < block.count; i++)
        if (block.docs[i] == doc) {
            st = postings_positions(&p, b, i, out, cap, count);
            *count = *count < cap ? *count : cap;
            break;
        }
    return st;
}

enum status match_phrase(const struct segment *s, uint32_t doc, const struct slice *words,
                         uint32_t count, bool *yes)
{
    enum { CAP = 512 };
    uint32_t open[CAP], more[CAP], n, k, fields = segment_field_count(s);
    *yes = false;
    enum status st = positions_of(s, doc, words[0], open, CAP, &n);
    for (uint32_t w = 1; !st && w < count && n; w++) {
        uint32_t kept = 0, at = 0;
        st = positions_of(s, doc, words[w], more, CAP, &k);
        for (uint32_t i = 0; !st && i < n; i++) {
            uint32_t want = open[i] + fields; /* one position on, same field */
            while (at < k && more[at] < want)
                at++;
            if (at < k && more[at] == want)
                open[kept++] = want;
        }
        n = kept;
    }
    *yes = !st && n > 0;
    return st;
}
