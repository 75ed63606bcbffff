#include "index/collect_private.h"
#include "index/excluded.h"
#include "index/field_limit.h"
#include "index/phrase.h"

/* What the words find and the query does not want, whatever its filter: each sieve takes the whole
 * batch. */

/* Documents are docids from here on. Keeps those whose bit in the live bitmap is set. */
static uint32_t keep_live(const struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0, end; i < count; i = end) {
        uint32_t chunk = docs[i] / COLUMN_CHUNK, first = chunk * COLUMN_CHUNK;
        end = column_run_end(docs, i, count);
        const uint64_t *words = snapshot_live_chunk(s->snap, chunk);
        uint32_t n = words ? kernels_best()->keep_bits(docs + i, scores + i, end - i, first, words)
                           : end - i;
        memmove(docs + kept, docs + i, n * sizeof *docs);
        memmove(scores + kept, scores + i, n * sizeof *scores);
        kept += n;
    }
    return kept;
}

/* Stale for longer than the query puts up with? A product without times to read is not shown. */
static bool too_stale(const struct search *s, uint32_t docid)
{
    struct product_times t;
    return snapshot_times(s->snap, docid, SLICE_NULL, &t) ||
           (s->query->now_ms > t.stale_ms &&
            s->query->now_ms - t.stale_ms > s->query->max_stale_ms);
}

static uint32_t drop_stale(const struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool out = too_stale(s, docs[i]);
        docs[kept] = docs[i];
        scores[kept] = scores[i];
        kept += !out;
    }
    return kept;
}

static enum status phrases_hold(struct search *s, uint32_t doc, bool *yes)
{
    *yes = true;
    for (uint32_t i = 0; i < s->plan.phrase_count && *yes; i++) {
        const struct phrase *p = &s->plan.phrases[i];
        bool there;
        enum status st =
            match_phrase(s->segment, doc, s->plan.words + p->first, p->count, p->fields, &there);
        if (st)
            return st;
        *yes = there != p->excluded;
    }
    return STATUS_OK;
}

static enum status keep_phrases(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t *count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        bool yes;
        enum status st = pulse_beat(snapshot_pulse(s->snap), 150);
        if (!st)
            st = phrases_hold(s, docs[i] - s->base, &yes);
        if (st)
            return st;
        docs[kept] = docs[i];
        scores[kept] = scores[i];
        kept += yes;
    }
    *count = kept;
    return STATUS_OK;
}

enum status collect_sieve(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t *count)
{
    const struct query *q = s->query;
    uint32_t n = *count;
    for (uint32_t i = 0; s->base && i < n; i++)
        docs[i] += s->base;
    if (s->check_live)
        n = keep_live(s, docs, scores, n);
    if (q->excluded)
        n = excluded_drop(q, docs, scores, n);
    if (q->max_stale_ms >= 0)
        n = drop_stale(s, docs, scores, n);
    *count = n;
    enum status st = s->plan.phrase_count ? keep_phrases(s, docs, scores, count) : STATUS_OK;
    return !st && s->limited ? field_limit_keep(s, docs, scores, count) : st;
}
