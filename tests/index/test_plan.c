#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void numbers_with_units_however_written(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "mark", .title = "LG 55\" OLED"},
                                      {.id = "word", .title = "Samsung 55 inch television"},
                                      {.id = "short", .title = "Sony 55in screen"},
                                      {.id = "milk", .title = "Milk 500ml"},
                                      {.id = "oil", .title = "Oil 500 ml"},
                                      {0}});
    const char *const inches[] = {"55\"",    "55in",  "55 inch", "55 inches",
                                  "55-inch", "55 in", "55inch",  "55Inches"};
    for (int i = 0; i < 8; i++)
        assert_string_equal(find_set(&f, inches[i]), "mark short word");
    assert_string_equal(find_set(&f, "500 ml"), "milk oil");
    assert_string_equal(find_set(&f, "500ml"), "milk oil");
    assert_memory_equal(find_ids(&f, "500 ml milk"), "milk", 4);
    find_close(&f);
}

static void decimals_with_units_however_written(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "jack", .title = "jack 3.5mm"},
                                      {.id = "plug", .title = "plug 3.5 mm"},
                                      {.id = "stift", .title = "Stift 3,5 mm"},
                                      {.id = "film", .title = "film 35mm"},
                                      {.id = "roll", .title = "roll 35 mm"},
                                      {.id = "pair", .title = "1,000 pieces"},
                                      {.id = "case", .title = "case of 1000 and 1.5 l"},
                                      {0}});
    f.query.match = QUERY_ALL;
    f.query.typos = 0;
    const char *const decimals[] = {"3.5mm", "3.5 mm", "3,5mm", "3,5 mm", "3.5-mm"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(find_set(&f, decimals[i]), "jack plug stift");
    assert_string_equal(find_set(&f, "35mm"), "film roll");
    assert_string_equal(find_set(&f, "35 mm"), "film roll");
    assert_string_equal(find_set(&f, "1000"), "case pair");
    assert_string_equal(find_set(&f, "1,000"), "case pair");
    assert_string_equal(find_set(&f, "1.5 liter"), "case");
    assert_string_equal(find_set(&f, "1.5litres"), "case");
    assert_string_equal(find_set(&f, "3.5"), "jack plug stift");
    find_close(&f);
}

static void letters_and_digits_written_together_or_apart(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "apart", .title = "Dell XPS 15 laptop"},
                                      {.id = "one", .title = "Dell xps15 laptop"},
                                      {.id = "hyphen", .title = "Dell XPS-15"},
                                      {.id = "far", .title = "15 cases for xps"},
                                      {.id = "other", .title = "Dell XPS 13"},
                                      {0}});
    assert_string_equal(find_set(&f, "xps15"), "apart hyphen one");
    assert_string_equal(find_set(&f, "xps-15"), "apart far hyphen one"); /* holds both parts */
    f.query.match = QUERY_ALL;
    assert_string_equal(find_set(&f, "dell xps15"), "apart hyphen one");
    find_close(&f);
}

static void ten_words_are_used_and_the_others_named(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "a", .title = "one two three four five six"}, {0}});
    assert_string_equal(
        find_ids(&f, "one two three four five six seven eight nine ten eleven twelve"), "a");
    assert_int_equal(f.result.cut_count, 2);
    assert_true(slice_equal(f.result.cut_words[0], SLICE_LIT("eleven")));
    assert_true(slice_equal(f.result.cut_words[1], SLICE_LIT("twelve")));
    find_ids(&f, "one one one one one one one one one one one two");
    assert_int_equal(f.result.cut_count, 0); /* said twice is said once */
    find_close(&f);
}

static void exclusions_that_are_not_used_are_named(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){
                  {.id = "a", .title = "lamp"}, {.id = "b", .title = "lamp odd even"}, {0}});
    assert_string_equal(find_set(&f, "lamp -u -v -w -x -odd"), "a");
    assert_int_equal(f.result.cut_count, 0);
    find_set(&f, "lamp -a1 -a2 -a3 -a4 -a5 -a6 -a7 -a8 -a9 -b1 -b2 -b3 -b4 -b5 -b6 -b7 -odd");
    assert_int_equal(f.result.cut_count, 1);
    assert_true(slice_equal(f.result.cut_words[0], SLICE_LIT("-odd")));
    /* a phrase is excluded whole or not at all */
    assert_string_equal(
        find_set(&f, "lamp -\"a b c d e f g h i j k\" -\"odd even l m n o p q r s\""), "a b");
    assert_int_equal(f.result.cut_count, 1);
    assert_true(slice_equal(f.result.cut_words[0], SLICE_LIT("-\"odd even l m n o p q r s\"")));
    find_close(&f);
}

