#include "server/degrade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEP_US = 100000 };

static int64_t now = 1000000;

static void step(struct ladder *l, uint32_t pressure, uint32_t busy, uint32_t cost_us, int pin)
{
    ladder_step(l, &(struct ladder_window){pressure, busy, cost_us, 0, pin}, now += STEP_US);
}

/* Steps with this pressure for so many milliseconds. */
static void under(struct ladder *l, uint32_t pressure, int ms)
{
    for (int i = 0; i < ms * 1000; i += STEP_US)
        step(l, pressure, pressure < 50 ? pressure : 90, 0, LADDER_AUTO);
}

static void a_level_is_entered_after_half_a_second_and_one_at_a_time(void **state)
{
    (void)state;
    struct ladder l = {0};
    under(&l, 130, 500);
    assert_int_equal(l.level, 0);
    under(&l, 130, 100);
    assert_int_equal(l.level, 1);
    under(&l, 130, 400);
    assert_int_equal(l.level, 1);
    under(&l, 130, 100);
    assert_int_equal(l.level, 2);
    under(&l, 390, 5000);
    assert_int_equal(l.level, 3);
    under(&l, 400, 500);
    assert_int_equal(l.level, 4);
    under(&l, 1000, 5000);
    assert_int_equal(l.level, 4);
}

static void levels_are_skipped_when_the_pressure_is_far_above(void **state)
{
    (void)state;
    struct ladder l = {0}, once = {0}, between = {0};
    under(&l, 800, 300); /* the first step of all begins the time */
    assert_int_equal(l.level, 0);
    under(&l, 800, 100); /* twice the mark of C1: half the time */
    assert_int_equal(l.level, 4);
    assert_int_equal(l.entered[1] + l.entered[2] + l.entered[3], 0);
    under(&once, 75, 500);
    under(&once, 1000, 100); /* one window says little */
    assert_int_equal(once.level, 1);
    under(&between, 500, 400);
    assert_int_equal(between.level, 3);
    under(&between, 500, 500);
    assert_int_equal(between.level, 4);
}

static void a_level_is_left_after_a_second_below_a_lower_mark(void **state)
{
    (void)state;
    struct ladder l = {0};
    under(&l, 75, 600);
    assert_int_equal(l.level, 1);
    under(&l, 50, 10000); /* below where it came in, above where it goes out */
    assert_int_equal(l.level, 1);
    under(&l, 10, 900);
    assert_int_equal(l.level, 1);
    under(&l, 10, 100);
    assert_int_equal(l.level, 0);
    assert_int_equal(l.entered[1], 1);
}

/* At level 1 requests take a third: 40 % busy now would be 120 % without it. */
static void a_level_is_kept_while_the_load_would_be_too_much_without_it(void **state)
{
    (void)state;
    struct ladder l = {0};
    for (int i = 0; i < 7; i++)
        step(&l, 75, 100, 300, LADDER_AUTO);
    assert_int_equal(l.level, 1);
    for (int i = 0; i < 50; i++)
        step(&l, 0, 40, 100, LADDER_AUTO);
    assert_int_equal(l.level, 1);
    for (int i = 0; i < 12; i++)
        step(&l, 0, 20, 100, LADDER_AUTO);
    assert_int_equal(l.level, 0);
}

/* C0 took 300, C4 takes 100: at C3, where it never was, it may be 300 too, 60 % busy would be 180.
 */
static void of_skipped_levels_the_next_known_below_is_believed(void **state)
{
    (void)state;
    struct ladder l = {0};
    for (int i = 0; i < 4; i++)
        step(&l, 1000, 100, 300, LADDER_AUTO);
    assert_int_equal(l.level, 4);
    for (int i = 0; i < 50; i++)
        step(&l, 0, 60, 100, LADDER_AUTO);
    assert_int_equal(l.level, 4);
    for (int i = 0; i < 12; i++)
        step(&l, 0, 20, 100, LADDER_AUTO);
    assert_int_equal(l.level, 3);
}

static void what_a_level_saved_is_forgotten_after_a_while(void **state)
{
    (void)state;
    struct ladder l = {0};
    for (int i = 0; i < 7; i++)
        step(&l, 75, 100, 300, LADDER_AUTO);
    int steps = 0;
    while (l.level && steps++ < 10000)
        step(&l, 0, 40, 100, LADDER_AUTO);
    assert_in_range(steps, 100, 600); /* ten seconds to a minute */
}

static void short_memory_keeps_a_level_whatever_the_load(void **state)
{
    (void)state;
    struct ladder l = {0};
    for (int i = 0; i < 100; i++)
        ladder_step(&l, &(struct ladder_window){.least = 3, .pin = LADDER_AUTO}, now += STEP_US);
    assert_int_equal(l.level, 3);
    under(&l, 0, 4000);
    assert_int_equal(l.level, 0);
}

static void short_peaks_and_short_pauses_change_nothing(void **state)
{
    (void)state;
    struct ladder l = {0};
    for (int i = 0; i < 20; i++) {
        under(&l, 1000, 200);
        under(&l, 0, 200);
    }
    assert_int_equal(l.level, 0);
    under(&l, 75, 600);
    for (int i = 0; i < 20; i++) {
        under(&l, 0, 900);
        under(&l, 75, 100);
    }
    assert_int_equal(l.level, 1);
}

