/* What the edge lets through the index takes: an item refused after its ack would be lost. Random
 * products with borders and damage of every kind go through both. */
#include "server/validate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/index.h"

enum { PRODUCTS = 4000, EACH = 200, LONG = 70000 };

static unsigned seed = 51;
static char filler[LONG];

static unsigned below(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static struct schema *make_schema(void)
{
    struct schema_spec *spec = calloc(1, sizeof *spec);
    struct buf bytes = BUF_INIT;
    struct schema *s = NULL;
    spec->field_count = FIELD_TYPE_COUNT;
    for (int i = 0; i < FIELD_TYPE_COUNT; i++) {
        enum field_type t = (enum field_type)i;
        bool words =
            t != FIELD_INTEGER && t != FIELD_FLOAT && t != FIELD_BOOLEAN && t != FIELD_TIMESTAMP;
        spec->fields[i] = (struct field_spec){
            .name = slice_str(field_type_name(t)),
            .type = t,
            .flags = (uint8_t)(FIELD_STORED | (words ? FIELD_SEARCHABLE : 0) |
                               (t == FIELD_TEXT ? 0 : FIELD_FILTER | FIELD_FACET))};
    }
    schema_spec_encode(spec, &bytes);
    assert_int_equal(schema_decode(buf_slice(&bytes), &s, NULL), STATUS_OK);
    buf_fini(&bytes);
    free(spec);
    return s;
}

static struct slice text(void)
{
    static const char *const texts[] = {
        "red shoe", "",          "\xff\xfe",     "caf\xc3\xa9 55in",
        "a\xc3",    "x > y > z", "\xed\xa0\x80", "1,000 4.5 m\x01s"};
    if (!below(30))
        return SLICE_LIT("a\x1f"
                         "b");
    static const unsigned lengths[] = {254, 255, 256, 300, 495, 4095, 4096, 4097, 65535, LONG};
    if (below(8))
        return slice_str(texts[below(8)]);
    return slice_make(filler, lengths[below(10)]);
}

static void put_value_of(struct buf *b, enum value_type type, bool inside)
{
    unsigned n = below(5) ? below(4) : 60 + below(10);
    switch (type) {
    case VALUE_NULL:
        value_put_null(b);
        break;
    case VALUE_INT:
        value_put_int(b, below(2) ? (int64_t)below(1000) : INT64_MIN + (int64_t)below(3));
        break;
    case VALUE_FLOAT: {
        static const double numbers[] = {0.5, NAN, INFINITY, -0.0, 1e300, 3, 9.1e15, 1e-310};
        value_put_float(b, numbers[below(8)]);
        break;
    }
    case VALUE_TEXT:
        value_put_text(b, text());
        break;
    case VALUE_LIST:
        value_put_list(b, n);
        for (unsigned i = 0; i < n; i++)
            wire_put_bytes(b, text());
        break;
    case VALUE_PAIRS:
        n = inside ? 0 : below(4);
        value_put_pairs(b, n);
        for (unsigned i = 0; i < n; i++) {
            wire_put_bytes(b, text());
            put_value_of(b, (enum value_type)below(VALUE_PAIRS + 1), true);
        }
        break;
    default:
        value_put_bool(b, type == VALUE_TRUE);
    }
}

/* Types that suit the field most of the time. */
static enum value_type type_for(enum field_type t)
{
    static const enum value_type suits[FIELD_TYPE_COUNT] = {VALUE_TEXT,  VALUE_TEXT, VALUE_INT,
                                                            VALUE_FLOAT, VALUE_TRUE, VALUE_INT,
                                                            VALUE_LIST,  VALUE_LIST, VALUE_PAIRS};
    return below(10) ? suits[t] : (enum value_type)below(VALUE_PAIRS + 1);
}

static void make_document(struct buf *b, unsigned number)
{
    static const unsigned lengths[] = {1, 20, 254, 255, 256, 300, 495, 496};
    char id[600];
    uint32_t fields = 0;
    struct buf body = BUF_INIT;
    unsigned len = lengths[below(3) ? 1 : below(8)];
    memset(id, 'i', sizeof id);
    for (unsigned i = 0; i < 8 && i < len; i++, number /= 10)
        id[i] = (char)('0' + number % 10);
    for (uint32_t i = 0; i < FIELD_TYPE_COUNT; i++)
        if (below(3)) {
            fields++;
            wire_put_varint(&body, i);
            put_value_of(&body, type_for((enum field_type)i), false);
        }
    document_put_header(b, slice_make(id, len), fields);
    buf_put_slice(b, buf_slice(&body));
    buf_fini(&body);
}

static void what_passes_the_edge_is_taken_by_the_index(void **state)
{
    (void)state;
    char dir[] = "/tmp/souk-validate-XXXXXX", command[64];
    struct schema *schema = make_schema();
    struct index *ix;
    struct batch *b = NULL;
    struct buf in = BUF_INIT, out = BUF_INIT;
    struct slice names[FIELD_TYPE_COUNT];
    uint32_t ids[FIELD_TYPE_COUNT], passed = 0;
    struct fault fault = {0};
    bool stale;
    memset(filler, 'f', sizeof filler);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(index_create(dir, schema, NULL, &fault), STATUS_OK);
    assert_int_equal(index_open(dir, NULL, &ix, &stale, &fault), STATUS_OK);
    for (int i = 0; i < FIELD_TYPE_COUNT; i++)
        names[i] = slice_str(field_type_name((enum field_type)i));
    struct put_request p = {.names = names, .name_count = FIELD_TYPE_COUNT};
    validate_names(schema, names, FIELD_TYPE_COUNT, ids);
    for (unsigned i = 0; i < PRODUCTS; i++) {
        struct change c = {.validated_ms = 1, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1};
        if (!b)
            assert_int_equal(batch_begin(ix, &b), STATUS_OK);
        buf_clear(&in);
        buf_clear(&out);
        make_document(&in, i);
        struct put_item item = {.op = PUT_UPSERT, .document = buf_slice(&in)};
        fault = (struct fault){0};
        if (validate_item(schema, &p, ids, &item, &out, &fault) == STATUS_OK) {
            assert_int_equal(batch_upsert(b, buf_slice(&out), &c), STATUS_OK);
            passed++;
        } else {
            assert_int_not_equal(fault.status, STATUS_OK);
        }
        if (i % EACH == EACH - 1)
            assert_int_equal(batch_commit(&b, i), STATUS_OK);
    }
    assert_true(passed > PRODUCTS / 20 && passed < PRODUCTS);
    if (index_check(ix, &fault))
        fail_msg("%s", fault.text);
    index_close(&ix);
    schema_destroy(&schema);
    buf_fini(&in);
    buf_fini(&out);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void a_path_is_its_nodes_however_written(void **state)
{
    (void)state;
    static const char *const ways[][4] = {{"Shoes", "Running", "Trail"},
                                          {"Shoes > Running > Trail"},
                                          {"Shoes > Running", "", "Trail"}};
    struct schema *schema = make_schema();
    struct slice name = SLICE_LIT("path");
    struct put_request p = {.names = &name, .name_count = 1};
    struct buf in = BUF_INIT, out = BUF_INIT, want = BUF_INIT;
    struct fault fault = {0};
    uint32_t id, depth = 70;
    validate_names(schema, &name, 1, &id);
    document_put_header(&want, SLICE_LIT("a"), 1);
    wire_put_varint(&want, id);
    value_put_list(&want, 3);
    for (int i = 0; i < 3; i++)
        wire_put_bytes(&want, slice_str(ways[0][i]));
    for (int w = 0; w < 4; w++) {
        uint32_t count = 0;
        buf_clear(&in);
        buf_clear(&out);
        document_put_header(&in, SLICE_LIT("a"), 1);
        wire_put_varint(&in, 0);
        while (w < 3 && count < 4 && ways[w][count])
            count++;
        if (w == 3)
            value_put_text(&in, slice_str(ways[1][0]));
        else
            value_put_list(&in, count);
        for (uint32_t i = 0; i < count; i++)
            wire_put_bytes(&in, slice_str(ways[w][i]));
        struct put_item item = {.op = PUT_UPSERT, .document = buf_slice(&in)};
        assert_int_equal(validate_item(schema, &p, &id, &item, &out, &fault), STATUS_OK);
        assert_int_equal(out.len, want.len);
        assert_memory_equal(out.ptr, want.ptr, want.len);
    }
    buf_clear(&in);
    document_put_header(&in, SLICE_LIT("a"), 1);
    wire_put_varint(&in, 0);
    buf_clear(&want);
    while (depth--)
        buf_printf(&want, "n > ");
    value_put_text(&in, buf_slice(&want));
    struct put_item item = {.op = PUT_UPSERT, .document = buf_slice(&in)};
    assert_int_equal(validate_item(schema, &p, &id, &item, &out, &fault), STATUS_TOO_LARGE);
    schema_destroy(&schema);
    buf_fini(&in);
    buf_fini(&out);
    buf_fini(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_its_nodes_however_written),
        cmocka_unit_test(what_passes_the_edge_is_taken_by_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
