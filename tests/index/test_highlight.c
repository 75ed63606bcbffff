#include "index/highlight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct analyser *a;

static int setup(void **state)
{
    (void)state;
    return analyser_create(&a);
}

static int teardown(void **state)
{
    (void)state;
    analyser_destroy(&a);
    return 0;
}

static const struct highlight_style style = {{"<b>", 3}, {"</b>", 4}, {"...", 3}};

static void check(const char *text, const struct highlight_term *terms, uint32_t count,
                  const char *want)
{
    struct buf out = BUF_INIT;
    uint32_t matched;
    assert_int_equal(highlight_field(a, slice_str(text), terms, count, &style, &out, &matched),
                     STATUS_OK);
    buf_put_u8(&out, 0);
    assert_string_equal(out.ptr, want);
    buf_fini(&out);
}

static void each_match_stands_between_the_tags(void **state)
{
    (void)state;
    static const struct {
        const char *text, *term;
        bool prefix;
        const char *want;
    } cases[] = {
        {"Red Shoes", "shoes", false, "Red <b>Shoes</b>"},
        {"Red Shoes", "sho", true, "Red <b>Shoes</b>"},
        {"Red Shoes", "sho", false, "Red Shoes"},
        {"cafe\xcc\x81 noir", "cafe", false, "<b>cafe\xcc\x81</b> noir"},
        {"ELF ハ\u3099イナリの rpath", "バイナリ", false, "ELF <b>ハ\u3099イナリ</b>の rpath"},
        {"\u110b\u1175\u1106\u1175\u110c\u1175 \u1110\u1173\u11af", "\uc774\ubbf8\uc9c0", false,
         "<b>\u110b\u1175\u1106\u1175\u110c\u1175</b> \u1110\u1173\u11af"},
        {"CAF\xc3\x89!", "cafe", false, "<b>CAF\xc3\x89</b>!"},
        {"a T-Shirt, red", "tshirt", false, "a <b>T-Shirt</b>, red"},
        {"TV 55\" <new>", "55in", false, "TV <b>55</b>\" <new>"},
        {"\xe0\xb8\xa0\xe0\xb8\xb2\xe0\xb8\xa9\xe0\xb8\xb2\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2",
         "\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2", false,
         "\xe0\xb8\xa0\xe0\xb8\xb2\xe0\xb8\xa9\xe0\xb8\xb2<b>\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8"
         "\xa2</b>"},
        {"", "x", true, ""},
        {"Red Shoes", "", true, "Red Shoes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct highlight_term t = {.term = slice_str(cases[i].term), .prefix = cases[i].prefix};
        check(cases[i].text, &t, 1, cases[i].want);
    }
}

static void thirty_words_are_given_whole_and_more_as_a_snippet(void **state)
{
    (void)state;
    char text[400] = "", want[400] = "";
    struct highlight_term t = {.term = SLICE_LIT("w10"), .prefix = false};
    for (int i = 0; i < 30; i++) {
        sprintf(text + strlen(text), "%sw%d", i ? " " : "", i);
        sprintf(want + strlen(want), i == 10 ? "%s<b>w%d</b>" : "%sw%d", i ? " " : "", i);
    }
    check(text, &t, 1, want);
    strcat(text, " w30");
    check(text, &t, 1, "...w6 w7 w8 w9 <b>w10</b> w11 w12 w13 w14...");
    t.term = SLICE_LIT("w1");
    check(text, &t, 1, "w0 <b>w1</b> w2 w3 w4 w5...");
    t.term = SLICE_LIT("w30");
    check(text, &t, 1, "...w26 w27 w28 w29 <b>w30</b>");
    t.term = SLICE_LIT("none");
    check(text, &t, 1, "w0 w1 w2 w3 w4 w5 w6 w7 w8...");
}

static void the_snippet_is_where_most_terms_are(void **state)
{
    (void)state;
    char text[600] = "red";
    for (int i = 0; i < 30; i++)
        sprintf(text + strlen(text), " x%d", i);
    strcat(text, " fine red shoes here");
    struct highlight_term t[] = {{.term = SLICE_LIT("red"), .prefix = false},
                                 {.term = SLICE_LIT("shoes"), .prefix = false}};
    check(text, t, 2, "...x27 x28 x29 fine <b>red</b> <b>shoes</b> here");
}

static void bad_text_is_refused_and_nothing_written(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    uint32_t matched;
    assert_int_equal(highlight_field(a, SLICE_LIT("a\xff"), NULL, 0, &style, &out, &matched),
                     STATUS_BAD_UTF8);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_match_stands_between_the_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(thirty_words_are_given_whole_and_more_as_a_snippet, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_snippet_is_where_most_terms_are, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_text_is_refused_and_nothing_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
