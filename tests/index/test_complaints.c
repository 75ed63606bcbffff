#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/*
 * What users of other engines complain about in search (docs/relevance.md names the rows), each as
 * a catalog where it would show.
 */

/* Found is the sum over the values of a facet that every product has one of. */
static void check_facet(struct find *f, const char *words, uint32_t limit, uint32_t k)
{
    struct facet_request brands = {.field = SLICE_LIT("brand"), .limit = limit};
    uint64_t sum = 0;
    f->query.facets = &brands;
    f->query.facet_count = 1;
    f->query.k = k;
    find_ids(f, words);
    const struct facet_result *r = &f->result.facets[0];
    for (uint32_t i = 0; i < r->value_count; i++)
        sum += r->values[i].count;
    assert_int_equal(r->count, f->result.found);
    if (limit >= 3)
        assert_int_equal(sum, f->result.found);
    else
        assert_int_equal(r->values[0].count, 41);
}

static void rows_16_and_17_facets_are_exact_whatever_the_page_and_with_pins(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", NULL);
    for (int i = 0; i < 100; i++) {
        char id[16], title[32];
        snprintf(id, sizeof id, "p%d", i);
        snprintf(title, sizeof title, i < 90 ? "wooden chair %d" : "stool %d", i);
        find_put(&f, &(struct find_product){.id = id,
                                            .title = title,
                                            .brand = i % 9 < 4 ? "acme"
                                                     : i % 2   ? "b"
                                                               : "c"});
    }
    for (uint32_t k = 0; k <= 20; k += 10) {
        check_facet(&f, "wooden chair", 10, k);
        assert_int_equal(f.result.found, 90);
    }
    /* one that the words find and one that they do not: each is counted once */
    find_setting(&f, "rule", "r", "query wooden chair\npin p1 1\npin p90 3\n");
    for (uint32_t k = 0; k <= 20; k += 10) {
        check_facet(&f, "wooden chair", 10, k);
        assert_int_equal(f.result.found, 91);
        check_facet(&f, "wooden chair", 1, k);
    }
    find_close(&f);
}

static void row_16_counts_never_rise_when_a_filter_is_added(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", NULL);
    for (int i = 0; i < 90; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        const char *title = i < 70 ? "running shoes" : i < 80 ? "trail shoes" : "runing shoes";
        find_put(&f, &(struct find_product){
                         .id = id, .title = title, .brand = i < 67 ? "acme" : "nike"});
    }
    /* seventy are plenty: no word is dropped, no typo tried, and three of them are of one brand */
    find_ids(&f, "running shoes");
    assert_int_equal(f.result.found, 70);
    static const char *const filters[] = {"brand = nike", "brand = nike and not brand = acme"};
    struct facet_request facets[2] = {{.field = SLICE_LIT("brand"), .limit = 10},
                                      {.field = SLICE_LIT("brand"), .limit = 10}};
    facets[1].disjunctive = true;
    for (uint32_t n = 0; n < 6; n++) {
        f.query.filter = slice_str(filters[n % 2]);
        f.query.facets = facets;
        f.query.facet_count = n / 2;
        assert_string_equal(find_set(&f, "running shoes"), "p67 p68 p69");
        assert_int_equal(f.result.found, 3);
        assert_int_equal(f.result.dropped_count, 0);
    }
    assert_int_equal(f.result.facets[1].count, 70);
    find_close(&f);
}

static void row_18_no_typos_in_codes_and_years(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "2000", .title = "almanac 2000"},
                                      {.id = "2001", .title = "almanac 2001"},
                                      {.id = "order", .title = "order 136/14"},
                                      {.id = "other", .title = "order 13/14"},
                                      {0}});
    assert_string_equal(find_ids(&f, "2001"), "2001");
    assert_string_equal(find_ids(&f, "2002"), "");
    assert_string_equal(find_ids(&f, "136/14"), "order");
    assert_string_equal(find_ids(&f, "13/14"), "other");
    find_close(&f);
}

