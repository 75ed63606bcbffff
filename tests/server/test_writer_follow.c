/* A follower's writer: records in its leader's stead, in order, in pieces, or not at all. */
#include "support_writer.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "protocol/follow.h"
#include "index/snapshot.h"
#include "server/catalogs.h"
#include "server/log_record.h"
#include "server/stream.h"

/* A record as a leader logs it: product `id` is there. */
static void record_of(unsigned id, struct buf *payload)
{
    struct buf document = BUF_INIT;
    char name[32];
    snprintf(name, sizeof name, "p%u", id);
    document_put_header(&document, slice_str(name), 1);
    wire_put_varint(&document, 0);
    value_put_text(&document, SLICE_LIT("red shoes"));
    const struct put_item item = {.op = PUT_UPSERT,
                                  .ttl_ms = -1,
                                  .swr_ms = -1,
                                  .sie_ms = -1,
                                  .document = buf_slice(&document)};
    buf_clear(payload);
    log_changes_begin(payload, &(struct log_changes){.accepted_ms = 1});
    put_item_encode(&item, payload);
    buf_fini(&document);
}

/* Product `sequence` in the record behind `previous`, `from` and `len` bytes of it (0 = all). */
static struct follow_reply append(uint64_t previous, uint64_t sequence, size_t from, size_t len,
                                  enum status want)
{
    struct buf payload = BUF_INIT, body = BUF_INIT;
    struct follow_reply r = {0};
    struct frame f = {0};
    struct arena a;
    record_of((unsigned)sequence, &payload);
    size_t all = payload.len;
    struct log_piece p = {0, previous, sequence, LOG_CHANGES, all, from, buf_slice(&payload)};
    p.bytes = slice_make(payload.ptr + from, len ? len : all - from);
    const struct follow_request q = {SLICE_LIT("shop"), FOLLOW_APPEND, 0, &p, 1};
    follow_request_encode(&q, &body);
    post(OP_FOLLOW, buf_slice(&body));
    assert_true(answer(&f));
    assert_int_equal(f.status, want);
    arena_init(&a, 0);
    if (!want)
        assert_int_equal(follow_reply_decode(f.body, &a, &r), STATUS_OK);
    arena_fini(&a);
    buf_fini(&payload);
    buf_fini(&body);
    return r;
}

static void wait_visible(uint64_t sequence)
{
    for (int i = 0; i < 2000 && shared->catalogs[0].visible < sequence; i++)
        usleep(5000);
    assert_int_equal(shared->catalogs[0].visible, sequence);
}

