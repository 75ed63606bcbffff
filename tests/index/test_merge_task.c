/* Merges in three steps, with batches committed in between, and the dictionaries they learn. */
#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/merge.h"

static void put(struct batch *b, unsigned i, const char *word)
{
    char id[16], title[160];
    struct buf doc = BUF_INIT;
    struct change c = shop_change(0, 1);
    snprintf(id, sizeof id, "p%u", i);
    snprintf(title, sizeof title, "%s product number %u with a name of some length, part %u", word,
             i, i * 7919 % 1000);
    struct shop_product p = {.id = id, .title = title, .price = i % 50, .stock = -1};
    shop_document(&doc, &p);
    assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
    buf_fini(&doc);
}

static uint64_t sequence;

static void put_many(struct shop *s, unsigned from, unsigned to, const char *word)
{
    struct batch *b;
    assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
    for (unsigned i = from; i < to; i++)
        put(b, i, word);
    assert_int_equal(batch_commit(&b, ++sequence), STATUS_OK);
}

static void must_check(struct shop *s)
{
    struct fault fault = {0};
    enum status st = index_check(s->ix, &fault);
    if (st)
        fail_msg("%s", fault.text);
}

static struct snapshot *begin(struct shop *s)
{
    struct snapshot *snap;
    assert_int_equal(snapshot_create(s->ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    return snap;
}

static void expect_title(struct shop *s, unsigned i, const char *word)
{
    char id[16], text[256], want[64];
    struct snapshot *snap = begin(s);
    snprintf(id, sizeof id, "p%u", i);
    shop_text(snap, id, text, sizeof text);
    snprintf(want, sizeof want, "0=%s product number %u ", word, i);
    assert_memory_equal(text, want, strlen(want));
    snapshot_destroy(&snap);
}

static void batches_go_on_while_a_merge_is_built(void **state)
{
    (void)state;
    enum { EACH = 5000, SEGMENTS = 8 };
    struct shop s;
    struct merge_task *t, *other;
    bool done = false;
    sequence = 0;
    shop_open(&s);
    for (unsigned k = 0; k < SEGMENTS; k++)
        put_many(&s, k * EACH, (k + 1) * EACH, "old");
    assert_int_equal(index_merge_begin(s.ix, false, &t), STATUS_OK);
    assert_non_null(t);
    assert_int_equal(index_merge_begin(s.ix, false, &other), STATUS_IN_PROGRESS);
    put_many(&s, 100, 300, "new"); /* kills products the merge holds as living */
    assert_int_equal(merge_task_run(t), STATUS_OK);
    put_many(&s, 200, 400, "newer");
    assert_int_equal(index_merge_write(s.ix, t, 1 << 16, &done), STATUS_OK);
    assert_false(done);
    must_check(&s);
    put_many(&s, 9000, 9100, "new");
    while (!done)
        assert_int_equal(index_merge_write(s.ix, t, 1 << 20, &done), STATUS_OK);
    merge_task_destroy(&t);
    must_check(&s);
    expect_title(&s, 50, "old");
    expect_title(&s, 150, "new");
    expect_title(&s, 250, "newer");
    expect_title(&s, 9050, "new");
    struct snapshot *snap = begin(&s);
    assert_int_equal(snapshot_live_count(snap), EACH * SEGMENTS);
    assert_true(snapshot_segment_count(snap) < 5);
    snapshot_destroy(&snap);
    shop_reopen(&s);
    must_check(&s);
    shop_close(&s);
}

/* Makes every merge that quiet times afford; counts the products written anew. */
static uint32_t settle(struct shop *s)
{
    uint32_t written = 0;
    for (;;) {
        struct merge_task *t;
        bool done = false;
        assert_int_equal(index_merge_begin(s->ix, true, &t), STATUS_OK);
        if (!t)
            return written;
        assert_int_equal(merge_task_run(t), STATUS_OK);
        while (!done)
            assert_int_equal(index_merge_write(s->ix, t, 0, &done), STATUS_OK);
        written += t->docs;
        merge_task_destroy(&t);
    }
}

/* A quiet catalog is merged until each segment is more than eight times what follows: a product is
 * written anew once, and then only when what holds it grows by an eighth. */
static void quiet_catalogs_have_few_segments_and_rest_then(void **state)
{
    (void)state;
    static const struct {
        unsigned sizes[4]; /* none so small that a batch folds it */
        uint32_t segments, written;
    } cases[] = {{{12000, 5000}, 1, 17000},
                 {{37000, 4600}, 2, 0},
                 {{37000, 4600, 4200}, 1, 45800},
                 {{75000, 5000, 4200}, 2, 9200}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct shop s;
        unsigned from = 0;
        sequence = 0;
        shop_open(&s);
        for (size_t i = 0; cases[k].sizes[i]; from += cases[k].sizes[i++])
            put_many(&s, from, from + cases[k].sizes[i], "old");
        assert_int_equal(settle(&s), cases[k].written);
        assert_int_equal(settle(&s), 0);
        struct snapshot *snap = begin(&s);
        assert_int_equal(snapshot_segment_count(snap), cases[k].segments);
        assert_int_equal(snapshot_live_count(snap), from);
        snapshot_destroy(&snap);
        expect_title(&s, 0, "old");
        expect_title(&s, from - 1, "old");
        must_check(&s);
        shop_close(&s);
    }
}

static void a_merge_given_up_leaves_nothing(void **state)
{
    (void)state;
    struct shop s;
    struct merge_task *t;
    bool done;
    sequence = 0;
    shop_open(&s);
    for (unsigned k = 0; k < 8; k++)
        put_many(&s, k * 5000, (k + 1) * 5000, "old");
    assert_int_equal(index_merge_begin(s.ix, false, &t), STATUS_OK);
    assert_int_equal(merge_task_run(t), STATUS_OK);
    assert_int_equal(index_merge_write(s.ix, t, 1 << 16, &done), STATUS_OK);
    assert_false(done);
    merge_task_destroy(&t);
    must_check(&s);
    struct snapshot *snap = begin(&s);
    struct store_cursor *c;
    struct slice key, value;
    uint32_t extents = 0, named = 0;
    assert_int_equal(store_cursor_open(snap->txn, STORE_SEGMENTS, &c), STATUS_OK);
    for (enum status st = store_seek(c, SLICE_NULL, &key, &value); !st;
         st = store_next(c, &key, &value))
        extents++;
    store_cursor_close(&c);
    for (uint32_t i = 0; i < snap->segment_count; i++)
        named +=
            (uint32_t)((segment_blob_len(snap->segments[i]) + SEGMENT_EXTENT - 1) / SEGMENT_EXTENT);
    assert_int_equal(extents, named);
    snapshot_destroy(&snap);
    shop_close(&s);
}

static void a_catalog_that_grew_learns_a_better_dictionary(void **state)
{
    (void)state;
    struct shop s;
    sequence = 0;
    shop_open(&s);
    put_many(&s, 0, 2000, "first");
    put_many(&s, 2000, 30000, "second");
    struct snapshot *snap = begin(&s);
    assert_int_equal(snap->meta.dictionary, 1);
    uint64_t before = 0, after = 0;
    for (uint32_t i = 0; i < snap->segment_count; i++)
        before += snap->meta.segments[i].bytes;
    assert_int_equal(index_merge_all(s.ix), STATUS_OK);
    snapshot_end(snap);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(snap->meta.dictionary, 2);
    assert_int_equal(snap->segment_count, 1);
    after = snap->meta.segments[0].bytes;
    assert_true(after < before);
    struct slice old;
    char key[DICTIONARY_KEY_MAX];
    assert_int_equal(store_get(snap->txn, STORE_META, dictionary_key(key, 1), &old),
                     STATUS_NOT_FOUND);
    snapshot_destroy(&snap);
    must_check(&s);
    expect_title(&s, 1, "first");
    expect_title(&s, 29999, "second");
    put_many(&s, 5, 10, "third"); /* packed with the new one */
    expect_title(&s, 7, "third");
    shop_reopen(&s);
    must_check(&s);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_go_on_while_a_merge_is_built),
        cmocka_unit_test(quiet_catalogs_have_few_segments_and_rest_then),
        cmocka_unit_test(a_merge_given_up_leaves_nothing),
        cmocka_unit_test(a_catalog_that_grew_learns_a_better_dictionary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
