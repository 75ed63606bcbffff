/* retry: the budget over millions of ticks, and the pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/retry.h"

static void pauses_double_up_to_the_cap(void **state)
{
    (void)state;
    for (uint32_t tries = 1; tries < 20; tries++) {
        int64_t bound = tries < 7 ? 100 << (tries - 1) : 5000;
        if (bound > 5000)
            bound = 5000;
        for (uint64_t r = 0; r < 20000; r += 97)
            assert_true(retry_pause_ms(tries, 100, 5000, r) <= bound);
        assert_int_equal(retry_pause_ms(tries, 100, 5000, (uint64_t)bound), bound);
    }
}

static void what_is_not_used_is_gone(void **state)
{
    (void)state;
    struct retry_budget b = {0};
    for (int i = 0; i < 1000; i++)
        retry_first(&b, 1000); /* a hundred tokens */
    int taken = 0;
    while (retry_take(&b, 60000))
        taken++;
    assert_true(taken <= RETRY_SECONDS);
}

/* Retries never exceed a tenth of the first tries plus one a second, whatever fails. */
static void the_budget_is_never_exceeded(void **state)
{
    (void)state;
    const char *given = getenv("SOUK_SEED");
    unsigned first_seed = given ? (unsigned)strtoul(given, NULL, 10) : 1;
    for (unsigned seed = first_seed; seed < first_seed + (given ? 1 : 20); seed++) {
        struct retry_budget b = {0};
        int64_t now = 5000, start = now;
        uint64_t first = 0, again = 0;
        print_message("retry seed %u\n", seed);
        srand(seed);
        for (int t = 0; t < 100000; t++) {
            now += rand() % 5000 == 0 ? rand() % 30000 : rand() % 7;
            int calls = rand() % 4;
            for (int i = 0; i < calls; i++, first++)
                retry_first(&b, now);
            for (int i = 0; i < 3; i++)
                again += retry_take(&b, now);
            int64_t whole_seconds = now / 1000 - start / 1000;
            assert_true((double)again <= 0.1 * (double)first + (double)whole_seconds + 1.001);
        }
        assert_true(again > first / 11);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_up_to_the_cap),
        cmocka_unit_test(what_is_not_used_is_gone),
        cmocka_unit_test(the_budget_is_never_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
