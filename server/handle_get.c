/* GET and SCAN: products by id, and all of them a part at a time. */
#include "protocol/reply.h"
#include "server/freshness.h"
#include "server/canary_id.h"
#include "server/front_trace.h"
#include "server/withhold.h"

enum { SCAN_PART = 1024 * 1024, SCAN_ITEMS = 10000 };

struct get {
    const struct get_request *in;
    struct catalog *catalog;
    struct moment moment;
    struct withhold withhold;
    struct buf withheld; /* TLVs that follow the items */
};

/* The label of a product that is there into `item`; NOT_FOUND when it may not be shown. */
static enum status get_label(struct get *g, uint32_t docid, struct get_item_reply *item,
                             const uint64_t **fields)
{
    struct label l;
    int64_t next_age = INT64_MAX, version;
    struct snapshot *snap = g->catalog->snapshot;
    enum status s = freshness_of(snap, docid, item->id, &g->moment, &l);
    if (s)
        return s;
    item->freshness = l.state;
    item->age_ms = l.age_ms;
    item->future = l.future;
    *fields = withhold_fields(&g->withhold, l.age_ms, &next_age);
    item->withheld = g->withhold.name_count > 0;
    struct column *versions = snapshot_column(snap, COLUMN_VERSION);
    if (versions && column_int(versions, docid, &version) == STATUS_OK)
        item->version = (uint64_t)version;
    bool too_stale =
        g->in->bound_stale && l.stale_ms > 0 && (uint64_t)l.stale_ms > g->in->max_stale_ms;
    return l.state == EXPIRED || too_stale ? STATUS_NOT_FOUND : STATUS_OK;
}

/* The fields asked for of a product as the upstream just told it. */
static enum status put_through(struct get *g, struct slice product, struct buf *out)
{
    const uint64_t *wanted = g->withhold.wanted;
    struct buf fields = BUF_INIT;
    struct document d;
    struct value v;
    uint32_t number, count = 0;
    enum status s = document_begin(&d, product);
    while (!s && (s = document_next(&d, &number, &v)) == STATUS_OK) {
        if (wanted && !(wanted[number / 64 & 3] >> number % 64 & 1))
            continue;
        wire_put_varint(&fields, number);
        value_put(&fields, &v);
        count++;
    }
    document_put_header(out, d.id, count);
    buf_put_slice(out, buf_slice(&fields));
    s = s != STATUS_END ? s : fields.failed ? STATUS_NO_MEMORY : STATUS_OK;
    buf_fini(&fields);
    return s;
}

/* What the upstream answered stands above what is stored; without an answer a product that may not
 * be shown is not known to be gone. */
static enum status get_through(struct get *g, const struct get_item_reply *told,
                               struct get_item_reply *item, enum status stored, struct buf *out)
{
    if (told->status == STATUS_NOT_FOUND)
        return STATUS_NOT_FOUND;
    if (told->status)
        return stored ? STATUS_UPSTREAM : STATUS_OK;
    item->freshness = FRESH;
    item->age_ms = told->age_ms;
    item->withheld = false;
    if (!told->document.len)
        return stored;
    item->version = told->version;
    buf_clear(out);
    return put_through(g, told->document, out);
}

static enum status get_one(struct front *f, struct get *g, uint32_t place, struct buf *out)
{
    uint32_t docid = UINT32_MAX;
    const uint64_t *fields = NULL;
    struct get_item_reply item = {.id = g->in->ids[place]};
    struct snapshot *snap = g->catalog->snapshot;
    const struct get_item_reply *told = through_answer(f, item.id);
    enum status s =
        canary_reserved(item.id) ? STATUS_NOT_FOUND : snapshot_find(snap, item.id, &docid);
    bool there = s == STATUS_OK;
    s = s ? s : get_label(g, docid, &item, &fields);
    if (told && !told->status && !told->document.len && there) { /* what is stored was confirmed */
        s = STATUS_OK;
        fields = g->withhold.wanted;
    }
    bool stored = there && s == STATUS_OK;
    buf_clear(&f->scratch);
    if (told && stored)
        s = snapshot_product(snap, docid, fields, &f->scratch);
    if (told && (s == STATUS_OK || s == STATUS_NOT_FOUND))
        s = get_through(g, told, &item, s, &f->scratch);
    if (s && s != STATUS_NOT_FOUND && s != STATUS_UPSTREAM)
        return s;
    item.status = s;
    size_t at = get_item_begin(out, &item);
    if (s == STATUS_OK && told)
        buf_put_slice(out, buf_slice(&f->scratch));
    else if (s == STATUS_OK && (s = snapshot_product(snap, docid, fields, out)))
        return s;
    get_item_end(out, at);
    if (s == STATUS_OK) {
        shared_pages_hit(&g->catalog->pages, docid);
        if (there && item.freshness != FRESH && g->moment.upstream != UPSTREAM_NONE)
            through_hint(f, g->catalog, docid, item.id);
        if (item.withheld)
            withheld_encode(&g->withheld, TAG_GET_WITHHELD,
                            &(struct withheld){place, g->withhold.names, g->withhold.name_count});
    }
    return STATUS_OK;
}

