/* breaker: by hand for each edge of its states, then millions of seeded ticks against its rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/breaker.h"

static struct breaker fresh(void)
{
    struct breaker b;
    struct breaker_options o;
    breaker_options_init(&o);
    breaker_init(&b, &o, 1, 1000);
    return b;
}

static void call(struct breaker *b, int64_t now, bool good, int64_t took)
{
    uint32_t token = breaker_begin(b, now);
    assert_true(token != 0);
    if (good)
        breaker_good(b, token, now, took);
    else
        breaker_bad(b, token, now);
}

static void five_failures_in_a_row_open_it(void **state)
{
    (void)state;
    struct breaker b = fresh();
    for (int i = 0; i < 4; i++)
        call(&b, 1000 + i, false, 0);
    assert_int_equal(breaker_now(&b, 1004), BREAKER_CLOSED);
    call(&b, 1004, false, 0);
    assert_int_equal(breaker_now(&b, 1004), BREAKER_OPEN);
    assert_int_equal(breaker_begin(&b, 1005), 0);
    assert_true(b.until_ms >= 1004 + 2500 && b.until_ms <= 1004 + 5000);
}

static void half_of_twenty_open_it_nineteen_calls_do_not(void **state)
{
    (void)state;
    struct breaker b = fresh();
    for (int i = 0; i < 19; i++)
        call(&b, 1000 + i, i % 2 == 0, 1);
    assert_int_equal(breaker_now(&b, 1020), BREAKER_CLOSED);
    call(&b, 1020, false, 1);
    assert_int_equal(breaker_now(&b, 1020), BREAKER_OPEN);
}

static void one_in_ten_never_opens_it(void **state)
{
    (void)state;
    struct breaker b = fresh();
    for (int i = 0; i < 100000; i++)
        call(&b, 1000 + i, i % 10 != 0, 1);
    assert_int_equal(b.opens, 0);
}

static void slow_calls_open_it(void **state)
{
    (void)state;
    struct breaker b = fresh();
    for (int i = 0; i < 20; i++)
        call(&b, 1000 + i, true, i < 4 ? 10 : 1500);
    assert_int_equal(breaker_now(&b, 1020), BREAKER_OPEN);
}

static void old_failures_leave_the_window(void **state)
{
    (void)state;
    struct breaker b = fresh();
    for (int i = 0; i < 4; i++)
        call(&b, 1000, false, 0);
    call(&b, 1000, true, 0);
    for (int i = 0; i < 30; i++)
        call(&b, 20000 + i, i % 10 != 0, 0);
    assert_int_equal(b.opens, 0);
}

static void open_it(struct breaker *b, int64_t now)
{
    while (breaker_now(b, now) == BREAKER_CLOSED)
        call(b, now, false, 0);
}

static void half_open_lets_one_through_and_three_close_it(void **state)
{
    (void)state;
    struct breaker b = fresh();
    open_it(&b, 2000);
    int64_t now = b.until_ms;
    uint32_t first = breaker_begin(&b, now);
    assert_true(first != 0);
    assert_int_equal(breaker_begin(&b, now), 0);
    breaker_good(&b, first, now, 10);
    call(&b, now + 1, true, 10);
    assert_int_equal(breaker_now(&b, now + 1), BREAKER_HALF_OPEN);
    call(&b, now + 2, true, 10);
    assert_int_equal(breaker_now(&b, now + 2), BREAKER_CLOSED);
}

static void a_failed_probe_opens_it_for_longer(void **state)
{
    (void)state;
    struct breaker b = fresh();
    open_it(&b, 2000);
    for (int i = 1; i < 10; i++) {
        int64_t now = b.until_ms, most = 5000 << i > 300000 ? 300000 : 5000 << i;
        call(&b, now, false, 0);
        assert_int_equal(breaker_now(&b, now), BREAKER_OPEN);
        assert_true(b.until_ms - now >= most / 2 && b.until_ms - now <= most);
    }
}

static void an_answer_from_before_it_opened_does_not_count(void **state)
{
    (void)state;
    struct breaker b = fresh();
    uint32_t late = breaker_begin(&b, 1500);
    open_it(&b, 2000);
    int64_t now = b.until_ms;
    uint32_t probe = breaker_begin(&b, now);
    breaker_bad(&b, late, now);
    assert_int_equal(breaker_now(&b, now), BREAKER_HALF_OPEN);
    breaker_good(&b, late, now, 1);
    breaker_good(&b, probe, now, 1);
    assert_int_equal(b.good, 1);
}

static void a_probe_that_never_ends_is_replaced(void **state)
{
    (void)state;
    struct breaker b = fresh();
    open_it(&b, 2000);
    int64_t now = b.until_ms;
    assert_true(breaker_begin(&b, now) != 0);
    assert_int_equal(breaker_begin(&b, now + BREAKER_PROBE_MS), 0);
    assert_true(breaker_begin(&b, now + BREAKER_PROBE_MS + 1) != 0);
}

static void a_pause_is_obeyed_and_is_no_failure(void **state)
{
    (void)state;
    struct breaker b = fresh();
    breaker_pause(&b, 2000, 7000);
    assert_int_equal(breaker_now(&b, 2000), BREAKER_PAUSED);
    assert_int_equal(breaker_begin(&b, 8999), 0);
    assert_true(breaker_begin(&b, 9000) != 0);
    breaker_pause(&b, 10000, 10000000);
    assert_int_equal(b.paused_ms, 10000 + BREAKER_PAUSE_MAX_MS);
}

static void an_active_probe_half_opens_and_never_closes(void **state)
{
    (void)state;
    struct breaker b = fresh();
    open_it(&b, 2000);
    int64_t half = 2000 + (b.until_ms - 2000) / 2;
    breaker_probed(&b, half - 1);
    assert_int_equal(breaker_now(&b, half - 1), BREAKER_OPEN);
    for (int i = 0; i < 100; i++)
        breaker_probed(&b, half);
    assert_int_equal(breaker_now(&b, half), BREAKER_HALF_OPEN);
}

/*
 * Any behaviour of an upstream, in millions of ticks: no call while open or paused, one at a time
 * while half open, no opening before its reasons, at most one change of state per open time.
 */
