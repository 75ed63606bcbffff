/* Few products changed and deleted over and over in small batches: the index stays sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/weight.h"
#include "tests/index/support_index.h"

enum { IDS = 1200, BATCHES = 300 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

static void change_one(struct batch *b, uint64_t *seed, uint64_t version, bool *there)
{
    char id[16], title[40];
    struct buf doc = BUF_INIT;
    uint32_t n = draw(seed, IDS);
    snprintf(id, sizeof id, "w-%u", n);
    snprintf(title, sizeof title, "item w-%u", n);
    if (draw(seed, 100) < 30) {
        assert_int_equal(batch_delete(b, slice_str(id)), there[n] ? STATUS_OK : STATUS_NOT_FOUND);
        there[n] = false;
        return;
    }
    struct shop_product p = {.id = id, .title = title, .price = draw(seed, 1000), .stock = -1};
    struct change c = shop_change(version, 1000);
    uint32_t kind = draw(seed, 8);
    if (kind < 2)
        p.title = "another text";
    if (kind == 2) /* columns alone, lists among them */
        p = (struct shop_product){
            .id = id, .price = 5, .stock = -1, .tags = {"red", "red", "blue"}};
    shop_document(&doc, &p);
    if (kind == 2)
        assert_int_equal(batch_patch(b, buf_slice(&doc), &c),
                         there[n] ? STATUS_OK : STATUS_NOT_FOUND);
    else
        assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
    there[n] |= kind != 2;
    buf_fini(&doc);
}

/* What it weighs is kept where there is a limit; the check counts it anew. */
static uint64_t weight_of(struct shop *s)
{
    struct snapshot *snap;
    assert_int_equal(snapshot_create(s->ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    uint64_t weight = snapshot_weight(snap);
    snapshot_destroy(&snap);
    return weight;
}

static void churn_keeps_the_index_sound(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    for (uint64_t run = 1; run <= 2; run++) {
        uint64_t seed = run, version = 0;
        bool there[IDS] = {false};
        shop_close(&s);
        shop_open_limited(&s, run == 2 ? 1 << 30 : 0);
        for (uint32_t i = 0; i < BATCHES; i++) {
            struct batch *b;
            struct fault fault = {0};
            bool worked = false;
            assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
            for (uint32_t n = draw(&seed, i % 40 == 39 ? 1500 : 90) + 1; n > 0; n--)
                change_one(b, &seed, ++version, there);
            assert_int_equal(batch_commit(&b, version), STATUS_OK);
            if (draw(&seed, 8) == 0)
                assert_int_equal(index_merge_step(s.ix, 1 << 30, &worked), STATUS_OK);
            if (i % 4 == 3 && index_check(s.ix, &fault))
                fail_msg("run %d, batch %u: %s", (int)run, i, fault.text);
        }
        if (run == 2)
            assert_in_range(weight_of(&s), 10000, 500000);
        else
            assert_true(weight_of(&s) == WEIGHT_UNKNOWN);
    }
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(churn_keeps_the_index_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
