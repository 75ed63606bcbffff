#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct find_product things[] = {
    {.id = "set", .title = "star ship", .brand = "Lego"},
    {.id = "fake", .title = "lego like star", .brand = "Mega"},
    {.id = "plain", .title = "star", .brand = "Mega Star"},
    {0}};

static void a_word_asked_of_a_field_stands_there(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    assert_string_equal(find_set(&f, "lego"), "fake set");
    assert_string_equal(find_ids(&f, "brand:lego"), "set");
    assert_string_equal(find_ids(&f, "brand:LEGO star"), "set");
    assert_string_equal(find_ids(&f, "title:lego"), "fake");
    assert_string_equal(find_ids(&f, "brand:leg"), "set");  /* a beginning */
    assert_string_equal(find_ids(&f, "brand:lgeo"), "set"); /* a typo */
    assert_string_equal(find_ids(&f, "brand:\"mega star\""), "plain");
    assert_string_equal(find_ids(&f, "brand:ship"), "");
    assert_string_equal(find_set(&f, "colour:lego"), "fake set"); /* no field: two words */
    assert_int_equal(f.result.found, 2);
    find_close(&f);
}

static void the_fields_of_the_query_hold_for_all_its_words(void **state)
{
    (void)state;
    struct find f;
    struct slice fields[] = {SLICE_LIT("title")};
    find_open(&f, "en", things);
    f.query.fields = fields;
    f.query.field_count = 1;
    assert_string_equal(find_ids(&f, "lego"), "fake");
    assert_string_equal(find_ids(&f, "mega"), "");
    assert_string_equal(find_ids(&f, "star lego"), "fake");
    f.query.match = QUERY_ANY;
    assert_string_equal(find_set(&f, "star lego"), "fake plain set");
    find_close(&f);
}

static void excluded_words_and_phrases(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", things);
    assert_string_equal(find_set(&f, "star -lego"), "plain");
    assert_string_equal(find_set(&f, "star -\"star ship\""), "fake plain");
    assert_string_equal(find_set(&f, "\"like star\""), "fake");
    assert_string_equal(find_set(&f, "\"star like\""), "");
    assert_string_equal(find_set(&f, "\"sta\""), ""); /* no beginnings, no typos in quotes */
    assert_string_equal(find_set(&f, "\"strar\""), "");
    find_close(&f);
}

static const struct find_product apart[] = {
    {.id = "whole", .title = "star ship", .brand = "Lego"},
    {.id = "apart", .title = "ship of a star", .brand = "Star Ship"},
    {.id = "plain", .title = "star", .brand = "Mega"},
    {0}};

static void a_phrase_stands_in_the_field_that_is_asked(void **state)
{
    (void)state;
    struct find f;
    struct slice fields[] = {SLICE_LIT("title")};
    find_open(&f, "en", apart);
    assert_string_equal(find_set(&f, "\"star ship\""), "apart whole");
    assert_string_equal(find_set(&f, "title:\"star ship\""), "whole");
    assert_string_equal(find_set(&f, "brand:\"star ship\""), "apart");
    f.query.fields = fields;
    f.query.field_count = 1;
    assert_string_equal(find_set(&f, "\"star ship\""), "whole");
    assert_string_equal(find_set(&f, "brand:\"star ship\""), "apart");
    find_close(&f);
}

static void a_word_excluded_from_a_field_may_stand_in_another(void **state)
{
    (void)state;
    struct find f;
    struct slice fields[] = {SLICE_LIT("title")};
    find_open(&f, "en", things);
    assert_string_equal(find_set(&f, "star -brand:lego"), "fake plain");
    assert_string_equal(find_set(&f, "star -title:lego"), "plain set");
    assert_string_equal(find_set(&f, "star -brand:\"mega star\""), "fake set");
    f.query.fields = fields;
    f.query.field_count = 1;
    assert_string_equal(find_set(&f, "star -lego"), "plain set");
    assert_string_equal(find_set(&f, "star -brand:lego"), "fake plain");
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_asked_of_a_field_stands_there),
        cmocka_unit_test(the_fields_of_the_query_hold_for_all_its_words),
        cmocka_unit_test(excluded_words_and_phrases),
        cmocka_unit_test(a_phrase_stands_in_the_field_that_is_asked),
        cmocka_unit_test(a_word_excluded_from_a_field_may_stand_in_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
