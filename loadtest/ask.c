#include "loadtest/ask.h"

#include "protocol/suggest.h"

void ask_init(struct ask *a, enum mix_kind kind, struct slice catalog)
{
    memset(a, 0, sizeof *a);
    a->kind = kind;
    a->catalog = catalog;
    a->ack = ACK_LOGGED;
    search_request_init(&a->search);
}

static enum status full(struct fault *fault, const char *what)
{
    return fault_set(fault, STATUS_INVALID, what, "more than %d of %s", ASK_LIST_MAX, what);
}

/* Cuts at the first ':'; the rest is empty when there is none. */
static struct slice cut(struct slice text, struct slice *rest)
{
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    size_t n = colon ? (size_t)(colon - text.ptr) : text.len;
    *rest = colon ? slice_make(colon + 1, text.len - n - 1) : SLICE_NULL;
    return slice_make(text.ptr, n);
}

enum status ask_facet(struct ask *a, struct slice text, struct fault *fault)
{
    const struct slice ranges = SLICE_LIT("ranges=");
    struct slice how;
    if (a->search.facet_count == ASK_LIST_MAX)
        return full(fault, "facets");
    struct search_facet *f = &a->facets[a->search.facet_count++];
    f->field = cut(text, &how);
    if (slice_equal(how, SLICE_LIT("stats"))) {
        f->kind = 2;
    } else if (slice_starts(how, ranges)) {
        f->kind = 1;
        f->ranges = slice_make(how.ptr + ranges.len, how.len - ranges.len);
    } else {
        for (size_t i = 0; i < how.len; i++) {
            if (how.ptr[i] < '0' || how.ptr[i] > '9' || f->limit > 100000)
                return fault_set(fault, STATUS_INVALID, "facet",
                                 "'%.*s' is none of FIELD, FIELD:N, FIELD:stats, FIELD:ranges=...",
                                 (int)(text.len < 80 ? text.len : 80), text.ptr);
            f->limit = f->limit * 10 + (uint32_t)(how.ptr[i] - '0');
        }
    }
    return STATUS_OK;
}

enum status ask_sort(struct ask *a, struct slice text, struct fault *fault)
{
    struct slice how;
    if (a->search.sort_count == ASK_LIST_MAX)
        return full(fault, "sorts");
    struct search_sort *s = &a->sorts[a->search.sort_count++];
    s->field = cut(text, &how);
    s->descending = slice_equal(how, SLICE_LIT("desc"));
    if (!how.len || s->descending || slice_equal(how, SLICE_LIT("asc")))
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID, "sort", "a sort is FIELD, FIELD:asc or FIELD:desc");
}

enum status ask_filter(struct ask *a, struct slice text, struct fault *fault)
{
    if (a->filter_count == ASK_LIST_MAX)
        return full(fault, "filters");
    a->filters[a->filter_count++] = text;
    return STATUS_OK;
}

enum status ask_return(struct ask *a, struct slice text, struct fault *fault)
{
    while (text.len) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t n = comma ? (size_t)(comma - text.ptr) : text.len;
        if (a->return_count == ASK_LIST_MAX)
            return full(fault, "fields to return");
        if (n)
            a->returns[a->return_count++] = slice_make(text.ptr, n);
        n += comma != NULL;
        text = slice_make(text.ptr + n, text.len - n);
    }
    return STATUS_OK;
}

static void encode(const struct ask *a, const struct mix_op *op, struct buf *out)
{
    if (a->kind == MIX_GET) {
        struct get_request g = {
            .catalog = a->catalog, .returns = a->returns, .return_count = a->return_count};
        get_request_encode(&g, out);
    } else if (a->kind == MIX_PUT) {
        struct put_request p = {
            .catalog = a->catalog, .ack = a->ack, .names = &op->field, .name_count = 1};
        put_request_header(&p, out);
    } else if (a->kind == MIX_SUGGEST) {
        struct suggest_request q = {.catalog = a->catalog, .limit = a->search.k};
        suggest_request_encode(&q, out);
    } else if (a->kind == MIX_SEARCH) {
        struct search_request q = a->search;
        q.catalog = a->catalog;
        q.facets = a->facets;
        q.sorts = a->sorts;
        q.fields = a->fields;
        q.returns = a->returns;
        q.return_count = a->return_count;
        search_request_encode(&q, out);
    }
}

enum status ask_finish(const struct ask *a, struct arena *arena, struct mix_op *op)
{
    struct buf b = BUF_INIT;
    struct slice *filters = arena_alloc(arena, (a->filter_count + 1) * sizeof *filters);
    encode(a, op, &b);
    op->kind = a->kind;
    op->k = a->search.k;
    op->sorted = a->search.sort_count > 0;
    op->no_cache = a->search.no_cache;
    op->head = b.failed ? SLICE_NULL : arena_copy(arena, buf_slice(&b));
    buf_fini(&b);
    if (!filters || !op->head.ptr)
        return STATUS_NO_MEMORY;
    memcpy(filters, a->filters, a->filter_count * sizeof *filters);
    op->filters = filters;
    op->filter_count = a->filter_count;
    return STATUS_OK;
}
