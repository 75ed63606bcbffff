#include "server/fetch_answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/json_node.h"

/* Documents may have moved while they grew: their slices are made at the end. */
static void fix_documents(struct fetch_products *out)
{
    size_t at = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        struct mapped *m = &out->items[i];
        struct document d;
        m->document = slice_make(out->documents.ptr + at, m->document.len);
        at += m->document.len;
        if (document_begin(&d, m->document) == STATUS_OK)
            m->id = d.id;
    }
}

static enum status next_cursor(struct fetch_products *out, const struct provider *p,
                               struct fault *fault)
{
    const struct json_node *next = json_node_at(out->root, p->map.next);
    out->next = json_node_text(next);
    if (json_node_kind(next) == JSON_KIND_INT)
        out->next =
            slice_make(out->number, (size_t)snprintf(out->number, sizeof out->number, "%lld",
                                                     (long long)json_node_int(next)));
    return out->next.len
               ? STATUS_OK
               : fault_set(fault, STATUS_INVALID, "next", "where map.next points is no cursor");
}

static enum status map(struct fetch_products *out, const struct provider *p,
                       const struct schema *schema, enum call_what what, struct slice id,
                       struct fault *fault)
{
    bool one = what == CALL_ONE;
    const struct json_node *list = json_node_at(out->root, one ? p->map.product : p->map.items);
    if (!one && json_node_kind(list) != JSON_KIND_LIST)
        return fault_set(fault, STATUS_INVALID, "items", "where map.items points is no list");
    size_t count = one ? 1 : json_node_count(list);
    out->items = calloc(count + 1, sizeof *out->items);
    if (!out->items)
        return STATUS_NO_MEMORY;
    enum status st = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        enum status mine =
            mapping_product(p, schema, one ? list : json_node_item(list, i), one ? id : SLICE_NULL,
                            &out->documents, &out->items[out->count], fault);
        st = mine ? mine : st;
        out->bad += mine != STATUS_OK;
        out->count += mine == STATUS_OK;
    }
    fix_documents(out);
    if (what == CALL_FEED && next_cursor(out, p, fault))
        return STATUS_INVALID;
    return out->bad && !out->count ? st : STATUS_OK;
}

enum status fetch_answer_products(struct fetch_products *out, struct fetch_catalog *c,
                                  const struct provider *p, enum call_what what, struct slice id,
                                  struct slice body, struct fault *fault)
{
    struct catalog *catalog;
    enum status st = json_node_parse(body, PROVIDER_DEPTH, &out->root, fault);
    if (!st && (st = fetch_catalog_open(c, &catalog)) == STATUS_OK) {
        st = map(out, p, snapshot_schema(catalog->snapshot), what, id, fault);
        snapshot_end(catalog->snapshot);
    }
    return st;
}

void fetch_products_fini(struct fetch_products *p)
{
    json_node_destroy(&p->root);
    buf_fini(&p->documents);
    free(p->items);
    *p = (struct fetch_products){0};
}

void fetch_answer_windows(const struct provider *p, const struct fetch_http_answer *h,
                          int64_t sent_wall_ms, int64_t now_wall_ms, struct http_cache *out)
{
    http_cache_read(&h->cache, sent_wall_ms, now_wall_ms, out);
    out->ttl_ms = p->ttl_ms >= 0 ? p->ttl_ms : out->ttl_ms;
    out->swr_ms = p->swr_ms >= 0 ? p->swr_ms : out->swr_ms;
    out->sie_ms = p->sie_ms >= 0 ? p->sie_ms : out->sie_ms;
}