struct flying {
    uint32_t token;
    int64_t end;
    bool good;
    int64_t took;
};

static void simulate(uint64_t seed, uint32_t ticks)
{
    struct breaker b;
    struct breaker_options o;
    struct flying fly[16];
    int flying = 0, since_opened = 0;
    int64_t now = 1000, opened = 0, rate = 50;
    breaker_options_init(&o);
    breaker_init(&b, &o, seed, now);
    srand((unsigned)seed);
    for (uint32_t t = 0; t < ticks; t++) {
        enum breaker_state before = breaker_now(&b, now);
        if (rand() % 2000 == 0)
            rate = 50 * (int64_t)(rand() % 3); /* healthy, flapping, dead */
        now += rand() % 1000 == 0 ? rand() % 60000 : rand() % 20;
        if (rand() % 50000 == 0)
            breaker_pause(&b, now, rand() % 10000);
        for (int i = 0; i < flying;) {
            if (fly[i].end > now) {
                i++;
                continue;
            }
            if (fly[i].good)
                breaker_good(&b, fly[i].token, now, fly[i].took);
            else
                breaker_bad(&b, fly[i].token, now);
            fly[i] = fly[--flying];
        }
        uint32_t opens = b.opens;
        if (flying < 16) {
            enum breaker_state state = breaker_now(&b, now);
            bool busy =
                b.state == BREAKER_HALF_OPEN && b.probe_ms && now - b.probe_ms <= BREAKER_PROBE_MS;
            uint32_t token = breaker_begin(&b, now);
            assert_true(!token || (state != BREAKER_OPEN && state != BREAKER_PAUSED && !busy));
            assert_true(token || state != BREAKER_CLOSED);
            if (token)
                fly[flying++] = (struct flying){token, now + rand() % 3000, rand() % 100 >= rate,
                                                rand() % 3000};
        }
        assert_int_equal(b.opens, opens); /* beginning a call never opens it */
        if (b.opens != (uint32_t)since_opened) {
            assert_int_equal(b.opens, since_opened + 1);
            assert_true(opened == 0 || now - opened >= o.open_ms / 2);
            since_opened = (int)b.opens;
            opened = now;
        }
        (void)before;
    }
    assert_true(since_opened > 0);
}

static void any_upstream_keeps_the_rules(void **state)
{
    (void)state;
    const char *given = getenv("SOUK_SEED");
    uint64_t first = given ? strtoull(given, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + (given ? 1 : 20); seed++) {
        print_message("breaker seed %llu\n",
                      (unsigned long long)seed); /* the last one told fails */
        simulate(seed, 200000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_in_a_row_open_it),
        cmocka_unit_test(half_of_twenty_open_it_nineteen_calls_do_not),
        cmocka_unit_test(one_in_ten_never_opens_it),
        cmocka_unit_test(slow_calls_open_it),
        cmocka_unit_test(old_failures_leave_the_window),
        cmocka_unit_test(half_open_lets_one_through_and_three_close_it),
        cmocka_unit_test(a_failed_probe_opens_it_for_longer),
        cmocka_unit_test(an_answer_from_before_it_opened_does_not_count),
        cmocka_unit_test(a_probe_that_never_ends_is_replaced),
        cmocka_unit_test(a_pause_is_obeyed_and_is_no_failure),
        cmocka_unit_test(an_active_probe_half_opens_and_never_closes),
        cmocka_unit_test(any_upstream_keeps_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