static void in_a_hurry_a_level_is_entered_every_ten_milliseconds(void **state)
{
    (void)state;
    struct ladder l = {0};
    step(&l, 0, 100, 0, LADDER_AUTO);
    for (int64_t ms = 0; ms < 35; ms++)
        ladder_hurry(&l, now + ms * 1000);
    assert_int_equal(l.level, 4);
    ladder_hurry(&l, now += STEP_US);
    assert_int_equal(l.level, 4);
    under(&l, 0, 800);
    assert_int_equal(l.level, 4);
    under(&l, 0, 3300); /* left as any other */
    assert_int_equal(l.level, 0);
    step(&l, 0, 0, 0, 1);
    ladder_hurry(&l, now += STEP_US);
    assert_int_equal(l.level, 1); /* pinned */
}

static void a_pinned_level_stays_whatever_the_load(void **state)
{
    (void)state;
    struct ladder l = {0};
    step(&l, 0, 0, 0, 3);
    assert_int_equal(l.level, 3);
    for (int i = 0; i < 100; i++)
        step(&l, 1000, 100, 0, 3);
    assert_int_equal(l.level, 3);
    under(&l, 0, 3600);
    assert_int_equal(l.level, 0);
}

/* What each level takes away, written down a second time: a change of ladder.def must be meant. */
static void each_level_has_exactly_its_features_off(void **state)
{
    (void)state;
    static const uint32_t off[LADDER_MAX + 1][LADDER_FEATURE_COUNT] = {
        {0},
        {[LADDER_HIGHLIGHTS] = 1, [LADDER_SUGGESTIONS] = 1, [LADDER_REFRESH] = 1},
        {[LADDER_TYPO_STEP] = 1,
         [LADDER_SYNONYMS] = 1,
         [LADDER_DEEP_PAGES] = 1,
         [LADDER_FRESH_PAGES] = 1},
        {[LADDER_FACETS] = 1, [LADDER_WHOLE_LISTS] = 1},
        {[LADDER_TYPOS] = 1, [LADDER_RELAXING] = 1, [LADDER_BACKGROUND] = 1},
    };
    for (uint32_t level = 0; level <= LADDER_MAX; level++) {
        struct ladder l = {0};
        step(&l, 0, 0, 0, (int)level);
        for (int f = 0; f < LADDER_FEATURE_COUNT; f++) {
            bool expected = false;
            for (uint32_t below = 0; below <= level; below++)
                expected |= off[below][f];
            assert_int_equal(ladder_off(&l, (enum ladder_feature)f), expected);
        }
    }
}

static struct search_request rich(void)
{
    static struct search_facet facets[1];
    static struct slice highlights[1];
    highlights[0] = SLICE_LIT("title");
    struct search_request q;
    search_request_init(&q);
    q.text = SLICE_LIT("red shoes");
    q.k = 20;
    q.offset = 90;
    q.facets = facets;
    q.facet_count = 1;
    q.highlights = highlights;
    q.highlight_count = 1;
    return q;
}

static void a_search_loses_what_its_level_takes_and_nothing_else(void **state)
{
    (void)state;
    for (uint32_t level = 0; level <= LADDER_MAX; level++) {
        struct ladder l = {0};
        struct search_request q = rich();
        struct query engine = {0};
        struct slice words[LADDER_FEATURE_COUNT];
        step(&l, 0, 0, 0, (int)level);
        uint32_t bits = degrade_request(&l, &q).bits;
        degrade_query(&l, &engine);
        assert_int_equal(q.highlight_count, level < 1);
        assert_int_equal(q.k, level < 2 ? 20 : 10);
        assert_int_equal(engine.skip, level < 2 ? 0 : QUERY_SKIP_TYPO_STEP | QUERY_SKIP_SYNONYMS);
        assert_int_equal(q.facet_count, level < 3);
        assert_int_equal(engine.postings_max, level < 3 ? 0 : DEGRADE_POSTINGS);
        assert_int_equal(q.typos, level < 4 ? SEARCH_TYPOS_AUTO : 0);
        assert_int_equal(q.match, level < 4 ? SEARCH_RELAXED : SEARCH_ALL);
        static const uint32_t told[] = {0, 1, 3, 4, 5};
        assert_int_equal(degrade_words(bits, words), told[level]);
    }
}

static void what_was_not_asked_for_is_not_told(void **state)
{
    (void)state;
    struct ladder l = {0};
    struct search_request q;
    search_request_init(&q);
    step(&l, 0, 0, 0, 3);
    assert_int_equal(degrade_request(&l, &q).bits, 0);
    q.text = SLICE_LIT("shoe");
    q.typos = 2;
    assert_int_equal(degrade_request(&l, &q).bits, 1u << LADDER_TYPO_STEP);
    assert_int_equal(q.typos, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_is_entered_after_half_a_second_and_one_at_a_time),
        cmocka_unit_test(levels_are_skipped_when_the_pressure_is_far_above),
        cmocka_unit_test(a_level_is_left_after_a_second_below_a_lower_mark),
        cmocka_unit_test(a_level_is_kept_while_the_load_would_be_too_much_without_it),
        cmocka_unit_test(of_skipped_levels_the_next_known_below_is_believed),
        cmocka_unit_test(what_a_level_saved_is_forgotten_after_a_while),
        cmocka_unit_test(short_memory_keeps_a_level_whatever_the_load),
        cmocka_unit_test(short_peaks_and_short_pauses_change_nothing),
        cmocka_unit_test(in_a_hurry_a_level_is_entered_every_ten_milliseconds),
        cmocka_unit_test(a_pinned_level_stays_whatever_the_load),
        cmocka_unit_test(each_level_has_exactly_its_features_off),
        cmocka_unit_test(a_search_loses_what_its_level_takes_and_nothing_else),
        cmocka_unit_test(what_was_not_asked_for_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