static void a_follower_takes_what_follows_and_nothing_else(void **state)
{
    (void)state;
    start();
    create();
    put(1, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    append(1, 2, 0, 0, STATUS_INVALID); /* it follows nobody */
    shared->follow.following = 1;
    snprintf(shared->follow.leader, sizeof shared->follow.leader, "leader:1");
    put(9, PUT_UPSERT, 0, "", ACK_LOGGED, STATUS_FOLLOWER);
    assert_int_equal(append(1, 2, 0, 0, STATUS_OK).sequence, 2);
    assert_int_equal(append(1, 2, 0, 0, STATUS_OK).sequence, 2); /* again: passed over */
    append(3, 4, 0, 0, STATUS_CONFLICT);                         /* 3 is missing */
    append(1, 4, 0, 0, STATUS_CONFLICT);                         /* another record was there */
    assert_int_equal(append(2, 5, 0, 0, STATUS_OK).sequence, 5); /* one of three items */
    wait_visible(5);
    assert_int_equal(stored(), 3);
    stop(SIGKILL);
    start();
    append(4, 6, 0, 0, STATUS_CONFLICT);
    assert_int_equal(append(5, 6, 0, 0, STATUS_OK).sequence, 6);
    wait_visible(6);
    stop(SIGTERM);
    assert_int_equal(stored(), 4);
}

static void a_record_in_pieces_counts_when_it_is_whole(void **state)
{
    (void)state;
    start();
    create();
    shared->follow.following = 1;
    struct follow_reply r = append(0, 1, 0, 5, STATUS_OK);
    assert_true(r.sequence == 0 && r.offset == 5);
    append(0, 1, 9, 0, STATUS_CONFLICT); /* bytes 5 to 8 are missing */
    r = append(0, 1, 5, 4, STATUS_OK);
    assert_true(r.sequence == 0 && r.offset == 9);
    r = append(0, 1, 9, 0, STATUS_OK);
    assert_true(r.sequence == 1 && r.offset == 0);
    append(1, 2, 0, 7, STATUS_OK);
    r = append(1, 2, 0, 0, STATUS_OK); /* from its start again, and whole */
    assert_int_equal(r.sequence, 2);
    wait_visible(2);
    stop(SIGTERM);
    assert_int_equal(stored(), 2);
}

static void what_is_no_record_is_not_logged(void **state)
{
    (void)state;
    struct buf body = BUF_INIT;
    struct frame f = {0};
    start();
    create();
    shared->follow.following = 1;
    static const struct {
        uint32_t type;
        struct slice payload;
        enum status want;
    } cases[] = {{LOG_CHANGES, {"\x01\x00\xff\xff", 4}, STATUS_CORRUPT},
                 {LOG_SETTING, {"\x09", 1}, STATUS_CORRUPT},
                 {LOG_STREAM, {"short", 5}, STATUS_CORRUPT},
                 {99, {"of a newer leader", 17}, STATUS_OLD_FORMAT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_piece p = {0, 0, 1, cases[i].type, cases[i].payload.len, 0, cases[i].payload};
        const struct follow_request q = {SLICE_LIT("shop"), FOLLOW_APPEND, 0, &p, 1};
        buf_clear(&body);
        follow_request_encode(&q, &body);
        post(OP_FOLLOW, buf_slice(&body));
        assert_true(answer(&f));
        assert_int_equal(f.status, cases[i].want);
    }
    assert_int_equal(shared->catalogs[0].logged, 0);
    assert_int_equal(append(0, 1, 0, 0, STATUS_OK).sequence, 1);
    stop(SIGTERM);
    buf_fini(&body);
}

static struct stream_id listed(void)
{
    struct buf body = BUF_INIT;
    struct frame f = {0};
    struct follow_reply r;
    struct arena a;
    const struct follow_request q = {.action = FOLLOW_LIST};
    follow_request_encode(&q, &body);
    post(OP_FOLLOW, buf_slice(&body));
    assert_true(answer(&f));
    arena_init(&a, 0);
    assert_int_equal(follow_reply_decode(f.body, &a, &r), STATUS_OK);
    assert_int_equal(r.row_count, 1);
    struct stream_id id = r.rows[0].stream;
    arena_fini(&a);
    buf_fini(&body);
    return id;
}

/* As a batch does that finds out. */
static void part(void)
{
    char path[128];
    bool stale, parted;
    struct index *ix;
    struct snapshot *s;
    struct batch *b;
    struct index_options o = {.map_bytes = UINT64_C(1) << 30};
    assert_true(catalog_edition_path(path, sizeof path, dir, SLICE_LIT("shop"), edition));
    assert_int_equal(index_open(path, &o, &ix, &stale, NULL), STATUS_OK);
    assert_int_equal(snapshot_create(ix, &s), STATUS_OK);
    assert_int_equal(snapshot_begin(s), STATUS_OK);
    uint64_t sequence = snapshot_sequence(s);
    snapshot_destroy(&s);
    assert_int_equal(stream_parted(ix, &parted), STATUS_OK);
    assert_false(parted);
    assert_int_equal(batch_begin(ix, &b), STATUS_OK);
    assert_int_equal(stream_part(ix, b), STATUS_OK);
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
    assert_int_equal(stream_parted(ix, &parted), STATUS_OK);
    assert_true(parted);
    index_close(&ix);
}

static void what_parted_leader_and_follower_outlives_the_writer(void **state)
{
    (void)state;
    start();
    create();
    put(1, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    struct stream_id first = listed();
    put(2, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    stop(SIGKILL);
    part();
    start(); /* a leader goes on under another epoch, once */
    struct stream_id second = listed();
    assert_memory_equal(first.name, second.name, sizeof first.name);
    assert_int_equal(second.epoch, first.epoch + 1);
    put(3, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    stop(SIGKILL);
    start();
    struct stream_id third = listed();
    assert_true(stream_id_equal(&second, &third));
    stop(SIGTERM);
    part();
    shared->follow.following = 1;
    start(); /* a follower gives up what it has, and takes no record */
    struct stream_id none = listed();
    assert_true(stream_id_none(&none));
    append(4, 5, 0, 0, STATUS_CONFLICT);
    stop(SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_follower_takes_what_follows_and_nothing_else, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_record_in_pieces_counts_when_it_is_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_record_is_not_logged, setup, teardown),
        cmocka_unit_test_setup_teardown(what_parted_leader_and_follower_outlives_the_writer, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
