#include "loadtest/engine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "loadtest/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * A server that answers PING as it is told: after a pause, or not at all, or with an error; it may
 * say GOAWAY or cut the connection after some requests.
 */
struct fake {
    int listener;
    uint16_t port;
    pthread_t thread;
    _Atomic bool stop;
    bool silent, goaway, deaf; /* deaf: to the lower classes */
    enum status status;
    uint32_t cut_after; /* requests of a connection; 0 = never */
    uint64_t stall_from_ms, stall_ms;
    _Atomic uint32_t mixed; /* connections that carried both important and lower requests */
};

enum { MAX_CONNS = 64 };

struct conn {
    int fd;
    struct buf in, out;
    uint32_t seen, classes; /* 1: important, 2: lower, 3: both */
};

static bool answer(struct fake *s, struct conn *c, const struct frame *f)
{
    struct frame r = {
        .opcode = f->opcode, .flags = FLAG_REPLY, .request_id = f->request_id, .status = s->status};
    bool lower = frame_class_of(f) >= CLASS_SHEDDABLE;
    if (f->opcode == OP_HELLO || !(s->silent || (s->deaf && lower))) {
        r.status = f->opcode == OP_HELLO ? STATUS_OK : s->status;
        frame_end(&c->out, frame_begin(&c->out), &r);
    }
    if (f->opcode == OP_HELLO)
        return true;
    c->seen++;
    uint32_t was = c->classes;
    c->classes |= lower ? 2 : 1;
    s->mixed += c->classes == 3 && was != 3;
    if (s->goaway && c->seen == 20)
        frame_end(&c->out, frame_begin(&c->out), &(struct frame){.opcode = OP_GOAWAY});
    return !s->cut_after || c->seen < s->cut_after;
}

static bool serve(struct fake *s, struct conn *c)
{
    size_t used, need, at = 0;
    buf_reserve(&c->in, 65536);
    ssize_t n = recv(c->fd, c->in.ptr + c->in.len, 65536, 0);
    if (n <= 0)
        return false;
    c->in.len += (size_t)n;
    struct frame f;
    bool more = true;
    while (more && frame_decode(slice_make(c->in.ptr + at, c->in.len - at), 1 << 20, &f, &used,
                                &need) == STATUS_OK) {
        more = answer(s, c, &f);
        at += used;
    }
    memmove(c->in.ptr, c->in.ptr + at, c->in.len - at);
    c->in.len -= at;
    if (more && c->out.len && send(c->fd, c->out.ptr, c->out.len, MSG_NOSIGNAL) < 0)
        more = false;
    buf_clear(&c->out);
    return more;
}

static void *run(void *ctx)
{
    struct fake *s = ctx;
    struct conn conns[MAX_CONNS] = {0};
    uint64_t start = clock_ns();
    int count = 0;
    while (!s->stop) {
        struct pollfd p[MAX_CONNS + 1] = {{.fd = s->listener, .events = POLLIN}};
        for (int i = 0; i < count; i++)
            p[i + 1] = (struct pollfd){.fd = conns[i].fd, .events = POLLIN};
        poll(p, (nfds_t)count + 1, 20);
        if (s->stall_ms && clock_ns() - start > s->stall_from_ms * 1000000) {
            usleep((useconds_t)s->stall_ms * 1000);
            s->stall_ms = 0;
        }
        for (int i = 0; i < count; i++)
            if (p[i + 1].revents && conns[i].fd >= 0 && !serve(s, &conns[i])) {
                close(conns[i].fd);
                conns[i].fd = -1;
            }
        if (p[0].revents && count < MAX_CONNS)
            conns[count++].fd = accept(s->listener, NULL, NULL);
    }
    for (int i = 0; i < count; i++) {
        if (conns[i].fd >= 0)
            close(conns[i].fd);
        buf_fini(&conns[i].in);
        buf_fini(&conns[i].out);
    }
    return NULL;
}

static void fake_start(struct fake *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->listener, 64), 0);
    getsockname(s->listener, (struct sockaddr *)&a, &len);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

