#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void at_least_half_of_the_words_are_held(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "abcd", .title = "alpha beta gamma delta"},
                                      {.id = "abc", .title = "alpha beta gamma"},
                                      {.id = "cd", .title = "gamma delta"},
                                      {.id = "a", .title = "alpha"},
                                      {0}});
    assert_string_equal(find_ids(&f, "alpha beta gamma delta"), "abcd abc cd");
    assert_string_equal(find_dropped(&f), "delta"); /* of the best that lacks any */
    assert_string_equal(find_ids(&f, "alpha beta gamma zeta"), "abc abcd");
    assert_string_equal(find_dropped(&f), "zeta");
    f.query.match = QUERY_ALL;
    assert_string_equal(find_ids(&f, "alpha beta gamma zeta"), "");
    find_close(&f);
}

/* Where half of the words finds too few, rare words are enough, behind all that hold half; the
 * frequent word never is, nor is it when nobody holds the others. */
static void a_rare_word_is_enough_behind_half_of_the_words(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "half", .title = "red cotton airship"},
                                      {.id = "rare", .title = "zeppelin balloon"},
                                      {.id = "plain", .title = "red cotton"},
                                      {0}});
    find_fill(&f, "red cotton", 60);
    const char *words = "red cotton airship zeppelin balloon";
    assert_string_equal(find_ids(&f, words), "half"); /* unless the profile says otherwise */
    f.query.profile_text = SLICE_LIT("bare_below 100");
    assert_string_equal(find_ids(&f, words), "half rare");
    assert_int_equal(f.result.found, 2);
    assert_string_equal(find_dropped(&f), "zeppelin balloon");
    assert_string_equal(find_ids(&f, "red lurge umberella"), "");
    f.query.profile_text = SLICE_LIT("bare_below 1");
    assert_string_equal(find_ids(&f, words), "half");
    f.query.profile_text = SLICE_LIT("bare_below 100; bare_share 0.5");
    assert_string_equal(find_ids(&f, words), "half rare");
    f.query.profile_text = SLICE_LIT("bare_below 100; bare_share 0.8");
    assert_string_equal(find_ids(&f, words), "half");
    find_close(&f);
}

/* "to" joins words and names nothing: half of the others is enough. */
static void light_words_are_not_counted(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "kit", .title = "drip and micro sprinkler kit"},
                                      {.id = "head", .title = "shower head"},
                                      {.id = "line", .title = "two lines that fit"},
                                      {0}});
    assert_string_equal(find_ids(&f, "sprinkler head to drip line"), "kit");
    assert_string_equal(find_ids(&f, "sprinkler head that drip line"), "kit");
    assert_string_equal(find_ids(&f, "sprinkler head two drip line"), "");
    find_close(&f);
}

/* What the catalog does not know cannot be kept: half of the other words is enough, if they say a
 * share of all that was asked. */
static void words_that_nothing_holds_are_not_counted(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "plug", .title = "mower spark plug"},
                                      {.id = "hose", .title = "garden hose"},
                                      {0}});
    find_fill(&f, "garden chair", 60);
    assert_string_equal(find_ids(&f, "spark garden zzyzx"), "plug");
    assert_string_equal(find_dropped(&f), "garden zzyzx");
    /* the frequent word alone says too little */
    assert_string_equal(find_ids(&f, "garden zzyzx qwrtp"), "");
    /* where half of all words is held, what nothing holds takes nothing away */
    find_ids(&f, "garden chair zzyzx");
    assert_int_equal(f.result.found, 60);
    find_close(&f);
}

/* A code is one word where its parts would be too many, and so is a number with its unit. */
static void codes_and_measures_count_once(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "part", .title = "delta faucet cartridge"},
                                      {.id = "tv", .title = "curved monitor"},
                                      {.id = "other", .title = "kit rp-19-804 for 27 inch boards"},
                                      {0}});
    assert_string_equal(find_set(&f, "delta faucet handle rp-19-804"), "other part");
    assert_string_equal(find_set(&f, "27 inch monitor"), "other tv");
    find_close(&f);
}

