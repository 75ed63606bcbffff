#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void neighbours_and_titles_come_first(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){
                  {.id = "near", .title = "set with memory card for all cameras"},
                  {.id = "far", .title = "card set with all for cameras memory"},
                  {.id = "brand", .title = "set with all for cameras card", .brand = "memory"},
                  {0}});
    assert_string_equal(find_ids(&f, "memory card"), "near far brand");
    find_close(&f);
}

static void a_whole_word_beats_one_that_only_begins_so(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "begins", .title = "panel"},
                                      {.id = "whole", .title = "frying pan of cast iron"},
                                      {0}});
    assert_string_equal(find_ids(&f, "pan"), "whole begins");
    find_close(&f);
}

/* "black dr" while "black dress" is typed: black dresses, then black anything else. */
static void the_unfinished_last_word_finds_what_it_may_become(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "in-title", .title = "black dress"},
                                      {.id = "in-brand", .title = "summer dress", .brand = "black"},
                                      {.id = "drill", .title = "cordless drill in black"},
                                      {.id = "blue", .title = "blue dress"},
                                      {.id = "shirt", .title = "black shirt"},
                                      {0}});
    assert_memory_equal(find_ids(&f, "black dr"), "in-title ", 9);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(f.result.hits[i].lacks_count, 0);
    for (uint32_t i = 3; i < f.result.hit_count; i++)
        assert_int_equal(f.result.hits[i].lacks_count, 1);
    f.query.match = QUERY_ALL;
    assert_string_equal(find_set(&f, "black dr"), "drill in-brand in-title");
    assert_string_equal(find_set(&f, "black dre"), "in-brand in-title");
    find_close(&f);
}

/* Of thousands of dresses one "Dr" is not what "dr" means, unless many products are called so; as a
 * word behind which another stands it is no beginning. */
static void a_rare_word_is_no_better_than_what_it_begins(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "name", .title = "Dr", .brand = "black"}, {0}});
    find_fill(&f, "black dress", 2000);
    find_fill(&f, "white shirt", 2000);
    assert_memory_equal(find_ids(&f, "black dr"), "fillblack", 9);
    assert_string_equal(find_ids(&f, "dr black"), "name");
    f.query.profile = SLICE_LIT("bm25");
    assert_memory_equal(find_ids(&f, "black dr"), "name", 4);
    f.query.profile = SLICE_NULL;
    find_fill(&f, "dr black", 40);
    assert_memory_equal(find_ids(&f, "black dr"), "filldr", 6);
    find_close(&f);
}

static void what_stands_behind_without_is_not_looked_for(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "with", .title = "knife set block"},
                                      {.id = "without", .title = "knife set without block"},
                                      {.id = "plain", .title = "knife set steel"},
                                      {0}});
    find_ids(&f, "knife set without block");
    assert_memory_equal(f.ids, "without", 7);
    find_close(&f);
}

static void signals_of_the_catalog_decide_between_equals(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "a", .title = "blue mug", .popularity = 3},
                                      {.id = "b", .title = "blue mug", .popularity = 900},
                                      {.id = "c", .title = "blue mug", .popularity = 40},
                                      {0}});
    f.query.profile_text = SLICE_LIT("signal popularity log 0.5 1000");
    assert_string_equal(find_ids(&f, "mug"), "b c a");
    f.query.profile_text = SLICE_LIT("signal popularity log -0.5 1000");
    assert_string_equal(find_ids(&f, "mug"), "a c b");
    f.query.profile_text = SLICE_NULL;
    find_setting(&f, "profile", "sold", "signal popularity inverse 1 10");
    f.query.profile = SLICE_LIT("sold");
    assert_string_equal(find_ids(&f, "mug"), "a c b");
    find_setting(&f, "profile", "sold", "signal popularity log 1");
    assert_string_equal(find_ids(&f, "mug"), "b c a"); /* from the next query on */
    find_close(&f);
}

/* The window is the profile's: pages inside, across and behind it are one order. */
static void pages_across_the_window_repeat_and_lose_nothing(void **state)
{
    (void)state;
    struct find f;
    char all[4096], pages[4096];
    find_open(&f, "en", NULL);
    find_fill(&f, "memory card", 60);
    find_fill(&f, "card memory", 60);
    f.query.profile_text = SLICE_LIT("window 50");
    f.query.k = 200;
    strcpy(all, find_ids(&f, "memory card"));
    for (uint32_t k = 7; k < 60; k += 13) {
        pages[0] = 0;
        f.query.k = k;
        for (f.query.offset = 0; f.query.offset < 120; f.query.offset += k) {
            size_t len = strlen(pages);
            const char *ids = find_ids(&f, "memory card");
            snprintf(pages + len, sizeof pages - len, "%s%s", len ? " " : "", ids);
        }
        assert_string_equal(pages, all);
    }
    find_close(&f);
}

static void explain_says_where_and_how_much(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "a", .title = "red shoes", .brand = "Red Co"}, {0}});
    f.query.explain = true;
    find_ids(&f, "red shoe");
    struct slice e = f.result.hits[0].explain;
    assert_non_null(memmem(e.ptr, e.len, "red: exact, title 0, brand 0", 28));
    assert_non_null(memmem(e.ptr, e.len, "shoe: another form, title 1", 27));
    assert_non_null(memmem(e.ptr, e.len, "tier 2; score ", 14));
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_and_titles_come_first),
        cmocka_unit_test(a_whole_word_beats_one_that_only_begins_so),
        cmocka_unit_test(the_unfinished_last_word_finds_what_it_may_become),
        cmocka_unit_test(a_rare_word_is_no_better_than_what_it_begins),
        cmocka_unit_test(what_stands_behind_without_is_not_looked_for),
        cmocka_unit_test(signals_of_the_catalog_decide_between_equals),
        cmocka_unit_test(pages_across_the_window_repeat_and_lose_nothing),
        cmocka_unit_test(explain_says_where_and_how_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
