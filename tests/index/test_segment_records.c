/* Records as they are stored: which are packed, and that all come back. */
#include "index/segment_records.h"
#include "index/pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 20000 };

/* "cotton " is piece 0. */
static const char dictionary[] = "\x01\x01\x01\x00\x07"
                                 "cotton ";

static void comes_back(struct record_writer *w, struct record_reader *r, const char *text,
                       size_t len, bool packed)
{
    struct stored_record stored;
    struct slice record;
    assert_int_equal(record_encode(w, slice_make(text, len), &stored), STATUS_OK);
    assert_int_equal(stored.packed, packed);
    assert_true(packed ? stored.bytes.len < len : stored.bytes.len == len);
    assert_int_equal(record_decode(r, &stored, 1, &record), STATUS_OK);
    assert_int_equal(record.len, len);
    assert_memory_equal(record.ptr, text, len);
}

/* Small ones and large ones are packed, those of about a kilobyte are not, nor what is huge. */
static void what_is_packed_depends_on_length(void **state)
{
    (void)state;
    static const size_t packs[] = {7, 100, 768, 1281, 5000, 8192},
                        plain[] = {769, 1024, 1280, 8193};
    struct record_writer *w;
    struct record_reader *r;
    char *text = malloc(LONGEST);
    assert_non_null(text);
    for (size_t i = 0; i < LONGEST; i++)
        text[i] = "cotton "[i % 7];
    struct slice d = slice_make(dictionary, sizeof dictionary - 1);
    assert_int_equal(record_writer_create(d, 1, &w), STATUS_OK);
    assert_int_equal(record_reader_create(&r), STATUS_OK);
    assert_int_equal(record_reader_add(r, 1, d), STATUS_OK);
    for (int thorough = 0; thorough < 2; thorough++) {
        for (size_t i = 0; i < sizeof packs / sizeof packs[0]; i++)
            comes_back(w, r, text, packs[i], true);
        for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
            comes_back(w, r, text, plain[i], false);
        comes_back(w, r, "xyz", 3, false); /* no piece in it: it would be longer */
        record_writer_thorough(w);
    }
    record_writer_destroy(&w);
    record_reader_destroy(&r);
    free(text);
}

/* More than a record that is packed may have is no packed record, whatever it says. */
static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    struct record_reader *r;
    struct slice record;
    char *codes = calloc(LONGEST, 1);
    assert_non_null(codes);
    assert_int_equal(record_reader_create(&r), STATUS_OK);
    assert_int_equal(record_reader_add(r, 1, slice_make(dictionary, sizeof dictionary - 1)),
                     STATUS_OK);
    struct stored_record stored = {.bytes = slice_make(codes, RECORD_PACKED_MAX), .packed = true};
    assert_int_equal(record_decode(r, &stored, 1, &record), STATUS_OK);
    assert_int_equal(record.len, RECORD_PACKED_MAX * 7);
    stored.bytes.len++;
    assert_int_equal(record_decode(r, &stored, 1, &record), STATUS_CORRUPT);
    record_reader_destroy(&r);
    free(codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_depends_on_length),
        cmocka_unit_test(what_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
