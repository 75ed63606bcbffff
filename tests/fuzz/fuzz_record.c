/* A PUT on its way into the index: checked at the edge, as a record of the log, taken apart by the
 * schema. What the edge lets through must be read by all behind it. */
#include <stdlib.h>

#include "index/product.h"
#include "server/log_record.h"
#include "server/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema *one_of_each(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    struct schema_spec *spec = calloc(1, sizeof *spec);
    struct schema *schema = NULL;
    struct buf b = BUF_INIT;
    for (uint32_t t = FIELD_TEXT; spec && t <= FIELD_ATTRIBUTES; t++)
        spec->fields[spec->field_count++] = (struct field_spec){.name = slice_str(names[t % 10]),
                                                                .type = (enum field_type)t,
                                                                .flags = FIELD_STORED,
                                                                .weight = 1};
    if (spec)
        schema_spec_encode(spec, &b);
    if (schema_decode(buf_slice(&b), &schema, NULL))
        abort();
    buf_fini(&b);
    free(spec);
    return schema;
}

static void edge(const struct schema *schema, const struct put_request *p, struct arena *a)
{
    static struct product parsed;
    struct buf out = BUF_INIT;
    struct fault fault;
    uint32_t *ids = arena_alloc(a, (p->name_count + 1) * sizeof *ids);
    if (!ids)
        return;
    validate_names(schema, p->names, p->name_count, ids);
    for (uint32_t i = 0; i < p->item_count; i++) {
        buf_clear(&out);
        fault = (struct fault){0};
        if (validate_item(schema, p, ids, &p->items[i], &out, &fault) == STATUS_OK &&
            product_parse(schema, buf_slice(&out), &parsed))
            abort();
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct schema *schema;
    struct slice all = slice_make(data, size);
    struct put_request p;
    struct log_changes changes;
    struct log_setting setting;
    struct arena a;
    if (!schema)
        schema = one_of_each();
    arena_init(&a, 64u << 20);
    if (put_request_decode(all, &a, &p, NULL) == STATUS_OK)
        edge(schema, &p, &a);
    arena_reset(&a);
    log_changes_decode(all, &a, &changes);
    log_setting_decode(all, &setting);
    arena_fini(&a);
    return 0;
}
