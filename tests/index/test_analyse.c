#include "index/analyse.h"

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

static void show(const struct token_list *l, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < l->count; i++)
        n +=
            (size_t)snprintf(out + n, cap - n, "%s%.*s@%u", i ? " " : "", (int)l->items[i].term.len,
                             l->items[i].term.ptr, l->items[i].position);
}

static void a_byte_of_zero_parts_words(void **state)
{
    (void)state;
    const struct {
        struct slice text;
        const char *want;
    } cases[] = {
        {SLICE_LIT("nul\0ab tail"), "nul@0 ab@1 tail@2"},
        {SLICE_LIT("\0ab\0"), "ab@0"},
        {SLICE_LIT("55\0in"), "55@0 55in@0 in@1"}, /* as with a blank */
        {SLICE_LIT("x\0caf\xc3\xa9\0x"), "x@0 cafe@1 x@2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct token_list *l;
        char got[256];
        assert_int_equal(analyser_run(a, cases[i].text, &l), STATUS_OK);
        show(l, got, sizeof got);
        assert_string_equal(got, cases[i].want);
        assert_int_equal(analyser_run_slow(a, cases[i].text, &l), STATUS_OK);
        show(l, got, sizeof got);
        assert_string_equal(got, cases[i].want);
    }
}

static void each_text_gives_its_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"Red Shoes", "red@0 shoes@1"},
        {"men's", "mens@0"},
        {"t-shirt", "t@0 shirt@1 tshirt@0"},
        {"XPS-15/9520", "xps@0 15@1 9520@2 xps159520@0"},
        {"4.5 mm", "4.5@0 4.5mm@0 mm@1"},
        {"1,000 pieces", "1000@0 pieces@1"},
        {"55in TV", "55in@0 55@0 tv@1"},
        {"55 inch TV", "55@0 55in@0 inch@1 tv@2"},
        {"55\" TV", "55@0 55in@0 tv@1"},
        {"8' pole", "8@0 8ft@0 pole@1"},
        {"4 ft. x 8 ft.", "4@0 4x8@0 4ft@0 ft@1 x@2 8@3 8ft@3 ft@4"},
        {"4'x8' sheet", "4@0 4x8@0 4ft@0 x8@1 sheet@2"},
        {"20 inch by 11", "20@0 20x11@0 20in@0 inch@1 by@2 11@3"},
        {"2 x 4 x 8", "2@0 2x4@0 2x4x8@0 x@1 4@2 4x8@2 x@3 8@4"},
        {"2x4", "2x4@0"},
        {"3/8 x 4", "3@0 8@1 38@0 x@2 4@3"},
        {"6 x 36.5", "6@0 x@1 36.5@2"},
        {"500 ml", "500@0 500ml@0 ml@1"},
        {"iPhone 13", "iphone@0 13@1"},
        {"caf\xc3\xa9", "cafe@0"},
        {"cafe\xcc\x81", "cafe@0"},
        {"K\xc3\xbchlschrank", "kuhlschrank@0"},
        {"Stra\xc3\x9f"
         "e",
         "strasse@0"},
        {"D\xc4\xb1\xc5\x9f", "dis@0"},
        {"\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
         "\xcf\x83\xce\xb9\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83@0"},
        {"\xd9\x83\xd8\xaa\xd8\xa7\xd8\xa8", "\xda\xa9\xd8\xaa\xd8\xa7\xd8\xa8@0"},
        {"\xc5\x92uf d'\xc3\xa6on", "oeuf@0 daeon@1"},
        {"ABC\xef\xbc\x91\xef\xbc\x92", "abc12@0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct token_list *l;
        char got[512];
        assert_int_equal(analyser_run(a, slice_str(cases[i].text), &l), STATUS_OK);
        show(l, got, sizeof got);
        assert_string_equal(got, cases[i].want);
    }
}

