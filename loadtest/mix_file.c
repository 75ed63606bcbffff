#include "loadtest/mix_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "loadtest/ask.h"
#include "loadtest/json_in.h"
#include "protocol/suggest.h"

/* What is read just now; the first fault stays. */
struct reader {
    const struct mix_source *source;
    struct arena *arena;
    struct fault *fault;
    const char *folder_end; /* of the mix file's path, behind the last '/' */
    const char *path;
    char where[48]; /* "operations[1]" */
    enum status status;
};

static void wrong(struct reader *r, const char *member, const char *what)
{
    if (!r->status)
        r->status = fault_set(r->fault, STATUS_INVALID, member, "%s%s%s: %s", r->where,
                              member ? "." : "", member ? member : "", what);
}

static const char *text_of(struct reader *r, const struct json_value *o, const char *member,
                           const char *otherwise)
{
    const struct json_value *v = json_in_member(o, member);
    if (!v)
        return otherwise;
    if (!json_in_text(v)) {
        wrong(r, member, "must be a text");
        return otherwise;
    }
    return json_in_text(v);
}

static double number_of(struct reader *r, const struct json_value *o, const char *member,
                        double low, double high, double otherwise)
{
    const struct json_value *v = json_in_member(o, member);
    char what[64];
    if (!v)
        return otherwise;
    double n;
    if (json_in_number(v, &n) && n >= low && n <= high)
        return n;
    snprintf(what, sizeof what, "must be a number from %g to %g", low, high);
    wrong(r, member, what);
    return otherwise;
}

static bool flag_of(struct reader *r, const struct json_value *o, const char *member,
                    bool otherwise)
{
    const struct json_value *v = json_in_member(o, member);
    if (!v)
        return otherwise;
    bool flag = otherwise;
    if (!json_in_flag(v, &flag))
        wrong(r, member, "must be true or false");
    return flag;
}

/* One text or a list of them. */
static void each_text(struct reader *r, const struct json_value *o, const char *member,
                      struct ask *a,
                      enum status (*take)(struct ask *, struct slice, struct fault *))
{
    const struct json_value *v = json_in_member(o, member);
    size_t n = !v ? 0 : json_in_is_list(v) ? json_in_count(v) : 1;
    for (size_t i = 0; i < n && !r->status; i++) {
        const struct json_value *item = json_in_is_list(v) ? json_in_item(v, i) : v;
        if (!json_in_text(item)) {
            wrong(r, member, "must be a text or a list of texts");
            return;
        }
        struct fault f = {0};
        struct slice copy = arena_copy(r->arena, slice_str(json_in_text(item)));
        if (take(a, copy, &f))
            wrong(r, member, f.text);
    }
}

static void known_members(struct reader *r, const struct json_value *o, const char *const *names)
{
    const char *key;
    for (size_t i = 0; (key = json_in_name(o, i)); i++) {
        const char *const *n = names;
        while (*n && strcmp(*n, key) != 0)
            n++;
        if (!*n)
            wrong(r, key, "is no member of an operation");
    }
}

static const char *beside(struct reader *r, const char *file)
{
    if (file[0] == '/' || r->folder_end == r->path)
        return file;
    return arena_printf(r->arena, "%.*s%s", (int)(r->folder_end - r->path), r->path, file).ptr;
}

/* --- words and ids ---------------------------------------------------------------------------- */

static void read_words(struct reader *r, const struct json_value *o, struct mix_op *op)
{
    const char *file = text_of(r, o, "queries", NULL);
    struct fault f = {0};
    op->misspelt = number_of(r, o, "misspelt", 0, 1, 0);
    op->unseen = number_of(r, o, "unseen", 0, 1, 0);
    op->typing = flag_of(r, o, "typing", false);
    if (picker_parse(&op->query_pick, text_of(r, o, "pick", "weighted"), &f))
        wrong(r, "pick", f.text);
    if (file && !r->status && query_log_read(beside(r, file), r->arena, &op->queries, &f))
        wrong(r, "queries", f.text);
}

static bool add_id(struct reader *r, struct mix_op *op, uint32_t *cap, struct slice id)
{
    if (op->id_count == *cap) {
        uint32_t more = *cap ? *cap * 2 : 1024;
        struct slice *p = arena_alloc(r->arena, more * sizeof *p);
        if (!p)
            return false;
        if (op->id_count)
            memcpy(p, op->ids, op->id_count * sizeof *p);
        op->ids = p;
        *cap = more;
    }
    ((struct slice *)op->ids)[op->id_count] = arena_copy(r->arena, id);
    return op->ids[op->id_count++].ptr != NULL;
}

