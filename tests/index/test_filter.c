/* The filter language at its borders: positions of errors, limits, hostile texts. What filters mean
 * is held against a walk in test_query.c. */
#include "index/filter.h"
#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static enum status parse(struct world *w, const char *text, struct fault *fault)
{
    struct filter *f;
    *fault = (struct fault){0};
    return filter_parse(slice_str(text), w->snap, &w->arena, &f, fault);
}

static void errors_carry_their_position(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        uint32_t column;
    } cases[] = {
        {"", STATUS_OK, 0},
        {"   ", STATUS_OK, 0},
        {"PRICE < 5", STATUS_UNKNOWN_FIELD, 1},
        {"price < 5 AND Not exists ( stock )", STATUS_OK, 0},
        {"price < ", STATUS_SYNTAX, 9},
        {"price", STATUS_SYNTAX, 6},
        {"price < 5 brand = Nike", STATUS_SYNTAX, 11},
        {"(price < 5", STATUS_SYNTAX, 11},
        {"brand = \"Nike", STATUS_SYNTAX, 14},
        {"brand in [Nike, Puma", STATUS_SYNTAX, 21},
        {"brand in []", STATUS_SYNTAX, 11},
        {"price 1..2", STATUS_OK, 0},
        {"price -1.5 .. 2", STATUS_OK, 0},
        {"price < 1e+21", STATUS_OK, 0},
        {"price -1.5E+2..1e+2", STATUS_OK, 0},
        {"price < 1+1", STATUS_SYNTAX, 10},
        {"price < 1e+", STATUS_SCHEMA_MISMATCH, 9}, /* what is wrong begins there */
        {"brand < Nike", STATUS_SCHEMA_MISMATCH, 9},
        {"price = cheap", STATUS_SCHEMA_MISMATCH, 9},
        {"price =  'cheap'", STATUS_SCHEMA_MISMATCH, 10},
        {"price in [1, cheap]", STATUS_SCHEMA_MISMATCH, 14},
        {"brand = x and title = x", STATUS_SCHEMA_MISMATCH, 15},
        {"exists(title)", STATUS_SCHEMA_MISMATCH, 8},
        {" `PRICE` < 5", STATUS_UNKNOWN_FIELD, 2},
        {"brand Nike", STATUS_SYNTAX, 7},
        {"price cheap", STATUS_SYNTAX, 7},
        {"price 5", STATUS_SYNTAX, 7},
        {"price 5..cheap", STATUS_SCHEMA_MISMATCH, 10},
        {"price 5..", STATUS_SYNTAX, 10},
        {"and", STATUS_UNKNOWN_FIELD, 1},
    };
    struct world *w = make_world(3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault fault;
        enum status s = parse(w, cases[i].text, &fault);
        if (s != cases[i].status || fault.column != cases[i].column)
            print_error("'%s' gives %s at %u: %s\n", cases[i].text, status_name(s), fault.column,
                        fault.text);
        assert_int_equal(s, cases[i].status);
        assert_int_equal(fault.column, cases[i].column);
    }
    close_world(w);
}

static enum status repeated(struct world *w, const char *before, const char *each, uint32_t times,
                            const char *after)
{
    struct buf b = {0};
    struct fault fault;
    buf_printf(&b, "%s", before);
    for (uint32_t i = 0; i < times; i++)
        buf_printf(&b, "%s", each);
    buf_printf(&b, "%s", after);
    buf_put_u8(&b, 0);
    assert_false(b.failed);
    enum status s = parse(w, b.ptr, &fault);
    buf_fini(&b);
    return s;
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    const char *more = " and price<5", *quoted = "\"some brand\",";
    assert_int_equal(repeated(w, "price<5", more, 49, ""), STATUS_OK);
    assert_int_equal(repeated(w, "price<5", more, 50, ""), STATUS_TOO_LARGE);
    assert_int_equal(repeated(w, "", "(", 199, "price<5"), STATUS_SYNTAX);
    assert_int_equal(repeated(w, "", "(", 100000, "price<5"), STATUS_TOO_DEEP);
    arena_reset(&w->arena);
    assert_int_equal(repeated(w, "brand in [", quoted, 4095, "Nike]"), STATUS_OK);
    assert_true(w->arena.used < 1 << 20); /* memory grows with the text, not with its square */
    assert_int_equal(repeated(w, "brand in [", quoted, 4096, "Nike]"), STATUS_TOO_LARGE);
    assert_int_equal(repeated(w, "price in [", "5,", 4096, "5]"), STATUS_TOO_LARGE);
    close_world(w);
}

