#include "index/facet.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

struct range {
    struct slice text;
    double from, to;
    uint64_t count;
};

struct facet_counter {
    const struct facet_request *request;
    uint32_t field_id;
    enum field_type type;
    struct slice path; /* of an attributes field: "key" and the separator */
    struct column *column;
    uint32_t *counts; /* by ordinal */
    uint32_t ordinals;
    struct range *ranges;
    uint32_t range_count;
    uint64_t with_value;
    double min, max, sum;
};

static bool bound_of(struct slice s, double empty, double *out)
{
    char text[64], *end;
    if (s.len == 0) {
        *out = empty;
        return true;
    }
    if (s.len >= sizeof text)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    *out = strtod(text, &end);
    return *end == '\0';
}

static enum status parse_ranges(struct facet_counter *c, struct slice text, struct arena *arena,
                                struct fault *fault)
{
    c->ranges = arena_calloc(arena, FACET_MAX_RANGES, sizeof *c->ranges);
    if (!c->ranges)
        return STATUS_NO_MEMORY;
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
        const char *dots = memmem(at, (size_t)(stop - at), "..", 2);
        if (c->range_count == FACET_MAX_RANGES)
            return fault_set(fault, STATUS_TOO_LARGE, "facet", "more than %d ranges",
                             FACET_MAX_RANGES);
        struct range *r = &c->ranges[c->range_count++];
        r->text = slice_make(at, (size_t)(stop - at));
        if (!dots || !bound_of(slice_make(at, (size_t)(dots - at)), -INFINITY, &r->from) ||
            !bound_of(slice_make(dots + 2, (size_t)(stop - dots - 2)), INFINITY, &r->to))
            return fault_set(fault, STATUS_SYNTAX, "facet", "a range is written LOW..HIGH: '%.*s'",
                             (int)r->text.len, r->text.ptr);
        at = stop + 1;
    }
    return STATUS_OK;
}

enum status facet_counter_create(const struct facet_request *r, struct snapshot *snap,
                                 struct arena *arena, struct facet_counter **out,
                                 struct fault *fault)
{
    struct facet_counter *c = arena_calloc(arena, 1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    const struct schema *schema = snapshot_schema(snap);
    const struct field *f = schema_find(schema, r->field);
    const char *dot = f || !r->field.len ? NULL : memchr(r->field.ptr, '.', r->field.len);
    if (dot) {
        f = schema_find(schema, slice_make(r->field.ptr, (size_t)(dot - r->field.ptr)));
        f = f && f->type == FIELD_ATTRIBUTES ? f : NULL;
        c->path = arena_printf(arena, "%.*s\x1f",
                               (int)(r->field.len - (size_t)(dot + 1 - r->field.ptr)), dot + 1);
    }
    if (!f)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, "facet", "the schema has no field '%.*s'",
                         (int)r->field.len, r->field.ptr);
    c->request = r;
    c->field_id = f->id;
    c->type = f->type;
    c->column = snapshot_column(snap, f->id);
    c->min = INFINITY;
    c->max = -INFINITY;
    if (r->limit > FACET_MAX_LIMIT)
        return fault_set(fault, STATUS_TOO_LARGE, "facet", "at most %d values", FACET_MAX_LIMIT);
    if (!f->facet && !f->filter)
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "facet",
                         "field '%s' is not declared as a facet", f->name);
    bool numbers = f->type == FIELD_INTEGER || f->type == FIELD_FLOAT ||
                   f->type == FIELD_TIMESTAMP || f->type == FIELD_BOOLEAN;
    enum status s = r->kind == FACET_RANGES ? parse_ranges(c, r->ranges, arena, fault) : STATUS_OK;
    if (!s && !numbers) {
        c->ordinals = facet_value_count(snap, f->id) + 1;
        c->counts = arena_calloc(arena, c->ordinals, sizeof *c->counts);
        s = c->counts ? STATUS_OK : STATUS_NO_MEMORY;
    }
    *out = c;
    return s;
}

uint32_t facet_field(const struct facet_counter *c)
{
    return c->field_id;
}

static void count_number(struct facet_counter *c, double v)
{
    c->with_value++;
    c->sum += v;
    c->min = v < c->min ? v : c->min;
    c->max = v > c->max ? v : c->max;
    for (uint32_t i = 0; i < c->range_count; i++)
        c->ranges[i].count += v >= c->ranges[i].from && v < c->ranges[i].to;
}

void facet_count(struct facet_counter *c, uint32_t docid)
{
    const struct column_chunk *chunk;
    uint32_t i = docid % COLUMN_CHUNK, first;
    double v;
    if (!c->column || column_chunk(c->column, docid / COLUMN_CHUNK, &chunk) || i >= chunk->count)
        return;
    if (!c->counts) {
        if (column_chunk_float(chunk, i, &v))
            count_number(c, v);
        return;
    }
    if (chunk->kind == COLUMN_ORDINAL) {
        uint32_t o = column_chunk_ordinal(chunk, i);
        if (o && o < c->ordinals) {
            c->counts[o]++;
            c->with_value++;
        }
        return;
    }
    uint32_t n = column_chunk_list(chunk, i, &first);
    c->with_value += n != 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t o = column_chunk_item(chunk, first + k);
        if (o < c->ordinals)
            c->counts[o]++;
    }
}