/* The first ids of the catalog, as the server tells them. */
static void scan_ids(struct reader *r, struct slice catalog, struct mix_op *op, uint32_t most)
{
    struct souk_reply reply;
    struct scan_reply part = {.more = true};
    struct scan_request q = {.catalog = catalog, .limit = 5000};
    uint32_t cap = 0;
    if (!r->source->server) {
        wrong(r, "ids", "is missing");
        return;
    }
    souk_reply_init(&reply);
    while (!r->status && part.more && op->id_count < most) {
        enum status s = souk_scan(r->source->server, &q, &reply, &part);
        if (s) {
            r->status = fault_set(r->fault, s, NULL, "%s: ids of the catalog: %s", r->where,
                                  reply.fault.text[0] ? reply.fault.text : status_text(s));
            break;
        }
        for (uint32_t i = 0; i < part.document_count && op->id_count < most; i++) {
            struct document d;
            if (!document_begin(&d, part.documents[i]) && !add_id(r, op, &cap, d.id))
                r->status = STATUS_NO_MEMORY;
        }
        q.from = part.from;
    }
    if (!op->id_count)
        wrong(r, "ids", "the catalog is empty");
    souk_reply_fini(&reply);
}

static void read_ids(struct reader *r, const struct json_value *o, struct slice catalog,
                     struct mix_op *op)
{
    const char *file = text_of(r, o, "ids", NULL);
    struct fault f = {0};
    struct slice text, line;
    uint32_t cap = 0;
    op->batch = (uint32_t)number_of(r, o, "batch", 1, 1000, 1);
    op->missing = number_of(r, o, "missing", 0, 1, 0);
    if (picker_parse(&op->id_pick, text_of(r, o, "pick", "uniform"), &f))
        wrong(r, "pick", f.text);
    if (r->status)
        return;
    if (!file) {
        scan_ids(r, catalog, op, (uint32_t)number_of(r, o, "id_count", 1, 5e6, 20000));
        return;
    }
    if (lines_read(beside(r, file), r->arena, &text, &f)) {
        wrong(r, "ids", f.text);
        return;
    }
    while (lines_next(&text, &line)) {
        const char *tab = line.len ? memchr(line.ptr, '\t', line.len) : NULL;
        line.len = tab ? (size_t)(tab - line.ptr) : line.len;
        if (line.len && !add_id(r, op, &cap, line))
            r->status = STATUS_NO_MEMORY;
    }
    if (!op->id_count)
        wrong(r, "ids", "the file is empty");
}

/* --- operations ------------------------------------------------------------------------------- */

static struct slice catalog_of(struct reader *r, const struct json_value *o,
                               const struct json_value *above)
{
    const char *name = text_of(r, o, "catalog", NULL);
    if (!name)
        name = r->source->catalog ? r->source->catalog : text_of(r, above, "catalog", NULL);
    if (!name)
        wrong(r, "catalog", "is missing, here and for the whole mix");
    return arena_copy(r->arena, slice_str(name ? name : ""));
}

static void read_search(struct reader *r, const struct json_value *o, struct ask *a)
{
    static const char *const matches[] = {"all", "any", "relaxed"};
    const char *match = text_of(r, o, "match", NULL);
    each_text(r, o, "facets", a, ask_facet);
    each_text(r, o, "sort", a, ask_sort);
    each_text(r, o, "filters", a, ask_filter);
    each_text(r, o, "return", a, ask_return);
    a->search.k = (uint32_t)number_of(r, o, "k", 0, 100000, 10);
    a->search.offset = (uint32_t)number_of(r, o, "offset", 0, 1e9, 0);
    a->search.count_to = (uint64_t)number_of(r, o, "count_to", 0, 1e15, 10000);
    a->search.prefix = flag_of(r, o, "prefix", true);
    a->search.typos = (uint32_t)number_of(r, o, "typos", 0, 15, SEARCH_TYPOS_AUTO);
    a->search.no_cache = r->source->no_cache || flag_of(r, o, "no_cache", false);
    a->search.profile = arena_copy(r->arena, slice_str(text_of(r, o, "profile", "")));
    int m = 0;
    while (match && m < 3 && strcmp(matches[m], match) != 0)
        m++;
    if (m == 3)
        wrong(r, "match", "is all, any or relaxed");
    else if (match)
        a->search.match = (enum search_match)m;
}

static void read_put(struct reader *r, const struct json_value *o, struct ask *a, struct mix_op *op)
{
    static const char *const acks[] = {"queued", "logged", "visible"};
    const char *ack = text_of(r, o, "ack", "logged");
    const struct json_value *patch = json_in_member(o, "patch");
    const char *field = json_in_name(patch, 0);
    const struct json_value *range = json_in_member(patch, field ? field : "");
    double low, high;
    if (json_in_count(patch) != 1 || json_in_count(range) != 2 ||
        !json_in_number(json_in_item(range, 0), &low) ||
        !json_in_number(json_in_item(range, 1), &high)) {
        wrong(r, "patch", "is one field and its range, {\"price\": [1, 100]}");
        return;
    }
    op->field = arena_copy(r->arena, slice_str(field));
    op->low = (int64_t)low;
    op->high = (int64_t)high;
    op->integer = flag_of(r, o, "integer", false);
    int i = 0;
    while (i < 3 && strcmp(acks[i], ack) != 0)
        i++;
    if (i == 3)
        wrong(r, "ack", "is queued, logged or visible");
    else
        a->ack = (enum put_ack)i;
}