static void row_19_exact_beats_typo_always(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){
                  {.id = "exact", .title = "long winded text where the last word is carry"},
                  {.id = "typo1", .title = "cary"},
                  {.id = "typo2", .title = "curry curry curry", .brand = "curry"},
                  {0}});
    f.query.typos = 1;
    assert_memory_equal(find_ids(&f, "carry"), "exact", 5);
    assert_int_equal(f.result.hit_count, 3);
    /* not even when the word is everywhere and the typo rare */
    find_fill(&f, "handy bag that many people like to carry on the way", 15);
    find_ids(&f, "carry");
    assert_int_equal(f.result.hit_count, 18);
    for (uint32_t i = 0; i < 16; i++)
        assert_memory_not_equal(f.result.hits[i].id.ptr, "typo", 4);
    find_close(&f);
}

static void row_20_typos_although_the_misspelling_is_a_word(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "hurry", .title = "hurry up sign"},
                                      {.id = "potter", .title = "harry potter"},
                                      {0}});
    assert_string_equal(find_ids(&f, "hurry potter"), "potter hurry");
    assert_string_equal(find_ids(&f, "hurry"), "hurry potter");
    find_close(&f);
}

static void row_21_dropped_words_are_named_and_rank_behind(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "full", .title = "oak desk lamp shade"},
                                      {.id = "typo", .title = "desk of oak for reading, lamq"},
                                      {.id = "part", .title = "desk lamp"},
                                      {.id = "little", .title = "oak"},
                                      {0}});
    find_fill(&f, "oak", 30);
    /* all words, one of them misspelt and far apart, are before fewer that stand together */
    assert_string_equal(find_ids(&f, "oak desk lamp"), "full typo part");
    assert_int_equal(f.result.found, 3);
    assert_string_equal(find_dropped(&f), "oak"); /* the most frequent first */
    assert_string_equal(find_ids(&f, "desk lamp zeppelin"), "part full typo");
    assert_string_equal(find_dropped(&f), "zeppelin");
    /* the frequent word goes: what only has that one is not found, be it half of the words */
    assert_string_equal(find_ids(&f, "oak shade zeppelin"), "full");
    assert_string_equal(find_ids(&f, "oak shade"), "full");
    assert_int_equal(f.result.found, 1);
    assert_string_equal(find_ids(&f, "oak zeppelin airship balloon"), "");
    /* one word of four, however rare, is less than half */
    assert_string_equal(find_ids(&f, "shade reading number3th number5th"), "");
    find_close(&f);
}

static void row_22_a_hyphen_in_a_code_is_no_operator(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "xps", .title = "Dell XPS-15 9520"},
                                      {.id = "uuid", .title = "part 7f-00a1-9c$4:2"},
                                      {.id = "half", .title = "cover 7f-99"},
                                      {.id = "tee", .title = "cotton t-shirt"},
                                      {0}});
    const char *const same[] = {"xps-15", "XPS 15", "xps15", "XPS-15 9520"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(find_ids(&f, same[i]), "xps");
    assert_string_equal(find_ids(&f, "7f-00a1"), "uuid"); /* half of a code is no match */
    assert_string_equal(find_ids(&f, "7f-00a1-9c$4:2"), "uuid");
    assert_string_equal(find_ids(&f, "part $4"), "uuid");
    assert_string_equal(find_ids(&f, "part :2"), "uuid");
    assert_string_equal(find_ids(&f, "part:00a1"), "uuid"); /* no field is called so */
    assert_string_equal(find_ids(&f, "tshirt"), "tee");
    find_put(&f, &(struct find_product){.id = "sony", .title = "Sony WH1000XM5"});
    assert_string_equal(find_ids(&f, "wh-1000xm5"), "sony");
    assert_string_equal(find_ids(&f, "WH 1000XM5"), "sony");
    assert_string_equal(find_ids(&f, "cotton -shirt"), "");
    find_close(&f);
}