static void words_beyond_those_that_can_be_named_one_by_one_are_named_together(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", (struct find_product[]){{.id = "a", .title = "one"}, {0}});
    find_ids(&f, "a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 b1 b2 b3 b4 b5 b6 b7 b8 b9 b10 c1 c2 c3 c4 c5 c6 "
                 "c7 c8 c9");
    assert_int_equal(f.result.cut_count, 16);
    assert_true(slice_equal(f.result.cut_words[14], SLICE_LIT("c5")));
    assert_true(slice_equal(f.result.cut_words[15], SLICE_LIT("c6 c7 c8 c9")));
    find_close(&f);
}

static void a_text_without_a_word_finds_nothing(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){
                  {.id = "a", .title = "red sofa"}, {.id = "b", .title = "blue stool!!!"}, {0}});
    static const char *const wordless[] = {"!!!",   "---",   " * ",     "\"\"",    "\"",
                                           "-",     "()",    "\\",      "-!!!",    "\xe2\x9d\xa4",
                                           "?? ::", "-\"\"", "\"...\"", "title:!!"};
    for (size_t i = 0; i < sizeof wordless / sizeof *wordless; i++) {
        f.query.match = QUERY_RELAXED;
        assert_string_equal(find_set(&f, wordless[i]), "");
        assert_int_equal(f.result.found, 0);
        assert_int_equal(f.result.cut_count, 1); /* the reply says that it was not used */
        f.query.match = QUERY_ANY;
        assert_string_equal(find_set(&f, wordless[i]), "");
    }
    assert_true(slice_equal(f.result.cut_words[0], SLICE_LIT("title:!!")));
    static const char *const browse[] = {"", " ", "\t\n ", "\xe3\x80\x80", "\xc2\xa0 "};
    for (size_t i = 0; i < sizeof browse / sizeof *browse; i++) {
        assert_string_equal(find_set(&f, browse[i]), "a b");
        assert_int_equal(f.result.cut_count, 0);
    }
    assert_string_equal(find_set(&f, "-red"), "b");
    assert_string_equal(find_set(&f, "!!! red"), "a");
    find_close(&f);
}

/* Of a word a product keeps 1,024 places, and phrases look at all of them. */
static void a_phrase_far_down_a_long_text_is_found(void **state)
{
    (void)state;
    static char title[4096];
    struct find f;
    size_t len = 0;
    for (int i = 0; i < 900; i++)
        len += (size_t)snprintf(title + len, sizeof title - len, "the ");
    snprintf(title + len, sizeof title - len, "needle");
    find_open(&f, "en", (struct find_product[]){{.id = "hay", .title = title}, {0}});
    assert_string_equal(find_ids(&f, "\"the needle\""), "hay");
    assert_string_equal(find_ids(&f, "\"needle the\""), "");
    find_close(&f);
}

static bool told(const struct find *f, struct slice what)
{
    for (uint32_t i = 0; i < f->result.degraded_count; i++)
        if (slice_equal(f->result.degraded[i], what))
            return true;
    return false;
}

