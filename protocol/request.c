#include "protocol/request_private.h"

enum { LIST_MAX = 65536 };

void *request_list_add(struct request_list *l)
{
    if (l->count == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 8;
        void *p = cap > 2 * LIST_MAX ? NULL : arena_alloc(l->arena, cap * l->size);
        if (!p)
            return NULL;
        if (l->count)
            memcpy(p, l->items, l->count * l->size);
        l->items = p;
        l->cap = cap;
    }
    char *p = (char *)l->items + l->count++ * l->size;
    memset(p, 0, l->size);
    return p;
}

bool request_list_add_slice(struct request_list *l, struct slice v)
{
    struct slice *p = request_list_add(l);
    if (p)
        *p = v;
    return p != NULL;
}

enum status request_too_much(struct fault *fault)
{
    return fault_set(fault, STATUS_TOO_LARGE, NULL, "the request has too many parts");
}

enum status request_damaged(struct fault *fault, const char *what, struct slice body,
                            const void *at)
{
    size_t byte = (size_t)((const char *)at - body.ptr) + 1;
    fault_set(fault, STATUS_INVALID, NULL, "the body of the %s request is damaged at byte %zu",
              what, byte);
    if (fault)
        fault->column = (uint32_t)byte;
    return STATUS_INVALID;
}

enum status request_members(struct slice body, const struct tlv_member *members, size_t count,
                            void *request, const char *what, struct fault *fault)
{
    struct wire_reader r = wire_reader_of(body);
    return tlv_members_read(&r, members, count, request) ? request_damaged(fault, what, body, r.at)
                                                         : STATUS_OK;
}

void request_put_text(struct buf *b, uint32_t tag, struct slice v)
{
    if (v.len)
        tlv_put(b, tag, v);
}

enum status request_age_decode(struct slice v, struct request_list *ages)
{
    struct field_age *f = request_list_add(ages);
    return f ? field_age_decode(v, f) : STATUS_TOO_LARGE;
}

