/* SEARCH: from the request to the query, and from its result into the output. */
#include "protocol/reply.h"
#include "server/cached_search.h"
#include "server/degrade.h"
#include "server/freshness.h"
#include "server/front_trace.h"
#include "server/hit_highlights.h"
#include "server/search_trace.h"
#include "server/withhold.h"

static void query_facets(struct front *f, const struct search_request *in, struct query *q)
{
    struct facet_request *facets = arena_calloc(&f->arena, in->facet_count + 1, sizeof *facets);
    if (!facets)
        return;
    for (uint32_t i = 0; i < in->facet_count; i++)
        facets[i] = (struct facet_request){.field = in->facets[i].field,
                                           .kind = (enum facet_kind)in->facets[i].kind,
                                           .limit = in->facets[i].limit,
                                           .ranges = in->facets[i].ranges,
                                           .query = in->facets[i].query,
                                           .disjunctive = in->facets[i].disjunctive};
    q->facets = facets;
    q->facet_count = in->facet_count;
}

static int typos_of(uint32_t typos)
{
    return typos == SEARCH_TYPOS_AUTO ? QUERY_TYPOS_AUTO : (int)typos;
}

static enum status query_of(struct front *f, const struct search_request *in, struct query *q,
                            struct fault *fault)
{
    if (in->k > config_number(f->role->config, OPTION_HITS))
        return fault_set(fault, STATUS_TOO_LARGE, "k", "at most %u hits can be asked for",
                         (unsigned)config_number(f->role->config, OPTION_HITS));
    for (uint32_t i = 0; i < in->facet_count; i++)
        if (in->facets[i].kind > FACET_STATS)
            return fault_set(fault, STATUS_UNSUPPORTED, NULL, "no such kind of facet");
    struct sort_request *sorts = arena_calloc(&f->arena, in->sort_count + 1, sizeof *sorts);
    if (!sorts)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < in->sort_count; i++)
        sorts[i] = (struct sort_request){in->sorts[i].field, in->sorts[i].descending};
    *q = (struct query){.catalog = in->catalog,
                        .text = in->text,
                        .match = (enum query_match)in->match,
                        .prefix = in->prefix,
                        .typos = typos_of(in->typos),
                        .fields = in->fields,
                        .field_count = in->field_count,
                        .filter = in->filter,
                        .sorts = sorts,
                        .sort_count = in->sort_count,
                        .k = in->k,
                        .offset = in->offset,
                        .cursor = in->cursor,
                        .count_to = in->count_to ? (int64_t)in->count_to : QUERY_COUNT_ALL,
                        .group_field = in->group_field,
                        .group_size = in->group_size,
                        .profile = in->profile,
                        .explain = in->explain,
                        .clock_us = in->explain ? clock_mono_us : NULL,
                        .want_terms = in->highlight_count > 0,
                        .want_times = true,
                        .max_stale_ms = in->max_stale_ms};
    query_facets(f, in, q);
    return STATUS_OK;
}

struct page { /* what put_hit() adds up, for one reply */
    const struct search_request *in;
    const struct moment *moment;
    struct label *labels; /* of its hits */
    struct withhold withhold;
    struct freshness_sum *sum;
    struct cache_facts *facts;
    size_t body_at;      /* where the body of the reply starts */
    struct buf withheld; /* TLVs that follow the hits */
};