static void two_rare_words_beat_three_that_are_everywhere(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "common", .title = "red large cotton zeppelin"},
                                      {.id = "rare", .title = "red airship zeppelin"},
                                      {0}});
    find_fill(&f, "red large cotton", 100);
    f.query.profile_text = SLICE_LIT("window 0"); /* "red large cotton" stands together */
    assert_string_equal(find_ids(&f, "red large cotton airship zeppelin"), "rare common");
    find_close(&f);
}

/* All words, one of them by a typo, come before fewer words as they stand. */
static void all_words_come_before_fewer(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "few", .title = "zeppelin airship"},
                                      {.id = "typo", .title = "zeppelin airshlp red and much more"},
                                      {0}});
    find_fill(&f, "red", 100);
    f.query.k = 2;
    assert_string_equal(find_ids(&f, "red airship zeppelin"), "typo few");
    find_close(&f);
}

static void the_frequent_word_alone_finds_nothing(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "", (struct find_product[]){{.id = "x", .title = "airpods case"}, {0}});
    for (int i = 0; i < 300; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        find_put(&f, &(struct find_product){.id = id, .title = "pack of 2"});
        i += 20;
    }
    assert_string_equal(find_ids(&f, "airpods 2"), "x");
    assert_string_equal(find_dropped(&f), "2");
    find_close(&f);
}

static void enough_full_matches_leave_nothing_out(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "", (struct find_product[]){{.id = "part", .title = "red"}, {0}});
    find_fill(&f, "red shoe", 120);
    f.query.k = 200;
    f.query.count_to = QUERY_COUNT_ALL;
    assert_null(strstr(find_ids(&f, "red shoe"), "part"));
    assert_int_equal(f.result.found, 120);
    find_close(&f);
}

static const char *lacks(const struct find *f, uint32_t hit)
{
    static char text[256];
    const struct hit *h = &f->result.hits[hit];
    text[0] = 0;
    for (uint32_t i = 0; i < h->lacks_count; i++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%.*s", i ? " " : "", (int)h->lacks[i].len,
                 h->lacks[i].ptr);
    }
    return text;
}

/* What the reply names is the same for every page, what a hit names is its own. */
static void each_hit_names_what_it_lacks(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "all", .title = "oak desk lamp shade"},
                                      {.id = "typo", .title = "oak desk lamb"},
                                      {.id = "two", .title = "desk with lamps"},
                                      {.id = "one", .title = "oak desk"},
                                      {0}});
    find_fill(&f, "oak", 30);
    assert_string_equal(find_ids(&f, "Oak desk LAMP"), "all typo two one");
    assert_string_equal(lacks(&f, 0), "");
    assert_string_equal(lacks(&f, 1), "");
    assert_string_equal(lacks(&f, 2), "Oak");
    assert_string_equal(lacks(&f, 3), "LAMP");
    assert_string_equal(find_dropped(&f), "Oak");
    for (f.query.k = 0; f.query.k < 3; f.query.k++) {
        find_ids(&f, "Oak desk LAMP");
        assert_string_equal(find_dropped(&f), "Oak");
    }
    find_setting(&f, "rule", "first", "query oak desk lamp\npin filloak33 1\n");
    f.query.k = 5;
    assert_string_equal(find_ids(&f, "Oak desk LAMP"), "filloak33 all typo two one");
    assert_string_equal(lacks(&f, 0), ""); /* it was not looked for by words */
    find_close(&f);
}

/* However many hold all words, as long as some that lack one are found, it is told. */
static void dropped_words_are_told_behind_many_full_matches(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "", (struct find_product[]){{.id = "part", .title = "shoe"}, {0}});
    find_fill(&f, "red shoe", 140);
    f.query.profile_text = SLICE_LIT("relax_below 200");
    f.query.k = 10;
    find_ids(&f, "red shoe");
    assert_int_equal(f.result.found, 141);
    assert_string_equal(find_dropped(&f), "red");
    find_close(&f);
}

