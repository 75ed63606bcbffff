/* The visible generation: it moves with what a user can see, and with nothing else. */
#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "index/index_private.h"

static uint64_t sequence;

static void put_some(struct shop *s, unsigned from, unsigned to, bool unseen)
{
    struct batch *b;
    assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
    for (unsigned i = from; i < to; i++) {
        char id[16];
        struct buf doc = BUF_INIT;
        struct change c = shop_change(0, 1);
        snprintf(id, sizeof id, "p%u", i);
        struct shop_product p = {.id = id, .title = "running shoe", .price = 1, .stock = -1};
        shop_document(&doc, &p);
        assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
        buf_fini(&doc);
    }
    if (unseen)
        batch_unseen(b);
    assert_int_equal(batch_commit(&b, ++sequence), STATUS_OK);
}

/* Of a fresh snapshot and of one that follows the commits. */
static uint64_t visible(struct shop *s, struct snapshot *follows, uint64_t *generation)
{
    struct snapshot *fresh;
    assert_int_equal(snapshot_create(s->ix, &fresh), STATUS_OK);
    assert_int_equal(snapshot_begin(fresh), STATUS_OK);
    assert_int_equal(snapshot_begin(follows), STATUS_OK);
    uint64_t v = snapshot_visible(fresh);
    assert_int_equal(snapshot_visible(follows), v);
    *generation = snapshot_generation(fresh);
    snapshot_end(follows);
    snapshot_destroy(&fresh);
    return v;
}

static void only_commits_that_show_something_move_it(void **state)
{
    (void)state;
    struct shop s;
    struct snapshot *follows;
    uint64_t at, before;
    shop_open(&s);
    assert_int_equal(snapshot_create(s.ix, &follows), STATUS_OK);
    put_some(&s, 0, 10, false);
    uint64_t seen = visible(&s, follows, &before);
    assert_int_equal(seen, before);
    put_some(&s, 10, 11, true);
    assert_int_equal(visible(&s, follows, &at), seen);
    assert_true(at > before);
    put_some(&s, 10, 11, true); /* one behind the other */
    assert_int_equal(visible(&s, follows, &at), seen);
    put_some(&s, 11, 12, false);
    uint64_t next = visible(&s, follows, &at);
    assert_int_equal(next, at);
    assert_true(next > seen);
    put_some(&s, 12, 13, true);
    assert_int_equal(visible(&s, follows, &at), next);
    snapshot_destroy(&follows);
    shop_reopen(&s);
    assert_int_equal(snapshot_create(s.ix, &follows), STATUS_OK);
    assert_int_equal(visible(&s, follows, &at), next);
    snapshot_destroy(&follows);
    shop_close(&s);
}

static void a_merge_shows_nothing_new(void **state)
{
    (void)state;
    enum { EACH = 5000, SEGMENTS = 8 };
    struct shop s;
    struct snapshot *follows;
    struct merge_task *t;
    bool done = false;
    uint64_t before, at;
    shop_open(&s);
    assert_int_equal(snapshot_create(s.ix, &follows), STATUS_OK);
    for (unsigned k = 0; k < SEGMENTS; k++)
        put_some(&s, k * EACH, (k + 1) * EACH, false);
    uint64_t seen = visible(&s, follows, &before);
    assert_int_equal(index_merge_begin(s.ix, false, &t), STATUS_OK);
    assert_non_null(t);
    assert_int_equal(merge_task_run(t), STATUS_OK);
    while (!done)
        assert_int_equal(index_merge_write(s.ix, t, 1 << 20, &done), STATUS_OK);
    assert_int_equal(visible(&s, follows, &at), seen);
    assert_true(at > before);
    snapshot_destroy(&follows);
    merge_task_destroy(&t);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_commits_that_show_something_move_it),
        cmocka_unit_test(a_merge_shows_nothing_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
