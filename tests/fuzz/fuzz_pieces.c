/*
 * Stored records from outside: the input is a dictionary (u16 how long), then bytes that are
 * unpacked with it, as one record and as a frame of older segments, and packed with it as a text.
 */
#include <stdlib.h>
#include <string.h>

#include "index/pieces.h"
#include "index/segment_records.h"
#include "protocol/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is packed comes back. */
static void there_and_back(struct slice dictionary, struct slice text)
{
    struct record_writer *w;
    struct record_reader *r;
    struct stored_record stored;
    struct slice back;
    if (text.len > RECORD_MAX || record_writer_create(dictionary, 1, &w))
        return;
    if (record_reader_create(&r) || record_encode(w, text, &stored) || stored.bytes.len > text.len)
        abort();
    bool known = record_reader_add(r, 1, dictionary) == STATUS_OK;
    if (known && (record_decode(r, &stored, 1, &back) || !slice_equal(back, text)))
        abort();
    record_reader_destroy(&r);
    record_writer_destroy(&w);
}

static void unpack(struct slice dictionary, struct slice bytes)
{
    struct pieces_decoder *d;
    size_t len;
    if (pieces_decoder_create(dictionary, &d))
        return;
    char *out = malloc(bytes.len * PIECE_MAX + 1); /* not a byte more: for the sanitizer */
    if (out && pieces_decode(d, bytes, out, &len) == STATUS_OK && len > bytes.len * PIECE_MAX)
        abort();
    free(out);
    pieces_decoder_destroy(&d);
}

static void decode(struct slice dictionary, struct slice bytes)
{
    struct record_reader *r;
    struct slice record;
    if (record_reader_create(&r))
        return;
    uint32_t number = record_reader_add(r, 1, dictionary) == STATUS_OK;
    struct stored_record stored = {.bytes = bytes, .packed = true};
    record_decode(r, &stored, number, &record);
    stored = (struct stored_record){.bytes = bytes, .framed = true, .place = RECORD_BLOCK - 1};
    record_decode(r, &stored, number, &record);
    size_t half = bytes.len / 2;
    stored = (struct stored_record){.bytes = slice_make(bytes.ptr, half),
                                    .packed = true,
                                    .beside = true,
                                    .base = slice_make(bytes.ptr + half, bytes.len - half)};
    for (int packed = 0; packed < 2; packed++) {
        stored.base_packed = packed;
        record_decode(r, &stored, number, &record);
    }
    record_reader_destroy(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t n = wire_load16(data);
    n = n < size - 2 ? n : size - 2;
    struct slice dictionary = slice_make(data + 2, n),
                 rest = slice_make(data + 2 + n, size - 2 - n);
    unpack(dictionary, rest);
    decode(dictionary, rest);
    there_and_back(dictionary, rest);
    return 0;
}