/* Titles are pasted, hyphens and all. */
static void a_pasted_title_finds_its_product(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "s21", .title = "Samsung Galaxy S21 -128GB black"},
                                      {.id = "s22", .title = "Samsung Galaxy S22 -Black, unlocked"},
                                      {.id = "s22r", .title = "Samsung Galaxy S22 red"},
                                      {.id = "tv", .title = "Stick for Fire tablets and Fire -TV"},
                                      {.id = "nut", .title = "1/4 -20 in nut"},
                                      {0}});
    /* a number is never excluded, but in quotes */
    assert_memory_equal(find_ids(&f, "samsung galaxy s21 -128gb black"), "s21", 3);
    assert_int_equal(f.result.hits[0].lacks_count, 0);
    assert_string_equal(find_ids(&f, "1/4 -20 nut"), "nut");
    assert_string_equal(find_ids(&f, "nut -\"20\""), "");
    /* nothing holds the words without what is excluded: nothing was */
    assert_memory_equal(find_ids(&f, "stick fire tablets -tv"), "tv", 2);
    assert_int_equal(f.result.hits[0].lacks_count, 0);
    assert_true(told(&f, SLICE_LIT("exclusions")));
    assert_int_equal(f.result.found, 1);
    /* something does: it is excluded, as in quotes and of few words */
    assert_string_equal(find_ids(&f, "samsung galaxy s22 -black"), "s22r");
    assert_false(told(&f, SLICE_LIT("exclusions")));
    assert_null(strstr(find_ids(&f, "stick fire tablets -\"tv\""), "tv"));
    assert_null(strstr(find_ids(&f, "fire stick -tv"), "tv"));
    f.query.match = QUERY_ALL;
    assert_string_equal(find_ids(&f, "stick fire tablets -tv"), "");
    /* pages behind a cursor read it as the first one did */
    find_put(&f, &(struct find_product){.id = "tv2", .title = "Fire -TV stick, tablets"});
    find_put(&f, &(struct find_product){.id = "tv3", .title = "Fire -TV stick no tablets"});
    f.query.match = QUERY_RELAXED;
    f.query.k = 1;
    uint32_t hits = 0;
    char cursor[4096]; /* what a search gave is gone with the next */
    do {
        hits += strncmp(find_ids(&f, "stick fire tablets -tv"), "tv", 2) == 0;
        assert_int_equal(f.result.found, 3);
        assert_true(f.result.cursor.len <= sizeof cursor);
        if (f.result.cursor.len)
            memcpy(cursor, f.result.cursor.ptr, f.result.cursor.len);
        f.query.cursor = slice_make(cursor, f.result.cursor.len);
    } while (f.result.cursor.len && hits < 9);
    assert_int_equal(hits, 3);
    find_close(&f);
}

static void a_hyphen_for_the_other_half_of_a_compound_excludes_nothing(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "de",
              (struct find_product[]){{.id = "both", .title = "Werkzeugklingen & -blätter"},
                                      {.id = "blade", .title = "Werkzeugklingen"},
                                      {0}});
    f.query.match = QUERY_ALL;
    assert_string_equal(find_set(&f, "werkzeugklingen & -blätter"), "both");
    assert_string_equal(find_set(&f, "Werkzeugklingen & -Blätter"), "both");
    assert_string_equal(find_set(&f, "werkzeugklingen -blätter"), "blade");
    assert_string_equal(find_set(&f, "-blätter"), "blade");
    f.query.match = QUERY_ANY;
    assert_string_equal(find_set(&f, "zangen UND -blätter"), "both");
    assert_string_equal(find_set(&f, "werkzeugklingen und -\"blätter\""), "blade"); /* in quotes */
    find_close(&f);
}

static void any_text_is_a_query(void **state)
{
    (void)state;
    struct find f;
    static const char *const texts[] = {
        "-",   "\"",      "\"\"",     "\" \"",         ":",     "title:", "-\"", "- -",
        "\"a", "a\"",     "-title:x", "title:\"x y\"", "a:b:c", "\\",     "%",   "''",
        "a -", "x\"y\"z", "\t\n"};
    find_open(&f, "en", (struct find_product[]){{.id = "a", .title = "title a"}, {0}});
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        find_ids(&f, texts[i]);
    f.query.match = QUERY_ANY;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        find_ids(&f, texts[i]);
    find_close(&f);
}

static void one_letter_is_a_beginning(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "a", .title = "sofa"},
                                      {.id = "b", .title = "blue stool"},
                                      {.id = "c", .title = "chair"},
                                      {0}});
    assert_string_equal(find_set(&f, "s"), "a b");
    assert_memory_equal(find_ids(&f, "blue s"), "b", 1);
    f.query.prefix = false;
    assert_string_equal(find_set(&f, "s"), "");
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_with_units_however_written),
        cmocka_unit_test(decimals_with_units_however_written),
        cmocka_unit_test(letters_and_digits_written_together_or_apart),
        cmocka_unit_test(ten_words_are_used_and_the_others_named),
        cmocka_unit_test(exclusions_that_are_not_used_are_named),
        cmocka_unit_test(a_phrase_far_down_a_long_text_is_found),
        cmocka_unit_test(a_pasted_title_finds_its_product),
        cmocka_unit_test(a_hyphen_for_the_other_half_of_a_compound_excludes_nothing),
        cmocka_unit_test(words_beyond_those_that_can_be_named_one_by_one_are_named_together),
        cmocka_unit_test(a_text_without_a_word_finds_nothing),
        cmocka_unit_test(any_text_is_a_query),
        cmocka_unit_test(one_letter_is_a_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
