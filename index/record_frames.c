#define ZSTD_STATIC_LINKING_ONLY
#include "index/record_frames.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <zstd.h>

#define DICTIONARY_MAGIC UINT32_C(0xec30a437)

enum { RAW_ROOM = 32 * 1024 };

struct frames_dictionary {
    ZSTD_DDict *zstd;
};

struct frames_reader {
    ZSTD_DCtx *ctx;
    struct buf raw;
};

bool frames_dictionary_is(struct slice dictionary)
{
    return dictionary.len >= 4 && wire_load32(dictionary.ptr) == DICTIONARY_MAGIC;
}

enum status frames_dictionary_create(struct slice dictionary, struct frames_dictionary **out)
{
    struct frames_dictionary *d = calloc(1, sizeof *d);
    if (d)
        d->zstd = ZSTD_createDDict(dictionary.ptr, dictionary.len);
    if (d && !d->zstd)
        frames_dictionary_destroy(&d);
    *out = d;
    return d ? STATUS_OK : STATUS_NO_MEMORY;
}

void frames_dictionary_destroy(struct frames_dictionary **d)
{
    if (!*d)
        return;
    ZSTD_freeDDict((*d)->zstd);
    free(*d);
    *d = NULL;
}

enum status frames_reader_create(struct frames_reader **out)
{
    struct frames_reader *r = calloc(1, sizeof *r);
    if (r)
        r->ctx = ZSTD_createDCtx();
    if (r && r->ctx)
        ZSTD_DCtx_setParameter(r->ctx, ZSTD_d_format, ZSTD_f_zstd1_magicless);
    else
        frames_reader_destroy(&r);
    *out = r;
    return r ? STATUS_OK : STATUS_NO_MEMORY;
}

void frames_reader_destroy(struct frames_reader **r)
{
    if (!*r)
        return;
    ZSTD_freeDCtx((*r)->ctx);
    buf_fini(&(*r)->raw);
    free(*r);
    *r = NULL;
}

static enum status unpack(struct frames_reader *r, struct slice frame,
                          const struct frames_dictionary *d, struct slice *raw)
{
    struct wire_reader w = wire_reader_of(frame);
    uint64_t len = wire_varint(&w), frame_len = wire_varint(&w), have = (uint64_t)(w.end - w.at);
    if (w.failed || len > FRAMES_RAW_MAX || (frame_len ? frame_len : len) > have)
        return STATUS_CORRUPT;
    *raw = slice_make(w.at, len);
    if (!frame_len)
        return STATUS_OK;
    buf_clear(&r->raw);
    if (!buf_reserve(&r->raw, len < RAW_ROOM ? RAW_ROOM : len))
        return STATUS_NO_MEMORY;
    ZSTD_DCtx_refDDict(r->ctx, d ? d->zstd : NULL);
    size_t n = ZSTD_decompressDCtx(r->ctx, r->raw.ptr, len, w.at, frame_len);
    if (ZSTD_isError(n) || n != len)
        return STATUS_CORRUPT;
    *raw = slice_make(r->raw.ptr, len);
    return STATUS_OK;
}

enum status frames_record(struct frames_reader *r, struct slice frame,
                          const struct frames_dictionary *d, uint32_t place, struct slice *record)
{
    struct slice raw;
    enum status st = unpack(r, frame, d, &raw);
    if (st)
        return st;
    struct wire_reader w = wire_reader_of(raw);
    for (uint32_t i = 0; i <= place; i++)
        *record = wire_bytes(&w);
    return w.failed ? STATUS_CORRUPT : STATUS_OK;
}