static void scripts_without_blanks_are_cut_by_dictionary(void **state)
{
    (void)state;
    const struct token_list *l;
    assert_int_equal(analyser_run(a,
                                  SLICE_LIT("\xe0\xb8\xa0\xe0\xb8\xb2\xe0\xb8\xa9\xe0\xb8\xb2\xe0"
                                            "\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2"),
                                  &l),
                     STATUS_OK);
    assert_int_equal(l->count, 2); /* "language" "Thai" */
    assert_int_equal(
        analyser_run(a, SLICE_LIT("\xe4\xb8\xad\xe5\x9b\xbd\xe4\xba\xba\xe6\xb0\x91"), &l),
        STATUS_OK);
    assert_true(l->count >= 1);
}

/* The property the fast path rests on. */
static void the_fast_path_equals_the_slow_one_on_ascii(void **state)
{
    (void)state;
    static const char letters[] = "aabbcXYZz0123 \t--//..,,''\"\"_+()&;:!?in ml";
    struct analyser *other;
    assert_int_equal(analyser_create(&other), STATUS_OK);
    srand(5);
    for (int round = 0; round < 20000; round++) {
        char text[48], fast[2048], slow[2048];
        int len = rand() % 40;
        for (int i = 0; i < len; i++)
            text[i] = letters[(size_t)rand() % (sizeof letters - 1)];
        const struct token_list *x, *y;
        assert_int_equal(analyser_run(a, slice_make(text, (size_t)len), &x), STATUS_OK);
        assert_int_equal(analyser_run_slow(other, slice_make(text, (size_t)len), &y), STATUS_OK);
        show(x, fast, sizeof fast);
        show(y, slow, sizeof slow);
        if (strcmp(fast, slow) != 0)
            print_message("text: [%.*s]\n", len, text);
        assert_string_equal(fast, slow);
        for (uint32_t i = 0; i < x->count; i++) {
            assert_int_equal(x->items[i].start, y->items[i].start);
            assert_int_equal(x->items[i].end, y->items[i].end);
        }
    }
    analyser_destroy(&other);
}

static void a_word_inside_a_han_compound_is_there_too(void **state)
{
    (void)state;
    /* however the dictionary cuts it, the pair inside must be found, with its own bytes */
    struct slice text = SLICE_LIT("x \xe5\x85\xb1\xe5\x92\x8c\xe5\x9b\xbd"); /* republic */
    const struct token_list *l;
    bool found = false;
    assert_int_equal(analyser_run(a, text, &l), STATUS_OK);
    for (uint32_t i = 0; i < l->count; i++)
        if (slice_equal(l->items[i].term, SLICE_LIT("\xe5\x85\xb1\xe5\x92\x8c"))) {
            assert_int_equal(l->items[i].start, 2);
            assert_int_equal(l->items[i].end, 8);
            found = true;
        }
    assert_true(found);
}

/* Words far beyond what is kept, in letters that take two units each in UTF-16. */
static void long_words_are_cut_between_letters(void **state)
{
    (void)state;
    char text[4 * 200 + 2] = "\xc3\xa9";
    const struct token_list *l;
    static const char deseret[4] = {'\xf0', '\x90', '\x90', '\xa8'};
    for (size_t i = 0; i < 199; i++)
        memcpy(text + 2 + 4 * i, deseret, sizeof deseret);
    assert_int_equal(analyser_run(a, slice_make(text, 2 + 4 * 199), &l), STATUS_OK);
    assert_int_equal(l->count, 1);
    assert_true(l->items[0].term.len <= ANALYSE_TERM_MAX);
    assert_int_equal(l->items[0].term.len % 4, 1); /* "e" and whole letters */
    memset(text, 'a', sizeof text);
    assert_int_equal(analyser_run(a, slice_make(text, sizeof text), &l), STATUS_OK);
    assert_int_equal(l->items[0].term.len, ANALYSE_TERM_MAX);
    assert_int_equal(l->items[0].end, sizeof text);
}

