/* libsouk against a small server in a thread that behaves as each test needs. */
#include "protocol/souk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* How the server answers its n-th request (HELLO not counted). */
enum behaviour {
    ECHO,
    HANG_UP_FIRST,
    REFUSE_FIRST,
    REVERSE,
    SILENT,
    IN_PARTS,
    NOT_BEGUN_FIRST, /* GOING_AWAY, then as if nothing had been */
    GOODBYE_FIRST,   /* an answer and GOAWAY */
    OVERLOADED_FIRST,
    OVERLOADED_ALWAYS,
    OVERLOADED_SEARCHES, /* PING is answered */
    REFUSE_ALWAYS
};

struct server {
    enum behaviour behaviour;
    int fd;
    unsigned seen, connections;
    char address[128];
    pthread_t thread;
};

static void answer(struct buf *out, const struct frame *q, uint16_t flags, struct slice body)
{
    struct frame f = {
        .opcode = q->opcode, .flags = FLAG_REPLY | flags, .request_id = q->request_id};
    size_t at = frame_begin(out);
    buf_put_slice(out, body);
    frame_end(out, at, &f);
}

/* False: hang up. */
static bool serve_frame(struct server *s, const struct frame *q, struct buf *out, struct buf *held)
{
    if (q->opcode == OP_HELLO) {
        answer(out, q, 0, q->body);
        return true;
    }
    if (q->opcode == OP_CANCEL)
        return true;
    unsigned n = s->seen++;
    if (s->behaviour == HANG_UP_FIRST && n == 0)
        return false;
    if (s->behaviour == OVERLOADED_ALWAYS ||
        (s->behaviour == OVERLOADED_SEARCHES && q->opcode == OP_SEARCH) ||
        (s->behaviour == OVERLOADED_FIRST && n == 0)) {
        struct frame no = {.opcode = q->opcode,
                           .flags = FLAG_REPLY,
                           .status = STATUS_OVERLOADED,
                           .request_id = q->request_id,
                           .time = 77};
        frame_end(out, frame_begin(out), &no);
    } else if (s->behaviour == NOT_BEGUN_FIRST && n == 0) {
        struct fault f = {.status = STATUS_GOING_AWAY};
        frame_put_error(out, q, &f);
    } else if ((s->behaviour == REFUSE_FIRST && n == 0) || s->behaviour == REFUSE_ALWAYS) {
        struct fault f = {.status = STATUS_UNAVAILABLE, .retry_after_ms = 5};
        frame_put_error(out, q, &f);
    } else if (s->behaviour == REVERSE && n == 0) {
        answer(held, q, 0, q->body);
    } else if (s->behaviour == IN_PARTS) {
        answer(out, q, FLAG_MORE, SLICE_LIT("one "));
        answer(out, q, FLAG_MORE | FLAG_CHECKSUM, SLICE_LIT("two "));
        answer(out, q, 0, SLICE_LIT("three"));
    } else if (s->behaviour != SILENT) {
        answer(out, q, 0, q->body);
        if (s->behaviour == GOODBYE_FIRST && n == 0)
            frame_end(out, frame_begin(out), &(struct frame){.opcode = OP_GOAWAY});
        buf_put_slice(out, buf_slice(held));
        buf_clear(held);
    }
    return true;
}

static void serve(struct server *s, int fd)
{
    struct buf in = BUF_INIT, out = BUF_INIT, held = BUF_INIT;
    bool go_on = true;
    while (go_on && buf_reserve(&in, 4096)) {
        ssize_t n = read(fd, in.ptr + in.len, 4096);
        if (n <= 0)
            break;
        in.len += (size_t)n;
        struct frame f;
        size_t used, need;
        while (go_on && frame_decode(buf_slice(&in), 1 << 20, &f, &used, &need) == STATUS_OK) {
            go_on = serve_frame(s, &f, &out, &held);
            memmove(in.ptr, in.ptr + used, in.len - used);
            in.len -= used;
        }
        if (go_on && out.len && send(fd, out.ptr, out.len, MSG_NOSIGNAL) < 0)
            break;
        buf_clear(&out);
    }
    close(fd);
    buf_fini(&in);
    buf_fini(&out);
    buf_fini(&held);
}

