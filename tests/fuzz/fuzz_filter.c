/* Any bytes as a filter over an empty catalog with a field of every kind that filters know. */
#include "index/filter.h"
#include "index/index.h"

#include <stdlib.h>

static struct snapshot *open_snapshot(void)
{
    static const struct {
        const char *name;
        enum field_type type;
    } kinds[] = {{"brand", FIELD_KEYWORD},    {"price", FIELD_FLOAT},
                 {"stock", FIELD_INTEGER},    {"active", FIELD_BOOLEAN},
                 {"category", FIELD_PATH},    {"tags", FIELD_KEYWORD_LIST},
                 {"attrs", FIELD_ATTRIBUTES}, {"added", FIELD_TIMESTAMP}};
    static struct schema_spec spec;
    char dir[] = "/tmp/souk-fuzz-filter-XXXXXX";
    struct index_options o = {.map_bytes = (uint64_t)1 << 26};
    struct schema *schema = NULL;
    struct index *ix = NULL;
    struct snapshot *snap = NULL;
    struct buf b = {0};
    bool stale;
    spec.version = 1;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        spec.fields[spec.field_count++] = (struct field_spec){
            .name = slice_str(kinds[i].name), .type = kinds[i].type, .flags = FIELD_FILTER};
    schema_spec_encode(&spec, &b);
    if (!mkdtemp(dir) || schema_decode(buf_slice(&b), &schema, NULL) ||
        index_create(dir, schema, &o, NULL) || index_open(dir, &o, &ix, &stale, NULL) ||
        snapshot_create(ix, &snap) || snapshot_begin(snap))
        abort();
    schema_destroy(&schema);
    buf_fini(&b);
    return snap;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct snapshot *snap;
    struct arena arena;
    struct filter *f;
    struct fault fault = {0};
    if (!snap)
        snap = open_snapshot();
    arena_init(&arena, 0);
    enum status s = filter_parse(slice_make(data, size), snap, &arena, &f, &fault);
    if (s == STATUS_OK)
        filter_match(f, 0);
    else if (s != STATUS_NO_MEMORY && (fault.column == 0 || fault.column > size + 1))
        abort();
    arena_fini(&arena);
    return 0;
}