static void fake_stop(struct fake *s)
{
    s->stop = true;
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static struct mix mix = {
    .op_count = 1, .ops = {{.name = "ping", .kind = MIX_PING, .weight = 1, .deadline_ms = 200}}};

/* 500 requests in half a second over 4 connections, unless changed. */
static struct engine_spec spec_for(const struct fake *s, const char *shape, double rate)
{
    struct engine_spec e = {.mix = &mix,
                            .parts = 1,
                            .seed = 1,
                            .connections = 4,
                            .max_in_flight = 1000,
                            .duration_ns = 500000000,
                            .timeout_ns = 5000000000,
                            .connect_ns = 2000000000,
                            .drain_ns = 5000000000,
                            .interval_ns = 100000000};
    struct sockaddr_in *a = (struct sockaddr_in *)&e.address;
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->sin_port = htons(s->port);
    e.address_len = sizeof *a;
    assert_int_equal(schedule_parse(&e.schedule, shape, rate, 0.5, 1, NULL), STATUS_OK);
    return e;
}

static struct tally *run_engine(const struct engine_spec *e)
{
    struct tally *t = tally_create();
    assert_non_null(t);
    atomic_store(&t->start_ns, clock_ns() + 50000000);
    assert_int_equal(engine_run(e, t), STATUS_OK);
    const struct counts *c = &t->ops[0].counts;
    assert_int_equal(c->offered, c->ok + counts_failed(c)); /* nothing gets lost */
    assert_int_equal(c->offered, c->sent + c->failed[FAILURE_HELD_BACK] +
                                     c->failed[FAILURE_UNCONNECTED] + c->failed[FAILURE_UNSENT]);
    return t;
}

static void a_good_server_answers_all(void **state)
{
    (void)state;
    struct fake s = {0};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 1000);
    struct tally *t = run_engine(&e);
    assert_int_equal(t->ops[0].counts.offered, 500);
    assert_int_equal(t->ops[0].counts.ok, 500);
    assert_int_equal(t->ops[0].response.total, 500);
    tally_destroy(t);
    fake_stop(&s);
}

static void a_stall_is_counted_from_the_intended_start(void **state)
{
    (void)state;
    struct fake s = {.stall_from_ms = 150, .stall_ms = 250};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 1000);
    struct tally *t = run_engine(&e);
    const struct op_tally *o = &t->ops[0];
    assert_int_equal(o->counts.ok, 500);
    /* half of the run came due during the stall: evenly late */
    assert_true(histogram_percentile(&o->response, 99) > 200000);
    assert_true(histogram_percentile(&o->response, 75) > 80000);
    assert_true(o->counts.late > 20 && o->counts.good == o->counts.ok - o->counts.late);
    tally_destroy(t);
    fake_stop(&s);
}

static void a_silent_server_fails_by_bound_and_by_time(void **state)
{
    (void)state;
    struct fake s = {.silent = true};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 1000);
    e.max_in_flight = 50;
    e.timeout_ns = 300000000;
    struct tally *t = run_engine(&e);
    const struct counts *c = &t->ops[0].counts;
    assert_int_equal(c->ok, 0);
    assert_true(c->failed[FAILURE_HELD_BACK] >= 300);
    assert_true(c->failed[FAILURE_TIMEOUT] >= 50);
    assert_int_equal(t->ops[0].lost.total, c->failed[FAILURE_TIMEOUT]);
    assert_true(t->ops[0].lost.max >= 290000);
    tally_destroy(t);
    fake_stop(&s);
}

static void refusals_have_their_code_and_no_latency(void **state)
{
    (void)state;
    struct fake s = {.status = STATUS_OVERLOADED};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "poisson", 1000);
    struct tally *t = run_engine(&e);
    assert_int_equal(t->ops[0].counts.failed[STATUS_OVERLOADED], t->ops[0].counts.offered);
    assert_int_equal(t->ops[0].response.total, 0);
    tally_destroy(t);
    fake_stop(&s);
}

static void a_lost_connection_fails_what_was_on_it_and_is_made_anew(void **state)
{
    (void)state;
    struct fake s = {.cut_after = 60};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 1000);
    struct tally *t = run_engine(&e);
    assert_true(t->ops[0].counts.failed[FAILURE_DISCONNECTED] >= 4);
    assert_true(t->reconnects >= 4);
    assert_true(t->ops[0].counts.ok > 50);
    tally_destroy(t);
    fake_stop(&s);
}

static void after_goaway_nothing_is_lost(void **state)
{
    (void)state;
    struct fake s = {.goaway = true};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 1000);
    struct tally *t = run_engine(&e);
    assert_true(t->goaways >= 4);
    assert_int_equal(t->ops[0].counts.ok, 500);
    tally_destroy(t);
    fake_stop(&s);
}

static void a_closed_loop_asks_only_what_is_answered(void **state)
{
    (void)state;
    struct fake s = {.stall_from_ms = 150, .stall_ms = 250};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 1000);
    e.closed = 4;
    struct tally *t = run_engine(&e);
    const struct op_tally *o = &t->ops[0];
    assert_true(o->counts.ok > 20);
    /* only those under way saw the stall; a starved machine may add some */
    assert_true(o->counts.late <= 20);
    assert_true(histogram_percentile(&o->response, 50) < 100000);
    tally_destroy(t);
    fake_stop(&s);
}