static void read_parts(struct reader *r, const struct json_value *o, struct slice catalog,
                       struct mix_op *op)
{
    const struct json_value *list = json_in_member(o, "searches");
    size_t n = json_in_count(list);
    struct mix_op *parts = n && n <= 64 ? arena_calloc(r->arena, n, sizeof *parts) : NULL;
    if (!parts) {
        wrong(r, "searches", "is a list of 1 to 64 searches");
        return;
    }
    for (size_t i = 0; i < n && !r->status; i++) {
        struct ask a;
        ask_init(&a, MIX_SEARCH, catalog);
        read_search(r, json_in_item(list, i), &a);
        if (!r->status)
            r->status = ask_finish(&a, r->arena, &parts[i]);
    }
    op->parts = parts;
    op->part_count = (uint32_t)n;
}

static void read_op(struct reader *r, const struct json_value *o, const struct json_value *above,
                    struct mix_op *op)
{
    static const char *const members[] = {
        "name",     "op",       "weight",  "class",  "deadline_ms", "catalog", "queries",  "pick",
        "misspelt", "unseen",   "typing",  "facets", "sort",        "filters", "return",   "k",
        "offset",   "count_to", "prefix",  "typos",  "no_cache",    "profile", "match",    "ids",
        "id_count", "batch",    "missing", "patch",  "integer",     "ack",     "searches", NULL};
    const char *word = text_of(r, o, "op", "");
    const char *class = text_of(r, o, "class", "default");
    enum mix_kind kind = mix_kind_of(slice_str(word));
    struct ask a;
    known_members(r, o, members);
    if (kind == MIX_KIND_COUNT) {
        wrong(r, "op", "is search, get, suggest, multi_search, put or ping");
        return;
    }
    snprintf(op->name, sizeof op->name, "%s", text_of(r, o, "name", word));
    op->weight = number_of(r, o, "weight", 0, 1e9, 1);
    op->deadline_ms = (uint32_t)number_of(r, o, "deadline_ms", 0, 3600000, 0);
    if (!mix_class_of(slice_str(class), &op->frame_class))
        wrong(r, "class", "is critical, default, sheddable or background");
    struct slice catalog = kind == MIX_PING ? SLICE_NULL : catalog_of(r, o, above);
    ask_init(&a, kind, catalog);
    if (kind == MIX_SEARCH || kind == MIX_SUGGEST || kind == MIX_MULTI)
        read_words(r, o, op);
    if (kind == MIX_SEARCH)
        read_search(r, o, &a);
    if (kind == MIX_SUGGEST)
        a.search.k = (uint32_t)number_of(r, o, "k", 1, SUGGEST_LIMIT_MAX, SUGGEST_LIMIT_DEFAULT);
    if (kind == MIX_MULTI)
        read_parts(r, o, catalog, op);
    if (kind == MIX_GET)
        each_text(r, o, "return", &a, ask_return);
    if (kind == MIX_GET || kind == MIX_PUT)
        read_ids(r, o, catalog, op);
    if (kind == MIX_PUT)
        read_put(r, o, &a, op);
    if (!r->status)
        r->status = ask_finish(&a, r->arena, op);
}

enum status mix_file_read(const char *path, const struct mix_source *source, struct arena *a,
                          struct mix *out, struct fault *fault)
{
    struct reader r = {.source = source, .arena = a, .fault = fault, .path = path};
    struct slice text;
    const char *slash = strrchr(path, '/');
    r.folder_end = slash ? slash + 1 : path;
    enum status s = lines_read(path, a, &text, fault);
    if (s)
        return s;
    struct json_value *root;
    if ((s = json_in_parse(text, &root, fault)))
        return s;
    const struct json_value *list = json_in_member(root, "operations");
    size_t n = json_in_count(list);
    snprintf(r.where, sizeof r.where, "mix");
    if (!n || n > TALLY_OPS)
        wrong(&r, "operations", "is a list of 1 to 16 operations");
    for (size_t i = 0; i < n && !r.status; i++) {
        snprintf(r.where, sizeof r.where, "operations[%zu]", i);
        read_op(&r, json_in_item(list, i), root, &out->ops[out->op_count++]);
    }
    json_in_free(root);
    return r.status;
}
