#include "server/span_ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct span numbered(int64_t n)
{
    struct span s = {.kind = SPAN_SERVER, .start_us = n, .end_us = n};
    memset(s.trace_id, (int)(n & 0xff), sizeof s.trace_id);
    return s;
}

static struct span_ring *empty(void)
{
    struct span_ring *r = aligned_alloc(64, sizeof *r);
    memset((void *)r, 0, sizeof *r);
    return r;
}

static void first_in_first_out(void **state)
{
    (void)state;
    struct span_ring *r = empty();
    struct span out;
    assert_false(span_ring_take(r, &out));
    for (int64_t n = 0; n < (int64_t)3 * SPAN_RING; n++) {
        struct span s = numbered(n);
        assert_true(span_ring_put(r, &s));
        if (n % 3 == 0)
            continue; /* it fills up a little, and goes round */
        assert_true(span_ring_take(r, &out));
        while (span_ring_count(r) > 5)
            assert_true(span_ring_take(r, &out));
    }
    int64_t last = -1;
    while (span_ring_take(r, &out)) {
        assert_true(out.start_us > last);
        last = out.start_us;
    }
    assert_int_equal(last, (int64_t)3 * SPAN_RING - 1);
    free(r);
}

static void a_full_ring_drops_what_comes_and_counts_it(void **state)
{
    (void)state;
    struct span_ring *r = empty();
    struct span s = numbered(1), out;
    for (int i = 0; i < SPAN_RING; i++)
        assert_true(span_ring_put(r, &s));
    span_stage(&s, SPAN_QUEUE, 1, 2);
    span_stage(&s, SPAN_SEARCH, 2, 3);
    assert_false(span_ring_put(r, &s));
    assert_int_equal(r->dropped, 3); /* with its stages */
    assert_int_equal(span_ring_count(r), SPAN_RING);
    assert_true(span_ring_take(r, &out));
    assert_true(span_ring_put(r, &s));
    free(r);
}

static void what_a_dead_process_left_does_no_harm(void **state)
{
    (void)state;
    struct span_ring *r = empty();
    struct span bad = numbered(1), good = numbered(2), out;
    bad.attribute_count = 255;
    span_ring_put(r, &bad);
    span_ring_put(r, &good);
    assert_true(span_ring_take(r, &out)); /* the bad one is passed over */
    assert_int_equal(out.start_us, 2);
    r->head = UINT64_MAX / 2; /* nobody has put so many */
    assert_int_equal(span_ring_count(r), 0);
    assert_false(span_ring_take(r, &out));
    assert_true(span_ring_put(r, &good));
    assert_true(span_ring_take(r, &out));
    assert_false(span_ring_take(r, &out));
    free(r);
}

enum { MANY = 50000 };

static void *produce(void *ctx)
{
    struct span_ring *r = ctx;
    for (int64_t n = 0; n < MANY;) {
        struct span s = numbered(n);
        if (span_ring_put(r, &s))
            n++;
        else
            sched_yield();
    }
    return NULL;
}

static void one_puts_while_another_takes(void **state)
{
    (void)state;
    struct span_ring *r = empty();
    struct span out;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce, r), 0);
    for (int64_t n = 0; n < MANY;) {
        if (!span_ring_take(r, &out)) {
            sched_yield();
            continue;
        }
        assert_int_equal(out.start_us, n);
        assert_int_equal(out.trace_id[15], n & 0xff); /* whole */
        n++;
    }
    pthread_join(thread, NULL);
    assert_int_equal(span_ring_count(r), 0);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(a_full_ring_drops_what_comes_and_counts_it),
        cmocka_unit_test(what_a_dead_process_left_does_no_harm),
        cmocka_unit_test(one_puts_while_another_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
