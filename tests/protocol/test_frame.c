#include "protocol/frame.h"
#include "protocol/hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void hex_of(struct slice s, char *out)
{
    for (size_t i = 0; i < s.len; i++)
        sprintf(out + 2 * i, "%02x", (unsigned char)s.ptr[i]);
}

static void put_frame(struct buf *b, uint16_t flags, struct slice body)
{
    struct frame f = {.opcode = OP_PING, .flags = flags, .request_id = 7, .time = 250};
    size_t at = frame_begin(b);
    buf_put_slice(b, body);
    frame_end(b, at, &f);
}

static void golden_ping(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    char hex[256];
    put_frame(&b, FLAG_CLASS_DEFAULT, SLICE_LIT("hi"));
    hex_of(buf_slice(&b), hex);
    hex[80] = '\0';
    /* magic, version, opcode, flags, status, id, length, time; then the check; then the body */
    assert_memory_equal(hex,
                        "536b01020001000007000000"
                        "02000000"
                        "fa000000",
                        40);
    assert_string_equal(hex + 48, "6869");
    buf_fini(&b);
}

static void comes_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    put_frame(&b, FLAG_CHECKSUM | FLAG_CLASS_BACKGROUND, SLICE_LIT("hello"));
    struct frame f;
    size_t used, need;
    for (size_t n = 0; n < b.len; n++) {
        enum status s = frame_decode(slice_make(b.ptr, n), 1000, &f, &used, &need);
        assert_int_equal(s, STATUS_AGAIN);
        assert_true(need > n && need <= b.len);
    }
    assert_int_equal(frame_decode(buf_slice(&b), 1000, &f, &used, &need), STATUS_OK);
    assert_int_equal(used, b.len);
    assert_true(slice_equal(f.body, SLICE_LIT("hello")));
    assert_int_equal(frame_class_of(&f), CLASS_BACKGROUND);
    assert_int_equal(f.time, 250);
    buf_fini(&b);
}

/* Every single flipped bit is noticed: in the header as BAD_FRAME, in the body as BAD_CHECKSUM. */
static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    put_frame(&b, FLAG_CHECKSUM, SLICE_LIT("hello"));
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        struct frame f;
        size_t used, need;
        b.ptr[bit / 8] ^= (char)(1 << bit % 8);
        enum status s = frame_decode(buf_slice(&b), 1000, &f, &used, &need);
        assert_int_equal(s, bit / 8 < FRAME_HEADER ? STATUS_BAD_FRAME : STATUS_BAD_CHECKSUM);
        b.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_fini(&b);
}

static void too_large_is_refused_before_it_comes(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    put_frame(&b, 0, SLICE_LIT("0123456789"));
    struct frame f;
    size_t used, need;
    assert_int_equal(frame_decode(slice_make(b.ptr, FRAME_HEADER), 9, &f, &used, &need),
                     STATUS_TOO_LARGE);
    assert_int_equal(f.request_id, 7);
    buf_fini(&b);
}

static void strangers_get_a_line(void **state)
{
    (void)state;
    struct slice line;
    assert_true(frame_stranger(SLICE_LIT("GET / HTTP/1.1"), &line));
    assert_true(slice_starts(line, SLICE_LIT("HTTP/1.1 400")));
    assert_true(frame_stranger(SLICE_LIT("*1\r\n$4\r\nPING\r\n"), &line));
    assert_true(slice_starts(line, SLICE_LIT("-ERR")));
    assert_true(frame_stranger(SLICE_LIT("\x16\x03\x01\x02"), &line));
    assert_false(frame_stranger(SLICE_LIT("\x53\x6b\x01\x01"), &line));
    assert_false(frame_stranger(SLICE_LIT("GE"), &line));
}

static void errors_come_back(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct frame to = {.opcode = OP_PUT, .request_id = 9}, f;
    struct fault in = {.status = STATUS_OVERLOADED, .item = 3, .column = 5, .retry_after_ms = 40};
    struct fault out;
    strcpy(in.field, "price");
    strcpy(in.text, "wait a little");
    frame_put_error(&b, &to, &in);
    size_t used, need;
    assert_int_equal(frame_decode(buf_slice(&b), 1000, &f, &used, &need), STATUS_OK);
    frame_error_decode(&f, &out);
    assert_int_equal(out.status, STATUS_OVERLOADED);
    assert_int_equal(out.item, 3);
    assert_int_equal(out.column, 5);
    assert_int_equal(out.retry_after_ms, 40);
    assert_string_equal(out.field, "price");
    assert_string_equal(out.text, "wait a little");
    buf_fini(&b);
}

/* Reserved bits and tags in HELLO are tolerated, and never come back as agreed. */
static void hello_tolerates_what_it_does_not_know(void **state)
{
    (void)state;
    for (uint32_t grease = 0; grease < 200; grease++) {
        struct buf b = BUF_INIT;
        struct hello in = {.min_version = 1,
                           .max_version = 9,
                           .features = HELLO_FEATURES,
                           .max_frame = 4096,
                           .name = SLICE_LIT("test")};
        struct hello out, offer = {.max_k = 1000};
        hello_encode(&in, grease, &b);
        assert_int_equal(hello_decode(buf_slice(&b), &out), STATUS_OK);
        assert_int_equal(hello_agree(&out, &offer), STATUS_OK);
        assert_int_equal(offer.features, HELLO_FEATURES);
        assert_int_equal(out.max_frame, 4096);
        assert_true(slice_equal(out.name, in.name));
        buf_fini(&b);
    }
    struct hello newer = {.min_version = 2, .max_version = 3}, offer = {0};
    assert_int_equal(hello_agree(&newer, &offer), STATUS_BAD_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_ping),
        cmocka_unit_test(comes_back),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(too_large_is_refused_before_it_comes),
        cmocka_unit_test(strangers_get_a_line),
        cmocka_unit_test(errors_come_back),
        cmocka_unit_test(hello_tolerates_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
