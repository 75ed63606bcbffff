#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Two products hold half of "outdoor copper faucet"; their titles say sillcock. */
static const struct find_product faucets[] = {{.id = "one", .title = "outdoor faucet sillcock"},
                                              {.id = "two", .title = "copper faucet sillcock"},
                                              {.id = "kin", .title = "garden faucet sillcock"},
                                              {.id = "bare", .title = "kitchen faucet"},
                                              {.id = "far", .title = "garden sillcock"},
                                              {0}};
static const char faucet[] = "outdoor copper faucet";

static bool has(const char *ids, const char *id)
{
    char text[5000];
    snprintf(text, sizeof text, " %s ", ids);
    return strstr(text, id) != NULL;
}

/* A learnt word stands for a word that lacks, behind all that holds half; by itself it does not. */
static void a_learnt_word_stands_for_a_word(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", faucets);
    find_fill(&f, "lamp", 30);
    const char *ids = find_ids(&f, faucet);
    assert_true(strcmp(ids, "one two kin") == 0 || strcmp(ids, "two one kin") == 0);
    assert_int_equal(f.result.found, 3);
    assert_int_equal(f.result.hits[2].lacks_count, 2);
    assert_true(slice_equal(f.result.hits[2].lacks[0], SLICE_LIT("outdoor")));
    assert_true(slice_equal(f.result.hits[2].lacks[1], SLICE_LIT("copper")));
    assert_int_equal(f.result.dropped_count, 1);
    f.query.profile_text = SLICE_LIT("learn_below 0");
    assert_false(has(find_ids(&f, faucet), " kin "));
    f.query.profile_text = SLICE_LIT("learn_below 2; learn_order 0"); /* two are enough */
    assert_false(has(find_ids(&f, faucet), " kin "));
    f.query.profile_text = SLICE_LIT("learn_look 20");
    assert_true(has(find_ids(&f, faucet), " kin "));
    f.query.profile_text = SLICE_LIT("learn_look 3"); /* four hold faucet */
    assert_false(has(find_ids(&f, faucet), " kin "));
    f.query.profile_text = SLICE_NULL;
    f.query.match = QUERY_ALL;
    assert_string_equal(find_ids(&f, faucet), "");
    find_close(&f);
}

/* Half of five words is three: two learnt words for two of them, as long as one is held. */
static void as_many_learnt_words_as_words_are_short(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "half", .title = "aa bb cc xx yy"},
                                      {.id = "kin2", .title = "aa xx yy"},
                                      {.id = "kin1", .title = "aa xx zz"},
                                      {.id = "kin0", .title = "xx yy zz"},
                                      {.id = "d", .title = "dd"},
                                      {.id = "e", .title = "ee"},
                                      {0}});
    find_fill(&f, "lamp", 30);
    assert_string_equal(find_ids(&f, "aa bb cc dd ee"), "half kin2");
    find_close(&f);
}

/* What is asked of a field, or in quotes, is never stood for. */
static void what_is_fixed_is_not_stood_for(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", faucets);
    find_fill(&f, "lamp", 30);
    assert_false(has(find_ids(&f, "\"outdoor\" copper faucet"), " kin "));
    assert_true(has(find_ids(&f, "outdoor copper \"faucet\""), " kin "));
    assert_false(has(find_ids(&f, "title:outdoor copper faucet"), " kin "));
    assert_false(has(find_ids(&f, "outdoor copper faucet -garden"), " kin "));
    find_close(&f);
}

static void nothing_is_learnt_from_nothing(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "", (struct find_product[]){{.id = "oak", .title = "oak table brass"}, {0}});
    find_fill(&f, "oak", 30);
    assert_string_equal(find_ids(&f, "oak zeppelin airship"), "");
    assert_string_equal(find_ids(&f, "oak table airship"), "oak");
    find_close(&f);
}

