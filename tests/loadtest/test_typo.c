#include "loadtest/typo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static bool within(struct slice s, struct slice of)
{
    return s.ptr >= of.ptr && s.ptr + s.len <= of.ptr + of.len;
}

/* Edits between two texts, a swap of neighbours counting as one. */
static int distance(struct slice a, struct slice b)
{
    int d[64][64];
    for (size_t i = 0; i <= a.len; i++)
        for (size_t j = 0; j <= b.len; j++) {
            if (!i || !j) {
                d[i][j] = (int)(i + j);
                continue;
            }
            int best = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[a.len][b.len];
}

static void a_slip_is_one_edit_within_a_long_word(void **state)
{
    (void)state;
    const struct slice q = SLICE_LIT("red wireless mouse 2x");
    struct buf b = BUF_INIT;
    uint64_t random = 3;
    int changed = 0;
    for (int i = 0; i < 2000; i++) {
        typo_make(q, &random, &b);
        assert_true(distance(q, buf_slice(&b)) <= 1);
        assert_memory_equal(b.ptr, "red w", 5); /* short words and first letters stay */
        assert_memory_equal(b.ptr + b.len - 3, " 2x", 3);
        changed += !slice_equal(q, buf_slice(&b));
    }
    assert_true(changed > 1900); /* a swap of equal letters changes nothing */
    buf_fini(&b);
}

static void what_has_no_long_word_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "abc 12", "\xe7\xba\xa2\xe8\x89\xb2", "ta4b"};
    struct buf b = BUF_INIT;
    uint64_t random = 3;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        typo_make(slice_str(texts[i]), &random, &b);
        assert_true(slice_equal(slice_str(texts[i]), buf_slice(&b)));
    }
    buf_fini(&b);
}

static void each_word_is_drawn(void **state)
{
    (void)state;
    const struct slice q = SLICE_LIT("  aa bbb  c ");
    int seen[4] = {0};
    uint64_t random = 9;
    for (int i = 0; i < 300; i++) {
        struct slice w = typo_word(q, &random);
        assert_true(within(w, q) && w.len >= 1 && w.len <= 3);
        seen[w.len]++;
    }
    assert_true(seen[1] > 60 && seen[2] > 60 && seen[3] > 60);
    assert_int_equal(typo_word(SLICE_LIT("  "), &random).len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_is_one_edit_within_a_long_word),
        cmocka_unit_test(what_has_no_long_word_stays),
        cmocka_unit_test(each_word_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
