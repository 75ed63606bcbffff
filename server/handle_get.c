/* GET and SCAN: products by id, and all of them a part at a time. */
#include "protocol/reply.h"
#include "server/freshness.h"
#include "server/front.h"

enum { SCAN_PART = 1024 * 1024, SCAN_ITEMS = 10000 };

static enum status get_one(struct front *f, struct catalog *c, struct slice id,
                           const uint64_t *wanted, int64_t now_ms, struct buf *out)
{
    uint32_t docid;
    struct get_item_reply item = {.id = id};
    enum status s = snapshot_find(c->snapshot, id, &docid);
    buf_clear(&f->scratch);
    if (s == STATUS_OK) {
        item.freshness = (enum freshness)freshness_of(c->snapshot, docid, id, now_ms, &item.age_ms);
        struct column *versions = snapshot_column(c->snapshot, COLUMN_VERSION);
        int64_t version;
        if (versions && column_int(versions, docid, &version) == STATUS_OK)
            item.version = (uint64_t)version;
        if (item.freshness != EXPIRED)
            shared_pages_hit(&c->pages, docid);
        s = item.freshness == EXPIRED ? STATUS_NOT_FOUND
                                      : snapshot_product(c->snapshot, docid, wanted, &f->scratch);
    }
    if (s && s != STATUS_NOT_FOUND)
        return s;
    item.status = s;
    item.document = s ? SLICE_NULL : buf_slice(&f->scratch);
    get_item_encode(out, &item);
    return STATUS_OK;
}

enum status handle_get(struct front *f, struct request *rq, struct fault *fault)
{
    struct get_request in;
    struct catalog *c;
    uint64_t *wanted;
    struct buf *b = &rq->conn->out;
    enum status s = get_request_decode(rq->frame.body, &f->arena, &in, fault);
    if (s)
        return s;
    if (in.id_count > config_number(f->role->config, OPTION_ITEMS))
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "too many ids in one request");
    if ((s = catalogs_get(f->catalogs, in.catalog, &c, fault)) || (s = snapshot_begin(c->snapshot)))
        return s;
    const struct schema *schema = snapshot_schema(c->snapshot);
    size_t at = reply_begin(rq);
    s = front_wanted(f, schema, in.returns, in.return_count, &wanted, fault);
    if (s == STATUS_OK)
        front_put_names(b, TAG_GET_FIELDS, schema);
    int64_t now = shared_now_ms(f->role->shared);
    for (uint32_t i = 0; i < in.id_count && s == STATUS_OK; i++)
        s = get_one(f, c, in.ids[i], wanted, now, b);
    tlv_put_u64(b, TAG_GET_SEQUENCE, snapshot_sequence(c->snapshot));
    tlv_put_u64(b, TAG_GET_GENERATION, snapshot_generation(c->snapshot));
    snapshot_end(c->snapshot);
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
    uint64_t next; /* docid to go on from, 0 = at the end */
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

enum status handle_scan(struct front *f, struct request *rq, struct fault *fault)
{
    struct scan_request in;
    struct catalog *c;
    struct buf *b = &rq->conn->out;
    enum status s = scan_request_decode(rq->frame.body, &in, fault);
    if (s || (s = catalogs_get(f->catalogs, in.catalog, &c, fault)) ||
        (s = snapshot_begin(c->snapshot)))
        return s;
    struct scan_walk w = {
        .catalog = c, .out = b, .limit = in.limit && in.limit < SCAN_ITEMS ? in.limit : SCAN_ITEMS};
    size_t at = reply_begin(rq);
    w.start = b->len;
    s = front_expired(f, c, &w.expired, &w.expired_bits);
    front_put_names(b, TAG_SCAN_FIELDS, snapshot_schema(c->snapshot));
    if (s == STATUS_OK && in.from <= UINT32_MAX)
        s = search_scan(f->searcher, c->snapshot, in.filter, (uint32_t)in.from, &f->arena,
                        scan_each, &w, fault);
    if (w.next)
        tlv_put_u64(b, TAG_SCAN_FROM, w.next);
    tlv_put_u64(b, TAG_SCAN_SEQUENCE, snapshot_sequence(c->snapshot));
    snapshot_end(c->snapshot);
    if (s == STATUS_OK || s == STATUS_END)
        s = w.status;
    if (s == STATUS_OK)
        reply_end(rq, at);
    return s;
}