/* A text without end is no title: of its beginning is learnt, and it costs no more. */
static void what_is_far_behind_is_not_learnt(void **state)
{
    (void)state;
    static char near[6000], far[6000];
    struct find f;
    size_t len = (size_t)snprintf(near, sizeof near, "outdoor copper sillcock");
    while (len + 6 < sizeof near)
        len += (size_t)snprintf(near + len, sizeof near - len, " beads");
    len = (size_t)snprintf(far, sizeof far, "outdoor copper");
    while (len + 20 < sizeof far)
        len += (size_t)snprintf(far + len, sizeof far - len, " beads");
    snprintf(far + len, sizeof far - len, " sillcock");
    for (int i = 0; i < 2; i++) {
        find_open(&f, "en",
                  (struct find_product[]){{.id = "half", .title = i ? far : near},
                                          {.id = "kin", .title = "faucet sillcock"},
                                          {0}});
        find_fill(&f, "lamp", 30);
        assert_int_equal(has(find_ids(&f, faucet), " kin "), !i);
        find_close(&f);
    }
}

/* Numbers, words that join others and the words themselves teach nothing. */
static void numbers_and_light_words_are_not_learnt(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "half", .title = "outdoor copper 30in with faucets"},
                                      {.id = "num", .title = "outdoor 30in"},
                                      {.id = "light", .title = "outdoor with"},
                                      {.id = "same", .title = "copper copper"},
                                      {0}});
    find_fill(&f, "lamp", 30);
    assert_string_equal(find_ids(&f, "outdoor copper brass zinc"), "half");
    find_close(&f);
}

/* What a word begins, or begins with, stands for it where it is lacking, and once. */
static void relatives_stand_for_their_word(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "half", .title = "brass copper"},
                                      {.id = "bell", .title = "copper doorbell"},
                                      {.id = "long", .title = "zinc doorway doormat"},
                                      {.id = "only", .title = "copper"},
                                      {.id = "same", .title = "door doorbell"},
                                      {.id = "tin", .title = "tin"},
                                      {0}});
    find_fill(&f, "lamp", 30);
    assert_true(has(find_ids(&f, "door brass copper"), " bell "));
    assert_int_equal(f.result.hits[0].lacks_count, 1);
    assert_false(has(f.ids, " only "));
    assert_false(has(f.ids, " same "));
    assert_false(has(find_ids(&f, "door brass copper zinc tin"), " long "));
    assert_false(has(find_ids(&f, "doorbells brass copper"), " same ")); /* it is not lacking */
    find_put(&f, &(struct find_product){.id = "door", .title = "copper door"});
    assert_true(has(find_ids(&f, "doorbell brass copper"), " door "));
    assert_false(has(find_ids(&f, "\"doorbell\" brass copper"), " door "));
    find_close(&f);
}

/* Two letters of an alphabet are as many bytes as four of another, and say as little. */
static void relatives_have_four_letters_in_common(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "",
              (struct find_product[]){{.id = "half", .title = "красная мягкая"},
                                      {.id = "po", .title = "по мягкая"},
                                      {.id = "kin", .title = "подушками мягкая"},
                                      {.id = "root", .title = "подуш мягкая"},
                                      {.id = "own", .title = "подушка подушк"},
                                      {0}});
    find_fill(&f, "lamp", 30);
    find_ids(&f, "подушка красная мягкая");
    assert_true(has(f.ids, " half "));
    assert_true(has(f.ids, " root "));
    assert_false(has(f.ids, " po "));
    find_ids(&f, "подушк красная мягкая");
    assert_true(has(f.ids, " kin "));
    find_close(&f);
}

/* Where next to nothing is found, a product holds one word and what the products of another one
 * have in common. */