/* What sub-queries have in common is read once, and means what it means by itself. */
static void known_terms_mean_what_they_mean_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "price = 1 and brand = Nike",
        "price = 1 .. 5 and brand = Nike", /* begins like a term that is known */
        "price = 15 and brand = Nikeland",
        "brand = Nike or price = 1",
        "price = 1 and (brand = Nike or price < 50) and not stock = 3",
        "not stock = 3 AND brand = Nike",
        "brand = \"Nike\" and price < 50",
        "(brand = Nike or price < 50) or brand = Nike and price = 1",
        "price = 1",
        "brand = Nike and price < ",
        "price = 1 brand = Nike",
    };
    struct world *w = make_world(3);
    struct filter_term *known = NULL;
    for (uint32_t i = 0; i < 400; i++) {
        const char *text = texts[roll(&w->seed, sizeof texts / sizeof texts[0])];
        struct filter *alone, *together;
        struct fault a = {0}, b = {0};
        enum status s = filter_parse(slice_str(text), w->snap, &w->arena, &alone, &a);
        assert_int_equal(
            filter_parse_known(slice_str(text), w->snap, &w->arena, &known, &together, &b), s);
        assert_string_equal(a.text, b.text);
        for (uint32_t d = 0; !s && d < PRODUCTS; d++)
            assert_int_equal(filter_match(alone, d), filter_match(together, d));
    }
    uint32_t count = 0;
    for (const struct filter_term *k = known; k; k = k->next)
        count++;
    assert_in_range(count, 6, 10); /* each is kept once */
    close_world(w);
}

static void known_terms_count_against_the_limits(void **state)
{
    (void)state;
    struct world *w = make_world(3);
    struct filter_term *known = NULL;
    struct filter *f;
    struct fault fault = {0};
    struct buf b = {0};
    buf_printf(&b, "price<5");
    for (int i = 0; i < 50; i++)
        buf_printf(&b, " and price<5");
    struct slice one = SLICE_LIT("price<5"), many = slice_make(b.ptr, b.len);
    assert_int_equal(filter_parse_known(one, w->snap, &w->arena, &known, &f, &fault), STATUS_OK);
    assert_non_null(known);
    assert_int_equal(filter_parse_known(many, w->snap, &w->arena, &known, &f, &fault),
                     STATUS_TOO_LARGE);
    buf_fini(&b);
    close_world(w);
}

/* Pieces of the language in any order: an error or a filter that can be asked. */
static void salad_is_harmless(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "price", "brand",  "tags", "category", "stock", "and", "or",   "not",    "in",  "under",
        "(",     ")",      "[",    "]",        ",",     "..",  "<",    "<=",     "!=",  "=",
        "5",     "-1.5e3", "Nike", "\"a\\\"b", "'x'",   "`",   "1..2", "exists", "nan", "\xc3\xa4"};
    struct world *w = make_world(3);
    for (int i = 0; i < 20000; i++) {
        char text[256] = "";
        struct fault fault;
        struct filter *f;
        for (uint32_t n = 1 + roll(&w->seed, 10); n; n--)
            strcat(strcat(text, roll(&w->seed, 4) ? " " : ""),
                   pieces[roll(&w->seed, sizeof pieces / sizeof pieces[0])]);
        enum status s = filter_parse(slice_str(text), w->snap, &w->arena, &f, &fault);
        if (s == STATUS_OK)
            filter_match(f, roll(&w->seed, PRODUCTS));
        else
            assert_true(fault.column >= 1 && fault.column <= strlen(text) + 1);
        if (i % 100 == 0)
            arena_reset(&w->arena);
    }
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_carry_their_position),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(known_terms_mean_what_they_mean_alone),
        cmocka_unit_test(known_terms_count_against_the_limits),
        cmocka_unit_test(salad_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
