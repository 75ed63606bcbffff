#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Any word: a product scores the sum of what it scores for each word alone, and the top, its order
 * and the count are those of all these sums, whether lists are read window by window or meet block
 * by block, with words of every frequency.
 */

enum { DOCS = 20000, WORDS = 24, MOST = 10000, TOP = 10 };

static uint32_t scores[WORDS][DOCS]; /* by document, of each word alone; 0 = not there */

static uint32_t roll(uint32_t below)
{
    static uint64_t seed = 4711;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* Word w is in one product of 3, of 4, of 6, ... of 9,000. */
static uint32_t one_in(uint32_t w)
{
    double n = 3;
    for (uint32_t i = 0; i < w; i++)
        n *= 1.42;
    return (uint32_t)n;
}

static void put(struct find *f)
{
    static char titles[DOCS][WORDS * 8 + 32], ids[DOCS][12];
    static struct find_product p[DOCS];
    static const struct find_product none[] = {{0}};
    for (uint32_t i = 0; i < DOCS; i++) {
        size_t at = (size_t)snprintf(titles[i], sizeof titles[i], "thing ");
        for (uint32_t w = 0; w < WORDS; w++)
            if (roll(one_in(w)) == 0)
                at += (size_t)snprintf(titles[i] + at, sizeof titles[i] - at, "w%ux ", w);
        for (uint32_t k = roll(4); k; k--) /* titles of different lengths */
            at += (size_t)snprintf(titles[i] + at, sizeof titles[i] - at, "and ");
        snprintf(ids[i], sizeof ids[i], "p%u", i);
        p[i] = (struct find_product){.id = ids[i], .title = titles[i], .popularity = 1};
    }
    find_open(f, "", none);
    find_put_all(f, p, DOCS);
}

static void search(struct find *f, const struct query *q, struct query_result *r)
{
    arena_reset(&f->arena);
    assert_int_equal(snapshot_begin(f->snap), STATUS_OK);
    assert_int_equal(search_run(f->searcher, f->snap, q, &f->arena, r, &f->fault), STATUS_OK);
    snapshot_end(f->snap);
}

static void learn_scores(struct find *f)
{
    for (uint32_t w = 0; w < WORDS; w++) {
        char text[16];
        struct query_result r;
        snprintf(text, sizeof text, "w%ux", w);
        struct query q = {.text = slice_str(text),
                          .match = QUERY_ANY,
                          .k = MOST,
                          .count_to = QUERY_COUNT_ALL,
                          .profile = SLICE_LIT("bm25"),
                          .max_stale_ms = -1};
        search(f, &q, &r);
        assert_int_equal(r.found, r.hit_count);
        for (uint32_t h = 0; h < r.hit_count; h++)
            scores[w][r.hits[h].docid] = (uint32_t)r.hits[h].score;
    }
}

static int greater_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* Words of near frequencies or of all, each once. */
static uint32_t choose(uint32_t *words)
{
    uint32_t n = 2 + roll(5), from = roll(WORDS), spread = roll(2) ? n : WORDS, taken = 0;
    for (uint32_t i = 0; i < n;) {
        uint32_t w = (from + roll(spread)) % WORDS;
        if (taken >> w & 1)
            continue;
        taken |= 1u << w;
        words[i++] = w;
    }
    return n;
}

static void the_top_is_that_of_all_sums(void **state)
{
    (void)state;
    static uint32_t sums[DOCS], order[DOCS];
    struct find f;
    put(&f);
    learn_scores(&f);
    for (int round = 0; round < 600; round++) {
        uint32_t words[8], n = choose(words), found = 0, docids[TOP];
        char text[64] = "";
        memset(sums, 0, sizeof sums);
        for (uint32_t i = 0; i < n; i++) {
            size_t at = strlen(text);
            snprintf(text + at, sizeof text - at, "w%ux ", words[i]);
            for (uint32_t d = 0; d < DOCS; d++)
                sums[d] += scores[words[i]][d];
        }
        for (uint32_t d = 0; d < DOCS; d++)
            found += sums[d] != 0;
        memcpy(order, sums, sizeof order);
        qsort(order, DOCS, sizeof *order, greater_first);
        struct query_result r;
        struct query q = {.text = slice_str(text),
                          .match = QUERY_ANY,
                          .k = TOP,
                          .count_to = round % 2 ? 1000 : 1, /* early: skipping from the first on */
                          .profile = SLICE_LIT("bm25"),
                          .max_stale_ms = -1};
        search(&f, &q, &r);
        if (round % 2)
            assert_int_equal(r.found, found < 1000 ? found : 1000);
        assert_int_equal(r.hit_count, found < TOP ? found : TOP);
        for (uint32_t h = 0; h < r.hit_count; h++) {
            assert_int_equal(r.hits[h].score, order[h]);
            assert_int_equal(r.hits[h].score, sums[r.hits[h].docid]);
            docids[h] = r.hits[h].docid;
        }
        q.no_pruning = true; /* between equals as well */
        search(&f, &q, &r);
        for (uint32_t h = 0; h < r.hit_count; h++)
            assert_int_equal(r.hits[h].docid, docids[h]);
    }
    find_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_top_is_that_of_all_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
