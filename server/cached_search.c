#include "server/cached_search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/front_trace.h"
#include "server/search_trace.h"

enum { RENEW_AGAIN_MS = 1000, RENEW_US = 5000000, TELL_MS = 1000, TELL_AT_ONCE = 500 };

enum outcome {
#define CACHE_OUTCOME(name, row, text) CACHE_##name,
#include "server/cached_search.def"
#undef CACHE_OUTCOME
    CACHE_OUTCOMES
};

static const char *const outcome_names[] = {
#define CACHE_OUTCOME(name, row, text) row,
#include "server/cached_search.def"
#undef CACHE_OUTCOME
};

struct cache_counts {
    uint64_t n[CACHE_OUTCOMES];
    int64_t told_second; /* tell_log() */
    uint32_t told;
};

/* What the engine leaves out by itself: it may have made a difference to any page. */
static const uint32_t engine_features =
    1u << LADDER_TYPO_STEP | 1u << LADDER_SYNONYMS | 1u << LADDER_WHOLE_LISTS;

/* --- keys ------------------------------------------------------------------------------------- */

/* Words that mean the same: letters without case, one space between words. Only where that is sure,
 * in plain ASCII; a space at the end stays, for the last word is no beginning then. */
static struct slice plain_text(struct arena *a, struct slice text)
{
    char *out = arena_alloc(a, text.len + 1);
    size_t n = 0;
    if (!out)
        return text;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char ch = (unsigned char)text.ptr[i];
        if (ch >= 0x80 || (ch < 0x20 && ch != '\t'))
            return text;
        if (ch == ' ' || ch == '\t') {
            if (n && out[n - 1] != ' ')
                out[n++] = ' ';
        } else {
            out[n++] = (char)(ch >= 'A' && ch <= 'Z' ? ch + 32 : ch);
        }
    }
    return slice_make(out, n);
}

/* The request without what does not change the page, encoded; f->key. */
static void normalise(struct front *f, const struct search_request *in)
{
    struct search_request q = *in;
    q.text = plain_text(&f->arena, in->text);
    q.query_id = SLICE_NULL;
    q.min_sequence = 0;
    q.no_cache = false;
    buf_clear(&f->key);
    search_request_encode(&q, &f->key);
}

/* `without`: ladder features that make this page another than the full one; 0 = it is full. */
static struct cache_key key_of(struct front *f, uint32_t without)
{
    size_t len = f->key.len;
    buf_put(&f->key, &without, sizeof without);
    struct cache_key k = result_cache_key(f->cache, buf_slice(&f->key));
    f->key.len = len;
    return k;
}

/* --- judging ---------------------------------------------------------------------------------- */

static enum outcome judge(const struct front *f, struct catalog *c, const struct cache_facts *e,
                          const struct moment *m, uint64_t min_sequence)
{
    int64_t age = m->now_ms - e->made_ms;
    if (e->edition != c->edition)
        return CACHE_CHANGED;
    if (e->sequence < min_sequence)
        return CACHE_SEQUENCE;
    if (m->now_ms >= e->until_ms)
        return CACHE_BOUND;
    if (e->upstream != m->upstream || e->safe_mode != m->safe_mode)
        return CACHE_LABELS;
    bool counts_good = m->now_ms < e->expiry_ms;
    bool same = e->generation == snapshot_visible(c->snapshot);
    if (same && counts_good)
        return CACHE_HIT;
    if (counts_good && age <= f->cache_fresh_ms && f->cache_fresh_ms)
        return CACHE_TIMED;
    if (counts_good && f->cache_stale_ms && age <= f->cache_fresh_ms + f->cache_stale_ms)
        return CACHE_STALE;
    if (ladder_off(&f->ladder, LADDER_FRESH_PAGES) && age <= f->cache_old_ms)
        return CACHE_OLD;
    return same ? CACHE_EXPIRY : CACHE_CHANGED;
}

static bool usable(enum outcome o)
{
    return o <= CACHE_OLD;
}

/* --- sending ---------------------------------------------------------------------------------- */

void cached_search_tail(const struct front *f, struct buf *b, const struct search_tail *t)
{
    tlv_put_u64(b, TAG_HITS_OLDEST_AGE_MS, t->oldest_ms);
    if (f->ladder.level)
        tlv_put_u64(b, TAG_HITS_LEVEL, f->ladder.level);
    if (t->cache) {
        tlv_put_u64(b, TAG_HITS_CACHE, t->cache);
        tlv_put_u64(b, TAG_HITS_CACHE_AGE_MS, t->cache_age_ms);
    }
    if (t->query_id.len)
        tlv_put(b, TAG_HITS_QUERY_ID, t->query_id);
    tlv_put_u64(b, TAG_HITS_TOOK_US, t->took_us);
}

