#include "index/facet_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
        struct facet_range *r = &c->ranges[c->range_count++];
        r->text = slice_make(at, (size_t)(stop - at));
        if (!dots || !bound_of(slice_make(at, (size_t)(dots - at)), -INFINITY, &r->from) ||
            !bound_of(slice_make(dots + 2, (size_t)(stop - dots - 2)), INFINITY, &r->to))
            return fault_set(fault, STATUS_SYNTAX, "facet", "a range is written LOW..HIGH: '%.*s'",
                             (int)r->text.len, r->text.ptr);
        if (!(r->from <= r->to))
            return fault_set(fault, STATUS_SYNTAX, "facet",
                             "a range does not go from more to less: '%.*s'", (int)r->text.len,
                             r->text.ptr);
        at = stop + 1;
    }
    return STATUS_OK;
}

static bool numeric(enum field_type t)
{
    return t == FIELD_INTEGER || t == FIELD_FLOAT || t == FIELD_TIMESTAMP || t == FIELD_BOOLEAN;
}

/* "brand" or "attrs.key": sets field and key. */
static enum status find_field(struct facet_counter *c, struct snapshot *snap, struct slice *key,
                              struct fault *fault)
{
    const struct schema *schema = snapshot_schema(snap);
    struct slice name = c->request->field;
    const struct field *f = schema_find(schema, name);
    const char *dot = f || !name.len ? NULL : memchr(name.ptr, '.', name.len);
    if (dot) {
        f = schema_find(schema, slice_make(name.ptr, (size_t)(dot - name.ptr)));
        f = f && f->type == FIELD_ATTRIBUTES ? f : NULL;
        c->keyed = true;
        *key = slice_make(dot + 1, name.len - (size_t)(dot + 1 - name.ptr));
    }
    if (!f)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, "facet", "the schema has no field '%.*s'",
                         (int)name.len, name.ptr);
    if (!f->facet && !f->filter)
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "facet",
                         "field '%s' is not declared as a facet", f->name);
    if (c->request->kind != FACET_VALUES && !numeric(f->type) && !c->keyed)
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "facet",
                         "field '%s' holds no numbers to make ranges or statistics of", f->name);
    if (f->type == FIELD_ATTRIBUTES && !c->keyed)
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "facet",
                         "field '%s' holds attributes: name one, as in %s.color", f->name, f->name);
    c->field_id = f->id;
    c->type = f->type;
    c->path = *key;
    return STATUS_OK;
}

static enum status prepare_counts(struct facet_counter *c, struct snapshot *snap, struct slice key,
                                  struct arena *arena)
{
    enum status st = STATUS_OK;
    if (numeric(c->type))
        return STATUS_OK;
    if (c->type == FIELD_PATH || c->keyed)
        st = value_index_get(snap, c->field_id, &c->values);
    if (st)
        return st;
    c->count_end = facet_value_count(snap, c->field_id) + 1;
    if (c->keyed) {
        c->key_number = value_index_key_number(c->values, key);
        c->key = value_index_key(c->values, key);
        c->count_end = c->key ? c->key->count : 0;
    }
    size_t bytes = ((size_t)c->count_end + 1) * sizeof *c->counts;
    c->counts = arena_alloc(arena, bytes);
    return c->counts ? pulse_zero(c->pulse, c->counts, bytes) : STATUS_NO_MEMORY;
}

enum status facet_counter_create(const struct facet_request *r, struct snapshot *snap,
                                 struct arena *arena, struct facet_counter **out,
                                 struct fault *fault)
{
    struct facet_counter *c = arena_calloc(arena, 1, sizeof *c);
    struct slice key = SLICE_NULL;
    if (!c)
        return STATUS_NO_MEMORY;
    c->request = r;
    c->arena = arena;
    c->pulse = snapshot_pulse(snap);
    c->min = INFINITY;
    c->max = -INFINITY;
    if (r->limit > FACET_MAX_LIMIT)
        return fault_set(fault, STATUS_TOO_LARGE, "facet", "at most %d values", FACET_MAX_LIMIT);
    enum status st = find_field(c, snap, &key, fault);
    if (!st)
        c->column = snapshot_column(snap, c->field_id);
    if (!st && r->kind == FACET_RANGES)
        st = parse_ranges(c, r->ranges, arena, fault);
    if (!st)
        st = prepare_counts(c, snap, key, arena);
    *out = c;
    return st;
}

enum status facet_counter_reset(struct facet_counter *c)
{
    for (uint32_t i = 0; i < c->range_count; i++)
        c->ranges[i].count = 0;
    c->with_value = 0;
    c->number_count = 0;
    c->short_of_memory = false;
    c->sum = 0;
    c->min = INFINITY;
    c->max = -INFINITY;
    if (c->more)
        memset(c->more, 0, (size_t)c->count_end * (FACET_TABLES - 1) * sizeof *c->more);
    enum status st = STATUS_OK;
    if (c->numbers)
        st = pulse_zero(c->pulse, c->numbers, c->number_cap * sizeof *c->numbers);
    if (!st && c->counts)
        st = pulse_zero(c->pulse, c->counts, ((size_t)c->count_end + 1) * sizeof *c->counts);
    return st;
}

uint32_t facet_field(const struct facet_counter *c)
{
    return c->field_id;
}

struct slice facet_attribute(const struct facet_counter *c)
{
    return c->path;
}

/* Numbers of an attribute: each value as often as products have it. */
static void note_attribute_numbers(struct facet_counter *c)
{
    uint64_t numbers = 0;
    for (uint32_t i = 0; i < c->count_end; i++) {
        double v = c->counts[i] ? c->values->numbers[c->key->ordinals[i]] : (double)NAN;
        if (isnan(v))
            continue;
        facet_note_number(c, v, c->counts[i]);
        numbers += c->counts[i];
    }
    c->with_value = numbers;
}

enum status facet_finish(struct facet_counter *c, struct snapshot *snap, struct folder *folder,
                         struct arena *arena, struct facet_result *out)
{
    if (c->counts)
        facet_count_end(c);
    if (c->counts && c->request->kind != FACET_VALUES)
        note_attribute_numbers(c);
    *out = (struct facet_result){
        .field = c->request->field, .kind = c->request->kind, .count = c->with_value};
    if (c->request->kind == FACET_VALUES)
        return facet_finish_values(c, snap, folder, arena, out);
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