/* A number before a word of such a script is a word of its own. */
static void a_number_is_no_part_of_a_word_without_blanks(void **state)
{
    (void)state;
    const struct token_list *l;
    char got[256];
    assert_int_equal(analyser_run(a, slice_str("4. ~ 15ปีเด็กทารก"), &l), STATUS_OK);
    show(l, got, sizeof got);
    assert_string_equal(got, "4@0 15@1 ปี@2 เด็ก@3 ทารก@4");
}

/* Letters and marks apart, as some systems type and store them, are the same words; offsets are
 * those of the text as it came. */
static void decomposed_text_gives_the_same_words(void **state)
{
    (void)state;
    static const struct {
        const char *composed, *apart;
    } cases[] = {
        {"Caf\u00e9 cr\u00e8me", "Cafe\u0301 cre\u0300me"},
        {"\u30c7\u30b9\u30af\u30c8\u30c3\u30d7\u74b0\u5883",
         "\u30c6\u3099\u30b9\u30af\u30c8\u30c3\u30d5\u309a\u74b0\u5883"},
        {"\u30d0\u30a4\u30ca\u30ea\u306e rpath \u7de8\u96c6\u7528\u30c4\u30fc\u30eb",
         "\u30cf\u3099\u30a4\u30ca\u30ea\u306e rpath \u7de8\u96c6\u7528\u30c4\u30fc\u30eb"},
        {"Icinga\uc6a9 \uac04\ub2e8\ud558\uace0 \ube60\ub978",
         "Icinga\u110b\u116d\u11bc \u1100\u1161\u11ab\u1103\u1161\u11ab\u1112\u1161\u1100\u1169 "
         "\u1108\u1161\u1105\u1173\u11ab"},
        {"X11\uc5d0\uc11c \uc774\ubbf8\uc9c0",
         "X11\u110b\u1166\u1109\u1165 \u110b\u1175\u1106\u1175\u110c\u1175"},
        {"Ti\u1ebfng Vi\u1ec7t", "Tie\u0302\u0301ng Vie\u0323\u0302t"},
        {"\u0958\u09dc ABC", "\u0915\u093c\u09a1\u09bc ABC"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct token_list *l;
        char want[1024], got[1024];
        uint32_t ends[16], count;
        struct slice apart = slice_str(cases[i].apart);
        assert_int_equal(analyser_run(a, slice_str(cases[i].composed), &l), STATUS_OK);
        show(l, want, sizeof want);
        assert_int_equal(analyser_run(a, apart, &l), STATUS_OK);
        show(l, got, sizeof got);
        assert_string_equal(got, want);
        count = l->count;
        assert_in_range(count, 1, 16);
        for (uint32_t k = 0; k < count; k++)
            ends[k] = l->items[k].end;
        for (uint32_t k = 0; k < count; k++) { /* no word ends between a letter and its mark */
            struct slice rest = slice_make(apart.ptr + ends[k], apart.len - ends[k]);
            assert_int_equal(analyser_run(a, rest, &l), STATUS_OK);
            assert_true(!rest.len || l->count < count);
            assert_true(!slice_starts(rest, SLICE_LIT("\u0301")) &&
                        !slice_starts(rest, SLICE_LIT("\u3099")));
        }
    }
}

static void bad_utf8_is_refused(void **state)
{
    (void)state;
    const struct token_list *l;
    assert_int_equal(analyser_run(a,
                                  SLICE_LIT("a\xff"
                                            "b"),
                                  &l),
                     STATUS_BAD_UTF8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_byte_of_zero_parts_words, setup, teardown),
        cmocka_unit_test_setup_teardown(each_text_gives_its_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(scripts_without_blanks_are_cut_by_dictionary, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_fast_path_equals_the_slow_one_on_ascii, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_word_inside_a_han_compound_is_there_too, setup, teardown),
        cmocka_unit_test_setup_teardown(long_words_are_cut_between_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_is_no_part_of_a_word_without_blanks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(decomposed_text_gives_the_same_words, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_utf8_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