/* One request for a newer page at a time; it is the normalised one in f->key. */
static void ask_newer(struct front *f, struct cached *e, int64_t now_ms)
{
    if (now_ms - e->renew_ms < RENEW_AGAIN_MS)
        return;
    struct frame again = {
        .opcode = OP_SEARCH, .flags = FLAG_CLASS_BACKGROUND, .body = buf_slice(&f->key)};
    struct waiting *evicted;
    enum status s = admission_add(&f->admission, QUEUE_BACKGROUND, 0, &again, f->now_us,
                                  f->now_us + RENEW_US, &evicted);
    if (evicted)
        pass_refuse(f, evicted, STATUS_OVERLOADED);
    if (s == STATUS_OK) {
        admission_keep(&f->admission); /* the key is used again at once */
        e->renew_ms = now_ms;
    }
}

/* Telling the log costs more than answering from here: beyond so many a second a query is told
 * once a second, with how often it came. */
static void tell_log(struct front *f, const struct request *rq, struct cached *e, int64_t now_ms)
{
    const struct cache_facts *facts = e->facts;
    struct cache_counts *n = f->cache_counts;
    e->untold++;
    if (n->told_second != now_ms / 1000) {
        n->told_second = now_ms / 1000;
        n->told = 0;
    }
    if (!facts->text_len || (n->told >= TELL_AT_ONCE && now_ms - e->told_ms < TELL_MS))
        return;
    n->told++;
    struct search_request q = {.catalog = slice_str(facts->catalog),
                               .text = slice_make(facts->text, facts->text_len),
                               .k = 1};
    front_note_query(f, rq, &q,
                     (struct query_note){.found = facts->found,
                                         .took_us = facts->cost_us,
                                         .now_ms = now_ms,
                                         .times = e->untold});
    e->told_ms = now_ms;
    e->untold = 0;
}

static void send_cached(struct front *f, const struct request *rq, struct catalog *c,
                        struct cached *e, enum outcome o, const struct moment *m,
                        struct slice query_id, struct buf *b)
{
    const struct cache_facts *facts = e->facts;
    uint64_t older = m->now_ms > facts->made_ms ? (uint64_t)(m->now_ms - facts->made_ms) : 0;
    size_t at = b->len;
    bool ages = false;
    buf_put_slice(b, e->body);
    if (b->failed)
        return;
    for (uint32_t i = 0; i < facts->hit_count; i++) {
        const struct cached_hit *h = &facts->hits[i];
        ages |= h->age_off != 0;
        if (h->age_off && older)
            hit_age_add(b->ptr + at + h->age_off, older);
        shared_pages_hit(&c->pages, h->docid);
        if (h->state != FRESH && m->upstream != UPSTREAM_NONE)
            through_hint(f, c, h->docid, slice_make(e->body.ptr + h->id_off, h->id_len));
    }
    result_cache_used(e);
    tell_log(f, rq, e, m->now_ms);
    f->cache_counts->n[o]++;
    cached_search_tail(f, b,
                       &(struct search_tail){facts->oldest_ms + (ages ? older : 0),
                                             (uint64_t)(clock_mono_us() - f->now_us), query_id,
                                             o <= CACHE_TIMED ? 1 : 2, older});
}

static void trace_cached(struct span *span, const struct cache_facts *facts, enum outcome o,
                         const struct moment *m, int64_t start_us)
{
    uint64_t counts[FRESHNESS_COUNT] = {0};
    for (uint32_t i = 0; i < facts->hit_count; i++)
        counts[facts->hits[i].state]++;
    search_trace_cache(span, outcome_names[o], start_us, clock_mono_us());
    search_trace_labels(span, facts->found, counts, m);
}

/* --- one search ------------------------------------------------------------------------------- */

bool cached_search_again(struct front *f, struct request *rq)
{
    struct catalog *c;
    if (!f->cache)
        return false;
    struct cached *e = result_cache_find_alias(f->cache, result_cache_key(f->cache, rq->frame.body),
                                               f->ladder.off);
    if (!e || catalogs_get(f->catalogs, slice_str(e->facts->catalog), &c, NULL) ||
        snapshot_begin(c->snapshot))
        return false;
    struct moment m = moment_now(f->role->shared, c->row);
    enum outcome o = judge(f, c, e->facts, &m, 0);
    bool good = o <= CACHE_TIMED; /* old pages go the longer way: a newer one must be asked for */
    if (good) {
        size_t at = reply_begin(rq);
        send_cached(f, rq, c, e, o, &m, SLICE_NULL, &rq->conn->out);
        struct span *span = front_trace_span(rq->trace);
        if (span) {
            span_say(span, SPAN_SELF, KEY_COLLECTION, slice_str(e->facts->catalog));
            trace_cached(span, e->facts, o, &m, f->now_us);
        }
        reply_end(rq, at);
    }
    snapshot_end(c->snapshot);
    return good;
}

