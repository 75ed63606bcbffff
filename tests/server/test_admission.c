#include "server/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONN = 7 };
static const int64_t MS = 1000;

static struct admission a;
static int64_t now;

static int setup(void **state)
{
    (void)state;
    now = 1000000000;
    admission_init(&a, 100, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    admission_fini(&a);
    return 0;
}

static struct waiting *evicted;

static enum status add_frame(enum admission_id q, const struct frame *f, int64_t deadline)
{
    enum status s = admission_add(&a, q, CONN, f, now, deadline, &evicted);
    if (evicted)
        admission_return(&a, evicted);
    return s;
}

static enum status add(enum admission_id q, uint32_t id)
{
    struct frame f = {.opcode = OP_SEARCH, .request_id = id, .body = SLICE_LIT("words")};
    return add_frame(q, &f, now + 1000 * MS);
}

/* The id of the next one, 0 when none waits. */
static uint32_t next(enum status *verdict)
{
    struct waiting *w = admission_next(&a, now, verdict);
    if (!w)
        return 0;
    uint32_t id = w->frame.request_id;
    admission_return(&a, w);
    return id;
}

static void expect(uint32_t id, enum status want)
{
    enum status verdict = STATUS_END;
    assert_int_equal(next(&verdict), id);
    assert_int_equal(verdict, want);
}

/* A window in which the queue never got empty. */
static void window(void)
{
    admission_look(&a, now);
    admission_tick(&a);
}

static void more_important_classes_go_first_and_in_order(void **state)
{
    (void)state;
    add(QUEUE_BACKGROUND, 1);
    add(QUEUE_DEFAULT, 2);
    add(QUEUE_CRITICAL, 3);
    add(QUEUE_SHEDDABLE, 4);
    add(QUEUE_CRITICAL, 5);
    const uint32_t order[] = {3, 5, 2, 4, 1};
    for (int i = 0; i < 5; i++)
        expect(order[i], STATUS_OK);
    assert_true(admission_idle(&a));
}

static void a_full_queue_refuses_and_the_others_do_not(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(add(QUEUE_SHEDDABLE, i + 1), STATUS_OK);
    assert_int_equal(add(QUEUE_SHEDDABLE, 101), STATUS_OVERLOADED);
    assert_int_equal(add(QUEUE_CRITICAL, 102), STATUS_OK);
    assert_int_equal(a.queues[QUEUE_SHEDDABLE].refused, 1);
}

static void bodies_beyond_the_bound_are_refused(void **state)
{
    (void)state;
    static char body[3000];
    struct frame f = {.opcode = OP_PUT, .body = {body, sizeof body}};
    assert_int_equal(add_frame(QUEUE_INGEST, &f, now + MS), STATUS_OK);
    assert_int_equal(add_frame(QUEUE_INGEST, &f, now + MS), STATUS_OVERLOADED);
    admission_forget(&a, CONN);
    assert_int_equal(add_frame(QUEUE_INGEST, &f, now + MS), STATUS_OK);
}

/* The lowest class that waits gets a twentieth of the time, ingest a tenth, whatever else comes. */
static void floors_hold_against_endless_critical_work(void **state)
{
    (void)state;
    uint32_t ran[QUEUE_COUNT] = {0};
    for (int i = 0; i < 2000; i++) {
        enum status verdict;
        for (int q = 0; q < QUEUE_COUNT; q++)
            if (a.queues[q].count < 5 && q != QUEUE_DEFAULT && q != QUEUE_SHEDDABLE)
                add((enum admission_id)q, 1);
        struct waiting *w = admission_next(&a, now, &verdict);
        ran[w->queue]++;
        admission_ran(&a, w, 100);
        admission_return(&a, w);
    }
    assert_in_range(ran[QUEUE_INGEST], 180, 220);
    assert_in_range(ran[QUEUE_BACKGROUND], 90, 110);
    assert_int_equal(ran[QUEUE_CRITICAL] + ran[QUEUE_INGEST] + ran[QUEUE_BACKGROUND], 2000);
}

static void a_burst_is_not_overload(void **state)
{
    (void)state;
    add(QUEUE_CRITICAL, 1);
    now += 50 * MS;
    admission_look(&a, now); /* old, */
    expect(1, STATUS_OK);
    admission_look(&a, now); /* but the queue got empty */
    add(QUEUE_CRITICAL, 2);
    admission_tick(&a);
    assert_false(a.queues[QUEUE_CRITICAL].overloaded);
    assert_true(admission_pressure(&a) < 100);
}

static void an_overloaded_queue_runs_the_newest_and_drops_the_old(void **state)
{
    (void)state;
    add(QUEUE_SHEDDABLE, 1);
    add(QUEUE_SHEDDABLE, 2);
    now += 6 * MS;
    window();
    assert_true(a.queues[QUEUE_SHEDDABLE].overloaded);
    assert_int_equal(a.queues[QUEUE_SHEDDABLE].limit, 90);
    add(QUEUE_SHEDDABLE, 3);
    expect(3, STATUS_OK);
    now += 5 * MS; /* 1 and 2 are now older than twice the target */
    expect(1, STATUS_OVERLOADED);
    expect(2, STATUS_OVERLOADED);
    window();
    assert_true(a.queues[QUEUE_SHEDDABLE].overloaded); /* it only got short by dropping */
    window();
    assert_false(a.queues[QUEUE_SHEDDABLE].overloaded);
}

static void a_full_overloaded_queue_takes_the_newest_for_the_oldest(void **state)
{
    (void)state;
    add(QUEUE_SHEDDABLE, 1);
    add(QUEUE_SHEDDABLE, 2);
    a.queues[QUEUE_SHEDDABLE].limit = 2;
    assert_int_equal(add(QUEUE_SHEDDABLE, 3), STATUS_OVERLOADED);
    now += 6 * MS;
    window();
    a.queues[QUEUE_SHEDDABLE].limit = 2;
    assert_int_equal(add(QUEUE_SHEDDABLE, 4), STATUS_OK);
    assert_int_equal(evicted->frame.request_id, 1);
    expect(4, STATUS_OK);
    expect(2, STATUS_OK);
}

/* Giving out the old for the new makes a queue look young; it is as overloaded as before. */
static void a_queue_stays_overloaded_while_it_gives_out(void **state)
{
    (void)state;
    struct admission_queue *q = &a.queues[QUEUE_CRITICAL];
    q->limit = 2;
    add(QUEUE_CRITICAL, 1);
    add(QUEUE_CRITICAL, 2);
    now += 21 * MS;
    window();
    assert_true(q->overloaded);
    q->limit = 2;
    for (uint32_t i = 3; i < 40; i++) {
        now += 10 * MS;
        assert_int_equal(add(QUEUE_CRITICAL, i), STATUS_OK);
        assert_non_null(evicted);
        window(); /* the oldest is 10 ms old */
        assert_true(q->overloaded);
        if (i > 3) /* then the oldest is young */
            assert_int_equal(q->limit, 2);
        q->limit = 2;
    }
    admission_forget(&a, CONN);
    q->served += 100; /* nothing was refused */
    window();
    assert_false(q->overloaded);
}

/* Who would be refused is not, once those before it have waited for long: no window is waited for.
 */
static void a_full_old_critical_queue_turns_to_the_newest_at_once(void **state)
{
    (void)state;
    a.queues[QUEUE_CRITICAL].limit = a.queues[QUEUE_SHEDDABLE].limit = 1;
    add(QUEUE_CRITICAL, 1);
    add(QUEUE_SHEDDABLE, 2);
    now += 19 * MS;
    assert_int_equal(add(QUEUE_CRITICAL, 3), STATUS_OVERLOADED);
    now += 2 * MS;
    assert_int_equal(add(QUEUE_CRITICAL, 4), STATUS_OK);
    assert_int_equal(evicted->frame.request_id, 1);
    assert_int_equal(add(QUEUE_SHEDDABLE, 5), STATUS_OVERLOADED); /* a burst of those is served */
    expect(4, STATUS_OK);
}

static void critical_requests_wait_for_their_deadline_instead(void **state)
{
    (void)state;
    add(QUEUE_CRITICAL, 1);
    now += 21 * MS;
    window();
    assert_true(a.queues[QUEUE_CRITICAL].overloaded);
    now += 100 * MS;
    add(QUEUE_CRITICAL, 2);
    expect(2, STATUS_OK); /* the newest first */
    expect(1, STATUS_OK);
    add(QUEUE_CRITICAL, 3);
    now += 1001 * MS;
    expect(3, STATUS_DEADLINE);
}

static void the_limit_grows_back_only_while_it_is_used(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        add(QUEUE_CRITICAL, 1);
        now += 30 * MS;
        window();
    }
    uint32_t low = a.queues[QUEUE_CRITICAL].limit;
    assert_in_range(low, 64, 70);
    admission_forget(&a, CONN);
    window(); /* still counts the peak of before */
    window();
    uint32_t idle = a.queues[QUEUE_CRITICAL].limit;
    for (int i = 0; i < 30; i++)
        window();
    assert_int_equal(a.queues[QUEUE_CRITICAL].limit, idle);
    for (int i = 0; i < 100; i++) {
        while (add(QUEUE_CRITICAL, 1) == STATUS_OK) {
        }
        admission_forget(&a, CONN);
        window();
    }
    assert_int_equal(a.queues[QUEUE_CRITICAL].limit, 100);
}