static enum status put_hit(struct front *f, struct catalog *c, struct page *p, const struct hit *h,
                           uint32_t place, struct buf *b)
{
    enum status s = STATUS_OK;
    struct label l = p->labels[place];
    int64_t next_age = INT64_MAX;
    const uint64_t *wanted = withhold_fields(&p->withhold, l.age_ms, &next_age);
    if (next_age < INT64_MAX && p->moment->now_ms - (int64_t)l.age_ms + next_age < l.changes_ms)
        l.changes_ms = p->moment->now_ms - (int64_t)l.age_ms + next_age;
    freshness_sum_add(p->sum, &l);
    if (p->moment->upstream != UPSTREAM_NONE && (l.stale_ms >= 0 || l.future))
        through_hint(f, c, h->docid, h->id);
    shared_pages_hit(&c->pages, h->docid);
    struct hit_reply out = {.id = h->id,
                            .score = h->score,
                            .freshness = l.state,
                            .withheld = p->withhold.name_count > 0,
                            .future = l.future,
                            .age_ms = l.age_ms,
                            .wide_age = true,
                            .group_count = h->group_count,
                            .group = h->group_value,
                            .explain = h->explain};
    size_t hit_at = b->len, at = search_reply_hit_begin(b, &out);
    cached_search_note(p->facts, h, &l, hit_at - p->body_at, at - p->body_at);
    if (!p->in->ids_only && (s = snapshot_product(c->snapshot, h->docid, wanted, b)))
        return s;
    search_reply_hit_end(b, at, &out);
    if (out.withheld)
        withheld_encode(&p->withheld, TAG_HITS_WITHHELD,
                        &(struct withheld){place, p->withhold.names, p->withhold.name_count});
    if (h->lacks_count)
        withheld_encode(&p->withheld, TAG_HITS_LACKS,
                        &(struct withheld){place, h->lacks, h->lacks_count});
    return STATUS_OK;
}

static void put_moment(const struct moment *m, const struct freshness_sum *sum, struct buf *b)
{
    size_t at = tlv_begin(b, TAG_HITS_FRESHNESS);
    for (int i = 0; i < EXPIRED; i++)
        wire_put_varint(b, sum->counts[i]);
    tlv_end(b, at);
    if (m->upstream)
        tlv_put_u64(b, TAG_HITS_UPSTREAM, m->upstream);
    if (m->safe_mode)
        tlv_put_u64(b, TAG_HITS_SAFE_MODE, m->safe_mode);
}

/* `sum` tells the caller what the labels add up to and when the first of them changes. */
static enum status put_hits(struct front *f, struct catalog *c, const struct search_request *in,
                            const struct query_result *r, const struct moment *m, struct buf *b,
                            struct freshness_sum *sum, struct cache_facts *facts, size_t body_at,
                            struct fault *fault)
{
    uint64_t *wanted;
    struct page p = {.in = in, .moment = m, .sum = sum, .facts = facts, .body_at = body_at};
    const struct schema *schema = snapshot_schema(c->snapshot);
    enum status s =
        front_wanted(f, schema, in->returns, in->return_count, "return", &wanted, fault);
    s = s ? s
          : withhold_init(&p.withhold, schema, wanted, in->field_ages, in->field_age_count,
                          &f->arena, fault);
    if (s)
        return s;
    if (!in->ids_only)
        front_put_names(b, TAG_HITS_FIELDS, schema);
    freshness_sum_init(sum);
    for (uint32_t i = 0; i < r->hit_count; i++) {
        shared_pages_prefetch(&c->pages, r->hits[i].docid);
        if (!in->ids_only)
            snapshot_product_prefetch(c->snapshot, r->hits[i].docid, wanted);
    }
    p.labels = arena_alloc(&f->arena, (r->hit_count + 1) * sizeof *p.labels);
    if (!p.labels)
        return STATUS_NO_MEMORY;
    if ((s = freshness_of_hits(c->snapshot, r->hits, r->hit_count, m, p.labels)))
        return s;
    size_t hits_at = search_reply_hits_begin(b, r->hit_count);
    for (uint32_t i = 0; i < r->hit_count && !s; i++)
        s = put_hit(f, c, &p, &r->hits[i], i, b);
    search_reply_hits_end(b, hits_at);
    buf_put_slice(b, buf_slice(&p.withheld));
    b->failed |= p.withheld.failed;
    buf_fini(&p.withheld);
    put_moment(m, sum, b);
    return s;
}

