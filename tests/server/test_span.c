#include "server/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct span *made(void)
{
    struct span *s = calloc(1, sizeof *s);
    s->kind = SPAN_SERVER;
    return s;
}

static void nobody_listens_and_nothing_happens(void **state)
{
    (void)state;
    assert_int_equal(span_stage(NULL, SPAN_QUEUE, 1, 2), SPAN_SELF);
    span_number(NULL, SPAN_SELF, KEY_FOUND, 1);
    span_say(NULL, SPAN_SELF, KEY_CLASS, SLICE_LIT("x"));
    span_fail(NULL, STATUS_IO);
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    struct span *s = made();
    for (int i = 0; i < SPAN_STAGES; i++)
        assert_int_equal(span_stage(s, SPAN_QUEUE, i, i), i);
    assert_int_equal(span_stage(s, SPAN_QUEUE, 1, 2), SPAN_SELF);
    assert_int_equal(s->stage_count, SPAN_STAGES);
    for (int i = 0; i < SPAN_ATTRIBUTES + 5; i++)
        span_number(s, SPAN_SELF, KEY_FOUND, i);
    assert_int_equal(s->attribute_count, SPAN_ATTRIBUTES);
    span_say(s, SPAN_SELF, KEY_CLASS, SLICE_LIT("no attribute left: no text is taken"));
    assert_int_equal(s->text_len, 0);
    assert_true(span_sound(s));
    free(s);
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    struct span *s = made();
    char text[SPAN_TEXT + 2];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 2 ? 0xa9 : 0xc3);
    span_say(s, SPAN_SELF, KEY_CLASS, slice_make("x", 1));
    span_say(s, SPAN_SELF, KEY_CLASS, slice_make(text, sizeof text));
    assert_int_equal(s->text_len, SPAN_TEXT - 1); /* one byte is left: half a character */
    assert_true(span_sound(s));
    span_say(s, SPAN_SELF, KEY_CLASS, SLICE_LIT("\xc3\xa9"));
    assert_int_equal(s->attribute_count, 2);
    span_say(s, SPAN_SELF, KEY_CLASS, SLICE_LIT("\xff\xfe")); /* no text at all */
    assert_int_equal(s->attribute_count, 2);
    free(s);
}

static void an_error_is_its_status_in_lower_case(void **state)
{
    (void)state;
    struct span *s = made();
    span_fail(s, STATUS_UNKNOWN_CATALOG);
    assert_true(s->failed);
    assert_int_equal(s->attributes[0].key, KEY_ERROR_TYPE);
    assert_true(slice_equal(slice_make(s->text, s->text_len), SLICE_LIT("unknown_catalog")));
    free(s);
}

static void what_is_handed_on_has_the_span_as_parent(void **state)
{
    (void)state;
    struct trace_context c;
    struct span *s = made();
    memset(s->trace_id, 7, sizeof s->trace_id);
    memset(s->id, 8, sizeof s->id);
    memset(s->parent, 9, sizeof s->parent);
    span_context(s, &c);
    assert_memory_equal(c.trace_id, s->trace_id, sizeof c.trace_id);
    assert_memory_equal(c.span_id, s->id, sizeof c.span_id);
    assert_int_equal(c.flags, TRACE_SAMPLED);
    free(s);
}

static void every_name_has_a_text(void **state)
{
    (void)state;
    for (unsigned n = SPAN_OPERATIONS; n < SPAN_NAMES_END; n++)
        assert_string_not_equal(span_name_text(n), "unknown");
    assert_string_equal(span_name_text(OP_SEARCH), "search");
    assert_string_equal(span_name_text(SPAN_QUEUE), "queue");
    assert_string_equal(span_name_text(255), "unknown");
    for (int k = 0; k < SPAN_KEYS; k++)
        for (int other = 0; other < k; other++)
            assert_string_not_equal(span_key_text((enum span_key)k),
                                    span_key_text((enum span_key)other));
}

/* Each of these would lead a reader out of the record. */
static void a_record_of_whatever_is_not_sound(void **state)
{
    (void)state;
    struct span *good = made(), *s = made();
    span_stage(good, SPAN_QUEUE, 1, 2);
    span_say(good, 0, KEY_CLASS, SLICE_LIT("critical"));
    assert_true(span_sound(good));
#define BROKEN(change)                                                                             \
    *s = *good;                                                                                    \
    s->change;                                                                                     \
    assert_false(span_sound(s))
    BROKEN(kind = 0);
    BROKEN(kind = 9);
    BROKEN(stage_count = SPAN_STAGES + 1);
    BROKEN(attribute_count = SPAN_ATTRIBUTES + 1);
    BROKEN(text_len = SPAN_TEXT + 1);
    BROKEN(attributes[0].key = SPAN_KEYS);
    BROKEN(attributes[0].stage = 1);
    BROKEN(attributes[0].text_at = SPAN_TEXT - 7);
    BROKEN(attributes[0].text_at = UINT16_MAX);
    BROKEN(text[0] = (char)0xff);
    free(good);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens_and_nothing_happens),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(an_error_is_its_status_in_lower_case),
        cmocka_unit_test(what_is_handed_on_has_the_span_as_parent),
        cmocka_unit_test(every_name_has_a_text),
        cmocka_unit_test(a_record_of_whatever_is_not_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
