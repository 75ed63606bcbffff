#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct find_product things[] = {
    {.id = "case1", .title = "oak book case"},    {.id = "case2", .title = "white bookcase"},
    {.id = "apart", .title = "case for a book"},  {.id = "head", .title = "chrome rainshowerhead"},
    {.id = "tee", .title = "plain tshirt"},       {.id = "hand", .title = "handshower"},
    {.id = "word", .title = "hand towel shower"}, {0}};

static void joined_and_split_words_find_each_other(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    assert_string_equal(find_ids(&f, "bookcase"), "case2 case1");
    assert_memory_equal(find_ids(&f, "book case"), "case1 ", 6);
    assert_non_null(strstr(f.ids, "case2"));
    assert_string_equal(find_ids(&f, "rain shower head"), "head");
    assert_string_equal(find_ids(&f, "t shirt"), "tee");
    assert_string_equal(find_ids(&f, "plain t-shirt"), "tee");
    find_close(&f);
}

/* A word asked of a field is there when it is written apart, too; not in another field. */
static void words_of_a_field_stand_apart_in_that_field(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "title", .title = "oak book case"},
                                      {.id = "brand", .title = "oak shelf", .brand = "Book Case"},
                                      {.id = "tv", .title = "stand", .brand = "flat screen"},
                                      {0}});
    assert_string_equal(find_ids(&f, "title:bookcase"), "title");
    assert_string_equal(find_ids(&f, "brand:bookcase"), "brand");
    assert_string_equal(find_set(&f, "bookcase"), "brand title");
    find_setting(&f, "synonyms", "t", "tv => flat screen");
    assert_string_equal(find_ids(&f, "title:tv"), "");
    assert_string_equal(find_ids(&f, "brand:tv"), "tv");
    find_close(&f);
}

static void split_words_stand_side_by_side(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    assert_null(strstr(find_ids(&f, "bookcase"), "apart"));
    find_close(&f);
}

static void the_exact_word_stays_in_front_and_full_pages_try_nothing(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    f.query.k = 200;
    assert_non_null(strstr(find_ids(&f, "shower"), "hand"));
    find_fill(&f, "shower", 120);
    assert_null(strstr(find_ids(&f, "shower"), "hand"));
    f.query.typos = 0;
    assert_string_equal(find_ids(&f, "bookcase"), "case2");
    find_close(&f);
}

static void german_compounds_are_found_by_what_they_end_with(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "de",
              (struct find_product[]){{.id = "fridge", .title = "Kühlschrank freistehend"},
                                      {.id = "built", .title = "Einbaukühlschrank weiß"},
                                      {.id = "other", .title = "Kleiderschrank Eiche"},
                                      {.id = "juice", .title = "Bio Apfelsaft naturtrüb"},
                                      {.id = "shoe", .title = "Arbeitsschuhe S3"},
                                      {0}});
    assert_string_equal(find_ids(&f, "kühlschrank"), "fridge built");
    assert_string_equal(find_ids(&f, "kuehlschrank"), "fridge built");
    assert_string_equal(find_ids(&f, "saft"), "juice");
    assert_string_equal(find_ids(&f, "schuh"), "shoe");
    assert_string_equal(find_ids(&f, "apfel saft"), "juice");
    find_fill(&f, "Kühlschrank", 150); /* also where there is plenty */
    f.query.k = 200;
    assert_non_null(strstr(find_ids(&f, "kühlschrank"), "built"));
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_and_split_words_find_each_other),
        cmocka_unit_test(words_of_a_field_stand_apart_in_that_field),
        cmocka_unit_test(split_words_stand_side_by_side),
        cmocka_unit_test(the_exact_word_stays_in_front_and_full_pages_try_nothing),
        cmocka_unit_test(german_compounds_are_found_by_what_they_end_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
