#include "server/size.h"

void size_fini(struct size *s)
{
    buf_fini(&s->document);
}

void size_begin(struct size *s, const struct put_request *p)
{
    s->request = p;
    s->id = SLICE_NULL;
}

static void set_field(struct size *s, uint32_t field, uint32_t bytes)
{
    if (field > SCHEMA_MAX_FIELDS)
        return;
    s->total += bytes - s->fields[field];
    s->fields[field] = bytes;
}

static enum status lay_over(struct size *s, struct slice document)
{
    struct document d;
    struct value v;
    uint32_t field;
    enum status st = document_begin(&d, document);
    while (!st) {
        const uint8_t *from = d.r.at;
        if (!(st = document_next(&d, &field, &v)))
            set_field(s, field, v.type == VALUE_NULL ? 0 : (uint32_t)(d.r.at - from));
    }
    return st == STATUS_END ? STATUS_OK : st;
}

static void clear(struct size *s, struct slice id)
{
    memset(s->fields, 0, sizeof s->fields);
    s->total = (uint32_t)id.len + 8;
}

static enum status lay_item(struct size *s, const struct put_item *item)
{
    if (item->op == PUT_VALIDATE)
        return STATUS_OK;
    if (item->op != PUT_PATCH)
        clear(s, s->id);
    return item->op == PUT_DELETE ? STATUS_OK : lay_over(s, item->document);
}

static enum status measure_stored(struct size *s, struct snapshot *snap, struct slice id)
{
    uint32_t docid;
    s->id = id;
    s->next = 0;
    clear(s, id);
    enum status st = snapshot_find(snap, id, &docid);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    buf_clear(&s->document);
    st = snapshot_whole(snap, docid, &s->document);
    return st ? st : lay_over(s, buf_slice(&s->document));
}

/* The product with the items of this request before `i`. */
static enum status measure(struct size *s, struct snapshot *snap, struct slice id, uint32_t i,
                           const bool *taken)
{
    enum status st = STATUS_OK;
    if (!s->id.len || !slice_equal(s->id, id))
        st = measure_stored(s, snap, id);
    for (; s->next < i && !st; s->next++) {
        struct document d;
        const struct put_item *item = &s->request->items[s->next];
        if (taken[s->next] && document_begin(&d, item->document) == STATUS_OK &&
            slice_equal(d.id, id))
            st = lay_item(s, item);
    }
    return st;
}

/* With item `i` over it, which stays out. */
static enum status with_item(struct size *s, struct slice document, uint32_t *bytes)
{
    struct document d;
    struct value v;
    uint32_t field;
    uint64_t total = s->total;
    enum status st = document_begin(&d, document);
    while (!st) {
        const uint8_t *from = d.r.at;
        if (!(st = document_next(&d, &field, &v)) && field <= SCHEMA_MAX_FIELDS)
            total += (v.type == VALUE_NULL ? 0 : (uint64_t)(d.r.at - from)) - s->fields[field];
    }
    *bytes = total < UINT32_MAX ? (uint32_t)total : UINT32_MAX - 1;
    return st == STATUS_END ? STATUS_OK : st;
}

enum status size_check(struct size *s, const struct pending *p, struct snapshot *snap, uint32_t i,
                       const bool *taken, uint32_t *bytes)
{
    const struct put_item *item = &s->request->items[i];
    struct document d;
    uint32_t bound;
    bool earlier;
    *bytes = UINT32_MAX;
    if (item->document.len <= SIZE_UNMEASURED)
        return STATUS_OK;
    if (document_begin(&d, item->document))
        return STATUS_INVALID;
    if (pending_bytes(p, snap, d.id, &bound, &earlier)) {
        if (bound <= SIZE_MOST && bound + item->document.len <= SIZE_MOST) {
            *bytes = bound + (uint32_t)item->document.len;
            return STATUS_OK;
        }
        if (earlier)
            return STATUS_OVERLOADED;
    }
    enum status st = measure(s, snap, d.id, i, taken);
    st = st ? st : with_item(s, item->document, bytes);
    return st || *bytes <= SIZE_MOST ? st : STATUS_TOO_LARGE;
}
