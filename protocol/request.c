#include "protocol/request.h"

enum { LIST_MAX = 65536 };

/* A list that grows in the arena while tags repeat. */
struct list {
    struct arena *arena;
    void *items;
    size_t size;
    uint32_t count, cap;
};

static void *list_add(struct list *l)
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

static bool list_add_slice(struct list *l, struct slice v)
{
    struct slice *p = list_add(l);
    if (p)
        *p = v;
    return p != NULL;
}

static enum status too_much(struct fault *fault)
{
    return fault_set(fault, STATUS_TOO_LARGE, NULL, "the request has too many parts");
}

static enum status damaged(struct fault *fault, const char *what)
{
    return fault_set(fault, STATUS_INVALID, NULL, "the body of the %s request is damaged", what);
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

/* --- SEARCH ----------------------------------------------------------------------------------- */

void search_request_init(struct search_request *q)
{
    *q = (struct search_request){.match = SEARCH_RELAXED,
                                 .prefix = true,
                                 .typos = SEARCH_TYPOS_AUTO,
                                 .k = 10,
                                 .count_to = 10000,
                                 .max_stale_ms = -1};
}

static void put_text(struct buf *b, uint32_t tag, struct slice v)
{
    if (v.len)
        tlv_put(b, tag, v);
}

static void facet_encode(const struct search_facet *f, struct buf *out)
{
    size_t at = tlv_begin(out, TAG_SEARCH_FACET);
    wire_put_bytes(out, f->field);
    wire_put_varint(out, f->limit);
    buf_put_u8(out, f->kind);
    wire_put_bytes(out, f->ranges);
    wire_put_bytes(out, f->query);
    buf_put_u8(out, f->disjunctive);
    tlv_end(out, at);
}

void search_request_encode(const struct search_request *q, struct buf *out)
{
    tlv_put(out, TAG_SEARCH_CATALOG, q->catalog);
    put_text(out, TAG_SEARCH_TEXT, q->text);
    tlv_put_u64(out, TAG_SEARCH_MATCH, q->match);
    tlv_put_u64(out, TAG_SEARCH_PREFIX, q->prefix);
    tlv_put_u64(out, TAG_SEARCH_TYPOS, q->typos);
    for (uint32_t i = 0; i < q->field_count; i++)
        tlv_put(out, TAG_SEARCH_FIELD, q->fields[i]);
    put_text(out, TAG_SEARCH_FILTER, q->filter);
    for (uint32_t i = 0; i < q->facet_count; i++)
        facet_encode(&q->facets[i], out);
    for (uint32_t i = 0; i < q->sort_count; i++) {
        size_t at = tlv_begin(out, TAG_SEARCH_SORT);
        buf_put_u8(out, q->sorts[i].descending);
        wire_put_bytes(out, q->sorts[i].field);
        tlv_end(out, at);
    }
    tlv_put_u64(out, TAG_SEARCH_K, q->k);
    if (q->offset)
        tlv_put_u64(out, TAG_SEARCH_OFFSET, q->offset);
    put_text(out, TAG_SEARCH_CURSOR, q->cursor);
    tlv_put_u64(out, TAG_SEARCH_COUNT_TO, q->count_to);
    if (q->no_cache)
        tlv_put_u64(out, TAG_SEARCH_NO_CACHE, 1);
    if (q->min_sequence)
        tlv_put_u64(out, TAG_SEARCH_MIN_SEQUENCE, q->min_sequence);
    for (uint32_t i = 0; i < q->return_count; i++)
        tlv_put(out, TAG_SEARCH_RETURN, q->returns[i]);
    if (q->ids_only)
        tlv_put_u64(out, TAG_SEARCH_IDS_ONLY, 1);
    if (q->group_field.len) {
        size_t at = tlv_begin(out, TAG_SEARCH_GROUP);
        wire_put_varint(out, q->group_size);
        wire_put_bytes(out, q->group_field);
        tlv_end(out, at);
    }
    put_text(out, TAG_SEARCH_PROFILE, q->profile);
    if (q->explain)
        tlv_put_u64(out, TAG_SEARCH_EXPLAIN, 1);
    if (q->max_stale_ms >= 0)
        tlv_put_u64(out, TAG_SEARCH_MAX_STALE_MS, (uint64_t)q->max_stale_ms);
    for (uint32_t i = 0; i < q->field_age_count; i++)
        field_age_encode(out, TAG_SEARCH_FIELD_MAX_AGE, &q->field_ages[i]);
    if (q->highlight_count) {
        size_t at = tlv_begin(out, TAG_SEARCH_HIGHLIGHT);
        wire_put_bytes(out, q->highlight_pre);
        wire_put_bytes(out, q->highlight_post);
        names_encode(q->highlights, q->highlight_count, out);
        tlv_end(out, at);
    }
    put_text(out, TAG_SEARCH_QUERY_ID, q->query_id);
}

static enum status facet_decode(struct slice v, struct list *facets)
{
    struct search_facet *f = list_add(facets);
    if (!f)
        return STATUS_TOO_LARGE;
    struct wire_reader r = wire_reader_of(v);
    f->field = wire_bytes(&r);
    f->limit = (uint32_t)wire_varint(&r);
    f->kind = wire_u8(&r);
    f->ranges = wire_bytes(&r);
    f->query = wire_bytes(&r);
    f->disjunctive = wire_u8(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status sort_decode(struct slice v, struct list *sorts)
{
    struct search_sort *s = list_add(sorts);
    if (!s)
        return STATUS_TOO_LARGE;
    struct wire_reader r = wire_reader_of(v);
    s->descending = wire_u8(&r);
    s->field = wire_bytes(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status highlight_decode(struct slice v, struct arena *a, struct search_request *q)
{
    struct wire_reader r = wire_reader_of(v);
    q->highlight_pre = wire_bytes(&r);
    q->highlight_post = wire_bytes(&r);
    if (r.failed)
        return STATUS_INVALID;
    return names_decode(slice_make(r.at, wire_left(&r)), a, &q->highlights, &q->highlight_count);
}

static enum status age_decode(struct slice v, struct list *ages)
{
    struct field_age *f = list_add(ages);
    return f ? field_age_decode(v, f) : STATUS_TOO_LARGE;
}

struct search_lists {
    struct list fields, facets, sorts, returns, ages;
};

static enum status search_tag(struct search_request *q, struct search_lists *l, uint32_t tag,
                              struct slice v)
{
    struct wire_reader r;
    switch (tag) {
    case TAG_SEARCH_CATALOG:
        q->catalog = v;
        break;
    case TAG_SEARCH_TEXT:
        q->text = v;
        break;
    case TAG_SEARCH_MATCH:
        q->match = (enum search_match)tlv_u32(v);
        break;
    case TAG_SEARCH_PREFIX:
        q->prefix = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_TYPOS:
        q->typos = tlv_u32(v);
        break;
    case TAG_SEARCH_FIELD:
        return list_add_slice(&l->fields, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_SEARCH_FILTER:
        q->filter = v;
        break;
    case TAG_SEARCH_FACET:
        return facet_decode(v, &l->facets);
    case TAG_SEARCH_SORT:
        return sort_decode(v, &l->sorts);
    case TAG_SEARCH_K:
        q->k = tlv_u32(v);
        break;
    case TAG_SEARCH_OFFSET:
        q->offset = tlv_u32(v);
        break;
    case TAG_SEARCH_CURSOR:
        q->cursor = v;
        break;
    case TAG_SEARCH_COUNT_TO:
        q->count_to = tlv_u64(v);
        break;
    case TAG_SEARCH_NO_CACHE:
        q->no_cache = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_MIN_SEQUENCE:
        q->min_sequence = tlv_u64(v);
        break;
    case TAG_SEARCH_RETURN:
        return list_add_slice(&l->returns, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_SEARCH_IDS_ONLY:
        q->ids_only = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_GROUP:
        r = wire_reader_of(v);
        q->group_size = (uint32_t)wire_varint(&r);
        q->group_field = wire_bytes(&r);
        return r.failed ? STATUS_INVALID : STATUS_OK;
    case TAG_SEARCH_PROFILE:
        q->profile = v;
        break;
    case TAG_SEARCH_EXPLAIN:
        q->explain = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_MAX_STALE_MS:
        q->max_stale_ms = (int64_t)(tlv_u64(v) & INT64_MAX);
        break;
    case TAG_SEARCH_FIELD_MAX_AGE:
        return age_decode(v, &l->ages);
    case TAG_SEARCH_HIGHLIGHT:
        return highlight_decode(v, l->fields.arena, q);
    case TAG_SEARCH_QUERY_ID:
        q->query_id = v;
        break;
    default:
        break;
    }
    return STATUS_OK;
}

enum status search_request_decode(struct slice body, struct arena *a, struct search_request *q,
                                  struct fault *fault)
{
    search_request_init(q);
    struct search_lists l = {.fields = {.arena = a, .size = sizeof(struct slice)},
                             .facets = {.arena = a, .size = sizeof(struct search_facet)},
                             .sorts = {.arena = a, .size = sizeof(struct search_sort)},
                             .returns = {.arena = a, .size = sizeof(struct slice)},
                             .ages = {.arena = a, .size = sizeof(struct field_age)}};
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        s = search_tag(q, &l, tag, v);
        if (s == STATUS_TOO_LARGE)
            return too_much(fault);
        if (s)
            break;
    }
    if (s != STATUS_END)
        return damaged(fault, "search");
    if (q->match > SEARCH_RELAXED)
        return fault_set(fault, STATUS_INVALID, "match", "match is 0, 1 or 2");
    q->fields = l.fields.items;
    q->field_count = l.fields.count;
    q->facets = l.facets.items;
    q->facet_count = l.facets.count;
    q->sorts = l.sorts.items;
    q->sort_count = l.sorts.count;
    q->returns = l.returns.items;
    q->return_count = l.returns.count;
    q->field_ages = l.ages.items;
    q->field_age_count = l.ages.count;
    return STATUS_OK;
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
    struct list ids, returns, ages;
};

static enum status get_tag(struct get_request *g, struct get_lists *l, uint32_t tag, struct slice v)
{
    switch (tag) {
    case TAG_GET_CATALOG:
        g->catalog = v;
        break;
    case TAG_GET_ID:
        return list_add_slice(&l->ids, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_GET_RETURN:
        return list_add_slice(&l->returns, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_GET_FIELD_MAX_AGE:
        return age_decode(v, &l->ages);
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
            return too_much(fault);
        if (s)
            break;
    }
    g->ids = l.ids.items;
    g->id_count = l.ids.count;
    g->returns = l.returns.items;
    g->return_count = l.returns.count;
    g->field_ages = l.ages.items;
    g->field_age_count = l.ages.count;
    return s == STATUS_END ? STATUS_OK : damaged(fault, "get");
}

/* --- PUT -------------------------------------------------------------------------------------- */

void put_request_header(const struct put_request *p, struct buf *out)
{
    tlv_put(out, TAG_PUT_CATALOG, p->catalog);
    tlv_put_u64(out, TAG_PUT_ACK, p->ack);
    put_text(out, TAG_PUT_KEY, p->key);
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

static enum status extra_decode(struct slice v, struct put_item *extra)
{
    struct wire_reader r = wire_reader_of(v);
    uint32_t tag;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_EXTRA_LEASE)
            extra->lease = tlv_u64(v);
        else if (tag == TAG_EXTRA_ORIGIN)
            extra->origin = tlv_u64(v);
        else if (tag == TAG_EXTRA_AGE_MS)
            extra->age_ms = tlv_u64(v);
        else if (tag == TAG_EXTRA_VALIDATOR)
            extra->validator = v;
    }
    return s == STATUS_END ? STATUS_OK : s;
}

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
    struct list items = {.arena = a, .size = sizeof(struct put_item)};
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
                return damaged(fault, "put");
            break;
        case TAG_PUT_ITEM:
            item = list_add(&items);
            if (!item)
                return too_much(fault);
            *item = extra;
            if (item_decode(v, item))
                return fault_set(fault, STATUS_INVALID, NULL, "item %u of the bulk is damaged",
                                 items.count - 1);
            extra = (struct put_item){0};
            break;
        case TAG_PUT_EXTRA:
            if (extra_decode(v, &extra))
                return damaged(fault, "put");
            break;
        case TAG_PUT_CURSOR:
            cursor = wire_reader_of(v);
            p->cursor_of = wire_bytes(&cursor);
            p->cursor = wire_bytes(&cursor);
            if (cursor.failed)
                return damaged(fault, "put");
            break;
        default:
            break;
        }
    }
    p->items = items.items;
    p->item_count = items.count;
    if (s != STATUS_END)
        return damaged(fault, "put");
    if (p->ack > ACK_VISIBLE)
        return fault_set(fault, STATUS_UNSUPPORTED, "ack", "ack is queued, logged or visible");
    if (p->key.len > 64)
        return fault_set(fault, STATUS_TOO_LARGE, "key", "an idempotency key has up to 64 bytes");
    return STATUS_OK;
}

/* --- CATALOG, WAIT, SCAN ---------------------------------------------------------------------- */

void catalog_request_encode(const struct catalog_request *c, struct buf *out)
{
    tlv_put_u64(out, TAG_CATALOG_ACTION, c->action);
    put_text(out, TAG_CATALOG_NAME, c->name);
    put_text(out, TAG_CATALOG_SCHEMA, c->schema);
    put_text(out, TAG_CATALOG_KIND, c->kind);
    put_text(out, TAG_CATALOG_KEY, c->key);
    put_text(out, TAG_CATALOG_VALUE, c->value);
}

enum status catalog_request_decode(struct slice body, struct catalog_request *c,
                                   struct fault *fault)
{
    *c = (struct catalog_request){0};
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        struct slice *to = tag == TAG_CATALOG_NAME     ? &c->name
                           : tag == TAG_CATALOG_SCHEMA ? &c->schema
                           : tag == TAG_CATALOG_KIND   ? &c->kind
                           : tag == TAG_CATALOG_KEY    ? &c->key
                           : tag == TAG_CATALOG_VALUE  ? &c->value
                                                       : NULL;
        if (to)
            *to = v;
        else if (tag == TAG_CATALOG_ACTION)
            c->action = (enum catalog_action)tlv_u32(v);
    }
    if (s != STATUS_END)
        return damaged(fault, "catalog");
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
    *w = (struct wait_request){0};
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_WAIT_CATALOG)
            w->catalog = v;
        else if (tag == TAG_WAIT_SEQUENCE)
            w->sequence = tlv_u64(v);
    }
    return s == STATUS_END ? STATUS_OK : damaged(fault, "wait");
}

void scan_request_encode(const struct scan_request *s, struct buf *out)
{
    tlv_put(out, TAG_SCAN_CATALOG, s->catalog);
    put_text(out, TAG_SCAN_FILTER, s->filter);
    tlv_put_u64(out, TAG_SCAN_FROM, s->from);
    tlv_put_u64(out, TAG_SCAN_LIMIT, s->limit);
}

enum status scan_request_decode(struct slice body, struct scan_request *q, struct fault *fault)
{
    *q = (struct scan_request){0};
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_SCAN_CATALOG)
            q->catalog = v;
        else if (tag == TAG_SCAN_FILTER)
            q->filter = v;
        else if (tag == TAG_SCAN_FROM)
            q->from = tlv_u64(v);
        else if (tag == TAG_SCAN_LIMIT)
            q->limit = tlv_u32(v);
    }
    return s == STATUS_END ? STATUS_OK : damaged(fault, "scan");
}