/* What is tried never depends on the page: found and facets are the same for all of them. */
static void k_and_offset_decide_nothing(void **state)
{
    (void)state;
    struct find f;
    static const char *const queries[] = {"red shoe zeppelin", "rde shoe", "redshoe",
                                          "red zeppelin"};
    find_open(&f, "en", NULL);
    find_fill(&f, "red shoe", 60);
    find_fill(&f, "red boot", 30);
    struct facet_request facet = {.field = SLICE_LIT("brand")};
    f.query.facets = &facet;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        uint64_t found = 0;
        for (uint32_t k = 1; k < 100; k += 24)
            for (uint32_t offset = 0; offset < 80; offset += 40) {
                f.query.k = k;
                f.query.offset = offset;
                f.query.facet_count = k & 1;
                find_ids(&f, queries[i]);
                assert_true(found == 0 || found == f.result.found);
                found = f.result.found;
            }
        assert_true(found > 0);
    }
    find_close(&f);
}

/* A word that stands elsewhere than it may is lacking, on whatever page. */
static void what_stands_in_another_field_is_lacking(void **state)
{
    (void)state;
    static char ids[200][16];
    static struct find_product p[201];
    struct find f;
    for (int i = 0; i < 200; i++) {
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        p[i] = (struct find_product){.id = ids[i], .title = "solid chair", .brand = "black"};
    }
    p[100].title = "solid black chair";
    find_open(&f, "", p);
    struct slice title = SLICE_LIT("title");
    f.query.fields = &title;
    f.query.field_count = 1;
    for (uint32_t i = 0; i < 3; i++) {
        f.query.prefix = i == 2;
        f.query.k = i ? 200 : 1;
        find_ids(&f, "solid black");
        assert_int_equal(f.result.found, 200);
        assert_string_equal(find_dropped(&f), "black");
        for (uint32_t h = 0; h < f.result.hit_count; h++)
            assert_int_equal(f.result.hits[h].lacks_count,
                             !slice_equal(f.result.hits[h].id, SLICE_LIT("p100")));
    }
    find_close(&f);
}

/* Words are dropped since too few products were seen that hold all: that count is none. */
static void what_follows_an_early_stop_is_not_exact(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", NULL);
    find_fill(&f, "the shoe", 400);
    find_fill(&f, "red lamp", 400);
    find_fill(&f, "lamp the", 60);
    assert_int_equal(index_merge_all(f.ix), STATUS_OK);
    f.query.prefix = false;
    find_ids(&f, "the lamp");
    assert_int_equal(f.result.found, 60);
    f.query.postings_max = 200;
    find_ids(&f, "the lamp");
    assert_int_equal(f.result.degraded_count, 1); /* early_stop */
    assert_true(f.result.found > 60);
    assert_false(f.result.found_exact);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_least_half_of_the_words_are_held),
        cmocka_unit_test(a_rare_word_is_enough_behind_half_of_the_words),
        cmocka_unit_test(light_words_are_not_counted),
        cmocka_unit_test(words_that_nothing_holds_are_not_counted),
        cmocka_unit_test(codes_and_measures_count_once),
        cmocka_unit_test(two_rare_words_beat_three_that_are_everywhere),
        cmocka_unit_test(all_words_come_before_fewer),
        cmocka_unit_test(the_frequent_word_alone_finds_nothing),
        cmocka_unit_test(enough_full_matches_leave_nothing_out),
        cmocka_unit_test(each_hit_names_what_it_lacks),
        cmocka_unit_test(dropped_words_are_told_behind_many_full_matches),
        cmocka_unit_test(k_and_offset_decide_nothing),
        cmocka_unit_test(what_stands_in_another_field_is_lacking),
        cmocka_unit_test(what_follows_an_early_stop_is_not_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
