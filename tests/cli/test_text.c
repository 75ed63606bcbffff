/* JSON, inference, CSV and the arithmetic of eval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/infer.h"
#include "cli/metrics.h"
#include "cli/product.h"
#include "cli/records.h"

#include <math.h>
#include <stdlib.h>

static enum status parse(struct arena *a, const char *text, struct json **v, struct fault *f)
{
    *f = (struct fault){0};
    return json_parse(slice_str(text), 1, a, v, f);
}

static void json_refuses_what_is_not_json(void **state)
{
    static const char *const bad[] = {"",      "{",        "[1,]",        "{\"a\":1,}", "01",
                                      "1.",    "\"a",      "\"\\x\"",     "nul",        "{\"a\" 1}",
                                      "[1 2]", "\"\xff\"", "\"\\ud800\"", "1 2",        "{,}"};
    struct arena a;
    struct json *v;
    struct fault f;
    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_not_equal(parse(&a, bad[i], &v, &f), STATUS_OK);
    assert_int_equal(parse(&a, "{\n  \"a\": x}", &v, &f), STATUS_SYNTAX);
    assert_int_equal(f.line, 2);
    assert_int_equal(f.column, 8);
    char deep[80];
    memset(deep, '[', 40);
    memset(deep + 40, ']', 40);
    assert_int_equal(json_parse(slice_make(deep, 80), 1, &a, &v, &f), STATUS_TOO_DEEP);
    arena_fini(&a);
}

static void products_survive_the_round_trip(void **state)
{
    const char *text =
        "{\"id\":\"7\",\"title\":\"a \\\"b\\\" \\u00e4\\ud83d\\ude00\",\"price\":9.5,"
        "\"n\":-3,\"on\":true,\"c\":[\"x\",\"y\"],\"attrs\":{\"k\":1,\"d\":{\"e\":\"f\"}}}";
    const char *wanted =
        "{\"id\":\"7\",\"title\":\"a \\\"b\\\" \xc3\xa4\xf0\x9f\x98\x80\",\"price\":9.5,"
        "\"n\":-3,\"on\":true,\"c\":[\"x\",\"y\"],\"attrs\":{\"k\":1,\"d.e\":\"f\"}}";
    struct arena a;
    struct json *v;
    struct fault f;
    struct buf doc = BUF_INIT, out = BUF_INIT;
    static struct product_names names;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(parse(&a, text, &v, &f), STATUS_OK);
    product_names_init(&names, NULL, &a);
    assert_int_equal(product_encode(v, &names, false, &doc, &f), STATUS_OK);
    assert_int_equal(json_put_document(&out, buf_slice(&doc), names.names, names.count), STATUS_OK);
    assert_true(slice_equal(buf_slice(&out), slice_str(wanted)));
    buf_fini(&doc);
    buf_fini(&out);
    arena_fini(&a);
}

static void inference_widens(void **state)
{
    static const char *const lines[] = {
        "{\"id\":\"1\",\"title\":\"x\",\"a\":1,\"b\":1,\"c\":true,\"category\":[\"p\"],\"l\":["
        "\"q\"]}",
        "{\"id\":\"2\",\"a\":1.5,\"b\":\"x\",\"c\":false,\"o\":{\"k\":1},\"i\":4,\"image\":\"u\"}"};
    static const struct {
        const char *name;
        enum field_type type;
    } wanted[] = {{"title", FIELD_TEXT},   {"a", FIELD_FLOAT},       {"b", FIELD_KEYWORD},
                  {"c", FIELD_BOOLEAN},    {"category", FIELD_PATH}, {"l", FIELD_KEYWORD_LIST},
                  {"o", FIELD_ATTRIBUTES}, {"i", FIELD_INTEGER},     {"image", FIELD_KEYWORD}};
    static struct infer in;
    static struct schema_spec s;
    struct arena a;
    struct json *v;
    struct fault f;
    (void)state;
    arena_init(&a, 0);
    infer_init(&in);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(parse(&a, lines[i], &v, &f), STATUS_OK);
        assert_int_equal(infer_add(&in, v, &f), STATUS_OK);
    }
    infer_schema(&in, &s);
    assert_int_equal(s.field_count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        size_t k = 0;
        while (k < s.field_count && !slice_equal(s.fields[k].name, slice_str(wanted[i].name)))
            k++;
        assert_true(k < s.field_count);
        assert_int_equal(s.fields[k].type, wanted[i].type);
        if (wanted[i].name[0] == 't')
            assert_int_equal(s.fields[k].weight_class, 0);
    }
    infer_fini(&in);
    arena_fini(&a);
}

static void csv_cells(void **state)
{
    struct arena a;
    struct slice cells[CSV_COLUMNS];
    uint32_t n;
    struct fault f = {0};
    struct json v;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(csv_record(slice_str("a,\"b \"\"q\"\", c\",,d"), ',', &a, cells, &n, &f),
                     STATUS_OK);
    assert_int_equal(n, 4);
    assert_true(slice_equal(cells[1], slice_str("b \"q\", c")));
    assert_int_equal(cells[2].len, 0);
    assert_int_equal(csv_record(slice_str("a,\"b"), ',', &a, cells, &n, &f), STATUS_AGAIN);
    assert_int_equal(csv_record(slice_str("\"a\"b"), ',', &a, cells, &n, &f), STATUS_SYNTAX);
    assert_int_equal(f.column, 1); /* the cell, not the byte */
    assert_int_equal(csv_record(slice_str("one,two,\"a\"b"), ',', &a, cells, &n, &f),
                     STATUS_SYNTAX);
    assert_int_equal(f.column, 3);
    assert_int_equal(csv_record(slice_str("a,b;\"c;d\";e"), ';', &a, cells, &n, &f), STATUS_OK);
    assert_int_equal(n, 3);
    assert_int_equal(csv_separator(slice_str("id;title;\"a,b,c,d\"")), ';');
    assert_int_equal(csv_separator(slice_str("id\ttitle")), '\t');
    assert_int_equal(csv_separator(slice_str("id")), ',');
    csv_value(slice_str("12"), &v);
    assert_int_equal(v.type, JSON_INT);
    csv_value(slice_str("007"), &v);
    assert_int_equal(v.type, JSON_TEXT);
    arena_fini(&a);
}

