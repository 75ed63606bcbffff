#include "server/withhold.h"

static bool wants(const struct withhold *w, uint32_t field)
{
    return !w->wanted || w->wanted[field / 64] >> field % 64 & 1;
}

static enum status take_own(struct withhold *w, const struct field_age *own, uint32_t count,
                            struct fault *fault)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct field *f = schema_find(w->schema, own[i].field);
        if (!f)
            return fault_set(
                fault, STATUS_UNKNOWN_FIELD, "max_age", "the catalog has no field %.*s",
                (int)(own[i].field.len < 64 ? own[i].field.len : 64), own[i].field.ptr);
        w->bounds[f->id] = own[i].max_age_ms;
    }
    return STATUS_OK;
}

enum status withhold_init(struct withhold *w, const struct schema *schema, const uint64_t *wanted,
                          const struct field_age *own, uint32_t own_count, struct arena *a,
                          struct fault *fault)
{
    bool any = own_count > 0;
    *w = (struct withhold){.schema = schema, .wanted = wanted, .least_ms = INT64_MAX};
    for (uint32_t i = 0; i < schema->field_count && !any; i++)
        any = schema->fields[i].max_age_ms > 0;
    if (!any)
        return STATUS_OK;
    w->bounds = arena_calloc(a, schema->field_count + 1, sizeof *w->bounds);
    w->names = arena_calloc(a, schema->field_count + 1, sizeof *w->names);
    if (!w->bounds || !w->names)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < schema->field_count; i++)
        w->bounds[i] = schema->fields[i].max_age_ms;
    enum status st = take_own(w, own, own_count, fault);
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (w->bounds[i] > 0 && w->bounds[i] < w->least_ms && wants(w, i))
            w->least_ms = w->bounds[i];
    return st;
}

const uint64_t *withhold_fields(struct withhold *w, uint64_t age_ms, int64_t *next_ms)
{
    int64_t age = age_ms < INT64_MAX ? (int64_t)age_ms : INT64_MAX;
    w->name_count = 0;
    if (age <= w->least_ms) {
        if (w->least_ms < INT64_MAX && w->least_ms + 1 < *next_ms)
            *next_ms = w->least_ms + 1;
        return w->wanted;
    }
    for (uint32_t i = 0; i < 4; i++)
        w->fields[i] = w->wanted ? w->wanted[i] : UINT64_MAX;
    for (uint32_t i = 0; i < w->schema->field_count; i++) {
        if (!w->bounds[i] || !wants(w, i))
            continue;
        if (age > w->bounds[i]) {
            w->fields[i / 64] &= ~(UINT64_C(1) << i % 64);
            w->names[w->name_count++] = slice_str(w->schema->fields[i].name);
        } else if (w->bounds[i] + 1 < *next_ms)
            *next_ms = w->bounds[i] + 1;
    }
    return w->fields;
}