/* What is never looked up or kept. */
static bool bypasses(const struct front *f, const struct search_request *in)
{
    return !f->cache || in->no_cache || in->explain || in->k > CACHE_HITS_MAX ||
           in->catalog.len > CACHE_NAME;
}

/* The page under this key when it may be used; *why says what it was. */
static struct cached *look(struct front *f, struct catalog *c, struct cache_key key,
                           const struct moment *m, uint64_t min_sequence, enum outcome *why)
{
    struct cached *e = result_cache_find(f->cache, key);
    *why = e ? judge(f, c, e->facts, m, min_sequence) : CACHE_ABSENT;
    if (e && (*why == CACHE_BOUND || e->facts->edition != c->edition)) {
        result_cache_drop(f->cache, e);
        return NULL;
    }
    return e && usable(*why) ? e : NULL;
}

static struct cached *keep(struct front *f, struct cache_key key, const struct cache_facts *facts,
                           struct slice body)
{
    if (facts->cost_us < f->cache_cost_us) {
        f->cache_counts->n[CACHE_CHEAP]++;
        return NULL;
    }
    struct cached *e = result_cache_put(f->cache, key, facts, body);
    f->cache_counts->n[CACHE_LARGE] += !e;
    return e;
}

/* Computes and keeps the page; rq NULL: for nobody in particular. */
static enum status compute(struct front *f, const struct request *rq, int64_t deadline_us,
                           struct catalog *c, struct search_request *in,
                           const struct left_out *left, const struct cache_key *key, struct buf *b,
                           struct cached **kept, struct fault *fault)
{
    struct cache_facts facts;
    size_t at = b->len;
    *kept = NULL;
    facts.hit_count = 0;
    enum status s = search_compute(f, deadline_us, c, in, left, b, &facts, fault);
    if (s || b->failed)
        return s;
    if (rq)
        front_note_query(f, rq, in,
                         (struct query_note){.found = facts.found,
                                             .took_us = facts.cost_us,
                                             .now_ms = facts.made_ms,
                                             .times = 1});
    bool noted = in->k && !in->offset && !in->cursor.len && in->text.len <= CACHE_TEXT;
    facts.text_len = noted ? (uint8_t)in->text.len : 0;
    if (facts.text_len)
        memcpy(facts.text, in->text.ptr, in->text.len);
    if (key && facts.hit_count <= CACHE_HITS_MAX)
        *kept = keep(f, *key, &facts, slice_make(b->ptr + at, facts.body_len));
    if (*kept)
        (*kept)->told_ms = facts.made_ms;
    return STATUS_OK;
}

/* Nothing is computed for the lowest class at this level. */
static bool put_off(const struct front *f, const struct request *rq)
{
    return ladder_off(&f->ladder, LADDER_BACKGROUND) &&
           front_queue_of(rq->conn, &rq->frame) == QUEUE_BACKGROUND;
}

enum status cached_search(struct front *f, struct request *rq, struct catalog *c,
                          struct search_request *in, bool whole, struct buf *b, struct fault *fault)
{
    struct left_out left = degrade_nothing(in);
    struct cached *e;
    if (bypasses(f, in)) {
        if (f->cache)
            f->cache_counts->n[CACHE_BYPASS]++;
        if (put_off(f, rq))
            return STATUS_OVERLOADED;
        left = degrade_request(&f->ladder, in);
        return compute(f, rq, rq->deadline_us, c, in, &left, NULL, b, &e, fault);
    }
    enum outcome why;
    struct moment m = moment_now(f->role->shared, c->row);
    normalise(f, in);
    struct cache_key key = key_of(f, 0);
    e = look(f, c, key, &m, in->min_sequence, &why);
    if (!e && f->ladder.off) { /* a page that lacks what this level leaves out does too */
        left = degrade_request(&f->ladder, in);
        key = key_of(f, left.bits | (f->ladder.off & engine_features));
        e = look(f, c, key, &m, in->min_sequence, &why);
    }
    if (e) {
        send_cached(f, rq, c, e, why, &m, in->query_id, b);
        if (front_span(f))
            trace_cached(front_span(f), e->facts, why, &m, f->now_us);
        if (why >= CACHE_STALE)
            ask_newer(f, e, m.now_ms);
    } else {
        f->cache_counts->n[why]++;
        if (front_span(f))
            search_trace_cache(front_span(f), outcome_names[why], f->now_us, clock_mono_us());
        if (put_off(f, rq))
            return STATUS_OVERLOADED;
        enum status s = compute(f, rq, rq->deadline_us, c, in, &left, &key, b, &e, fault);
        if (s)
            return s;
    }
    if (e && whole && !in->query_id.len && !in->min_sequence)
        result_cache_alias(f->cache, result_cache_key(f->cache, rq->frame.body), f->ladder.off, e);
    return STATUS_OK;
}