/* Whether a record goes on is known from each line alone: a quote that is never closed costs one
 * look at what follows. */
static void csv_records_of_several_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum csv_place before, behind;
    } cases[] = {
        {"a,b", CSV_CELL, CSV_PLAIN},         {"a,", CSV_CELL, CSV_CELL},
        {"a,\"b", CSV_CELL, CSV_QUOTED},      {"still", CSV_QUOTED, CSV_QUOTED},
        {"x\"\"y", CSV_QUOTED, CSV_QUOTED},   {"x\",5\"", CSV_QUOTED, CSV_PLAIN},
        {"x\"", CSV_QUOTED, CSV_CLOSED},      {"", CSV_QUOTED, CSV_QUOTED},
        {"a\"b,\"c\"", CSV_CELL, CSV_CLOSED}, {"\"a\"b,\"c", CSV_CELL, CSV_BROKEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(csv_pass(cases[i].before, slice_str(cases[i].line), ','), cases[i].behind);
}

static void grades(void **state)
{
    const int judged[] = {3, 2, 0}, best[] = {3, 2, 0};
    const int gap[] = {METRICS_UNJUDGED, 3, 2}, none[] = {0, 0};
    struct metrics m;
    (void)state;
    assert_false(metrics_of(best, 3, none, 2, &m));
    assert_true(metrics_of(best, 3, judged, 3, &m));
    assert_true(fabs(m.ndcg10 - 1) < 1e-12 && m.rr == 1 && m.recall100 == 1 && m.judged10 == 1);
    assert_true(metrics_of(gap, 3, judged, 3, &m));
    double wanted = (7 / log2(3) + 3 / log2(4)) / (7 + 3 / log2(3));
    assert_true(fabs(m.ndcg10 - wanted) < 1e-12 && fabs(m.ndcg10_judged - 1) < 1e-12);
    assert_true(m.rr == 0.5 && fabs(m.judged10 - 2.0 / 3) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_refuses_what_is_not_json),
        cmocka_unit_test(products_survive_the_round_trip),
        cmocka_unit_test(inference_widens),
        cmocka_unit_test(csv_cells),
        cmocka_unit_test(csv_records_of_several_lines),
        cmocka_unit_test(grades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
