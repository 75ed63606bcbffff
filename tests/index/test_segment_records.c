/* Records as they are stored: which are packed, beside which, and that all come back. */
#include "index/segment_records.h"
#include "index/pieces.h"
#include "index/record_beside.h"

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
    static const size_t packs[] = {7, 100, 896, 1153, 5000, 8192},
                        plain[] = {897, 1024, 1152, 8193};
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

/* Texts of words that are no pieces; `like`: mostly what another one says. */
static size_t text_of(unsigned *seed, char *out, const char *like, size_t like_len)
{
    size_t len = 0;
    for (int n = 1 + rand_r(seed) % 12; n > 0; n--) {
        size_t from = like_len ? (size_t)rand_r(seed) % like_len : 0,
               part = like_len ? (size_t)rand_r(seed) % (like_len - from + 1) : 0;
        if (part > 60)
            part = 60;
        if (part && rand_r(seed) % 3)
            memcpy(out + len, like + from, part);
        else
            part = (size_t)sprintf(out + len, "cotton %x", rand_r(seed));
        len += part;
    }
    return len < RECORD_PLAIN ? len : RECORD_PLAIN;
}

static void what_is_packed_beside_another_comes_back(void **state)
{
    (void)state;
    struct record_writer *w;
    struct record_reader *r;
    struct record_base *base = calloc(1, sizeof *base);
    struct slice d = slice_make(dictionary, sizeof dictionary - 1), record;
    char first[1024], second[1024];
    uint32_t beside = 0;
    unsigned seed = 11;
    assert_non_null(base);
    assert_int_equal(record_writer_create(d, 1, &w), STATUS_OK);
    assert_int_equal(record_reader_create(&r), STATUS_OK);
    assert_int_equal(record_reader_add(r, 1, d), STATUS_OK);
    for (int i = 0; i < 6000; i++) {
        struct stored_record one, two;
        char kept[2048];
        size_t n = text_of(&seed, first, NULL, 0), m = text_of(&seed, second, first, n);
        if (i == 3000)
            record_writer_thorough(w);
        assert_int_equal(record_encode(w, slice_make(first, n), &one), STATUS_OK);
        memcpy(kept, one.bytes.ptr, one.bytes.len);
        record_base_set(base, slice_make(first, n), one.bytes.len, 3);
        assert_int_equal(record_encode_beside(w, slice_make(second, m), base, &two), STATUS_OK);
        if (!two.beside)
            continue;
        beside++;
        assert_int_equal(two.place, 3);
        assert_true(two.bytes.len < m);
        two.base = slice_make(kept, one.bytes.len);
        two.base_packed = one.packed;
        assert_int_equal(record_decode(r, &two, 1, &record), STATUS_OK);
        assert_int_equal(record.len, m);
        assert_memory_equal(record.ptr, second, m);
        for (int k = 0; k < 4; k++) { /* whatever else it says, it ends */
            char turned[2048];
            memcpy(turned, two.bytes.ptr, two.bytes.len);
            turned[(size_t)rand_r(&seed) % two.bytes.len] ^= (char)(1 << rand_r(&seed) % 8);
            struct stored_record bad = two;
            bad.bytes = slice_make(turned, (size_t)rand_r(&seed) % (two.bytes.len + 1));
            record_decode(r, &bad, 1, &record);
        }
    }
    assert_true(beside > 1000);
    record_writer_destroy(&w);
    record_reader_destroy(&r);
    free(base);
}

static void copies_from_beyond_the_base_are_refused(void **state)
{
    (void)state;
    struct record_reader *r;
    struct slice record;
    assert_int_equal(record_reader_create(&r), STATUS_OK);
    assert_int_equal(record_reader_add(r, 1, slice_make(dictionary, sizeof dictionary - 1)),
                     STATUS_OK);
    static const struct {
        const char *bytes;
        size_t len;
        enum status st;
    } cases[] = {{"\x00\x01\x03", 3, STATUS_OK},      {"\x01\x00\x00\x04\x00", 5, STATUS_OK},
                 {"\x00\x02\x03", 3, STATUS_CORRUPT}, {"\x00\x05\x00", 3, STATUS_CORRUPT},
                 {"\x00\x01", 2, STATUS_CORRUPT},     {"\x02\x00", 2, STATUS_CORRUPT},
                 {"\x01\x01\x01", 3, STATUS_CORRUPT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stored_record stored = {.bytes = slice_make(cases[i].bytes, cases[i].len),
                                       .packed = true,
                                       .beside = true,
                                       .base = SLICE_LIT("wool")};
        assert_int_equal(record_decode(r, &stored, 1, &record), cases[i].st);
        if (i == 0)
            assert_true(slice_equal(record, SLICE_LIT("ool")));
        if (i == 1)
            assert_true(slice_equal(record, SLICE_LIT("cotton wool")));
    }
    record_reader_destroy(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_depends_on_length),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(what_is_packed_beside_another_comes_back),
        cmocka_unit_test(copies_from_beyond_the_base_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
