/* mapping: values find their type or are refused; a product of another id is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/document.h"
#include "server/mapping.h"

static struct schema *schema_new(void)
{
    static const struct {
        const char *name;
        enum field_type type;
    } fields[] = {{"title", FIELD_TEXT},    {"price", FIELD_FLOAT},   {"stock", FIELD_INTEGER},
                  {"sold", FIELD_BOOLEAN},  {"at", FIELD_TIMESTAMP},  {"tags", FIELD_KEYWORD_LIST},
                  {"category", FIELD_PATH}, {"brand", FIELD_KEYWORD}, {"more", FIELD_ATTRIBUTES}};
    static struct schema_spec spec;
    struct buf bytes = BUF_INIT;
    struct schema *s;
    spec = (struct schema_spec){.version = 1, .field_count = sizeof fields / sizeof *fields};
    for (uint32_t i = 0; i < spec.field_count; i++)
        spec.fields[i] = (struct field_spec){.name = slice_str(fields[i].name),
                                             .type = fields[i].type,
                                             .flags = FIELD_STORED,
                                             .weight = 1};
    schema_spec_encode(&spec, &bytes);
    assert_int_equal(schema_decode(buf_slice(&bytes), &s, NULL), STATUS_OK);
    buf_fini(&bytes);
    return s;
}

static enum status map(const char *definition, const char *json, const char *id, struct buf *out,
                       struct mapped *m, struct fault *fault)
{
    struct provider *p;
    struct json_node *root;
    struct schema *s = schema_new();
    assert_int_equal(provider_create(SLICE_LIT("x"), slice_str(definition), &p, NULL), STATUS_OK);
    assert_int_equal(json_node_parse(slice_str(json), 32, &root, NULL), STATUS_OK);
    enum status st = mapping_product(p, s, root, slice_str(id), out, m, fault);
    json_node_destroy(&root);
    provider_destroy(&p);
    schema_destroy(&s);
    return st;
}

#define PLAIN "{\"one\":\"http://h/{id}\"}"

/* The value of one field of what a JSON member becomes. */
static enum status field(const char *member, uint32_t wanted, struct value *v, struct buf *out)
{
    char json[256];
    struct mapped m;
    struct document d;
    uint32_t number;
    snprintf(json, sizeof json, "{\"id\":\"1\",%s}", member);
    enum status st = map(PLAIN, json, "1", out, &m, NULL);
    if (st)
        return st;
    assert_int_equal(document_begin(&d, m.document), STATUS_OK);
    while (document_next(&d, &number, v) == STATUS_OK)
        if (number == wanted)
            return STATUS_OK;
    return STATUS_NOT_FOUND;
}

static void values_find_their_type(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct value v;
    assert_int_equal(field("\"title\":\"a shoe\"", 0, &v, &out), STATUS_OK);
    assert_true(slice_equal(v.bytes, SLICE_LIT("a shoe")));
    assert_int_equal(field("\"price\":\"12.50\"", 1, &v, &out), STATUS_OK);
    assert_true(v.type == VALUE_FLOAT && v.f == 12.5);
    assert_int_equal(field("\"price\":12", 1, &v, &out), STATUS_OK);
    assert_true(v.type == VALUE_FLOAT && v.f == 12);
    assert_int_equal(field("\"stock\":\"7\"", 2, &v, &out), STATUS_OK);
    assert_true(v.type == VALUE_INT && v.i == 7);
    assert_int_equal(field("\"stock\":7.0", 2, &v, &out), STATUS_OK);
    assert_int_equal(field("\"sold\":1", 3, &v, &out), STATUS_OK);
    assert_int_equal(v.type, VALUE_TRUE);
    assert_int_equal(field("\"at\":\"1994-11-06T08:49:37Z\"", 4, &v, &out), STATUS_OK);
    assert_true(v.i == INT64_C(784111777000));
    assert_int_equal(field("\"tags\":\"x\"", 5, &v, &out), STATUS_OK);
    assert_true(v.type == VALUE_LIST && v.count == 1);
    assert_int_equal(field("\"category\":\"a > b > c\"", 6, &v, &out), STATUS_OK);
    assert_true(v.type == VALUE_LIST && v.count == 3);
    assert_int_equal(field("\"brand\":501", 7, &v, &out), STATUS_OK);
    assert_true(slice_equal(v.bytes, SLICE_LIT("501")));
    assert_int_equal(
        field("\"more\":{\"colour\":\"red\",\"sizes\":[\"S\",\"M\"],\"w\":3}", 8, &v, &out),
        STATUS_OK);
    assert_true(v.type == VALUE_PAIRS && v.count == 3);
    assert_int_equal(field("\"price\":null", 1, &v, &out), STATUS_NOT_FOUND);
    assert_int_equal(field("\"tags\":[38,[\"M\",null],true]", 5, &v, &out), STATUS_OK);
    assert_true(v.type == VALUE_LIST && v.count == 3);
    struct wire_reader r = wire_reader_of(v.bytes);
    assert_true(slice_equal(value_next_item(&r), SLICE_LIT("38")));
    assert_true(slice_equal(value_next_item(&r), SLICE_LIT("M")));
    assert_true(slice_equal(value_next_item(&r), SLICE_LIT("true")));
    assert_int_equal(field("\"tags\":5", 5, &v, &out), STATUS_OK);
    assert_true(v.type == VALUE_LIST && v.count == 1);
    buf_fini(&out);
}

