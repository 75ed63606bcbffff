/* LOG_READ, COPY_READ and FOLLOW come back as they were sent; every cut is refused or ends early,
 * in bounds; what lies outside its record or list is refused. */
#include "protocol/follow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct stream_id stream = {.name = "0123456789abcde", .epoch = 3};

static void every_cut(const struct buf *b, void (*decode)(struct slice cut, struct arena *a))
{
    struct arena a;
    for (size_t n = 0; n < b->len; n++) {
        char *p = malloc(n ? n : 1);
        memcpy(p, b->ptr, n);
        arena_init(&a, 0);
        decode(slice_make(p, n), &a);
        arena_fini(&a);
        free(p);
    }
}

static void cut_log_read(struct slice cut, struct arena *a)
{
    struct log_read_request q;
    struct log_read_reply r;
    log_read_request_decode(cut, a, &q, NULL);
    log_read_reply_decode(cut, a, &r);
}

static void cut_follow(struct slice cut, struct arena *a)
{
    struct follow_request q;
    struct follow_reply r;
    struct copy_read c;
    follow_request_decode(cut, a, &q, NULL);
    follow_reply_decode(cut, a, &r);
    copy_read_decode(cut, &c, NULL);
}

static void log_read_comes_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct arena a;
    struct log_have have[] = {{SLICE_LIT("shop"), stream, 12, 34, 56},
                              {SLICE_LIT("new"), {{0}, 0}, 0, 0, 0}};
    struct log_read_request q = {SLICE_LIT("me"), 4096, 100, 7, have, 2, SLICE_LIT("index 1.9")},
                            out;
    arena_init(&a, 0);
    log_read_request_encode(&q, &b);
    tlv_put(&b, 999, SLICE_LIT("of a newer server"));
    assert_int_equal(log_read_request_decode(buf_slice(&b), &a, &out, NULL), STATUS_OK);
    assert_true(slice_equal(out.name, q.name) && out.bytes == 4096 && out.seen == 7);
    assert_int_equal(out.wait_ms, 100);
    assert_true(slice_equal(out.build, q.build));
    assert_int_equal(out.have_count, 2);
    assert_true(stream_id_equal(&out.have[0].stream, &stream));
    assert_true(out.have[0].after == 12 && out.have[0].hash == 34 && out.have[0].offset == 56);
    assert_true(stream_id_none(&out.have[1].stream));
    every_cut(&b, cut_log_read);
    buf_fini(&b);
    arena_fini(&a);
}

static void put_reply(struct buf *b, const struct log_piece *p, struct slice bytes)
{
    struct log_catalog c = {SLICE_LIT("shop"), stream, 3, 20, LOG_TAKE_COPY, 1};
    buf_clear(b);
    log_read_reply_encode(
        &(struct log_read_reply){.store = SLICE_LIT("0123456789abcdef"), .now_ms = 5, .seen = 6},
        b);
    log_catalog_encode(&c, b);
    size_t at = log_piece_begin(p, TAG_LOG_READ_RECORD, b);
    buf_put_slice(b, bytes);
    log_piece_end(b, at);
}

static void its_reply_comes_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct arena a;
    struct log_read_reply r;
    struct log_piece p = {0, 8, 9, 1, 10, 4, SLICE_NULL};
    arena_init(&a, 0);
    put_reply(&b, &p, SLICE_LIT("abcdef"));
    assert_int_equal(log_read_reply_decode(buf_slice(&b), &a, &r), STATUS_OK);
    assert_true(r.now_ms == 5 && r.seen == 6 && r.store.len == STORE_NAME);
    assert_true(r.catalog_count == 1 && r.piece_count == 1);
    assert_int_equal(r.catalogs[0].verdict, LOG_TAKE_COPY);
    assert_true(r.catalogs[0].first == 3 && r.catalogs[0].last == 20);
    assert_true(r.pieces[0].previous == 8 && r.pieces[0].sequence == 9 && r.pieces[0].offset == 4);
    assert_true(slice_equal(r.pieces[0].bytes, SLICE_LIT("abcdef")));
    every_cut(&b, cut_log_read);
    arena_fini(&a);
    buf_fini(&b);
}