static void what_stands_beside_a_word_stands_for_it(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en",
              (struct find_product[]){{.id = "one", .title = "drawer cabinet oak"},
                                      {.id = "two", .title = "drawer cabinet pine"},
                                      {.id = "kin", .title = "knob cabinet"},
                                      {.id = "not", .title = "knob oak zinc"},
                                      {.id = "pie", .title = "apple pie"},
                                      {0}});
    find_fill(&f, "lamp", 30);
    assert_string_equal(find_ids(&f, "drawer apple knob"), "kin"); /* oak: of one product */
    assert_int_equal(f.result.hits[0].lacks_count, 2);
    find_fill(&f, "apple drawer shelf", 10); /* enough are found */
    assert_false(has(find_ids(&f, "drawer apple knob"), " kin "));
    find_close(&f);
}

/* Behind the first twenty, what holds learnt words comes before what does not. */
static void learnt_words_order_what_is_behind_the_first(void **state)
{
    (void)state;
    struct find f;
    static char ids[60][16], titles[60][64];
    struct find_product p[60];
    find_open(&f, "", NULL);
    for (int i = 0; i < 60; i++) {
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        /* twenty hold the rarer word; of the others every fourth has a word of these */
        snprintf(titles[i], sizeof titles[i], "%s %s", i < 20 ? "copper outdoor" : "outdoor faucet",
                 i < 20 || i % 4 == 0 ? "sillcock" : "plain");
        p[i] = (struct find_product){.id = ids[i], .title = titles[i]};
    }
    find_put_all(&f, p, 60);
    find_fill(&f, "faucet", 40);
    f.query.k = 100;
    find_ids(&f, "outdoor copper faucet");
    assert_int_equal(f.result.hits[0].lacks_count, 1);
    for (uint32_t i = 0; i < 60; i++) {
        int n = atoi(f.result.hits[i].id.ptr + 1);
        assert_int_equal(n < 20 || n % 4 == 0, i < 30);
    }
    find_close(&f);
}

/* Of two words one is half: who holds it is found already, and at the old price. */
static void two_words_learn_nothing(void **state)
{
    (void)state;
    struct find f;
    static char ids[60][16];
    char without[5000];
    struct find_product p[60];
    find_open(&f, "", NULL);
    for (int i = 0; i < 60; i++) {
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        p[i] = (struct find_product){.id = ids[i], .title = i % 2 ? "outdoor sillcock" : "outdoor"};
    }
    find_put_all(&f, p, 60);
    find_fill(&f, "pump", 2);
    find_fill(&f, "lamp", 300);
    f.query.k = 100;
    f.query.profile_text = SLICE_LIT("learn_below 0; learn_order 0");
    snprintf(without, sizeof without, "%s", find_ids(&f, "outdoor pump"));
    f.query.profile_text = SLICE_NULL;
    assert_string_equal(find_ids(&f, "outdoor pump"), without);
    find_close(&f);
}

static void explain_names_learnt_words(void **state)
{
    (void)state;
    struct find f;
    find_open(&f, "en", faucets);
    find_fill(&f, "lamp", 30);
    f.query.explain = true;
    find_ids(&f, faucet);
    struct slice e = f.result.hits[2].explain, first = f.result.hits[0].explain;
    assert_non_null(memmem(e.ptr, e.len, "learnt: sillcock; tier 1", 24));
    assert_null(memmem(first.ptr, first.len, "learnt", 6)); /* it keeps its place */
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_learnt_word_stands_for_a_word),
        cmocka_unit_test(as_many_learnt_words_as_words_are_short),
        cmocka_unit_test(what_is_fixed_is_not_stood_for),
        cmocka_unit_test(two_words_learn_nothing),
        cmocka_unit_test(nothing_is_learnt_from_nothing),
        cmocka_unit_test(what_is_far_behind_is_not_learnt),
        cmocka_unit_test(numbers_and_light_words_are_not_learnt),
        cmocka_unit_test(relatives_stand_for_their_word),
        cmocka_unit_test(relatives_have_four_letters_in_common),
        cmocka_unit_test(what_stands_beside_a_word_stands_for_it),
        cmocka_unit_test(learnt_words_order_what_is_behind_the_first),
        cmocka_unit_test(explain_names_learnt_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
