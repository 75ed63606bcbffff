#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * Some of the words: what a product scores is a matter of the product and the query, not of how
 * products are spread over segments, of which only the large ones have lists of short beginnings.
 */

enum { DOCS = 34000, QUERIES = 300, PAGE = 20 };

static uint32_t roll(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

/* Four letters of six, few words more frequent than the others. */
static const char *word(uint64_t *seed, char room[8])
{
    uint32_t n = roll(seed, 36) * roll(seed, 36);
    for (int i = 0; i < 4; i++, n /= 6)
        room[i] = "aeklts"[n % 6];
    room[4] = '\0';
    return room;
}

static void open_catalog(struct find *f, uint32_t batches)
{
    static const struct find_product none[] = {{0}};
    static char titles[DOCS][48], brands[DOCS][8], ids[DOCS][12];
    static struct find_product p[DOCS];
    uint64_t seed = 41;
    char room[3][8];
    for (uint32_t i = 0; i < DOCS; i++) {
        snprintf(titles[i], sizeof titles[i], "%s %s %s", word(&seed, room[0]),
                 word(&seed, room[1]), word(&seed, room[2]));
        snprintf(ids[i], sizeof ids[i], "p%u", i);
        p[i] = (struct find_product){
            .id = ids[i], .title = titles[i], .brand = word(&seed, brands[i])};
    }
    find_open(f, "", none);
    for (uint32_t b = 0; b < batches; b++)
        find_put_all(f, p + (size_t)(DOCS / batches) * b, DOCS / batches);
}

static void ask(struct find *f, const char *text, struct query_result *r)
{
    struct query q = {.text = slice_str(text),
                      .match = QUERY_RELAXED,
                      .prefix = true,
                      .k = PAGE,
                      .count_to = QUERY_COUNT_ALL,
                      .max_stale_ms = -1};
    assert_int_equal(snapshot_begin(f->snap), STATUS_OK);
    assert_int_equal(search_run(f->searcher, f->snap, &q, &f->arena, r, &f->fault), STATUS_OK);
    snapshot_end(f->snap);
}

static bool lists_beginnings(struct find *f)
{
    struct segment_prefix p;
    assert_int_equal(snapshot_begin(f->snap), STATUS_OK);
    bool yes = segment_open_prefix(snapshot_segment(f->snap, 0), SLICE_LIT("a"), &p) == STATUS_OK;
    snapshot_end(f->snap);
    return yes;
}

static void scores_do_not_depend_on_segments(void **state)
{
    (void)state;
    struct find one, many;
    uint64_t seed = 7;
    uint32_t relaxed = 0;
    open_catalog(&one, 1);
    open_catalog(&many, 4);
    assert_true(lists_beginnings(&one));
    assert_false(lists_beginnings(&many));
    for (int i = 0; i < QUERIES; i++) {
        char text[48], room[3][8];
        struct query_result a, b;
        word(&seed, room[2]);
        room[2][1 + roll(&seed, 2)] = '\0';
        snprintf(text, sizeof text, "%s %s %s", word(&seed, room[0]), word(&seed, room[1]),
                 room[2]);
        ask(&one, text, &a);
        ask(&many, text, &b);
        assert_int_equal(a.found, b.found);
        assert_int_equal(a.hit_count, b.hit_count);
        for (uint32_t h = 0; h < a.hit_count; h++) {
            if (a.hits[h].score != b.hits[h].score || !slice_equal(a.hits[h].id, b.hits[h].id))
                print_error("'%s', hit %u\n", text, h);
            assert_int_equal(a.hits[h].score, b.hits[h].score);
            assert_true(slice_equal(a.hits[h].id, b.hits[h].id));
        }
        relaxed += a.dropped_count > 0;
        arena_reset(&one.arena);
        arena_reset(&many.arena);
    }
    assert_true(relaxed > QUERIES / 2);
    find_close(&one);
    find_close(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_do_not_depend_on_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