static void *server_main(void *p)
{
    struct server *s = p;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        s->connections++;
        serve(s, fd);
    }
    return NULL;
}

static void server_start(struct server *s, enum behaviour b)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    *s = (struct server){.behaviour = b, .fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    snprintf(a.sun_path, sizeof a.sun_path, "/tmp/souk-test-%d.sock", (int)getpid());
    unlink(a.sun_path);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    snprintf(s->address, sizeof s->address, "unix:%s", a.sun_path);
    pthread_create(&s->thread, NULL, server_main, s);
}

static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    unlink(s->address + 5);
}

static enum status ping(const struct server *s, bool safe, uint32_t deadline_ms, char *text)
{
    struct souk *c;
    struct souk_reply r;
    struct souk_options o;
    souk_options_init(&o);
    o.checksum = true;
    souk_reply_init(&r);
    assert_int_equal(souk_open(s->address, &o, &c, &r.fault), STATUS_OK);
    struct souk_request q = {
        .opcode = OP_PING, .body = SLICE_LIT("hello"), .safe = safe, .deadline_ms = deadline_ms};
    enum status st = souk_call(c, &q, &r);
    snprintf(text, 64, "%.*s", (int)r.body.len, r.body.len ? r.body.ptr : "");
    assert_int_equal(souk_in_flight(c), 0);
    assert_true(st == STATUS_OK || r.fault.status == st);
    souk_close(c);
    souk_reply_fini(&r);
    return st;
}

static void expect(enum behaviour b, bool safe, uint32_t deadline_ms, enum status want,
                   const char *body, unsigned seen)
{
    struct server s;
    char text[64];
    server_start(&s, b);
    assert_int_equal(ping(&s, safe, deadline_ms, text), want);
    assert_string_equal(text, body);
    server_stop(&s);
    assert_int_equal(s.seen, seen);
}

static void answers(void **state)
{
    (void)state;
    expect(ECHO, true, 0, STATUS_OK, "hello", 1);
    expect(IN_PARTS, true, 0, STATUS_OK, "one two three", 1);
}

static void sends_again_only_what_is_safe(void **state)
{
    (void)state;
    expect(HANG_UP_FIRST, true, 0, STATUS_OK, "hello", 2);
    expect(HANG_UP_FIRST, false, 0, STATUS_UNAVAILABLE, "", 1);
    expect(REFUSE_FIRST, true, 0, STATUS_OK, "hello", 2);
    expect(REFUSE_FIRST, false, 0, STATUS_UNAVAILABLE, "", 1);
}

static void a_server_that_goes_away_has_not_begun(void **state)
{
    (void)state;
    expect(NOT_BEGUN_FIRST, true, 0, STATUS_OK, "hello", 2);
    expect(NOT_BEGUN_FIRST, false, 0, STATUS_OK, "hello", 2); /* safe though it is not: not begun */
}

/* One connection, so many pings one after the other; how many were answered and refused. */
static void pings(const struct server *s, unsigned n, unsigned *good, unsigned *refused)
{
    struct souk *c;
    struct souk_reply r;
    *good = *refused = 0;
    souk_reply_init(&r);
    assert_int_equal(souk_open(s->address, NULL, &c, &r.fault), STATUS_OK);
    struct souk_request q = {.opcode = OP_PING, .safe = true};
    for (unsigned i = 0; i < n; i++) {
        enum status st = souk_call(c, &q, &r);
        *good += st == STATUS_OK;
        *refused += st == STATUS_OVERLOADED;
    }
    souk_close(c);
    souk_reply_fini(&r);
}

