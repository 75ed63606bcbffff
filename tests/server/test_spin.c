/* spin: when a process without work stays awake. Times are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/spin.h"

enum { MOST = 50, LOOK = 2, WORK = 20, ENOUGH = 200 };

struct world {
    struct spin s;
    int64_t now;
};

/* A wait of `gap` us, looks LOOK apart but for one of `hole` us, then some work; true when awake
 * as the work came. */
static bool wait_and_work(struct world *w, int64_t gap, int64_t hole)
{
    int64_t end = w->now + gap;
    spin_rest(&w->s, w->now, spin_pays(&w->s, w->now));
    w->now += hole;
    while (spin_awake(&w->s) && w->now + LOOK < end) {
        w->now += LOOK;
        if (!spin_look(&w->s, w->now))
            break;
    }
    bool awake = spin_awake(&w->s);
    w->now = end > w->now ? end : w->now;
    spin_work(&w->s, w->now);
    assert_false(spin_awake(&w->s));
    w->now += WORK;
    return awake;
}

static uint32_t awake_of(struct world *w, int n, int64_t gap, int64_t hole)
{
    uint32_t awake = 0;
    for (int i = 0; i < n; i++)
        awake += wait_and_work(w, gap, hole);
    return awake;
}

static struct world new_world(void)
{
    struct world w = {.now = 1000000};
    spin_init(&w.s, MOST);
    return w;
}

static void it_stays_awake_while_work_comes_close_together(void **state)
{
    (void)state;
    struct world w = new_world();
    assert_false(wait_and_work(&w, 20, 0)); /* nothing is known yet */
    awake_of(&w, ENOUGH, 20, 0);
    assert_int_equal(awake_of(&w, 100, 20, 0), 100);
}

static void it_sleeps_where_work_is_rare(void **state)
{
    (void)state;
    struct world w = new_world();
    awake_of(&w, ENOUGH, 20, 0);
    awake_of(&w, ENOUGH, MOST + 10, 0);
    int64_t spun = w.s.spun_us;
    assert_int_equal(awake_of(&w, 100, MOST + 10, 0), 0);
    assert_int_equal(w.s.spun_us, spun);
}

static void one_long_silence_costs_one_wait(void **state)
{
    (void)state;
    struct world w = new_world();
    awake_of(&w, ENOUGH, 20, 0);
    int64_t spun = w.s.spun_us;
    assert_false(wait_and_work(&w, 60000000, 0));
    assert_in_range(w.s.spun_us - spun, MOST, MOST + LOOK);
    assert_int_equal(awake_of(&w, 100, 20, 0), 100);
}

static void never_means_never(void **state)
{
    (void)state;
    struct world w = new_world();
    spin_init(&w.s, 0);
    assert_int_equal(awake_of(&w, 1000, 0, 0), 0);
    assert_int_equal(awake_of(&w, 1000, 1, 0), 0);
}

static void time_awake_is_counted(void **state)
{
    (void)state;
    struct world w = new_world();
    awake_of(&w, ENOUGH, 20, 0);
    int64_t spun = w.s.spun_us;
    awake_of(&w, 100, 20, 0);
    assert_int_equal(w.s.spun_us - spun, 100 * 20);
}

/* A client on the same processor: whenever it is let in, it runs for a while. */
static void where_others_run_it_sleeps_and_tries_ever_more_seldom(void **state)
{
    (void)state;
    struct world w = new_world();
    awake_of(&w, ENOUGH, 20, 0);
    int64_t begin = w.now;
    uint32_t awake = 0;
    while (w.now - begin < 20000000)
        awake += wait_and_work(&w, SPIN_LATE_US + 5, SPIN_LATE_US + 1);
    /* three tries before each pause: 0.1, 0.2, 0.4 ... 3.2, 3.2 s */
    assert_in_range(w.s.pauses, 9, 11);
    assert_in_range(awake, 3 * 9, 3 * 11);
}

static void now_and_then_somebody_may_run(void **state)
{
    (void)state;
    struct world w = new_world();
    awake_of(&w, ENOUGH, 20, 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(wait_and_work(&w, 20, SPIN_LATE_US + 1));
        assert_int_equal(awake_of(&w, SPIN_STRIKE, 20, 0), SPIN_STRIKE);
    }
    assert_int_equal(w.s.pauses, 0);
}

static void a_hole_is_enough_for_a_pause(void **state)
{
    (void)state;
    struct world w = new_world();
    awake_of(&w, ENOUGH, 20, 0);
    wait_and_work(&w, 20, SPIN_HOLE_US + 1);
    assert_int_equal(w.s.pauses, 1);
    int64_t begin = w.now;
    while (w.now - begin < SPIN_PAUSE_US - 1000)
        assert_false(wait_and_work(&w, 20, 0));
    while (w.now - begin < SPIN_PAUSE_US)
        wait_and_work(&w, 20, 0);
    assert_int_equal(awake_of(&w, 100, 20, 0), 100);
}

static void a_pause_long_after_the_last_is_a_short_one(void **state)
{
    (void)state;
    struct world w = new_world();
    for (int i = 0; i < 5; i++) {
        awake_of(&w, ENOUGH, 20, 0);
        wait_and_work(&w, 20, SPIN_HOLE_US + 1);
        assert_int_equal(w.s.pause_us, SPIN_PAUSE_US);
        int64_t begin = w.now;
        while (w.now - begin < SPIN_PAUSE_US + SPIN_AGAIN_US)
            wait_and_work(&w, 20, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stays_awake_while_work_comes_close_together),
        cmocka_unit_test(it_sleeps_where_work_is_rare),
        cmocka_unit_test(one_long_silence_costs_one_wait),
        cmocka_unit_test(never_means_never),
        cmocka_unit_test(time_awake_is_counted),
        cmocka_unit_test(where_others_run_it_sleeps_and_tries_ever_more_seldom),
        cmocka_unit_test(now_and_then_somebody_may_run),
        cmocka_unit_test(a_hole_is_enough_for_a_pause),
        cmocka_unit_test(a_pause_long_after_the_last_is_a_short_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