static void pieces_outside_their_record_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct log_piece p;
        const char *why;
    } cases[] = {{{0, 8, 9, 1, 9, 4, {0}}, "six bytes from 4 of nine"},
                 {{0, 8, 9, 1, 3, 4, {0}}, "begins behind its end"},
                 {{0, 9, 9, 1, 10, 4, {0}}, "does not follow the one before"},
                 {{0, 8, 9, 0, 10, 4, {0}}, "has no type"},
                 {{1, 8, 9, 1, 10, 4, {0}}, "names a catalog that is not in the list"},
                 {{0, 8, 9, 1, (uint64_t)LOG_PIECE_SIZE + 1, 4, {0}}, "is larger than any record"}};
    struct buf b = BUF_INIT;
    struct log_read_reply r;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        arena_init(&a, 0);
        put_reply(&b, &cases[i].p, SLICE_LIT("abcdef"));
        if (log_read_reply_decode(buf_slice(&b), &a, &r) != STATUS_INVALID)
            fail_msg("%s", cases[i].why);
        arena_fini(&a);
    }
    buf_fini(&b);
}

static void copies_come_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct copy_read out, c = {.catalog = SLICE_LIT("shop"), .copy = 3, .from = 2, .size = 5};
    c.sum = UINT64_C(0x1122334455667788);
    c.sequence = 70000;
    c.data = SLICE_LIT("xyz");
    copy_read_encode(&c, &b);
    assert_int_equal(copy_read_decode(buf_slice(&b), &out, NULL), STATUS_OK);
    assert_true(out.copy == 3 && out.from == 2 && out.size == 5 && out.sum == c.sum);
    assert_true(out.sequence == 70000 && slice_equal(out.data, c.data));
    every_cut(&b, cut_follow);
    buf_clear(&b);
    c.from = 3; /* three bytes from 3 of five */
    copy_read_encode(&c, &b);
    assert_int_equal(copy_read_decode(buf_slice(&b), &out, NULL), STATUS_INVALID);
    buf_fini(&b);
}

static void follow_comes_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct arena a;
    struct log_piece p = {0, 1, 2, 1, 3, 0, SLICE_LIT("abc")};
    struct follow_request out, q = {SLICE_LIT("shop"), FOLLOW_APPEND, 0, &p, 1};
    struct follow_row row = {SLICE_LIT("shop"), stream, SLICE_LIT("0123456789abcdef"), 9, 10};
    struct follow_reply reply = {.sequence = 4, .offset = 5}, got;
    arena_init(&a, 0);
    follow_request_encode(&q, &b);
    assert_int_equal(follow_request_decode(buf_slice(&b), &a, &out, NULL), STATUS_OK);
    assert_true(out.piece_count == 1 && out.action == FOLLOW_APPEND);
    assert_true(slice_equal(out.pieces[0].bytes, p.bytes));
    every_cut(&b, cut_follow);
    buf_clear(&b);
    tlv_put_u64(&b, TAG_FOLLOW_ACTION, 9);
    assert_int_equal(follow_request_decode(buf_slice(&b), &a, &out, NULL), STATUS_UNSUPPORTED);
    buf_clear(&b);
    follow_reply_encode(&reply, &b);
    follow_row_encode(&row, &b);
    assert_int_equal(follow_reply_decode(buf_slice(&b), &a, &got), STATUS_OK);
    assert_true(got.sequence == 4 && got.offset == 5 && got.row_count == 1);
    assert_true(got.rows[0].last == 9 && got.rows[0].hash == 10);
    assert_true(stream_id_equal(&got.rows[0].stream, &stream));
    every_cut(&b, cut_follow);
    buf_fini(&b);
    arena_fini(&a);
}

static void hashes_tell_records_apart(void **state)
{
    (void)state;
    struct slice x = SLICE_LIT("payload");
    uint64_t h = log_piece_hash(5, 1, x);
    assert_true(h == log_piece_hash(5, 1, x));
    assert_true(h != log_piece_hash(6, 1, x) && h != log_piece_hash(5, 2, x));
    assert_true(h != log_piece_hash(5, 1, SLICE_LIT("Payload")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_read_comes_back),
        cmocka_unit_test(its_reply_comes_back),
        cmocka_unit_test(pieces_outside_their_record_are_refused),
        cmocka_unit_test(copies_come_back),
        cmocka_unit_test(follow_comes_back),
        cmocka_unit_test(hashes_tell_records_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