static enum status put_facets(struct front *f, const struct query_result *r, struct buf *b)
{
    for (uint32_t i = 0; i < r->facet_count; i++) {
        const struct facet_result *in = &r->facets[i];
        struct facet_value_reply *values =
            arena_calloc(&f->arena, in->value_count + 1, sizeof *values);
        if (!values)
            return STATUS_NO_MEMORY;
        for (uint32_t k = 0; k < in->value_count; k++)
            values[k] = (struct facet_value_reply){
                in->values[k].value, in->values[k].count,
                in->values[k].type == VALUE_TEXT ? 0 : (uint8_t)in->values[k].type};
        search_reply_facet(b, &(struct facet_reply){.field = in->field,
                                                    .kind = (uint8_t)in->kind,
                                                    .distinct = in->distinct,
                                                    .count = in->count,
                                                    .min = in->min,
                                                    .max = in->max,
                                                    .sum = in->sum,
                                                    .values = values,
                                                    .value_count = in->value_count});
    }
    return STATUS_OK;
}

static void put_work(const struct query_work *w, struct buf *b)
{
    const uint64_t work[] = {w->blocks_decoded, w->blocks_skipped, w->postings_read,
                             w->terms_expanded, w->analyse_us,     w->retrieve_us,
                             w->facet_us,       w->rank_us};
    size_t at = tlv_begin(b, TAG_HITS_WORK);
    for (size_t i = 0; i < sizeof work / sizeof work[0]; i++)
        wire_put_varint(b, work[i]);
    tlv_end(b, at);
}

/* What the engine left out, and what the ladder took away. */
static void put_left_out(uint32_t bits, const struct query_result *r, struct buf *b)
{
    struct slice words[LADDER_FEATURE_COUNT];
    search_reply_texts(b, TAG_HITS_DEGRADED, r->degraded, r->degraded_count);
    search_reply_texts(b, TAG_HITS_DEGRADED, words, degrade_words(bits, words));
}

void front_note_query(struct front *f, const struct request *rq, const struct search_request *in,
                      struct query_note n)
{
    n.catalog = in->catalog;
    n.text = in->text;
    if (f->role->role != ROLE_FRONT || f->role->number >= QUERY_LOGS || !in->k || in->offset ||
        in->cursor.len || !in->text.len ||
        (rq->frame.flags & FLAG_CLASS_MASK) == FLAG_CLASS_BACKGROUND)
        return;
    if (folder_run(f->folder, in->text, true, &n.folded) == STATUS_OK)
        query_log_note(&f->role->shared->query_logs[f->role->number], &n);
}

/* Where the reply stood, and when, as each part of it began; noted for who asks. */
enum { STAGE_HITS, STAGE_FACETS, STAGE_MARKS, STAGE_END, STAGE_COUNT };

struct stages {
    bool wanted;
    int64_t us[STAGE_COUNT];
    size_t len[STAGE_COUNT];
};

static void stage_note(struct stages *s, int at, const struct buf *b)
{
    if (!s->wanted)
        return;
    s->us[at] = clock_mono_us();
    s->len[at] = b->len;
}

/* What an explained search spent where: in the library, then on the parts of the reply. */
static void put_stages(const struct query_work *w, const struct stages *s, size_t text_len,
                       struct buf *b)
{
    static const char *const parts[] = {"hits", "facets", "highlights"};
    const struct stage_reply library[] = {
        {SLICE_LIT("analyse"), w->analyse_us, text_len},
        {SLICE_LIT("retrieve"), w->retrieve_us, w->postings_bytes},
        {SLICE_LIT("rank"), w->rank_us, 0},
        {SLICE_LIT("count"), w->facet_us, 0},
    };
    for (size_t i = 0; i < sizeof library / sizeof *library; i++)
        search_reply_stage(b, &library[i]);
    for (int i = 0; i < STAGE_END; i++)
        search_reply_stage(b, &(struct stage_reply){slice_str(parts[i]),
                                                    (uint64_t)(s->us[i + 1] - s->us[i]),
                                                    s->len[i + 1] - s->len[i]});
}

