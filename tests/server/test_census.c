/* The counts of a whole catalog against the labels of its products. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/census.h"
#include "tests/index/support_index.h"

static void fill(struct shop *s, int from, int count, uint64_t sequence)
{
    struct batch *b;
    struct buf d = BUF_INIT;
    assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
    for (int i = from; i < from + count; i++) {
        char id[16];
        struct change c = {0,
                           1000 + rand() % 1000,
                           rand() % 4 ? rand() % 3000 : rand() % 2 - 1,
                           rand() % 300 - 1,
                           rand() % 900,
                           0};
        snprintf(id, sizeof id, "p%d", i);
        buf_clear(&d);
        shop_document(&d, &(struct shop_product){.id = id, .title = "x", .price = -1, .stock = -1});
        assert_int_equal(batch_upsert(b, buf_slice(&d), &c), STATUS_OK);
    }
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
    buf_fini(&d);
}

static void the_counts_are_those_of_all_labels(void **state)
{
    (void)state;
    struct shop s;
    struct snapshot *snap;
    struct shared_freshness out;
    srand(3);
    shop_open(&s);
    fill(&s, 0, 6000, 1); /* two chunks */
    fill(&s, 3000, 3000, 2);
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    for (int64_t now = 900; now < 7000; now += 450) {
        struct census c = {0};
        struct moment m = {now, now % 900 ? UPSTREAM_DOWN : UPSTREAM_OK, 0};
        uint64_t counts[FRESHNESS_COUNT] = {0}, oldest = 0, future = 0;
        for (uint32_t d = 0; d < snapshot_docid_end(snap); d++) {
            struct label l;
            if (!snapshot_is_live(snap, d))
                continue;
            assert_int_equal(freshness_of(snap, d, SLICE_NULL, &m, &l), STATUS_OK);
            counts[l.state]++;
            future += l.future;
            if ((l.state == STALE || l.state == STALE_IF_ERROR) && l.age_ms > oldest)
                oldest = l.age_ms;
        }
        memset((void *)&out, 0, sizeof out);
        for (int i = 0; i < 10 && !out.counted_ms; i++)
            assert_int_equal(census_step(&c, snap, &m, &out), STATUS_OK);
        assert_int_equal(out.counted_ms, now);
        assert_int_equal(out.fresh, counts[FRESH]);
        assert_int_equal(out.stale, counts[STALE]);
        assert_int_equal(out.stale_if_error, counts[STALE_IF_ERROR]);
        assert_int_equal(out.expired, counts[EXPIRED]);
        assert_int_equal(out.oldest_stale_ms, oldest);
        assert_int_equal(out.future_stamps, future);
        assert_int_equal(c.next_ms, now + CENSUS_MS);
    }
    snapshot_destroy(&snap);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_counts_are_those_of_all_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
