/* When safe mode comes and goes, and what is stored of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/safe_mode.h"
#include "tests/index/support_index.h"

static const struct safe_mode_times times = {1000, 10000};

static void it_comes_after_a_while_down_and_goes_after_a_longer_while_well(void **state)
{
    (void)state;
    struct safe_guard m = {0};
    const struct {
        int64_t now;
        enum upstream_state upstream;
        bool on;
    } steps[] = {
        {1, UPSTREAM_OK, false},           {100, UPSTREAM_DOWN, false},
        {1099, UPSTREAM_DOWN, false},      {1100, UPSTREAM_DOWN, true},
        {1200, UPSTREAM_FAILING, true},    {90000, UPSTREAM_FAILING, true}, /* not well yet */
        {90001, UPSTREAM_OK, true},        {99999, UPSTREAM_OK, true},
        {100000, UPSTREAM_FAILING, true}, /* once is enough to begin anew */
        {100001, UPSTREAM_OK, true},       {110000, UPSTREAM_OK, true},
        {110001, UPSTREAM_OK, false},      {110002, UPSTREAM_DOWN, false},
        {110900, UPSTREAM_FAILING, false}, /* down must last, too */
        {111000, UPSTREAM_DOWN, false},    {111999, UPSTREAM_DOWN, false},
        {112000, UPSTREAM_DOWN, true},     {112001, UPSTREAM_NONE, true},
        {122001, UPSTREAM_NONE, false}, /* the providers were removed */
    };
    bool was = false;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(safe_mode_step(&m, steps[i].upstream, steps[i].now, &times),
                         steps[i].on != was);
        assert_int_equal(m.on, steps[i].on);
        was = steps[i].on;
    }
}

static void flapping_every_second_changes_it_at_most_once(void **state)
{
    (void)state;
    struct safe_guard m = {0};
    int changes = 0;
    for (int64_t t = 1; t < 600000; t += 100)
        changes += safe_mode_step(&m, t / 1000 % 2 ? UPSTREAM_DOWN : UPSTREAM_OK, t, &times);
    assert_in_range(changes, 0, 1);
}

static void set(struct shop *s, uint64_t sequence, uint32_t bit, int64_t since, const char *reason)
{
    struct batch *b;
    struct buf value = BUF_INIT;
    if (since)
        safe_mode_encode(&value, since, slice_str(reason));
    assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
    assert_int_equal(
        batch_setting(b, SLICE_LIT(SAFE_MODE_KIND), safe_mode_key(bit), buf_slice(&value)),
        STATUS_OK);
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
    buf_fini(&value);
}

static void what_is_stored_is_read_back(void **state)
{
    (void)state;
    struct shop s;
    struct snapshot *snap;
    struct safe_mode_stored stored;
    shop_open(&s);
    set(&s, 1, SAFE_UPSTREAM, 5000, "every provider is open");
    set(&s, 2, SAFE_BY_HAND, 7000, "moving house");
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(safe_mode_read(snap, &stored), STATUS_OK);
    assert_int_equal(stored.bits, SAFE_BY_HAND | SAFE_UPSTREAM);
    assert_int_equal(stored.since_ms, 5000);
    assert_true(slice_equal(stored.by_hand, SLICE_LIT("moving house")));
    snapshot_end(snap);
    set(&s, 3, SAFE_UPSTREAM, 0, "");
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(safe_mode_read(snap, &stored), STATUS_OK);
    assert_int_equal(stored.bits, SAFE_BY_HAND);
    assert_int_equal(stored.since_ms, 7000);
    snapshot_destroy(&snap);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_after_a_while_down_and_goes_after_a_longer_while_well),
        cmocka_unit_test(flapping_every_second_changes_it_at_most_once),
        cmocka_unit_test(what_is_stored_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
