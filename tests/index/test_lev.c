#include "index/lev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void each_pair_has_its_distance(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        uint32_t want; /* with max 3 */
    } cases[] = {
        {"shoes", "shoes", 0},
        {"shoes", "shose", 1},
        {"shoes", "shoe", 1},
        {"shoes", "sheos", 1},
        {"shoes", "hoes", 2},
        {"shoes", "choes", 2},
        {"shoes", "hsoes", 2},
        {"shoes", "ashoes", 2},
        {"ca", "abc", 4}, /* optimal string alignment: no edit inside a swap */
        {"", "ab", 3},
        {"", "", 0},
        {"caf\xc3\xa9", "cafe", 1},
        {"\xe4\xb8\xad\xe5\x9b\xbd", "\xe4\xb8\xad", 1},
        {"completely", "different", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice a = slice_str(cases[i].a), b = slice_str(cases[i].b);
        assert_int_equal(lev_distance(a, b, 3), cases[i].want);
        assert_int_equal(lev_distance(b, a, 3), cases[i].want);
    }
}

/* The definition, written down without rows, pruning or sharing. */
static uint32_t brute(const char *a, size_t n, const char *b, size_t m)
{
    const uint32_t dear = 1; /* the first letter counts two */
    uint32_t d[16][16];
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (!i || !j) {
                d[i][j] = (uint32_t)(i + j) + (i + j ? dear : 0);
                continue;
            }
            uint32_t extra = i == 1 && j == 1 ? dear : 0;
            uint32_t best = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1 + extra);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                uint32_t swap = d[i - 2][j - 2] + 1 + (i == 2 && j == 2 ? dear : 0);
                best = swap < best ? swap : best;
            }
            d[i][j] = best;
        }
    return d[n][m];
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void random_word(char *out)
{
    int n = rand() % 9;
    for (int i = 0; i < n; i++)
        out[i] = (char)('a' + rand() % 3);
    out[n] = '\0';
}

static void a_walk_finds_what_brute_force_finds(void **state)
{
    (void)state;
    static char words[3000][12];
    uint64_t skipped = 0;
    srand(7);
    for (size_t i = 0; i < 3000; i++)
        random_word(words[i]);
    qsort(words, 3000, sizeof words[0], by_bytes);
    for (int round = 0; round < 200; round++) {
        char query[12];
        random_word(query);
        uint32_t max = (uint32_t)(rand() % 3), distance;
        struct lev_walk w;
        lev_walk_init(&w, slice_str(query), max);
        struct slice skip = SLICE_NULL;
        for (size_t i = 0; i < 3000; i++) {
            struct slice term = slice_str(words[i]);
            uint32_t want = brute(query, strlen(query), words[i], strlen(words[i]));
            if (skip.len && slice_starts(term, skip)) {
                assert_true(want > max); /* nothing near is ever stepped over */
                skipped++;
                continue;
            }
            bool near = lev_walk_term(&w, term, &distance, &skip);
            assert_int_equal(near, want <= max);
            if (near)
                assert_int_equal(distance, want);
        }
    }
    assert_true(skipped > 100000);
}

static void a_walk_in_any_order_is_right_too(void **state)
{
    (void)state;
    srand(9);
    struct lev_walk w;
    lev_walk_init(&w, SLICE_LIT("abcab"), 2);
    for (int round = 0; round < 20000; round++) {
        char word[12];
        uint32_t distance;
        struct slice skip;
        random_word(word);
        uint32_t want = brute("abcab", 5, word, strlen(word));
        assert_int_equal(lev_walk_term(&w, slice_str(word), &distance, &skip), want <= 2);
    }
}

static void long_and_broken_words_are_survived(void **state)
{
    (void)state;
    char big[400], out[64];
    memset(big, 'a', sizeof big);
    struct slice s = slice_make(big, sizeof big);
    assert_int_equal(lev_distance(s, SLICE_LIT("a"), 2), 3);
    assert_int_equal(lev_distance(SLICE_LIT("a"), s, 2), 3);
    srand(11);
    for (int round = 0; round < 20000; round++) {
        char other[64];
        size_t n = (size_t)rand() % 64, m = (size_t)rand() % 64;
        for (size_t i = 0; i < 64; i++) {
            out[i] = (char)(rand() % 2 ? 0xc0 + rand() % 64 : rand());
            other[i] = (char)(rand() % 2 ? 0xc0 + rand() % 64 : rand());
        }
        assert_true(lev_distance(slice_make(out, n), slice_make(other, m), 2) <= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_has_its_distance),
        cmocka_unit_test(a_walk_finds_what_brute_force_finds),
        cmocka_unit_test(a_walk_in_any_order_is_right_too),
        cmocka_unit_test(long_and_broken_words_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