/* The pairs of field 8 as "path=type;", an integer with its value. */
static const char *pairs_of(const char *more, char *text, size_t size)
{
    char member[256];
    struct buf out = BUF_INIT;
    struct value v, inner;
    struct slice path;
    size_t len = 0;
    snprintf(member, sizeof member, "\"more\":%s", more);
    assert_int_equal(field(member, 8, &v, &out), STATUS_OK);
    assert_int_equal(v.type, VALUE_PAIRS);
    struct wire_reader r = wire_reader_of(v.bytes);
    text[0] = 0;
    for (uint32_t i = 0; i < v.count; i++) {
        assert_int_equal(value_next_pair(&r, &path, &inner), STATUS_OK);
        len += (size_t)snprintf(text + len, size - len, "%.*s=%d;", (int)path.len, path.ptr,
                                inner.type == VALUE_INT ? (int)inner.i : -(int)inner.type);
    }
    buf_fini(&out);
    return text;
}

/* As souk import reads the same JSON. */
static void what_nests_becomes_attributes(void **state)
{
    (void)state;
    char t[256];
    assert_string_equal(pairs_of("{\"box\":{\"w\":5,\"in\":{\"h\":6}},\"n\":null}", t, sizeof t),
                        "box.w=5;box.in.h=6;");
    assert_string_equal(pairs_of("[{\"sku\":1,\"size\":10},{\"sku\":2,\"size\":20}]", t, sizeof t),
                        "sku=1;sku=2;size=10;size=20;");
    assert_string_equal(
        pairs_of("{\"d\":[{\"w\":1},{\"w\":2,\"x\":3}],\"l\":[\"a\",\"b\"]}", t, sizeof t),
        "d.w=1;d.w=2;d.x=3;l=-6;");
    assert_string_equal(pairs_of("{\"m\":[1,\"x\",2]}", t, sizeof t), "m=1;m=-5;m=2;");
    assert_string_equal(pairs_of("[]", t, sizeof t), "");
    assert_string_equal(pairs_of("{\"a\":{}}", t, sizeof t), "");
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"price\":\"cheap\"",  "\"price\":[1]",   "\"stock\":7.5",
        "\"sold\":\"yes\"",     "\"at\":\"soon\"", "\"tags\":[\"a\",{}]",
        "\"title\":{\"en\":1}", "\"more\":\"x\"",  "\"more\":[1,{\"a\":1}]"};
    struct buf out = BUF_INIT;
    struct value v;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        print_message("%s\n", members[i]);
        assert_int_equal(field(members[i], 99, &v, &out), STATUS_SCHEMA_MISMATCH);
    }
    buf_fini(&out);
}

static void pointers_lead_to_the_values(void **state)
{
    (void)state;
    static const char definition[] =
        "{\"one\":\"http://h/{id}\",\"map\":{\"id\":\"/sku\",\"version\":\"/rev\",\"deleted\":\"/"
        "gone\"},"
        "\"fields\":{\"title\":\"/names/0/text\",\"brand\":\"/a~1b\"}}";
    struct buf out = BUF_INIT;
    struct mapped m;
    assert_int_equal(
        map(definition,
            "{\"sku\":42,\"rev\":9,\"names\":[{\"text\":\"shoe\"}],\"a/b\":\"X\",\"price\":3}",
            "42", &out, &m, NULL),
        STATUS_OK);
    assert_true(slice_equal(m.id, SLICE_LIT("42")));
    assert_int_equal(m.version, 9);
    struct document d;
    assert_int_equal(document_begin(&d, m.document), STATUS_OK);
    assert_int_equal(d.field_count, 2); /* price is not among the fields */
    buf_clear(&out);
    assert_int_equal(
        map(definition, "{\"sku\":\"42\",\"gone\":true,\"names\":5}", "", &out, &m, NULL),
        STATUS_OK);
    assert_true(m.deleted);
    buf_fini(&out);
}

static void another_product_is_refused(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct mapped m;
    struct fault fault = {0};
    assert_int_equal(map(PLAIN, "{\"id\":\"2\",\"title\":\"x\"}", "1", &out, &m, &fault),
                     STATUS_INVALID);
    assert_int_equal(map(PLAIN, "{\"title\":\"x\"}", "1", &out, &m, &fault), STATUS_INVALID);
    assert_int_equal(map(PLAIN, "[]", "1", &out, &m, &fault), STATUS_INVALID);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

static void json_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {{"{\"a\":1,\"a\":2}", STATUS_INVALID},
                 {"{\"a\":\"\xff\"}", STATUS_INVALID},
                 {"{\"a\":1", STATUS_INVALID},
                 {"{\"a\":1} x", STATUS_INVALID},
                 {"<html>", STATUS_INVALID},
                 {"", STATUS_INVALID},
                 {"{\"a\":99999999999999999999}", STATUS_INVALID},
                 {"[[[[[[1]]]]]]", STATUS_TOO_DEEP},
                 {"[\"[[[[[[[[[[[[\\\"[[[[\"]", STATUS_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_node *root;
        print_message("%s\n", cases[i].text);
        assert_int_equal(json_node_parse(slice_str(cases[i].text), 5, &root, NULL),
                         cases[i].status);
        json_node_destroy(&root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_find_their_type),
        cmocka_unit_test(what_nests_becomes_attributes),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(pointers_lead_to_the_values),
        cmocka_unit_test(another_product_is_refused),
        cmocka_unit_test(json_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
