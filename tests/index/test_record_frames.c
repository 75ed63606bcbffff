/* Records as segments of formats 4 and 5 hold them: written here by zstd itself. */
#define ZSTD_STATIC_LINKING_ONLY
#include "index/record_frames.h"
#include "index/segment_records.h"
#include "protocol/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

#include <cmocka.h>

enum { SAMPLES = 2000, RECORDS = 5 };

static size_t record_text(unsigned i, char out[64])
{
    return (size_t)sprintf(out, "stainless steel lamp number %u in %s", i,
                           i % 3 ? "black cotton" : "kitchen white");
}

static struct slice train(struct buf *out)
{
    struct buf samples = BUF_INIT;
    size_t *lens = calloc(SAMPLES, sizeof *lens);
    for (unsigned i = 0; i < SAMPLES; i++) {
        char text[64];
        lens[i] = record_text(i * 7, text);
        buf_put(&samples, text, lens[i]);
    }
    assert_true(buf_reserve(out, 4096));
    out->len = ZDICT_trainFromBuffer(out->ptr, 4096, samples.ptr, lens, SAMPLES);
    assert_false(ZDICT_isError(out->len));
    free(lens);
    buf_fini(&samples);
    return buf_slice(out);
}

/* The records 0 to RECORDS - 1 as one frame. */
static void frame(struct slice dictionary, struct buf *out)
{
    struct buf raw = BUF_INIT;
    char room[1024], text[64];
    for (unsigned i = 0; i < RECORDS; i++)
        wire_put_bytes(&raw, slice_make(text, record_text(i, text)));
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_format, ZSTD_f_zstd1_magicless);
    ZSTD_CCtx_setParameter(c, ZSTD_c_dictIDFlag, 0);
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_loadDictionary(c, dictionary.ptr, dictionary.len);
    size_t n = ZSTD_compress2(c, room, sizeof room, raw.ptr, raw.len);
    assert_false(ZSTD_isError(n));
    ZSTD_freeCCtx(c);
    wire_put_varint(out, raw.len);
    wire_put_varint(out, n);
    buf_put(out, room, n);
    buf_fini(&raw);
}

static void expect_records(struct record_reader *r, struct slice bytes, uint32_t number)
{
    struct slice record;
    char text[64];
    for (unsigned i = 0; i < RECORDS; i++) {
        struct stored_record stored = {.bytes = bytes, .framed = true, .place = i};
        assert_int_equal(record_decode(r, &stored, number, &record), STATUS_OK);
        assert_true(slice_equal(record, slice_make(text, record_text(i, text))));
    }
    struct stored_record none = {.bytes = bytes, .framed = true, .place = RECORDS};
    assert_int_equal(record_decode(r, &none, number, &record), STATUS_CORRUPT);
}

static void records_of_frames_are_read(void **state)
{
    (void)state;
    struct buf room = BUF_INIT, learned = BUF_INIT, alone = BUF_INIT;
    struct slice dictionary = train(&room), record;
    struct record_reader *r;
    struct record_writer *w;
    frame(dictionary, &learned);
    frame(SLICE_NULL, &alone);
    assert_true(learned.len < alone.len);
    assert_int_equal(record_reader_create(&r), STATUS_OK);
    struct stored_record stored = {.bytes = buf_slice(&learned), .framed = true};
    assert_int_equal(record_decode(r, &stored, 1, &record), STATUS_NOT_FOUND);
    assert_int_equal(record_reader_add(r, 1, dictionary), STATUS_OK);
    expect_records(r, buf_slice(&learned), 1);
    expect_records(r, buf_slice(&alone), 0);
    stored = (struct stored_record){.bytes = SLICE_LIT("x"), .packed = true};
    assert_int_equal(record_decode(r, &stored, 1, &record), STATUS_CORRUPT);
    /* Nothing is packed with it any more. */
    assert_int_equal(record_writer_create(dictionary, 1, &w), STATUS_OK);
    assert_int_equal(record_writer_dictionary(w), 0);
    record_writer_destroy(&w);
    record_reader_destroy(&r);
    buf_fini(&room);
    buf_fini(&learned);
    buf_fini(&alone);
}

static void damaged_frames_are_refused(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT;
    struct record_reader *r;
    struct slice record;
    frame(SLICE_NULL, &bytes);
    assert_int_equal(record_reader_create(&r), STATUS_OK);
    for (size_t n = 0; n < bytes.len; n++) {
        char *cut = malloc(n + 1); /* for the sanitizers */
        memcpy(cut, bytes.ptr, n);
        struct stored_record stored = {.bytes = slice_make(cut, n), .framed = true};
        assert_int_equal(record_decode(r, &stored, 0, &record), STATUS_CORRUPT);
        free(cut);
    }
    record_reader_destroy(&r);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_frames_are_read),
        cmocka_unit_test(damaged_frames_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