static void goodbye_leads_to_the_successor(void **state)
{
    (void)state;
    struct server s;
    unsigned good, refused;
    server_start(&s, GOODBYE_FIRST);
    pings(&s, 20, &good, &refused);
    server_stop(&s);
    assert_int_equal(good, 20);
    assert_int_equal(s.seen, 20); /* nothing was sent twice */
    assert_int_equal(s.connections, 2);
}

static void overloaded_is_never_sent_again(void **state)
{
    (void)state;
    struct server s;
    struct souk *c;
    struct souk_reply r;
    server_start(&s, OVERLOADED_FIRST);
    souk_reply_init(&r);
    assert_int_equal(souk_open(s.address, NULL, &c, &r.fault), STATUS_OK);
    struct souk_request q = {.opcode = OP_PING, .safe = true};
    assert_int_equal(souk_call(c, &q, &r), STATUS_OVERLOADED);
    assert_int_equal(r.fault.retry_after_ms, 77); /* of a header without body */
    assert_true(r.fault.text[0] != 0);
    souk_close(c);
    souk_reply_fini(&r);
    server_stop(&s);
    assert_int_equal(s.seen, 1);
}

static void a_server_that_refuses_most_is_asked_less(void **state)
{
    (void)state;
    struct server s;
    struct souk *c;
    struct souk_reply r;
    unsigned refused = 0;
    server_start(&s, OVERLOADED_ALWAYS);
    souk_reply_init(&r);
    assert_int_equal(souk_open(s.address, NULL, &c, &r.fault), STATUS_OK);
    struct souk_request q = {.opcode = OP_SEARCH, .safe = true};
    for (unsigned i = 0; i < 1000; i++)
        refused += souk_call(c, &q, &r) == STATUS_OVERLOADED;
    souk_close(c);
    souk_reply_fini(&r);
    server_stop(&s);
    assert_int_equal(refused, 1000);
    assert_in_range(s.seen, 10, 200);
}

/* PING tells whether anybody is there, however little else is taken; and that it is answered says
 * nothing of what else would be. */
static void pings_stand_outside_the_throttle(void **state)
{
    (void)state;
    struct server s;
    struct souk *c;
    struct souk_reply r;
    unsigned answered = 0;
    server_start(&s, OVERLOADED_SEARCHES);
    souk_reply_init(&r);
    assert_int_equal(souk_open(s.address, NULL, &c, &r.fault), STATUS_OK);
    struct souk_request search = {.opcode = OP_SEARCH, .safe = true}, ping = {.opcode = OP_PING};
    for (unsigned i = 0; i < 500; i++) {
        assert_int_equal(souk_call(c, &search, &r), STATUS_OVERLOADED);
        answered += souk_call(c, &ping, &r) == STATUS_OK;
        answered += souk_call(c, &ping, &r) == STATUS_OK;
    }
    souk_close(c);
    souk_reply_fini(&r);
    server_stop(&s);
    assert_int_equal(answered, 1000);
    assert_in_range(s.seen - 1000, 10, 200);
}

/* Ten retries at first, and one for each ten requests, though each might be sent three times. */
static void retries_end_with_their_budget(void **state)
{
    (void)state;
    struct server s;
    struct souk *c;
    struct souk_reply r;
    struct souk_options o;
    souk_options_init(&o);
    o.retries = 3;
    server_start(&s, REFUSE_ALWAYS);
    souk_reply_init(&r);
    assert_int_equal(souk_open(s.address, &o, &c, &r.fault), STATUS_OK);
    struct souk_request q = {.opcode = OP_SEARCH, .safe = true};
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(souk_call(c, &q, &r), STATUS_UNAVAILABLE);
    souk_close(c);
    souk_reply_fini(&r);
    server_stop(&s);
    assert_in_range(s.seen, 110, 120);
}

static void count_answer(void *ctx, const struct souk_answer *a)
{
    *(unsigned *)ctx += a->status == STATUS_OK;
}