static void what_is_served_in_time_is_not_refused(void **state)
{
    (void)state;
    enum status verdict;
    struct admission_queue *q = &a.queues[QUEUE_SHEDDABLE];
    admission_fini(&a);
    admission_init(&a, 4000, 1 << 20);
    q->served = 20000; /* 1,000 in its 5 ms */
    add(QUEUE_SHEDDABLE, 1);
    admission_look(&a, now += 6000);
    admission_tick(&a);
    assert_true(q->overloaded);
    assert_int_equal(q->limit, 1800);
    for (int i = 0; i < 30; i++) {
        q->served += 20000;
        admission_look(&a, now);
        admission_tick(&a);
    }
    assert_int_equal(q->limit, 1000);
    for (int i = 0; i < 40; i++) {
        admission_look(&a, now);
        admission_tick(&a);
    }
    assert_int_equal(q->limit, 64);
    admission_return(&a, admission_next(&a, now, &verdict));
}

static void ingest_keeps_its_order_whatever_its_age(void **state)
{
    (void)state;
    add(QUEUE_INGEST, 1);
    add(QUEUE_INGEST, 2);
    now += 500 * MS;
    window();
    add(QUEUE_INGEST, 3);
    expect(1, STATUS_OK);
    expect(2, STATUS_OK);
    expect(3, STATUS_OK);
}