static void row_23_synonyms_after_correction_and_never_corrected(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "sofa", .title = "leather sofa"},
                                      {.id = "couch", .title = "blue couch"},
                                      {.id = "coach", .title = "coach tour"},
                                      {.id = "tv", .title = "television"},
                                      {0}});
    find_setting(&f, "synonyms", "a", "sofa, couch");
    find_setting(&f, "synonyms", "b", "tv => television");
    assert_string_equal(find_set(&f, "sofa"), "couch sofa");
    assert_string_equal(find_set(&f, "soffa"), "couch sofa"); /* corrected, then its synonym */
    assert_string_equal(find_ids(&f, "tv"), "tv");
    assert_string_equal(find_ids(&f, "televisio"), "tv");
    find_put(&f, &(struct find_product){.id = "both", .title = "couch with television"});
    assert_memory_equal(find_ids(&f, "sofa tv"), "both", 4); /* two synonyms in one query */
    find_close(&f);
}

static void row_25_words_without_a_locale_by_hand(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "ja", .title = "東京タワー 模型 プラモデル"},
                                      {.id = "th", .title = "กระเป๋าเดินทางล้อลาก สีดำ"},
                                      {.id = "zh", .title = "美丽诺羊毛保暖袜"},
                                      {.id = "de", .title = "Einbaukühlschrank weiß"},
                                      {0}});
    assert_string_equal(find_ids(&f, "東京"), "ja");
    assert_string_equal(find_ids(&f, "タワー"), "ja");
    assert_string_equal(find_ids(&f, "เดินทาง"), "th");
    assert_string_equal(find_ids(&f, "羊毛"), "zh");
    assert_string_equal(find_ids(&f, "kühlschrank"), "de");
    assert_string_equal(find_ids(&f, "KUEHLSCHRANK"), "de");
    assert_string_equal(find_ids(&f, "einbau kuhlschrank"), "de");
    find_close(&f);
}

static void row_29_no_product_is_dropped_from_a_frequent_word(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", NULL);
    find_fill(&f, "widget", 3000);
    find_put(&f, &(struct find_product){.id = "last", .title = "widget unusual"});
    f.query.count_to = QUERY_COUNT_ALL;
    find_ids(&f, "widget");
    assert_int_equal(f.result.found, 3001);
    assert_string_equal(find_ids(&f, "widget unusual"), "last");
    find_close(&f);
}

static void row_30_typo_results_stay_the_same_after_a_commit(void **state)
{
    (void)state;
    struct find f;
    char before[4096];
    find_open(&f, "en", NULL);
    for (int i = 0; i < 12; i++) {
        char id[16], title[64];
        snprintf(id, sizeof id, "p%d", i);
        snprintf(title, sizeof title, "%s %d", i % 3 ? "keyboard" : "keyboards", i);
        find_put(&f, &(struct find_product){.id = id, .title = title});
    }
    strcpy(before, find_ids(&f, "keybord"));
    assert_int_equal(f.result.found, 12);
    find_put(&f, &(struct find_product){.id = "other", .title = "mouse"});
    assert_string_equal(find_ids(&f, "keybord"), before);
    assert_int_equal(index_merge_all(f.ix), STATUS_OK);
    assert_string_equal(find_ids(&f, "keybord"), before);
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_16_and_17_facets_are_exact_whatever_the_page_and_with_pins),
        cmocka_unit_test(row_16_counts_never_rise_when_a_filter_is_added),
        cmocka_unit_test(row_18_no_typos_in_codes_and_years),
        cmocka_unit_test(row_19_exact_beats_typo_always),
        cmocka_unit_test(row_20_typos_although_the_misspelling_is_a_word),
        cmocka_unit_test(row_21_dropped_words_are_named_and_rank_behind),
        cmocka_unit_test(row_22_a_hyphen_in_a_code_is_no_operator),
        cmocka_unit_test(row_23_synonyms_after_correction_and_never_corrected),
        cmocka_unit_test(row_25_words_without_a_locale_by_hand),
        cmocka_unit_test(row_29_no_product_is_dropped_from_a_frequent_word),
        cmocka_unit_test(row_30_typo_results_stay_the_same_after_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