void cached_search_renew(struct front *f, const struct waiting *w, enum status verdict)
{
    struct search_request in;
    struct catalog *c;
    struct cached *e;
    if (verdict || !f->cache)
        return;
    if (search_request_decode(w->frame.body, &f->arena, &in, NULL) == STATUS_OK &&
        catalogs_get(f->catalogs, in.catalog, &c, NULL) == STATUS_OK &&
        snapshot_begin(c->snapshot) == STATUS_OK) {
        normalise(f, &in);
        struct left_out left = degrade_request(&f->ladder, &in);
        struct cache_key key = key_of(f, left.bits | (f->ladder.off & engine_features));
        buf_clear(&f->scratch);
        compute(f, NULL, w->deadline_us, c, &in, &left, &key, &f->scratch, &e, NULL);
        f->cache_counts->n[CACHE_RENEWED]++;
        snapshot_end(c->snapshot);
    }
    arena_reset(&f->arena);
}

/* --- what a page remembers -------------------------------------------------------------------- */

void cached_search_note(struct cache_facts *facts, const struct hit *h, const struct label *l,
                        size_t hit_off, size_t age_end)
{
    if (facts->hit_count >= CACHE_HITS_MAX) {
        facts->hit_count = CACHE_HITS_MAX + 1; /* too many: it will not be kept */
        return;
    }
    /* the id stands behind its length, one byte of it for each begun 7 bits */
    size_t id_off = hit_off + 1 + (h->id.len > 0x7f) + (h->id.len > 0x3fff);
    facts->hits[facts->hit_count++] =
        (struct cached_hit){.docid = h->docid,
                            .id_off = (uint32_t)id_off,
                            .id_len = (uint32_t)h->id.len,
                            .age_off = l->future ? 0 : (uint32_t)(age_end - HIT_AGE_WIDTH),
                            .state = (uint8_t)l->state};
}

void cached_search_facts(struct cache_facts *facts, const struct catalog *c, const struct moment *m,
                         const struct freshness_sum *sum, uint64_t took_us, size_t body_len)
{
    memcpy(facts->catalog, c->name, sizeof facts->catalog);
    facts->edition = c->edition;
    facts->generation = snapshot_visible(c->snapshot);
    facts->sequence = snapshot_sequence(c->snapshot);
    facts->made_ms = m->now_ms;
    facts->until_ms = sum->changes_ms;
    facts->expiry_ms = c->expired.next_ms;
    facts->oldest_ms = sum->oldest_ms;
    facts->upstream = (uint32_t)m->upstream;
    facts->safe_mode = m->safe_mode;
    facts->cost_us = took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;
    facts->body_len = (uint32_t)body_len;
}

/* --- life ------------------------------------------------------------------------------------- */

void cached_search_fini(struct front *f)
{
    if (f->cache)
        result_cache_destroy(&f->cache);
    free(f->cache_counts);
    f->cache_counts = NULL;
}

void cached_search_resize(struct front *f, size_t bytes)
{
    if (!bytes) {
        cached_search_fini(f);
    } else if (f->cache) {
        result_cache_resize(f->cache, bytes);
    } else {
        f->cache_counts = calloc(1, sizeof *f->cache_counts);
        if (!f->cache_counts || result_cache_create(bytes, f->refusing.seed, &f->cache))
            cached_search_fini(f);
    }
}

void cached_search_stats(const struct front *f, struct buf *b)
{
    char name[64];
    if (!f->cache)
        return;
    for (int i = 0; i < CACHE_OUTCOMES; i++) {
        snprintf(name, sizeof name, "cache.%s", outcome_names[i]);
        stats_row_put(b, name, "%" PRIu64, f->cache_counts->n[i]);
    }
    struct result_cache_figures g = result_cache_figures(f->cache);
    stats_row_put(b, "cache.bytes", "%zu", g.bytes);
    stats_row_put(b, "cache.bytes_max", "%zu", g.bytes_max);
    stats_row_put(b, "cache.entries", "%" PRIu64, g.entries);
    stats_row_put(b, "cache.stored", "%" PRIu64, g.stored);
    stats_row_put(b, "cache.evicted", "%" PRIu64, g.evicted);
    stats_row_put(b, "cache.promoted", "%" PRIu64, g.promoted);
}