static void while_a_bulk_is_worked_on_no_other_ingest_request_is_handed_out(void **state)
{
    (void)state;
    enum status verdict;
    admission_hold_ingest(&a, true);
    assert_true(admission_ingest_turn(&a)); /* nothing else waits */
    add(QUEUE_INGEST, 1);
    add(QUEUE_SHEDDABLE, 2);
    assert_true(admission_ingest_turn(&a));
    expect(2, STATUS_OK);
    assert_int_equal(next(&verdict), 0);
    add(QUEUE_CRITICAL, 3);
    assert_false(admission_ingest_turn(&a));
    struct waiting *w = admission_next(&a, now, &verdict);
    admission_ran(&a, w, 8 * MS);
    admission_return(&a, w);
    add(QUEUE_CRITICAL, 4);
    assert_true(admission_ingest_turn(&a)); /* its floor */
    admission_ran_ingest(&a, 2 * MS);
    assert_false(admission_ingest_turn(&a));
    admission_hold_ingest(&a, false);
    admission_ran_ingest(&a, 20 * MS);
    now += 1;
    w = admission_next(&a, now, &verdict);
    assert_int_equal(w->frame.request_id, 4);
    admission_return(&a, w);
    expect(1, STATUS_OK);
}

static void what_cannot_be_done_in_time_is_not_begun(void **state)
{
    (void)state;
    struct frame f = {.opcode = OP_SEARCH, .request_id = 1};
    add_frame(QUEUE_CRITICAL, &f, now + 5 * MS);
    enum status verdict;
    struct waiting *w = admission_next(&a, now, &verdict);
    assert_int_equal(verdict, STATUS_OK);
    admission_ran(&a, w, 8 * MS); /* such a request takes 8 ms */
    admission_return(&a, w);
    assert_int_equal(admission_cost_us(&a, &f), 8 * MS);
    add_frame(QUEUE_CRITICAL, &f, now + 5 * MS);
    expect(1, STATUS_DEADLINE);
    assert_int_equal(a.queues[QUEUE_CRITICAL].late, 1);
    /* One slow case must not shut the door for ever. */
    for (int i = 0; i < 20; i++) {
        add_frame(QUEUE_CRITICAL, &f, now + 5 * MS);
        next(&verdict);
    }
    assert_int_equal(verdict, STATUS_OK);
}

