#include "server/exemplar.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct exemplar numbered(uint64_t n)
{
    struct exemplar e = {.us = n, .at_ms = (int64_t)n};
    memset(e.trace_id, (int)(n & 0xff), sizeof e.trace_id);
    return e;
}

static void the_last_one_is_read(void **state)
{
    (void)state;
    struct shared_exemplar s = {0};
    struct exemplar out;
    assert_false(exemplar_read(&s, &out));
    for (uint64_t n = 1; n < 4; n++) {
        struct exemplar e = numbered(n);
        exemplar_note(&s, &e);
        assert_true(exemplar_read(&s, &out));
        assert_memory_equal(&out, &e, sizeof e);
    }
}

static void one_that_was_left_half_written_is_none_until_the_next(void **state)
{
    (void)state;
    struct shared_exemplar s = {0};
    struct exemplar e = numbered(7), out;
    exemplar_note(&s, &e);
    atomic_fetch_add(&s.version, 1); /* the writer died here */
    assert_false(exemplar_read(&s, &out));
    exemplar_note(&s, &e);
    assert_true(exemplar_read(&s, &out));
}

enum { READS = 2000000 };
static _Atomic bool over;

static void *write_many(void *ctx)
{
    for (uint64_t n = 1; !over || n < 1000; n++) {
        struct exemplar e = numbered(n);
        exemplar_note(ctx, &e);
    }
    return NULL;
}

static void what_is_read_is_of_one_piece(void **state)
{
    (void)state;
    static struct shared_exemplar s;
    struct exemplar out;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_many, &s), 0);
    for (int reads = 0; reads < READS;) {
        if (!exemplar_read(&s, &out))
            continue;
        reads++;
        assert_int_equal(out.us, (uint64_t)out.at_ms);
        for (size_t i = 0; i < sizeof out.trace_id; i++)
            assert_int_equal(out.trace_id[i], out.us & 0xff);
    }
    over = true;
    pthread_join(thread, NULL);
    assert_true(exemplar_read(&s, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_is_read),
        cmocka_unit_test(one_that_was_left_half_written_is_none_until_the_next),
        cmocka_unit_test(what_is_read_is_of_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
