#define ZSTD_STATIC_LINKING_ONLY
#define ZDICT_STATIC_LINKING_ONLY
#include "index/segment_records.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

/* More is a percent smaller and twice as slow. */
enum {
    RECORD_LEVEL = 3,
    BLOCK_RAW_MAX = RECORD_MAX + RECORD_BLOCK_BYTES + 64,
    RAW_ROOM = 32 * 1024
};

struct record_writer {
    ZSTD_CCtx *ctx;
    ZSTD_CDict *dictionary;
    uint32_t number;
    struct buf room; /* a frame before its length is known; grows to the largest */
};

struct known {
    uint32_t number;
    ZSTD_DDict *dictionary;
};

struct record_reader {
    ZSTD_DCtx *ctx;
    struct known *known;
    uint32_t known_count;
    char *raw;
    size_t cap;
};

enum status record_writer_create(struct slice dictionary, uint32_t number,
                                 struct record_writer **out)
{
    struct record_writer *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w)
        return STATUS_NO_MEMORY;
    w->number = number;
    w->ctx = ZSTD_createCCtx();
    if (w->ctx) {
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_compressionLevel, RECORD_LEVEL);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_format, ZSTD_f_zstd1_magicless);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_dictIDFlag, 0);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_checksumFlag, 0);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_contentSizeFlag, 0);
        if (number) {
            w->dictionary = ZSTD_createCDict(dictionary.ptr, dictionary.len, RECORD_LEVEL);
            ZSTD_CCtx_refCDict(w->ctx, w->dictionary);
        }
    }
    if (!w->ctx || (number && !w->dictionary)) {
        record_writer_destroy(&w);
        return STATUS_NO_MEMORY;
    }
    *out = w;
    return STATUS_OK;
}

void record_writer_destroy(struct record_writer **w)
{
    if (!*w)
        return;
    ZSTD_freeCCtx((*w)->ctx);
    ZSTD_freeCDict((*w)->dictionary);
    buf_fini(&(*w)->room);
    free(*w);
    *w = NULL;
}

uint32_t record_writer_dictionary(const struct record_writer *w)
{
    return w->number;
}

size_t record_bound(size_t raw_len)
{
    return ZSTD_compressBound(raw_len) + 16;
}

enum status record_compress(struct record_writer *w, struct slice raw, struct buf *out)
{
    if (raw.len > BLOCK_RAW_MAX)
        return STATUS_TOO_LARGE;
    buf_clear(&w->room);
    if (!buf_reserve(&w->room, ZSTD_compressBound(RECORD_PLAIN)))
        return STATUS_NO_MEMORY;
    bool plain = raw.len > RECORD_PLAIN;
    size_t n = plain ? 0 : ZSTD_compress2(w->ctx, w->room.ptr, w->room.cap, raw.ptr, raw.len);
    if (ZSTD_isError(n))
        return STATUS_INTERNAL;
    plain |= n >= raw.len;
    wire_put_varint(out, raw.len);
    wire_put_varint(out, plain ? 0 : n);
    buf_put_slice(out, plain ? raw : slice_make(w->room.ptr, n));
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status record_reader_create(struct record_reader **out)
{
    struct record_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return STATUS_NO_MEMORY;
    r->ctx = ZSTD_createDCtx();
    if (!r->ctx) {
        record_reader_destroy(&r);
        return STATUS_NO_MEMORY;
    }
    ZSTD_DCtx_setParameter(r->ctx, ZSTD_d_format, ZSTD_f_zstd1_magicless);
    *out = r;
    return STATUS_OK;
}

void record_reader_destroy(struct record_reader **r)
{
    if (!*r)
        return;
    ZSTD_freeDCtx((*r)->ctx);
    for (uint32_t i = 0; i < (*r)->known_count; i++)
        ZSTD_freeDDict((*r)->known[i].dictionary);
    free((*r)->known);
    free((*r)->raw);
    free(*r);
    *r = NULL;
}

/* The newest first: nearly all records use it. */
static const struct known *find(const struct record_reader *r, uint32_t number)
{
    for (uint32_t i = r->known_count; i-- > 0;)
        if (r->known[i].number == number)
            return &r->known[i];
    return NULL;
}

bool record_reader_has(const struct record_reader *r, uint32_t number)
{
    return number == 0 || find(r, number);
}

enum status record_reader_add(struct record_reader *r, uint32_t number, struct slice dictionary)
{
    struct known *p = realloc(r->known, (r->known_count + 1) * sizeof *p);
    if (!p)
        return STATUS_NO_MEMORY;
    r->known = p;
    p[r->known_count] = (struct known){number, ZSTD_createDDict(dictionary.ptr, dictionary.len)};
    if (!p[r->known_count].dictionary)
        return STATUS_NO_MEMORY;
    r->known_count++;
    return STATUS_OK;
}

enum status record_decompress(struct record_reader *r, struct slice packed, uint32_t number,
                              struct slice *raw)
{
    struct wire_reader w = wire_reader_of(packed);
    uint64_t len = wire_varint(&w);
    uint64_t frame_len = wire_varint(&w), have = (uint64_t)(w.end - w.at);
    const struct known *k = number ? find(r, number) : NULL;
    if (number && !k)
        return STATUS_NOT_FOUND;
    if (w.failed || len > BLOCK_RAW_MAX || (frame_len ? frame_len : len) > have)
        return STATUS_CORRUPT;
    if (!frame_len) {
        *raw = slice_make(w.at, len);
        return STATUS_OK;
    }
    if (len + 1 > r->cap) {
        size_t cap = len + 1 > RAW_ROOM ? len + 1 : RAW_ROOM;
        char *p = realloc(r->raw, cap);
        if (!p)
            return STATUS_NO_MEMORY;
        r->raw = p;
        r->cap = cap;
    }
    ZSTD_DCtx_refDDict(r->ctx, k ? k->dictionary : NULL);
    size_t n = ZSTD_decompressDCtx(r->ctx, r->raw, len, w.at, frame_len);
    if (ZSTD_isError(n) || n != len)
        return STATUS_CORRUPT;
    *raw = slice_make(r->raw, len);
    return STATUS_OK;
}

/* Fixed parameters: searching for them costs eight times as much and gains nothing here. */
enum status record_train(struct slice samples, const size_t *lens, uint32_t count,
                         struct buf *dictionary)
{
    ZDICT_fastCover_params_t p = {.k = 200, .d = 8, .f = 18, .accel = 2};
    size_t total = samples.len;
    size_t cap = total / 16 < RECORD_DICTIONARY_MAX ? total / 16 : RECORD_DICTIONARY_MAX;
    p.zParams.compressionLevel = RECORD_LEVEL;
    if (cap < 512 || !buf_reserve(dictionary, cap))
        return STATUS_INVALID;
    size_t n = ZDICT_trainFromBuffer_fastCover(dictionary->ptr, cap, samples.ptr, lens, count, p);
    if (ZDICT_isError(n))
        return STATUS_INVALID;
    dictionary->len = n;
    return STATUS_OK;
}