static enum status get_all(struct front *f, struct get *g, struct buf *b, struct fault *fault)
{
    uint64_t *wanted;
    const struct get_request *in = g->in;
    const struct schema *schema = snapshot_schema(g->catalog->snapshot);
    enum status s =
        front_wanted(f, schema, in->returns, in->return_count, "return", &wanted, fault);
    s = s ? s
          : withhold_init(&g->withhold, schema, wanted, in->field_ages, in->field_age_count,
                          &f->arena, fault);
    if (s == STATUS_OK)
        front_put_names(b, TAG_GET_FIELDS, schema);
    for (uint32_t i = 0; i < in->id_count && s == STATUS_OK; i++)
        s = get_one(f, g, i, b);
    buf_put_slice(b, buf_slice(&g->withheld));
    b->failed |= g->withheld.failed;
    buf_fini(&g->withheld);
    if (g->moment.upstream)
        tlv_put_u64(b, TAG_GET_UPSTREAM, g->moment.upstream);
    if (g->moment.safe_mode)
        tlv_put_u64(b, TAG_GET_SAFE_MODE, g->moment.safe_mode);
    tlv_put_u64(b, TAG_GET_SEQUENCE, snapshot_sequence(g->catalog->snapshot));
    tlv_put_u64(b, TAG_GET_GENERATION, snapshot_generation(g->catalog->snapshot));
    return s;
}

enum status handle_get(struct front *f, struct request *rq, struct fault *fault)
{
    struct get_request in;
    struct get g = {.in = &in};
    enum status s = get_request_decode(rq->frame.body, &f->arena, &in, fault);
    if (s)
        return s;
    if (in.id_count > config_number(f->role->config, OPTION_ITEMS))
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "too many ids in one request");
    if ((s = catalogs_get(f->catalogs, in.catalog, &g.catalog, fault)) ||
        (s = snapshot_begin(g.catalog->snapshot)))
        return s;
    g.moment = moment_of(f->role->shared, clock_mono_us(), g.catalog->row, g.catalog->snapshot);
    if ((s = through_begin(f, rq, g.catalog, &g.moment, &in))) {
        snapshot_end(g.catalog->snapshot);
        return s;
    }
    span_say(front_span(f), SPAN_SELF, KEY_COLLECTION, in.catalog);
    span_number(front_span(f), SPAN_SELF, KEY_ITEMS, in.id_count);
    size_t at = reply_begin(rq);
    s = get_all(f, &g, &rq->conn->out, fault);
    snapshot_end(g.catalog->snapshot);
    if (s == STATUS_OK)
        reply_end(rq, at);
    return s;
}

struct scan_walk {
    struct catalog *catalog;
    struct buf *out;
    const uint64_t *expired;
    uint32_t expired_bits, limit, count;
    size_t start;
    uint32_t next; /* docid to go on from, 0 = at the end */
    enum status status;
};

static bool scan_each(void *ctx, uint32_t docid)
{
    struct scan_walk *w = ctx;
    if (w->expired && docid < w->expired_bits && w->expired[docid / 64] >> docid % 64 & 1)
        return true;
    if (w->count >= w->limit || w->out->len - w->start > SCAN_PART) {
        w->next = docid;
        return false;
    }
    size_t at = tlv_begin(w->out, TAG_SCAN_ITEM);
    w->status = snapshot_product(w->catalog->snapshot, docid, NULL, w->out);
    tlv_end(w->out, at);
    w->count++;
    return w->status == STATUS_OK;
}

/* A docid means something in its edition alone: FROM names both. */
enum { FROM_EDITION = 32 };

enum status handle_scan(struct front *f, struct request *rq, struct fault *fault)
{
    struct scan_request in;
    struct catalog *c;
    struct buf *b = &rq->conn->out;
    enum status s = scan_request_decode(rq->frame.body, &in, fault);
    if (s || (s = catalogs_get(f->catalogs, in.catalog, &c, fault)) ||
        (s = snapshot_begin(c->snapshot)))
        return s;
    if (in.from && in.from >> FROM_EDITION != c->edition) {
        snapshot_end(c->snapshot);
        return fault_set(fault, STATUS_MOVED, "from",
                         "the catalog has another edition by now; scan from the start again");
    }
    struct scan_walk w = {
        .catalog = c, .out = b, .limit = in.limit && in.limit < SCAN_ITEMS ? in.limit : SCAN_ITEMS};
    size_t at = reply_begin(rq);
    w.start = b->len;
    s = expired_at(&c->expired, c->snapshot, shared_now_ms(f->role->shared), &w.expired,
                   &w.expired_bits);
    front_put_names(b, TAG_SCAN_FIELDS, snapshot_schema(c->snapshot));
    if (s == STATUS_OK)
        s = search_scan(f->searcher, c->snapshot, in.filter, (uint32_t)in.from, &f->arena,
                        scan_each, &w, fault);
    if (w.next)
        tlv_put_u64(b, TAG_SCAN_FROM, c->edition << FROM_EDITION | w.next);
    tlv_put_u64(b, TAG_SCAN_SEQUENCE, snapshot_sequence(c->snapshot));
    snapshot_end(c->snapshot);
    if (s == STATUS_OK || s == STATUS_END)
        s = w.status;
    if (s == STATUS_OK)
        reply_end(rq, at);
    return s;
}
