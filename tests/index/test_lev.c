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
        uint32_t plain, dear; /* with max 3 */
    } cases[] = {
        {"shoes", "shoes", 0, 0},
        {"shoes", "shose", 1, 1},
        {"shoes", "shoe", 1, 1},
        {"shoes", "sheos", 1, 1},
        {"shoes", "hoes", 1, 2},
        {"shoes", "choes", 1, 2},
        {"shoes", "hsoes", 1, 2},
        {"shoes", "ashoes", 1, 2},
        {"ca", "abc", 3, 4}, /* optimal string alignment: no edit inside a swap */
        {"", "ab", 2, 3},
        {"", "", 0, 0},
        {"caf\xc3\xa9", "cafe", 1, 1},
        {"\xe4\xb8\xad\xe5\x9b\xbd", "\xe4\xb8\xad", 1, 1},
        {"completely", "different", 4, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice a = slice_str(cases[i].a), b = slice_str(cases[i].b);
        assert_int_equal(lev_distance_at_most(a, b, 3, false), cases[i].plain);
        assert_int_equal(lev_distance_at_most(a, b, 3, true), cases[i].dear);
        assert_int_equal(lev_distance_at_most(b, a, 3, false), cases[i].plain);
    }
}

/* The definition, written down without rows, pruning or sharing. */
static uint32_t brute(const char *a, size_t n, const char *b, size_t m, uint32_t dear)
{
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
        uint32_t max = (uint32_t)(rand() % 3), dear = (uint32_t)(rand() % 2);
        struct lev_walk w;
        lev_walk_init(&w, slice_str(query), max, dear);
        uint32_t dead = 0;
        const char *dead_word = "";
        for (size_t i = 0; i < 3000; i++) {
            uint32_t want = brute(query, strlen(query), words[i], strlen(words[i]), dear);
            want = want <= max ? want : max + 1;
            if (dead && strncmp(words[i], dead_word, dead) == 0) {
                assert_int_equal(want, max + 1); /* nothing near is ever skipped */
                skipped++;
                continue;
            }
            assert_int_equal(lev_walk_term(&w, slice_str(words[i]), &dead), want);
            dead_word = words[i];
        }
    }
    assert_true(skipped > 100000);
}

static void prefixes_are_matched_with_typos(void **state)
{
    (void)state;
    struct lev_walk w;
    lev_walk_init(&w, SLICE_LIT("headhp"), 1, true);
    lev_walk_term(&w, SLICE_LIT("headphones"), NULL);
    assert_int_equal(lev_walk_prefix(&w), 1);
    lev_walk_term(&w, SLICE_LIT("heading"), NULL);
    assert_int_equal(lev_walk_prefix(&w), 2);
}

static void long_and_broken_words_are_near_to_nothing(void **state)
{
    (void)state;
    char big[200];
    memset(big, 'a', sizeof big);
    struct slice s = slice_make(big, sizeof big);
    assert_int_equal(lev_distance_at_most(s, SLICE_LIT("a"), 2, false), 3);
    assert_int_equal(lev_distance_at_most(SLICE_LIT("a"), s, 2, false), 3);
    assert_int_equal(lev_distance_at_most(s, s, 2, false), 0);
    assert_int_equal(lev_distance_at_most(SLICE_LIT("a\xe2\x82"), SLICE_LIT("a\xff"), 8, false), 2);
    assert_int_equal(lev_letters(SLICE_LIT("a\xc3\xa9\xff\xe2\x82")), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_has_its_distance),
        cmocka_unit_test(a_walk_finds_what_brute_force_finds),
        cmocka_unit_test(prefixes_are_matched_with_typos),
        cmocka_unit_test(long_and_broken_words_are_near_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