static void expired_requests_are_found_wherever_they_wait(void **state)
{
    (void)state;
    struct frame f = {.opcode = OP_SEARCH, .request_id = 7};
    add(QUEUE_DEFAULT, 1);
    add_frame(QUEUE_DEFAULT, &f, now + 5 * MS);
    add(QUEUE_CRITICAL, 2);
    assert_null(admission_expired(&a, now));
    now += 6 * MS;
    struct waiting *w = admission_expired(&a, now);
    assert_int_equal(w->frame.request_id, 7);
    admission_return(&a, w);
    assert_null(admission_expired(&a, now));
    assert_int_equal(a.queues[QUEUE_DEFAULT].late, 1);
}

static void cancelled_and_forgotten_requests_leave(void **state)
{
    (void)state;
    add(QUEUE_CRITICAL, 1);
    add(QUEUE_CRITICAL, 2);
    add(QUEUE_SHEDDABLE, 3);
    struct waiting *w = admission_cancel(&a, CONN, 2);
    assert_non_null(w);
    admission_return(&a, w);
    assert_null(admission_cancel(&a, CONN, 2));
    assert_null(admission_cancel(&a, CONN + 1, 1));
    assert_int_equal(admission_forget(&a, CONN), 2);
    assert_true(admission_idle(&a));
    assert_int_equal(a.bytes, 0);
}

static void kept_bodies_outlive_the_buffer_they_came_in(void **state)
{
    (void)state;
    char inbox[] = "red shoes";
    struct frame f = {.opcode = OP_SEARCH, .request_id = 1, .body = slice_str(inbox)};
    add_frame(QUEUE_CRITICAL, &f, now + MS);
    admission_keep(&a);
    memset(inbox, 'x', sizeof inbox - 1);
    enum status verdict;
    struct waiting *w = admission_next(&a, now, &verdict);
    assert_true(slice_equal(w->frame.body, SLICE_LIT("red shoes")));
    admission_return(&a, w);
}

static void pressure_tells_how_much_more_came_than_was_served(void **state)
{
    (void)state;
    enum status verdict;
    add(QUEUE_DEFAULT, 1);
    next(&verdict);
    a.queues[QUEUE_DEFAULT].limit = 1;
    add(QUEUE_DEFAULT, 1);
    add(QUEUE_DEFAULT, 1);
    add(QUEUE_DEFAULT, 1); /* one served, two refused */
    window();
    assert_int_equal(admission_pressure(&a), 300);
    window();
    assert_int_equal(admission_pressure(&a), 0);
    a.queues[QUEUE_SHEDDABLE].limit = 0;
    for (int i = 0; i < 50; i++)
        add(QUEUE_SHEDDABLE, 1);
    window();
    assert_int_equal(admission_pressure(&a), ADMISSION_LOWER_PRESSURE);
}