/* One ordinal a product, of one width: the common case. */
static void count_ordinals(struct facet_counter *c, const struct column_chunk *chunk,
                           uint32_t first, const uint32_t *docids, uint32_t count)
{
    uint32_t none = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = docids[i] - first, o;
        if (chunk->width == 1)
            o = chunk->values[at];
        else
            o = column_chunk_ordinal(chunk, at);
        o = o < c->ordinals ? o : 0;
        c->counts[o]++;
        none += o == 0;
    }
    c->counts[0] = 0;
    c->with_value += count - none;
}

void facet_count_all(struct facet_counter *c, const uint32_t *docids, uint32_t count)
{
    for (uint32_t i = 0, end; i < count && c->column; i = end) {
        const struct column_chunk *chunk;
        uint32_t number = docids[i] / COLUMN_CHUNK, first = number * COLUMN_CHUNK;
        for (end = i + 1; end < count && docids[end] - first < COLUMN_CHUNK;)
            end++;
        if (column_chunk(c->column, number, &chunk))
            continue;
        if (c->counts && chunk->kind == COLUMN_ORDINAL && docids[end - 1] - first < chunk->count) {
            count_ordinals(c, chunk, first, docids + i, end - i);
            continue;
        }
        for (uint32_t k = i; k < end; k++)
            facet_count(c, docids[k]);
    }
}

/* --- the reply -------------------------------------------------------------------------------- */

struct entry {
    struct slice text;
    uint32_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : slice_compare(x->text, y->text);
}

/* True when some word of the value begins with the query, ASCII letters in any case. */
static bool value_asked(struct slice value, struct slice query)
{
    for (size_t i = 0; query.len <= value.len && i + query.len <= value.len; i++) {
        bool border =
            i == 0 || value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '-' || value.ptr[i - 1] == '/';
        if (border && strncasecmp(value.ptr + i, query.ptr, query.len) == 0)
            return true;
    }
    return false;
}

static void roll_up(struct facet_counter *c, struct snapshot *snap)
{
    for (uint32_t o = c->ordinals; o-- > 1;) { /* a parent is numbered before its children */
        uint32_t parent = c->counts[o] ? facet_value_parent(snap, c->field_id, o) : 0;
        if (parent && parent < o)
            c->counts[parent] += c->counts[o];
    }
}

static enum status finish_values(struct facet_counter *c, struct snapshot *snap,
                                 struct arena *arena, struct facet_result *out)
{
    uint32_t seen = 0, limit = c->request->limit ? c->request->limit : FACET_DEFAULT_LIMIT;
    if (c->type == FIELD_PATH)
        roll_up(c, snap);
    for (uint32_t o = 1; o < c->ordinals; o++)
        seen += c->counts[o] != 0;
    struct entry *entries = arena_alloc(arena, (seen + 1) * sizeof *entries);
    if (!entries)
        return STATUS_NO_MEMORY;
    uint32_t n = 0;
    for (uint32_t o = 1; o < c->ordinals; o++) {
        struct slice text;
        if (!c->counts[o] || facet_value_text(snap, c->field_id, o, &text))
            continue;
        if (c->path.len) {
            if (!slice_starts(text, c->path))
                continue;
            text = slice_make(text.ptr + c->path.len, text.len - c->path.len);
        }
        if (c->request->query.len && !value_asked(text, c->request->query))
            continue;
        entries[n++] = (struct entry){text, c->counts[o]};
    }
    qsort(entries, n, sizeof *entries, by_count);
    out->distinct = n;
    out->value_count = n < limit ? n : limit;
    out->values = arena_calloc(arena, out->value_count + 1, sizeof *out->values);
    if (!out->values)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < out->value_count; i++)
        out->values[i] = (struct facet_value){.value = entries[i].text, .count = entries[i].count};
    return STATUS_OK;
}

enum status facet_finish(struct facet_counter *c, struct snapshot *snap, struct arena *arena,
                         struct facet_result *out)
{
    *out = (struct facet_result){
        .field = c->request->field, .kind = c->request->kind, .count = c->with_value};
    if (c->counts)
        return finish_values(c, snap, arena, out);
    if (c->with_value) {
        out->min = c->min;
        out->max = c->max;
        out->sum = c->sum;
    }
    out->value_count = c->range_count;
    out->values = arena_calloc(arena, c->range_count + 1, sizeof *out->values);
    if (!out->values)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < c->range_count; i++)
        out->values[i] = (struct facet_value){.value = c->ranges[i].text,
                                              .count = c->ranges[i].count,
                                              .from = c->ranges[i].from,
                                              .to = c->ranges[i].to};
    return STATUS_OK;
}