void names_encode(const struct slice *names, uint32_t count, struct buf *out)
{
    wire_put_varint(out, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_bytes(out, names[i]);
}

enum status names_decode(struct slice v, struct arena *a, const struct slice **names,
                         uint32_t *count)
{
    struct wire_reader r = wire_reader_of(v);
    size_t n = wire_count(&r, 1);
    struct slice *out = arena_alloc(a, n * sizeof *out);
    if (!out)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        out[i] = wire_bytes(&r);
    *names = out;
    *count = (uint32_t)n;
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

/* --- GET -------------------------------------------------------------------------------------- */

void get_request_encode(const struct get_request *g, struct buf *out)
{
    tlv_put(out, TAG_GET_CATALOG, g->catalog);
    for (uint32_t i = 0; i < g->id_count; i++)
        tlv_put(out, TAG_GET_ID, g->ids[i]);
    for (uint32_t i = 0; i < g->return_count; i++)
        tlv_put(out, TAG_GET_RETURN, g->returns[i]);
    if (g->bound_stale)
        tlv_put_u64(out, TAG_GET_MAX_STALE_MS, g->max_stale_ms);
    for (uint32_t i = 0; i < g->field_age_count; i++)
        field_age_encode(out, TAG_GET_FIELD_MAX_AGE, &g->field_ages[i]);
}

struct get_lists {
    struct request_list ids, returns, ages;
};

static enum status get_tag(struct get_request *g, struct get_lists *l, uint32_t tag, struct slice v)
{
    switch (tag) {
    case TAG_GET_CATALOG:
        g->catalog = v;
        break;
    case TAG_GET_ID:
        return request_list_add_slice(&l->ids, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_GET_RETURN:
        return request_list_add_slice(&l->returns, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_GET_FIELD_MAX_AGE:
        return request_age_decode(v, &l->ages);
    case TAG_GET_MAX_STALE_MS:
        g->bound_stale = true;
        g->max_stale_ms = tlv_u64(v);
        break;
    default:
        break;
    }
    return STATUS_OK;
}

enum status get_request_decode(struct slice body, struct arena *a, struct get_request *g,
                               struct fault *fault)
{
    *g = (struct get_request){0};
    struct get_lists l = {.ids = {.arena = a, .size = sizeof(struct slice)},
                          .returns = {.arena = a, .size = sizeof(struct slice)},
                          .ages = {.arena = a, .size = sizeof(struct field_age)}};
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        s = get_tag(g, &l, tag, v);
        if (s == STATUS_TOO_LARGE)
            return request_too_much(fault);
        if (s)
            break;
    }
    g->ids = l.ids.items;
    g->id_count = l.ids.count;
    g->returns = l.returns.items;
    g->return_count = l.returns.count;
    g->field_ages = l.ages.items;
    g->field_age_count = l.ages.count;
    return s == STATUS_END
               ? STATUS_OK
               : request_damaged(fault, "get", body, r.failed ? (const void *)r.at : v.ptr);
}

/* --- PUT -------------------------------------------------------------------------------------- */

void put_request_header(const struct put_request *p, struct buf *out)
{
    tlv_put(out, TAG_PUT_CATALOG, p->catalog);
    tlv_put_u64(out, TAG_PUT_ACK, p->ack);
    request_put_text(out, TAG_PUT_KEY, p->key);
    if (p->schema_version)
        tlv_put_u64(out, TAG_PUT_SCHEMA_VERSION, p->schema_version);
    if (p->name_count) {
        size_t at = tlv_begin(out, TAG_PUT_FIELDS);
        names_encode(p->names, p->name_count, out);
        tlv_end(out, at);
    }
}

static void put_extra(const struct put_item *item, struct buf *out)
{
    if (!item->lease && !item->origin && !item->age_ms && !item->validator.len)
        return;
    size_t at = tlv_begin(out, TAG_PUT_EXTRA);
    if (item->lease)
        tlv_put_u64(out, TAG_EXTRA_LEASE, item->lease);
    if (item->origin)
        tlv_put_u64(out, TAG_EXTRA_ORIGIN, item->origin);
    if (item->age_ms)
        tlv_put_u64(out, TAG_EXTRA_AGE_MS, item->age_ms);
    if (item->validator.len)
        tlv_put(out, TAG_EXTRA_VALIDATOR, item->validator);
    tlv_end(out, at);
}

static const struct tlv_member extra_members[] = {
    TLV_NUMBER(TAG_EXTRA_LEASE, struct put_item, lease),
    TLV_NUMBER(TAG_EXTRA_ORIGIN, struct put_item, origin),
    TLV_NUMBER(TAG_EXTRA_AGE_MS, struct put_item, age_ms),
    TLV_BYTES(TAG_EXTRA_VALIDATOR, struct put_item, validator)};

void put_item_encode(const struct put_item *item, struct buf *out)
{
    put_extra(item, out);
    size_t at = tlv_begin(out, TAG_PUT_ITEM);
    buf_put_u8(out, (uint8_t)item->op);
    wire_put_varint(out, item->version);
    wire_put_varint(out, (uint64_t)(item->ttl_ms + 1));
    wire_put_varint(out, (uint64_t)(item->swr_ms + 1));
    wire_put_varint(out, (uint64_t)(item->sie_ms + 1));
    wire_put_bytes(out, item->key);
    buf_put_slice(out, item->document);
    tlv_end(out, at);
}

void put_cursor_encode(struct slice provider, struct slice cursor, struct buf *out)
{
    size_t at = tlv_begin(out, TAG_PUT_CURSOR);
    wire_put_bytes(out, provider);
    wire_put_bytes(out, cursor);
    tlv_end(out, at);
}

static int64_t window_of(struct wire_reader *r)
{
    return (int64_t)(wire_varint(r) & INT64_MAX) - 1;
}

static enum status item_decode(struct slice v, struct put_item *item)
{
    struct wire_reader r = wire_reader_of(v);
    item->op = (enum put_op)wire_u8(&r);
    item->version = wire_varint(&r);
    item->ttl_ms = window_of(&r);
    item->swr_ms = window_of(&r);
    item->sie_ms = window_of(&r);
    item->key = wire_bytes(&r);
    item->document = slice_make(r.at, wire_left(&r));
    return r.failed || item->op > PUT_VALIDATE || item->key.len > 64 ? STATUS_INVALID : STATUS_OK;
}

enum status put_request_decode(struct slice body, struct arena *a, struct put_request *p,
                               struct fault *fault)
{
    *p = (struct put_request){.ack = ACK_LOGGED};
    struct request_list items = {.arena = a, .size = sizeof(struct put_item)};
    struct wire_reader r = wire_reader_of(body), cursor;
    struct put_item extra = {0};
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        struct put_item *item;
        switch (tag) {
        case TAG_PUT_CATALOG:
            p->catalog = v;
            break;
        case TAG_PUT_ACK:
            p->ack = (enum put_ack)tlv_u32(v);
            break;
        case TAG_PUT_KEY:
            p->key = v;
            break;
        case TAG_PUT_SCHEMA_VERSION:
            p->schema_version = tlv_u32(v);
            break;
        case TAG_PUT_FIELDS:
            if (names_decode(v, a, &p->names, &p->name_count))
                return request_damaged(fault, "put", body, v.ptr);
            break;
        case TAG_PUT_ITEM:
            item = request_list_add(&items);
            if (!item)
                return request_too_much(fault);
            *item = extra;
            if (item_decode(v, item)) {
                fault_set(fault, STATUS_INVALID, NULL, "item %u of the bulk is damaged",
                          items.count - 1);
                if (fault)
                    fault->item = items.count - 1;
                return STATUS_INVALID;
            }
            extra = (struct put_item){0};
            break;
        case TAG_PUT_EXTRA:
            if (tlv_members_decode(v, extra_members, TLV_COUNT(extra_members), &extra))
                return request_damaged(fault, "put", body, v.ptr);
            break;
        case TAG_PUT_CURSOR:
            cursor = wire_reader_of(v);
            p->cursor_of = wire_bytes(&cursor);
            p->cursor = wire_bytes(&cursor);
            if (cursor.failed)
                return request_damaged(fault, "put", body, v.ptr);
            break;
        default:
            break;
        }
    }
    p->items = items.items;
    p->item_count = items.count;
    if (s != STATUS_END)
        return request_damaged(fault, "put", body, r.at);
    if (p->ack > ACK_REPLICATED)
        return fault_set(fault, STATUS_UNSUPPORTED, "ack",
                         "ack is queued, logged, visible or replicated");
    if (p->key.len > 64)
        return fault_set(fault, STATUS_TOO_LARGE, "key", "an idempotency key has up to 64 bytes");
    return STATUS_OK;
}

/* --- CATALOG, WAIT, SCAN ---------------------------------------------------------------------- */

void catalog_request_encode(const struct catalog_request *c, struct buf *out)
{
    tlv_put_u64(out, TAG_CATALOG_ACTION, c->action);
    request_put_text(out, TAG_CATALOG_NAME, c->name);
    request_put_text(out, TAG_CATALOG_SCHEMA, c->schema);
    request_put_text(out, TAG_CATALOG_KIND, c->kind);
    request_put_text(out, TAG_CATALOG_KEY, c->key);
    request_put_text(out, TAG_CATALOG_VALUE, c->value);
}

enum status catalog_request_decode(struct slice body, struct catalog_request *c,
                                   struct fault *fault)
{
    static const struct tlv_member members[] = {
        TLV_NUMBER(TAG_CATALOG_ACTION, struct catalog_request, action),
        TLV_BYTES(TAG_CATALOG_NAME, struct catalog_request, name),
        TLV_BYTES(TAG_CATALOG_SCHEMA, struct catalog_request, schema),
        TLV_BYTES(TAG_CATALOG_KIND, struct catalog_request, kind),
        TLV_BYTES(TAG_CATALOG_KEY, struct catalog_request, key),
        TLV_BYTES(TAG_CATALOG_VALUE, struct catalog_request, value)};
    *c = (struct catalog_request){0};
    enum status s = request_members(body, members, TLV_COUNT(members), c, "catalog", fault);
    if (s)
        return s;
    if (c->action < CATALOG_CREATE || c->action > CATALOG_REBUILD)
        return fault_set(fault, STATUS_UNSUPPORTED, "action", "catalog action %u is not known",
                         (unsigned)c->action);
    return STATUS_OK;
}

void wait_request_encode(const struct wait_request *w, struct buf *out)
{
    tlv_put(out, TAG_WAIT_CATALOG, w->catalog);
    tlv_put_u64(out, TAG_WAIT_SEQUENCE, w->sequence);
}

enum status wait_request_decode(struct slice body, struct wait_request *w, struct fault *fault)
{
    static const struct tlv_member members[] = {
        TLV_BYTES(TAG_WAIT_CATALOG, struct wait_request, catalog),
        TLV_NUMBER(TAG_WAIT_SEQUENCE, struct wait_request, sequence)};
    *w = (struct wait_request){0};
    return request_members(body, members, TLV_COUNT(members), w, "wait", fault);
}

void scan_request_encode(const struct scan_request *s, struct buf *out)
{
    tlv_put(out, TAG_SCAN_CATALOG, s->catalog);
    request_put_text(out, TAG_SCAN_FILTER, s->filter);
    tlv_put_u64(out, TAG_SCAN_FROM, s->from);
    tlv_put_u64(out, TAG_SCAN_LIMIT, s->limit);
}

enum status scan_request_decode(struct slice body, struct scan_request *q, struct fault *fault)
{
    static const struct tlv_member members[] = {
        TLV_BYTES(TAG_SCAN_CATALOG, struct scan_request, catalog),
        TLV_BYTES(TAG_SCAN_FILTER, struct scan_request, filter),
        TLV_NUMBER(TAG_SCAN_FROM, struct scan_request, from),
        TLV_NUMBER(TAG_SCAN_LIMIT, struct scan_request, limit)};
    *q = (struct scan_request){0};
    return request_members(body, members, TLV_COUNT(members), q, "scan", fault);
}
