#include "index/best.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A top of numbers holds what a top of candidates does, whatever comes, and however often. */

enum { MOST = 100, ROUNDS = 3000 };

static uint32_t roll(uint32_t below)
{
    static uint64_t seed = 5;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(seed >> 33) % below;
}

/* Of a candidate that is there already the better of the two stays. */
static void push_once(struct topk *t, const struct candidate *c)
{
    struct candidate all[MOST];
    uint32_t n = t->count, at = 0;
    while (at < n && t->items[at].docid != c->docid)
        at++;
    if (at == n) {
        topk_push(t, c);
    } else if (candidate_before(c, &t->items[at])) {
        memcpy(all, t->items, n * sizeof *all);
        all[at] = *c;
        t->count = 0;
        for (uint32_t i = 0; i < n; i++)
            topk_push(t, &all[i]);
    }
}

/* Few scores and ties, so that docids decide; borders among them. */
static struct candidate some_candidate(uint32_t docs)
{
    static const uint32_t scores[] = {0, 1, 7, 1 << 24, UINT32_MAX};
    static const uint32_t ties[] = {0, 3, 1U << 31, UINT32_MAX};
    struct candidate c = {.docid = roll(docs)};
    c.keys[0] = roll(2) ? scores[roll(5)] : roll(1000);
    c.tie = ties[c.docid % 4]; /* a document has one tie */
    c.docid = roll(9) ? c.docid : UINT32_MAX - c.docid;
    c.lacks = ~c.docid; /* what is known of a document is the same each time */
    return c;
}

static void holds_the_same(const struct best *b, const struct topk *want)
{
    struct candidate items[MOST + 1], sorted[MOST + 1];
    struct topk got = {.items = items, .cap = want->cap};
    best_to(b, &got);
    assert_int_equal(got.count, want->count);
    memcpy(sorted, want->items, want->count * sizeof *sorted);
    struct topk other = {.items = sorted, .count = want->count, .cap = want->cap};
    topk_sort(&got);
    topk_sort(&other);
    for (uint32_t i = 0; i < got.count; i++) {
        assert_int_equal(got.items[i].keys[0], other.items[i].keys[0]);
        assert_int_equal(got.items[i].tie, other.items[i].tie);
        assert_int_equal(got.items[i].docid, other.items[i].docid);
        assert_int_equal(got.items[i].lacks, other.items[i].lacks);
    }
}

static void numbers_rank_as_candidates_do(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct candidate items[MOST + 1], told_items[1];
        best_number heap[MOST];
        bool again = roll(2);
        uint32_t docs = again ? 1 + roll(300) : 1U << 30, pushes = roll(400);
        struct topk want = {.items = items, .cap = 1 + roll(MOST)};
        struct topk told = {.items = told_items, .cap = want.cap};
        struct best b = {.heap = heap, .cap = want.cap};
        best_from(&b, &want);
        for (uint32_t i = 0; i < pushes; i++) {
            struct candidate c = some_candidate(docs);
            best_push(&b, best_number_of((uint32_t)c.keys[0], c.tie, c.docid, c.lacks), again);
            if (again)
                push_once(&want, &c);
            else
                topk_push(&want, &c);
            best_tell(&b, &told);
            assert_int_equal(told.count, want.count);
            if (want.count)
                assert_int_equal(told.items[0].keys[0], want.items[0].keys[0]);
            if (want.count == want.cap)
                assert_int_equal(best_floor(&b), want.items[0].keys[0]);
            if (roll(100) == 0) { /* from one attempt to the next */
                best_to(&b, &want);
                best_from(&b, &want);
            }
        }
        holds_the_same(&b, &want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rank_as_candidates_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