static void many_under_way_are_not_many_refused(void **state)
{
    (void)state;
    struct server s;
    struct souk *c;
    struct fault fault;
    unsigned good = 0;
    server_start(&s, ECHO);
    assert_int_equal(souk_open(s.address, NULL, &c, &fault), STATUS_OK);
    struct souk_request q = {.opcode = OP_PING, .safe = true};
    for (int i = 0; i < 900; i++)
        assert_int_equal(souk_submit(c, &q, count_answer, &good, NULL), STATUS_OK);
    while (souk_in_flight(c))
        souk_step(c, 1000);
    souk_close(c);
    server_stop(&s);
    assert_int_equal(good, 900);
}

static void deadline_ends_the_wait(void **state)
{
    (void)state;
    expect(SILENT, true, 60, STATUS_DEADLINE, "", 1);
}

struct order {
    char text[8];
    unsigned count, cancelled;
};

static void note(void *ctx, const struct souk_answer *a)
{
    struct order *o = ctx;
    if (a->status == STATUS_CANCELLED)
        o->cancelled++;
    else if (a->status == STATUS_OK && a->body.len)
        o->text[o->count++] = a->body.ptr[0];
}

static void answers_come_in_any_order(void **state)
{
    (void)state;
    struct server s;
    struct souk *c;
    struct order o = {0};
    server_start(&s, REVERSE);
    assert_int_equal(souk_create(s.address, NULL, &c, NULL), STATUS_OK);
    struct souk_request a = {.opcode = OP_PING, .body = SLICE_LIT("a")}, b = a;
    b.body = SLICE_LIT("b");
    assert_int_equal(souk_submit(c, &a, note, &o, NULL), STATUS_OK);
    assert_int_equal(souk_submit(c, &b, note, &o, NULL), STATUS_OK);
    while (souk_in_flight(c))
        souk_step(c, -1);
    assert_string_equal(o.text, "ba");
    souk_close(c);
    server_stop(&s);
}

static void cancel_and_close_call_back_once(void **state)
{
    (void)state;
    struct server s;
    struct souk *c;
    struct order o = {0};
    uint32_t id;
    server_start(&s, SILENT);
    assert_int_equal(souk_open(s.address, NULL, &c, NULL), STATUS_OK);
    struct souk_request a = {.opcode = OP_PING, .body = SLICE_LIT("a")};
    assert_int_equal(souk_submit(c, &a, note, &o, &id), STATUS_OK);
    assert_int_equal(souk_submit(c, &a, note, &o, NULL), STATUS_OK);
    souk_step(c, 10);
    souk_cancel(c, id);
    souk_cancel(c, id);
    assert_int_equal(o.cancelled, 1);
    souk_close(c);
    assert_int_equal(o.cancelled, 2);
    server_stop(&s);
}

static void nobody_there_is_told(void **state)
{
    (void)state;
    struct souk *c;
    struct fault f = {0};
    assert_int_equal(souk_open("unix:/tmp/souk-test-none.sock", NULL, &c, &f), STATUS_UNAVAILABLE);
    assert_null(c);
    assert_non_null(strstr(f.text, "cannot connect"));
    assert_int_equal(souk_open("127.0.0.1:1", NULL, &c, &f), STATUS_UNAVAILABLE);
    assert_int_equal(souk_create("", NULL, &c, &f), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(sends_again_only_what_is_safe),
        cmocka_unit_test(a_server_that_goes_away_has_not_begun),
        cmocka_unit_test(goodbye_leads_to_the_successor),
        cmocka_unit_test(overloaded_is_never_sent_again),
        cmocka_unit_test(a_server_that_refuses_most_is_asked_less),
        cmocka_unit_test(pings_stand_outside_the_throttle),
        cmocka_unit_test(retries_end_with_their_budget),
        cmocka_unit_test(many_under_way_are_not_many_refused),
        cmocka_unit_test(deadline_ends_the_wait),
        cmocka_unit_test(answers_come_in_any_order),
        cmocka_unit_test(cancel_and_close_call_back_once),
        cmocka_unit_test(nobody_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