enum status search_compute(struct front *f, int64_t deadline_us, struct catalog *c,
                           const struct search_request *in, const struct left_out *left,
                           struct buf *b, struct cache_facts *facts, struct fault *fault)
{
    struct query q, asked;
    struct query_result r = {0};
    struct front_check check = {f, deadline_us, 0};
    struct freshness_sum sum;
    int64_t start = clock_mono_us();
    size_t body_at = b->len;
    /* once, behind the snapshot: what is excluded here is what no hit will turn out to be */
    struct moment m = moment_of(f->role->shared, start, c->row, c->snapshot);
    enum status s = query_of(f, in, &q, fault);
    if (s || (s = expired_at(&c->expired, c->snapshot, m.now_ms, &q.excluded, &q.excluded_bits)))
        return s;
    q.excluded_version = c->expired.version;
    q.now_ms = m.now_ms;
    degrade_query(&f->ladder, &q);
    asked = q;
    asked.match = (enum query_match)left->match;
    asked.typos = typos_of(left->typos);
    q.asked = &asked;
    q.check = front_check;
    q.check_ctx = &check;
    struct stages stages = {.wanted = in->explain};
    s = search_run(f->searcher, c->snapshot, &q, &f->arena, &r, fault);
    struct span *span = front_span(f);
    int64_t searched = span ? clock_mono_us() : 0;
    if (span)
        search_trace_ran(span, &r, left->bits, start, searched);
    if (s)
        return s;
    stage_note(&stages, STAGE_HITS, b);
    s = put_hits(f, c, in, &r, &m, b, &sum, facts, body_at, fault);
    stage_note(&stages, STAGE_FACETS, b);
    if (!s)
        s = put_facets(f, &r, b);
    stage_note(&stages, STAGE_MARKS, b);
    if (!s && in->highlight_count)
        s = hit_highlights_put(f, c->snapshot, in, &r, b, fault);
    stage_note(&stages, STAGE_END, b);
    if (s)
        return s;
    if (in->explain)
        put_stages(&r.work, &stages, in->text.len, b);
    tlv_put_u64(b, TAG_HITS_FOUND, r.found);
    tlv_put_u64(b, TAG_HITS_FOUND_EXACT, r.found_exact);
    tlv_put_u64(b, TAG_HITS_GENERATION, snapshot_generation(c->snapshot));
    tlv_put_u64(b, TAG_HITS_SEQUENCE, snapshot_sequence(c->snapshot));
    put_left_out(left->bits, &r, b);
    search_reply_texts(b, TAG_HITS_DROPPED, r.dropped_words, r.dropped_count);
    search_reply_texts(b, TAG_HITS_CUT, r.cut_words, r.cut_count);
    if (r.cursor.len)
        tlv_put(b, TAG_HITS_CURSOR, r.cursor);
    if (in->group_size)
        tlv_put_u64(b, TAG_HITS_GROUPS, r.group_total);
    if (r.index_moved)
        tlv_put_u64(b, TAG_HITS_MOVED, 1);
    put_work(&r.work, b);
    uint64_t took = (uint64_t)(clock_mono_us() - start);
    cached_search_facts(facts, c, &m, &sum, took, b->len - body_at);
    facts->found = r.found;
    if (span)
        search_trace_page(span, r.found, sum.counts, &m, searched);
    cached_search_tail(f, b, &(struct search_tail){sum.oldest_ms, took, in->query_id, 0, 0});
    atomic_fetch_add_explicit(&f->role->self->search_us, took, memory_order_relaxed);
    atomic_fetch_add_explicit(&f->role->self->search_count, 1, memory_order_relaxed);
    return STATUS_OK;
}

enum status handle_search(struct front *f, struct request *rq, struct fault *fault)
{
    struct search_request in;
    struct catalog *c;
    if (cached_search_again(f, rq))
        return STATUS_OK;
    enum status s = search_request_decode(rq->frame.body, &f->arena, &in, fault);
    if (s || (s = catalogs_get(f->catalogs, in.catalog, &c, fault)) ||
        (s = snapshot_begin(c->snapshot)))
        return s;
    if (snapshot_sequence(c->snapshot) < in.min_sequence) {
        snapshot_end(c->snapshot);
        return park_add(f, rq, shared_catalog_find(f->role->shared, in.catalog), in.min_sequence);
    }
    span_say(front_span(f), SPAN_SELF, KEY_COLLECTION, in.catalog);
    size_t at = reply_begin(rq);
    s = cached_search(f, rq, c, &in, true, &rq->conn->out, fault);
    snapshot_end(c->snapshot);
    if (s == STATUS_OK)
        reply_end(rq, at);
    return s;
}
