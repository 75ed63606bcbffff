#include "server/tracer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

struct fixture {
    struct role_context role;
    struct tracer tracer;
};

static struct fixture *begin(const char *endpoint, const char *ratio)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->role.config = malloc(sizeof *f->role.config);
    config_init(f->role.config);
    assert_int_equal(config_set(f->role.config, "trace.endpoint", endpoint, ORIGIN_FLAG, NULL), 0);
    assert_int_equal(config_set(f->role.config, "trace.ratio", ratio, ORIGIN_FLAG, NULL), 0);
    f->role.shared = mmap(NULL, sizeof *f->role.shared, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(f->role.shared != MAP_FAILED);
    f->role.self = &f->role.shared->processes[2];
    tracer_set(&f->tracer, &f->role);
    return f;
}

static void end(struct fixture *f)
{
    munmap(f->role.shared, sizeof *f->role.shared);
    free(f->role.config);
    free(f);
}

static struct trace_context context(uint8_t flags)
{
    struct trace_context c = {.flags = flags};
    memset(c.trace_id, 1, sizeof c.trace_id);
    memset(c.span_id, 2, sizeof c.span_id);
    return c;
}

static void without_an_endpoint_nothing_is_traced(void **state)
{
    (void)state;
    struct fixture *f = begin("", "1");
    struct trace_context c = context(TRACE_SAMPLED);
    assert_null(tracer_begin(&f->tracer, &c, OP_SEARCH, SPAN_SERVER, 1));
    assert_null(tracer_root(&f->tracer, OP_SEARCH, 1));
    assert_int_equal(f->tracer.below, 0);
    end(f);
}

static void the_caller_decides(void **state)
{
    (void)state;
    struct fixture *f = begin("http://x", "0");
    struct trace_context yes = context(0xff), no = context(0xfe);
    struct span out;
    assert_null(tracer_begin(&f->tracer, &no, OP_SEARCH, SPAN_SERVER, 1));
    struct span *s = tracer_begin(&f->tracer, &yes, OP_SEARCH, SPAN_SERVER, 10);
    assert_non_null(s);
    assert_memory_equal(s->trace_id, yes.trace_id, TRACE_ID_LEN);
    assert_memory_equal(s->parent, yes.span_id, TRACE_SPAN_LEN);
    assert_memory_not_equal(s->id, yes.span_id, TRACE_SPAN_LEN);
    tracer_end(&f->tracer, &s, 30);
    assert_null(s);
    tracer_end(&f->tracer, &s, 40); /* and again */
    assert_true(span_ring_take(&f->role.shared->rings[2], &out));
    assert_int_equal(out.start_us, 10);
    assert_int_equal(out.end_us, 30);
    assert_false(span_ring_take(&f->role.shared->rings[2], &out));
    end(f);
}

static uint32_t roots(const char *ratio, uint32_t tries)
{
    struct fixture *f = begin("http://x", ratio);
    uint32_t count = 0;
    for (uint32_t i = 0; i < tries; i++) {
        struct span *s = tracer_root(&f->tracer, OP_SEARCH, 1);
        if (!s)
            continue;
        uint64_t number = 0;
        for (int k = 8; k < 16; k++)
            number = number << 8 | s->trace_id[k];
        assert_true(number >> 1 < f->tracer.below); /* who sees the id decides alike */
        assert_int_equal(wire_load64(s->parent), 0);
        assert_int_not_equal(wire_load64(s->trace_id), 0);
        tracer_forget(&s);
        count++;
    }
    end(f);
    return count;
}

static void a_ratio_of_what_came_without_a_context(void **state)
{
    (void)state;
    assert_int_equal(roots("0", 1000), 0);
    assert_int_equal(roots("1", 1000), 1000);
    uint32_t tenth = roots("0.1", 10000);
    assert_in_range(tenth, 850, 1150);
    assert_in_range(roots("0.000001", 1000), 0, 2);
}

static void ids_do_not_come_again(void **state)
{
    (void)state;
    struct fixture *f = begin("http://x", "1");
    uint8_t ids[500][TRACE_SPAN_LEN];
    for (int i = 0; i < 500; i++) {
        tracer_id(&f->tracer, ids[i]);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(ids[i], ids[k], TRACE_SPAN_LEN);
    }
    end(f);
}

static void a_reload_turns_it_on_and_off(void **state)
{
    (void)state;
    struct fixture *f = begin("", "0");
    struct trace_context c = context(TRACE_SAMPLED);
    config_set(f->role.config, "trace.endpoint", "http://x", ORIGIN_FLAG, NULL);
    tracer_set(&f->tracer, &f->role);
    struct span *s = tracer_begin(&f->tracer, &c, OP_SEARCH, SPAN_SERVER, 1);
    assert_non_null(s);
    config_set(f->role.config, "trace.endpoint", "", ORIGIN_FLAG, NULL);
    tracer_set(&f->tracer, &f->role);
    tracer_end(&f->tracer, &s, 2); /* begun before: it goes nowhere */
    assert_int_equal(span_ring_count(&f->role.shared->rings[2]), 0);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_endpoint_nothing_is_traced),
        cmocka_unit_test(the_caller_decides),
        cmocka_unit_test(a_ratio_of_what_came_without_a_context),
        cmocka_unit_test(ids_do_not_come_again),
        cmocka_unit_test(a_reload_turns_it_on_and_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
