/* Hits and askings per docid, as two processes of one server see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "server/shared_pages.h"

struct room {
    struct shared *s;
    int fd;
    struct shared_catalog *row;
    struct shared_pages a, b; /* the same edition, mapped twice */
};

static int setup(void **state)
{
    static struct room r;
    assert_int_equal(shared_create(&r.s, &r.fd), STATUS_OK);
    r.row = shared_catalog_claim(r.s, SLICE_LIT("shop"));
    assert_non_null(r.row);
    assert_int_equal(shared_pages_map(r.fd, r.s, r.row, 7, &r.a), STATUS_OK);
    assert_int_equal(shared_pages_map(r.fd, r.s, r.row, 7, &r.b), STATUS_OK);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct room *r = *state;
    shared_pages_unmap(&r->a);
    shared_pages_unmap(&r->b);
    close(r->fd);
    return 0;
}

static void hits_are_seen_by_others_and_stop_at_the_most(void **state)
{
    struct room *r = *state;
    for (int i = 0; i < 10; i++)
        shared_pages_hit(&r->a, 5);
    shared_pages_hit(&r->a, PAGES_DOCIDS - 1);
    shared_pages_hit(&r->a, UINT32_MAX); /* no byte: no fault */
    assert_int_equal(shared_pages_hits(&r->b, 5), PAGES_HITS_MOST);
    assert_int_equal(shared_pages_hits(&r->b, PAGES_DOCIDS - 1), 1);
    assert_int_equal(shared_pages_hits(&r->b, 6), 0);
    assert_int_equal(shared_pages_hits(&r->b, UINT32_MAX), 0);
}

static void one_of_all_fronts_asks_and_again_after_five_seconds(void **state)
{
    struct room *r = *state;
    for (int64_t start = 0; start < 600000; start += 37000) {
        int64_t t = start / 1000 * 1000; /* whole seconds */
        uint32_t docid = (uint32_t)(start / 1000) + 10;
        assert_true(shared_pages_ask(&r->a, docid, t));
        assert_false(shared_pages_ask(&r->b, docid, t));
        assert_false(shared_pages_ask(&r->b, docid, t + 4999));
        assert_true(shared_pages_ask(&r->b, docid, t + 5000));
        assert_false(shared_pages_ask(&r->a, docid, t + 5000));
    }
    assert_true(shared_pages_ask(&r->a, UINT32_MAX, 1));
}

static void editions_have_their_own_bytes_and_can_be_wiped(void **state)
{
    struct room *r = *state;
    struct shared_pages next;
    shared_pages_hit(&r->a, 1);
    assert_int_equal(shared_pages_map(r->fd, r->s, r->row, 8, &next), STATUS_OK);
    assert_int_equal(shared_pages_hits(&next, 1), 0);
    shared_pages_hit(&next, 2);
    assert_int_equal(shared_pages_wipe(r->fd, r->s, r->row, 7), STATUS_OK);
    assert_int_equal(shared_pages_hits(&r->b, 1), 0);
    assert_int_equal(shared_pages_hits(&next, 2), 1);
    shared_pages_unmap(&next);
}

static void nothing_mapped_counts_nothing(void **state)
{
    (void)state;
    struct shared_pages none = {0};
    shared_pages_hit(&none, 1);
    shared_pages_set_hits(&none, 1, 2);
    assert_int_equal(shared_pages_hits(&none, 1), 0);
    assert_true(shared_pages_ask(&none, 1, 0));
}

static void a_silent_fetcher_counts_as_failing(void **state)
{
    struct room *r = *state;
    r->s->fetcher = 3;
    r->row->upstream.state = UPSTREAM_NONE;
    assert_int_equal(shared_upstream_now(r->s, r->row), UPSTREAM_NONE);
    r->row->upstream.state = UPSTREAM_OK;
    shared_beat(&r->s->processes[3]);
    assert_int_equal(shared_upstream_now(r->s, r->row), UPSTREAM_OK);
    r->s->processes[3].beat -= SHARED_SILENCE_MS + 100;
    assert_int_equal(shared_upstream_now(r->s, r->row), UPSTREAM_FAILING);
    r->row->upstream.state = UPSTREAM_DOWN;
    assert_int_equal(shared_upstream_now(r->s, r->row), UPSTREAM_DOWN);
}

static void storage_faults_show_as_safe_mode(void **state)
{
    struct room *r = *state;
    assert_int_equal(shared_safe_mode_now(r->row), 0);
    r->row->write_state = WRITE_NO_SPACE;
    assert_int_equal(shared_safe_mode_now(r->row), SAFE_STORAGE);
    r->row->freshness.safe_mode = SAFE_BY_HAND;
    assert_string_equal(safe_mode_name(shared_safe_mode_now(r->row)), "storage");
    r->row->write_state = WRITE_OPEN;
    assert_string_equal(safe_mode_name(shared_safe_mode_now(r->row)), "by_hand");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hits_are_seen_by_others_and_stop_at_the_most, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_of_all_fronts_asks_and_again_after_five_seconds, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(editions_have_their_own_bytes_and_can_be_wiped, setup,
                                        teardown),
        cmocka_unit_test(nothing_mapped_counts_nothing),
        cmocka_unit_test_setup_teardown(a_silent_fetcher_counts_as_failing, setup, teardown),
        cmocka_unit_test_setup_teardown(storage_faults_show_as_safe_mode, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
