#define ZSTD_STATIC_LINKING_ONLY
#include "index/segment_records.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

enum { RECORD_LEVEL = 1 };

struct record_writer {
    ZSTD_CCtx *ctx;
    ZSTD_CDict *dictionary;
    struct buf room; /* a frame before its length is known; grows to the largest record */
};

struct record_reader {
    ZSTD_DCtx *ctx;
    ZSTD_DDict *dictionary;
    char *raw;
    size_t cap;
};

enum status record_writer_create(struct slice dictionary, struct record_writer **out)
{
    struct record_writer *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w)
        return STATUS_NO_MEMORY;
    w->ctx = ZSTD_createCCtx();
    if (w->ctx) {
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_compressionLevel, RECORD_LEVEL);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_format, ZSTD_f_zstd1_magicless);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_dictIDFlag, 0);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_checksumFlag, 0);
        ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_contentSizeFlag, 0);
        if (dictionary.len) {
            w->dictionary = ZSTD_createCDict(dictionary.ptr, dictionary.len, RECORD_LEVEL);
            ZSTD_CCtx_refCDict(w->ctx, w->dictionary);
        }
    }
    if (!w->ctx || (dictionary.len && !w->dictionary)) {
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

enum status record_compress(struct record_writer *w, struct slice raw, struct buf *out)
{
    size_t bound = ZSTD_compressBound(raw.len);
    if (raw.len > RECORD_MAX)
        return STATUS_TOO_LARGE;
    if (!buf_reserve(&w->room, bound))
        return STATUS_NO_MEMORY;
    size_t n = ZSTD_compress2(w->ctx, w->room.ptr, w->room.cap, raw.ptr, raw.len);
    if (ZSTD_isError(n))
        return STATUS_INTERNAL;
    wire_put_varint(out, raw.len);
    wire_put_bytes(out, slice_make(w->room.ptr, n));
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status record_reader_create(struct slice dictionary, struct record_reader **out)
{
    struct record_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return STATUS_NO_MEMORY;
    r->ctx = ZSTD_createDCtx();
    if (r->ctx) {
        ZSTD_DCtx_setParameter(r->ctx, ZSTD_d_format, ZSTD_f_zstd1_magicless);
        if (dictionary.len)
            r->dictionary = ZSTD_createDDict(dictionary.ptr, dictionary.len);
    }
    if (!r->ctx || (dictionary.len && !r->dictionary)) {
        record_reader_destroy(&r);
        return STATUS_NO_MEMORY;
    }
    *out = r;
    return STATUS_OK;
}

void record_reader_destroy(struct record_reader **r)
{
    if (!*r)
        return;
    ZSTD_freeDCtx((*r)->ctx);
    ZSTD_freeDDict((*r)->dictionary);
    free((*r)->raw);
    free(*r);
    *r = NULL;
}

enum status record_decompress(struct record_reader *r, struct slice record, bool plain,
                              struct slice *raw)
{
    struct wire_reader w = wire_reader_of(record);
    uint64_t len = wire_varint(&w);
    struct slice frame = wire_bytes(&w);
    if (w.failed || len > RECORD_MAX || (!plain && !r->dictionary))
        return STATUS_CORRUPT;
    if (len + 1 > r->cap) {
        char *p = realloc(r->raw, len + 1);
        if (!p)
            return STATUS_NO_MEMORY;
        r->raw = p;
        r->cap = len + 1;
    }
    ZSTD_DCtx_refDDict(r->ctx, plain ? NULL : r->dictionary);
    size_t n = ZSTD_decompressDCtx(r->ctx, r->raw, len, frame.ptr, frame.len);
    if (ZSTD_isError(n) || n != len)
        return STATUS_CORRUPT;
    *raw = slice_make(r->raw, len);
    return STATUS_OK;
}

enum status record_train(struct slice samples, const size_t *lens, uint32_t count,
                         struct buf *dictionary)
{
    size_t total = samples.len;
    size_t cap = total / 16 < RECORD_DICTIONARY_MAX ? total / 16 : RECORD_DICTIONARY_MAX;
    if (cap < 512 || !buf_reserve(dictionary, cap))
        return STATUS_INVALID;
    size_t n = ZDICT_trainFromBuffer(dictionary->ptr, cap, samples.ptr, lens, count);
    if (ZDICT_isError(n))
        return STATUS_INVALID;
    dictionary->len = n;
    return STATUS_OK;
}
