#include "protocol/traceparent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void the_text_of_the_recommendation_is_read_and_written(void **state)
{
    (void)state;
    struct trace_context t;
    char text[TRACEPARENT_LEN + 1];
    assert_int_equal(traceparent_parse(SLICE_LIT(GOOD), &t), STATUS_OK);
    assert_int_equal(t.trace_id[0], 0x4b);
    assert_int_equal(t.trace_id[15], 0x36);
    assert_int_equal(t.span_id[0], 0x00);
    assert_int_equal(t.span_id[7], 0xb7);
    assert_int_equal(t.flags, 1);
    traceparent_format(&t, text);
    assert_string_equal(text, GOOD);
}

static void what_is_no_traceparent_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",    /* cut */
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", /* version 00 has no more */
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", /* upper case */
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
    };
    struct trace_context t = {.flags = 77};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(traceparent_parse(slice_str(bad[i]), &t), STATUS_INVALID);
        assert_int_equal(t.flags, 77); /* untouched */
    }
}

static void a_later_version_is_read_as_far_as_it_is_known(void **state)
{
    (void)state;
    struct trace_context t;
    struct slice later = SLICE_LIT("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what");
    assert_int_equal(traceparent_parse(later, &t), STATUS_OK);
    assert_int_equal(t.flags, 1);
}

static void flags_nobody_knows_are_tolerated_and_end_here(void **state)
{
    (void)state;
    struct trace_context t, out;
    char text[TRACEPARENT_LEN + 1];
    struct buf b = BUF_INIT;
    struct slice odd = SLICE_LIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd");
    assert_int_equal(traceparent_parse(odd, &t), STATUS_OK);
    traceparent_format(&t, text);
    assert_string_equal(text, GOOD);
    trace_context_put(&b, &t);
    struct slice body = buf_slice(&b);
    assert_true(trace_context_take(&body, &out));
    assert_int_equal(out.flags, TRACE_SAMPLED);
    buf_fini(&b);
}

static void it_travels_before_the_body(void **state)
{
    (void)state;
    struct trace_context t, out;
    struct buf b = BUF_INIT;
    assert_int_equal(traceparent_parse(SLICE_LIT(GOOD), &t), STATUS_OK);
    trace_context_put(&b, &t);
    assert_int_equal(b.len, TRACE_FIELD_LEN);
    buf_put(&b, "rest", 4);
    struct slice body = buf_slice(&b);
    assert_true(trace_context_take(&body, &out));
    assert_true(slice_equal(body, SLICE_LIT("rest")));
    assert_memory_equal(&out, &t, sizeof t);
    buf_fini(&b);
}

static struct buf field(uint32_t tag, size_t len, char fill)
{
    struct buf b = BUF_INIT;
    char bytes[64];
    memset(bytes, fill, sizeof bytes);
    tlv_put(&b, tag, slice_make(bytes, len));
    buf_put(&b, "rest", 4);
    return b;
}

static void a_field_that_is_no_context_is_passed_over(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 16, 24, 26, 64};
    struct trace_context out;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct buf b = field(TAG_TRACE_CONTEXT, lengths[i], 7);
        struct slice body = buf_slice(&b);
        assert_false(trace_context_take(&body, &out));
        assert_true(slice_equal(body, SLICE_LIT("rest")));
        buf_fini(&b);
    }
    struct buf zeroes = field(TAG_TRACE_CONTEXT, TRACE_CONTEXT_LEN, 0);
    struct slice body = buf_slice(&zeroes);
    assert_false(trace_context_take(&body, &out));
    assert_true(slice_equal(body, SLICE_LIT("rest")));
    zeroes.ptr[2] = 1; /* a trace id, and a span id of zeroes */
    body = buf_slice(&zeroes);
    assert_false(trace_context_take(&body, &out));
    buf_fini(&zeroes);
}

static void another_body_stays_as_it_is(void **state)
{
    (void)state;
    struct trace_context out;
    struct buf other = field(1, 25, 7);
    struct slice body = buf_slice(&other);
    assert_false(trace_context_take(&body, &out));
    assert_int_equal(body.len, other.len);
    buf_fini(&other);
    body = SLICE_NULL;
    assert_false(trace_context_take(&body, &out));
    struct slice cut = SLICE_LIT("\x64\x19too few bytes"); /* the decoder of the body will say so */
    body = cut;
    assert_false(trace_context_take(&body, &out));
    assert_int_equal(body.len, cut.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_of_the_recommendation_is_read_and_written),
        cmocka_unit_test(what_is_no_traceparent_is_refused),
        cmocka_unit_test(a_later_version_is_read_as_far_as_it_is_known),
        cmocka_unit_test(flags_nobody_knows_are_tolerated_and_end_here),
        cmocka_unit_test(it_travels_before_the_body),
        cmocka_unit_test(a_field_that_is_no_context_is_passed_over),
        cmocka_unit_test(another_body_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