static void a_rate_beyond_the_tester_ends_in_time(void **state)
{
    (void)state;
    struct fake s = {0};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 20e6);
    e.max_in_flight = 65000;
    uint64_t start = clock_ns();
    struct tally *t = run_engine(&e);
    const struct counts *c = &t->ops[0].counts;
    assert_int_equal(c->offered, 10000000);
    assert_true(c->failed[FAILURE_UNSENT] + c->failed[FAILURE_HELD_BACK] > 0);
    assert_true(clock_ns() - start < 20000000000);
    tally_destroy(t);
    fake_stop(&s);
}

/* Nine of ten requests are of a lower class, and none of them is answered. */
static void lower_classes_leave_room_for_the_others(void **state)
{
    (void)state;
    static struct mix two = {
        .op_count = 2,
        .ops = {{.name = "page", .kind = MIX_PING, .weight = 1, .deadline_ms = 60000},
                {.name = "crawl", .kind = MIX_PING, .weight = 9, .frame_class = CLASS_SHEDDABLE}}};
    assert_int_equal(mix_finish(&two), STATUS_OK);
    for (int split = 0; split < 2; split++) {
        struct fake s = {.deaf = true};
        fake_start(&s);
        struct engine_spec e = spec_for(&s, "constant", 2000);
        e.mix = &two;
        e.max_in_flight = 1000;
        e.split = split;
        e.drain_ns = 1000000000;
        struct tally *t = run_engine(&e);
        assert_int_equal(t->ops[0].counts.failed[FAILURE_HELD_BACK], 0);
        assert_int_equal(t->ops[0].counts.ok, t->ops[0].counts.offered);
        assert_true(t->ops[1].counts.failed[FAILURE_HELD_BACK] +
                        t->ops[1].counts.failed[FAILURE_UNSENT] >=
                    t->ops[1].counts.offered - 500);
        assert_int_equal(s.mixed, split ? 0 : 4);
        tally_destroy(t);
        fake_stop(&s);
    }
    mix_fini(&two);
}

static void a_tester_that_is_late_gives_up_the_lower_classes_first(void **state)
{
    (void)state;
    static struct mix two = {
        .op_count = 2,
        .ops = {
            {.name = "page", .kind = MIX_PING, .weight = 1, .deadline_ms = 60000},
            {.name = "crawl", .kind = MIX_PING, .weight = 4999, .frame_class = CLASS_SHEDDABLE}}};
    assert_int_equal(mix_finish(&two), STATUS_OK);
    struct fake s = {0};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 10e6);
    e.mix = &two;
    e.max_in_flight = 65000;
    struct tally *t = run_engine(&e);
    assert_true(t->ops[1].counts.failed[FAILURE_UNSENT] > 0);
    /* more of the crawl is given up than of the pages */
    assert_true(t->ops[0].counts.failed[FAILURE_UNSENT] * t->ops[1].counts.offered <
                t->ops[1].counts.failed[FAILURE_UNSENT] * t->ops[0].counts.offered);
    tally_destroy(t);
    fake_stop(&s);
    mix_fini(&two);
}

static void no_server_is_said(void **state)
{
    (void)state;
    struct fake s = {0};
    fake_start(&s);
    struct engine_spec e = spec_for(&s, "constant", 1000);
    fake_stop(&s);
    e.connect_ns = 200000000;
    struct tally *t = tally_create();
    assert_int_equal(engine_run(&e, t), STATUS_UNAVAILABLE);
    assert_true(t->fault[0] && t->finished);
    tally_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_server_answers_all),
        cmocka_unit_test(a_stall_is_counted_from_the_intended_start),
        cmocka_unit_test(a_silent_server_fails_by_bound_and_by_time),
        cmocka_unit_test(refusals_have_their_code_and_no_latency),
        cmocka_unit_test(a_lost_connection_fails_what_was_on_it_and_is_made_anew),
        cmocka_unit_test(after_goaway_nothing_is_lost),
        cmocka_unit_test(a_closed_loop_asks_only_what_is_answered),
        cmocka_unit_test(a_rate_beyond_the_tester_ends_in_time),
        cmocka_unit_test(lower_classes_leave_room_for_the_others),
        cmocka_unit_test(a_tester_that_is_late_gives_up_the_lower_classes_first),
        cmocka_unit_test(no_server_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
