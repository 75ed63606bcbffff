#include "tests/index/support_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One in `of` of the docids below `end`. */
static uint64_t *random_bits(struct world *w, uint32_t end, uint32_t of)
{
    uint64_t *bits = calloc(end / 64 + 1, sizeof *bits);
    assert_non_null(bits);
    for (uint32_t d = 0; d < end; d++)
        if (roll(&w->seed, of) == 0)
            bits[d / 64] |= UINT64_C(1) << d % 64;
    return bits;
}

static bool seen_at_all(struct world *w, uint32_t n, const uint64_t *bits, uint32_t end)
{
    char id[16];
    uint32_t docid;
    snprintf(id, sizeof id, "p%u", n);
    enum status st = snapshot_find(w->snap, slice_str(id), &docid);
    return st == STATUS_OK && !(docid < end && bits[docid / 64] >> docid % 64 & 1);
}

/* Words with and without others, pages short and long: counts known beforehand and counted ones. */
static void what_is_excluded_is_neither_found_nor_counted(void **state)
{
    (void)state;
    static bool visible[PRODUCTS];
    struct filter_case none = {.count = 0};
    struct world *w = make_world(53);
    uint32_t all = snapshot_docid_end(w->snap);
    for (int round = 0; round < 8; round++) {
        static const uint32_t parts[] = {1000, 100, 10, 2};
        uint32_t end = round % 2 ? all / 2 / 64 * 64 : (all + 63) / 64 * 64;
        uint64_t *bits = random_bits(w, end, parts[round / 2]);
        for (uint32_t n = 0; n < PRODUCTS; n++)
            visible[n] = seen_at_all(w, n, bits, end);
        for (int i = 0; i < 60; i++) {
            struct words_case c = random_words(&w->seed);
            struct query q = query_of(&c, &none);
            struct query_result r;
            uint32_t want = 0;
            q.excluded = bits;
            q.excluded_bits = end;
            q.excluded_version =
                i % 2 ? (uint64_t)round + 1 : 0; /* known counts, and counted ones */
            if (i % 3) {
                q.k = (uint32_t)i % 3; /* so that most blocks are only counted */
                q.count_to = i % 2 ? QUERY_COUNT_ALL : 100000;
            }
            run(w, &q, &r);
            for (uint32_t n = 0; n < PRODUCTS; n++)
                want += visible[n] && w->items[n].live && holds(&c, &w->items[n]);
            assert_int_equal(r.found, want);
            assert_true(r.found_exact);
            assert_int_equal(r.hit_count, want < q.k ? want : q.k);
            for (uint32_t h = 0; h < r.hit_count; h++)
                assert_true(visible[number_of(r.hits[h].id)]);
            arena_reset(&w->arena);
        }
        free(bits);
    }
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_excluded_is_neither_found_nor_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
