#include "tests/index/support_titles.h"

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

static const char *const mixed[] = {"memory", "card", "camera", "reader", "black", "leather",
                                    "case",   "dual", "slot",   "travel", "kit",   "strap"};
enum { MIXED = sizeof mixed / sizeof *mixed, MIXED_PRODUCTS = 400 };

static size_t put_words(char *out, size_t room, uint32_t words, const char *before_second)
{
    size_t len = 0;
    for (uint32_t i = 0; i < words; i++)
        len += (size_t)snprintf(out + len, room - len, "%s%s%s", i ? " " : "",
                                i == 1 ? before_second : "", mixed[titles_roll(MIXED)]);
    return len;
}

/* With explain every candidate is read to the end; without, only those that may be on the page. */
static void a_page_is_that_of_all_candidates(void **state)
{
    (void)state;
    static const char *const profiles[] = {"", "near -1; lead 2", "lead 3; negated_title 2",
                                           "near 5; near_text 2; window 200"};
    static char ids[MIXED_PRODUCTS][8], titles[MIXED_PRODUCTS][160], brands[MIXED_PRODUCTS][40];
    struct find_product products[MIXED_PRODUCTS];
    struct find f;
    uint32_t relaxed = 0;
    find_open(&f, "en", NULL);
    for (uint32_t i = 0; i < MIXED_PRODUCTS; i++) {
        snprintf(ids[i], sizeof ids[i], "%u", i);
        put_words(titles[i], sizeof titles[i], 1 + titles_roll(6), "");
        put_words(brands[i], sizeof brands[i], 1 + titles_roll(2), "");
        products[i] = (struct find_product){.id = ids[i], .title = titles[i], .brand = brands[i]};
    }
    find_put_all(&f, products, MIXED_PRODUCTS / 2);
    find_put_all(&f, products + MIXED_PRODUCTS / 2, MIXED_PRODUCTS / 2);
    f.query.match = QUERY_RELAXED;
    for (uint32_t round = 0; round < 3000; round++) {
        char text[160], page[sizeof f.ids], dropped[256];
        uint64_t scores[16];
        put_words(text, sizeof text, 2 + titles_roll(3), titles_roll(6) ? "" : "without ");
        f.query.profile_text = slice_str(profiles[round % 4]);
        f.query.k = titles_roll(4) ? 10 : titles_roll(2) ? titles_roll(16) : 1;
        f.query.offset = titles_roll(4) ? 0 : titles_roll(70);
        f.query.explain = true;
        strcpy(page, find_ids(&f, text));
        snprintf(dropped, sizeof dropped, "%s", find_dropped(&f));
        for (uint32_t i = 0; i < f.result.hit_count; i++)
            scores[i] = f.result.hits[i].score;
        relaxed += f.result.dropped_count > 0;
        f.query.explain = false;
        assert_string_equal(find_ids(&f, text), page);
        assert_string_equal(find_dropped(&f), dropped);
        for (uint32_t i = 0; i < f.result.hit_count; i++)
            assert_int_equal(f.result.hits[i].score, scores[i]);
    }
    assert_in_range(relaxed, 300, 2700);
    find_close(&f);
}

/* The best product that lacks a word says which word was dropped, also behind the page. */
static void dropped_is_what_the_best_behind_the_page_lacks(void **state)
{
    (void)state;
    static const char *const words[] = {"alpha", "beta"};
    for (int w = 0; w < 2; w++) { /* both are equally rare */
        struct find f;
        char best[64], worse[2][64];
        find_open(&f, "en", NULL);
        snprintf(best, sizeof best, "%s once in a way", words[1 ^ w]);
        for (int i = 0; i < 2; i++)
            snprintf(worse[i], sizeof worse[i], "once in a way %s", words[i ^ w]);
        for (int i = 0; i < 58; i++) {
            const char *title = i < 16 ? "alpha beta" : i == 57 ? best : worse[i % 2];
            char id[12];
            snprintf(id, sizeof id, "%d", i);
            find_put(&f, &(struct find_product){.id = id, .title = title});
        }
        f.query.match = QUERY_RELAXED;
        f.query.prefix = false;
        for (f.query.k = 1; f.query.k < 20; f.query.k += 6) {
            find_ids(&f, "alpha beta");
            assert_string_equal(find_dropped(&f), words[w]);
        }
        find_close(&f);
    }
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
        cmocka_unit_test(a_page_is_that_of_all_candidates),
        cmocka_unit_test(dropped_is_what_the_best_behind_the_page_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