/* However few of those that came: what can be left out goes before shoppers are refused. */
static void critical_requests_that_are_refused_press_hard(void **state)
{
    (void)state;
    static const struct {
        int refused;
        uint32_t pressure;
    } cases[] = {{0, 0}, {1, 101}, {3, ADMISSION_LOST_PRESSURE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct admission_queue *q = &a.queues[QUEUE_CRITICAL];
        admission_fini(&a);
        admission_init(&a, 100, 1 << 20);
        q->served = 100;
        q->limit = 0;
        for (int k = 0; k < cases[i].refused; k++)
            add(QUEUE_CRITICAL, 1);
        window();
        assert_int_equal(admission_pressure(&a), cases[i].pressure);
        window();
        assert_int_equal(admission_pressure(&a), 0);
    }
}

/* `add` gives a second; a quarter of it is spent, or somebody was refused. */
static void it_is_urgent_when_critical_requests_near_their_deadline(void **state)
{
    (void)state;
    struct frame f = {.opcode = OP_SEARCH, .request_id = 9};
    assert_false(admission_urgent(&a, now));
    add(QUEUE_DEFAULT, 1);
    add(QUEUE_CRITICAL, 2);
    assert_false(admission_urgent(&a, now + 240 * MS));
    assert_true(admission_urgent(&a, now + 260 * MS));
    expect(2, STATUS_OK);
    assert_false(admission_urgent(&a, now + 900 * MS)); /* the other classes do not hurry */
    add_frame(QUEUE_CRITICAL, &f, now + 10 * MS);
    assert_false(admission_urgent(&a, now + 19 * MS)); /* within the target nobody waits long */
    a.queues[QUEUE_CRITICAL].limit = 1;
    add(QUEUE_CRITICAL, 3);
    assert_true(admission_urgent(&a, now));
    assert_false(admission_urgent(&a, now));
}

/* The lower classes count in full only where the others leave no room. */
static void lower_classes_press_where_the_others_fill_the_time(void **state)
{
    (void)state;
    static const struct {
        int64_t upper_us, lower_us;
        uint32_t pressure;
    } cases[] = {{0, 90000, ADMISSION_LOWER_PRESSURE},
                 {60000, 40000, ADMISSION_LOWER_PRESSURE},
                 {70000, 30000, ADMISSION_PRESSURE_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct waiting upper = {.queue = QUEUE_CRITICAL}, lower = {.queue = QUEUE_SHEDDABLE};
        struct waiting ingest = {.queue = QUEUE_INGEST};
        a.queues[QUEUE_SHEDDABLE].limit = 0;
        for (int k = 0; k < 50; k++)
            add(QUEUE_SHEDDABLE, 1);
        admission_ran(&a, &upper, cases[i].upper_us);
        admission_ran(&a, &lower, cases[i].lower_us);
        admission_ran(&a, &ingest, 100000);
        window();
        assert_int_equal(admission_pressure(&a), cases[i].pressure);
        assert_int_equal(a.lower_percent, cases[i].lower_us / 1000);
    }
}

/* 100,000 a second are served: 4,000 in twice the target of critical requests. */
static void a_burst_of_cheap_requests_is_taken_whole(void **state)
{
    (void)state;
    static const struct {
        uint32_t most, cheap, dear;
    } cases[] = {{20000, 4000, 2000}, {3000, 3000, 2000}, {16, 16, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct admission_queue *q = &a.queues[QUEUE_CRITICAL];
        admission_fini(&a);
        admission_init(&a, cases[i].most, 1 << 20);
        assert_int_equal(q->limit, cases[i].dear);
        q->served = 10000;
        window();
        assert_int_equal(q->limit, cases[i].cheap);
        q->served += 100; /* dear ones again */
        window();
        assert_int_equal(q->limit, cases[i].dear);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(more_important_classes_go_first_and_in_order),
        TEST(a_full_queue_refuses_and_the_others_do_not),
        TEST(bodies_beyond_the_bound_are_refused),
        TEST(floors_hold_against_endless_critical_work),
        TEST(a_burst_is_not_overload),
        TEST(an_overloaded_queue_runs_the_newest_and_drops_the_old),
        TEST(a_full_overloaded_queue_takes_the_newest_for_the_oldest),
        TEST(a_queue_stays_overloaded_while_it_gives_out),
        TEST(a_full_old_critical_queue_turns_to_the_newest_at_once),
        TEST(critical_requests_wait_for_their_deadline_instead),
        TEST(the_limit_grows_back_only_while_it_is_used),
        TEST(what_is_served_in_time_is_not_refused),
        TEST(ingest_keeps_its_order_whatever_its_age),
        TEST(while_a_bulk_is_worked_on_no_other_ingest_request_is_handed_out),
        TEST(what_cannot_be_done_in_time_is_not_begun),
        TEST(expired_requests_are_found_wherever_they_wait),
        TEST(cancelled_and_forgotten_requests_leave),
        TEST(kept_bodies_outlive_the_buffer_they_came_in),
        TEST(critical_requests_that_are_refused_press_hard),
        TEST(it_is_urgent_when_critical_requests_near_their_deadline),
        TEST(pressure_tells_how_much_more_came_than_was_served),
        TEST(lower_classes_press_where_the_others_fill_the_time),
        TEST(a_burst_of_cheap_requests_is_taken_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
