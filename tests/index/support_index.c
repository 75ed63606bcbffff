#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/schema_spec.h"

struct schema *shop_schema(void)
{
    static const struct {
        const char *name;
        enum field_type type;
        uint8_t flags, weight_class;
    } fields[SHOP_FIELDS] = {
        {"title", FIELD_TEXT, FIELD_SEARCHABLE | FIELD_STORED, 0},
        {"body", FIELD_TEXT, FIELD_SEARCHABLE | FIELD_STORED, 2},
        {"brand", FIELD_KEYWORD, FIELD_SEARCHABLE | FIELD_FILTER | FIELD_FACET | FIELD_STORED, 1},
        {"price", FIELD_FLOAT, FIELD_FILTER | FIELD_SORT | FIELD_STORED, 0},
        {"stock", FIELD_INTEGER, FIELD_FILTER | FIELD_STORED, 0},
        {"category", FIELD_PATH, FIELD_FILTER | FIELD_FACET | FIELD_STORED, 0},
        {"attrs", FIELD_ATTRIBUTES, FIELD_FILTER | FIELD_FACET | FIELD_STORED, 0},
        {"tags", FIELD_KEYWORD_LIST, FIELD_FILTER | FIELD_FACET | FIELD_STORED, 0},
        {"active", FIELD_BOOLEAN, FIELD_FILTER | FIELD_STORED, 0}};
    struct schema_spec *spec = calloc(1, sizeof *spec);
    struct buf b = BUF_INIT;
    struct schema *s = NULL;
    struct fault fault = {0};
    spec->version = 1;
    spec->field_count = SHOP_FIELDS;
    for (int i = 0; i < SHOP_FIELDS; i++)
        spec->fields[i] = (struct field_spec){.name = slice_str(fields[i].name),
                                              .type = fields[i].type,
                                              .flags = fields[i].flags,
                                              .weight = 1,
                                              .weight_class = fields[i].weight_class};
    schema_spec_encode(spec, &b);
    assert_int_equal(schema_decode(buf_slice(&b), &s, &fault), STATUS_OK);
    buf_fini(&b);
    free(spec);
    return s;
}

static void put_list(struct buf *b, const char *const items[4])
{
    uint32_t n = 0;
    while (n < 4 && items[n])
        n++;
    value_put_list(b, n);
    for (uint32_t i = 0; i < n; i++)
        wire_put_bytes(b, slice_str(items[i]));
}

static void put_attributes(struct buf *b, const struct shop_product *p)
{
    uint32_t n = (p->attr[0] != NULL) + (p->attr[2] != NULL) + (p->attr_number > 0);
    value_put_pairs(b, n);
    for (int i = 0; i < 4 && p->attr[i]; i += 2) {
        wire_put_bytes(b, slice_str(p->attr[i]));
        value_put_text(b, slice_str(p->attr[i + 1]));
    }
    if (p->attr_number > 0) {
        wire_put_bytes(b, SLICE_LIT("size"));
        value_put_int(b, p->attr_number);
    }
}

void shop_document(struct buf *out, const struct shop_product *p)
{
    const char *texts[3] = {p->title, p->body, p->brand};
    struct buf b = BUF_INIT;
    uint32_t n = 0;
    for (uint32_t i = 0; i < 3; i++)
        if (texts[i]) {
            n++;
            wire_put_varint(&b, i);
            value_put_text(&b, slice_str(texts[i]));
        }
    if (p->price >= 0 && ++n) {
        wire_put_varint(&b, SHOP_PRICE);
        value_put_float(&b, p->price);
    }
    if (p->stock >= 0 && ++n) {
        wire_put_varint(&b, SHOP_STOCK);
        value_put_int(&b, p->stock);
    }
    if (p->path[0] && ++n) {
        wire_put_varint(&b, SHOP_PATH);
        put_list(&b, p->path);
    }
    if ((p->attr[0] || p->attr_number > 0) && ++n) {
        wire_put_varint(&b, SHOP_ATTRS);
        put_attributes(&b, p);
    }
    if (p->tags[0] && ++n) {
        wire_put_varint(&b, SHOP_TAGS);
        put_list(&b, p->tags);
    }
    document_put_header(out, slice_str(p->id), n);
    buf_put_slice(out, buf_slice(&b));
    buf_fini(&b);
}

struct change shop_change(uint64_t version, int64_t validated_ms)
{
    return (struct change){version, validated_ms, -1, -1, -1, 0};
}

void shop_open(struct shop *s)
{
    shop_open_limited(s, 0);
}

void shop_open_limited(struct shop *s, uint64_t max_bytes)
{
    strcpy(s->dir, "/tmp/souk-index-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    struct schema *schema = shop_schema();
    struct fault fault = {0};
    schema->max_bytes = max_bytes;
    assert_int_equal(index_create(s->dir, schema, NULL, &fault), STATUS_OK);
    schema_destroy(&schema);
    s->ix = NULL;
    shop_reopen(s);
}

void shop_reopen(struct shop *s)
{
    struct fault fault = {0};
    bool stale = true;
    index_close(&s->ix);
    assert_int_equal(index_open(s->dir, NULL, &s->ix, &stale, &fault), STATUS_OK);
    assert_false(stale);
}

void shop_close(struct shop *s)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[128];
    index_close(&s->ix);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", s->dir, files[i]);
        unlink(path);
    }
    rmdir(s->dir);
}

static void put_value_text(struct buf *b, const struct value *v)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    struct slice path;
    struct value inner;
    switch (v->type) {
    case VALUE_TEXT:
        buf_put_slice(b, v->bytes);
        break;
    case VALUE_INT:
        buf_printf(b, "%lld", (long long)v->i);
        break;
    case VALUE_FLOAT:
        buf_printf(b, "%g", v->f);
        break;
    case VALUE_LIST:
        for (uint32_t i = 0; i < v->count; i++) {
            struct slice item = value_next_item(&r);
            buf_printf(b, "%.*s/", (int)item.len, item.ptr);
        }
        break;
    case VALUE_PAIRS:
        for (uint32_t i = 0; i < v->count; i++) {
            value_next_pair(&r, &path, &inner);
            buf_printf(b, "%.*s:", (int)path.len, path.ptr);
            put_value_text(b, &inner);
            buf_put_u8(b, ',');
        }
        break;
    default:
        buf_printf(b, "%d", v->type);
    }
}

void shop_text(struct snapshot *snap, const char *id, char *out, size_t cap)
{
    struct buf doc = BUF_INIT, text = BUF_INIT;
    struct document d;
    uint32_t docid, number;
    struct value v;
    out[0] = 0;
    enum status st = snapshot_find(snap, slice_str(id), &docid);
    if (st != STATUS_NOT_FOUND) {
        assert_int_equal(st, STATUS_OK);
        assert_int_equal(snapshot_product(snap, docid, NULL, &doc), STATUS_OK);
        assert_int_equal(document_begin(&d, buf_slice(&doc)), STATUS_OK);
        assert_true(slice_equal(d.id, slice_str(id)));
        while ((st = document_next(&d, &number, &v)) == STATUS_OK) {
            buf_printf(&text, "%u=", number);
            put_value_text(&text, &v);
            buf_put_u8(&text, ';');
        }
        assert_int_equal(st, STATUS_END);
        snprintf(out, cap, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    }
    buf_fini(&doc);
    buf_fini(&text);
}
