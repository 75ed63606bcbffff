#include "index/segment_records.h"
#include "index/pieces.h"
#include "index/record_beside.h"
#include "index/record_frames.h"
#include "protocol/wire.h"

#include <stdlib.h>

struct record_writer {
    struct pieces_encoder *pieces;
    uint32_t number;
    bool thorough;
    uint8_t room[2 * RECORD_PACKED_MAX], alone[2 * RECORD_PLAIN];
    struct pieces_work work[RECORD_PACKED_MAX + 1];
};

struct known {
    uint32_t number;
    struct pieces_decoder *pieces;    /* one of the two */
    struct frames_dictionary *frames; /* what older segments were packed with */
};

struct record_reader {
    struct known *known;
    uint32_t known_count;
    struct frames_reader *frames; /* made when a frame is read first */
    char room[RECORD_PACKED_MAX * PIECE_MAX], base[RECORD_PLAIN * PIECE_MAX];
};

enum status record_writer_create(struct slice dictionary, uint32_t number,
                                 struct record_writer **out)
{
    struct record_writer *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w)
        return STATUS_NO_MEMORY;
    w->number = frames_dictionary_is(dictionary) ? 0 : number;
    enum status st = w->number ? pieces_encoder_create(dictionary, &w->pieces) : STATUS_OK;
    if (st)
        record_writer_destroy(&w);
    *out = w;
    return st;
}

void record_writer_destroy(struct record_writer **w)
{
    if (!*w)
        return;
    pieces_encoder_destroy(&(*w)->pieces);
    free(*w);
    *w = NULL;
}

void record_writer_thorough(struct record_writer *w)
{
    w->thorough = true;
}

uint32_t record_writer_dictionary(const struct record_writer *w)
{
    return w->number;
}

static size_t encode(struct record_writer *w, struct slice text, uint8_t *out)
{
    return w->thorough ? pieces_encode_least(w->pieces, text, w->work, out)
                       : pieces_encode(w->pieces, text, out);
}

enum status record_encode(struct record_writer *w, struct slice record, struct stored_record *out)
{
    *out = (struct stored_record){.bytes = record};
    if (record.len > RECORD_MAX)
        return STATUS_TOO_LARGE;
    if (!w->pieces || !record_packs(record.len))
        return STATUS_OK;
    size_t len = encode(w, record, w->room);
    if (len < record.len)
        *out = (struct stored_record){.bytes = slice_make(w->room, len), .packed = true};
    return STATUS_OK;
}

/* Bytes of its own: their codes with their length before them, which takes two bytes at most. */
static uint8_t *put_own(struct record_writer *w, struct slice own, uint8_t *to)
{
    size_t len = encode(w, own, to + 2);
    uint8_t *codes = wire_store_varint(to, len);
    if (codes < to + 2)
        memmove(codes, to + 2, len);
    return codes + len;
}

enum status record_encode_beside(struct record_writer *w, struct slice record,
                                 const struct record_base *base, struct stored_record *out)
{
    struct record_run runs[BESIDE_RUNS];
    *out = (struct stored_record){.bytes = record};
    if (!w->pieces || !base->there || record.len > RECORD_PLAIN)
        return STATUS_OK;
    uint32_t count = record_base_runs(base, record, runs);
    if (!count)
        return STATUS_OK;
    uint8_t *to = w->room;
    const char *at = record.ptr, *end = record.ptr + record.len;
    for (uint32_t i = 0; i < count; i++) {
        to = put_own(w, slice_make(at, runs[i].own), to);
        to = wire_store_varint(to, runs[i].from);
        to = wire_store_varint(to, runs[i].len);
        at += runs[i].own + runs[i].len;
    }
    if (at < end)
        to = put_own(w, slice_make(at, (size_t)(end - at)), to);
    struct slice bytes = slice_make(w->room, (size_t)(to - w->room));
    if (bytes.len < record.len && (!w->thorough || bytes.len + 1 < encode(w, record, w->alone)))
        *out = (struct stored_record){
            .bytes = bytes, .packed = true, .beside = true, .place = base->place};
    return STATUS_OK;
}

enum status record_reader_create(struct record_reader **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void record_reader_destroy(struct record_reader **r)
{
    if (!*r)
        return;
    for (uint32_t i = 0; i < (*r)->known_count; i++) {
        pieces_decoder_destroy(&(*r)->known[i].pieces);
        frames_dictionary_destroy(&(*r)->known[i].frames);
    }
    frames_reader_destroy(&(*r)->frames);
    free((*r)->known);
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
    struct known *k = &p[r->known_count];
    *k = (struct known){.number = number};
    enum status st = frames_dictionary_is(dictionary)
                         ? frames_dictionary_create(dictionary, &k->frames)
                         : pieces_decoder_create(dictionary, &k->pieces);
    r->known_count += !st;
    return st;
}

static enum status decode_framed(struct record_reader *r, const struct stored_record *stored,
                                 uint32_t number, struct slice *record)
{
    const struct known *k = number ? find(r, number) : NULL;
    if (number && (!k || !k->frames))
        return k ? STATUS_CORRUPT : STATUS_NOT_FOUND;
    enum status st = r->frames ? STATUS_OK : frames_reader_create(&r->frames);
    return st ? st
              : frames_record(r->frames, stored->bytes, k ? k->frames : NULL, stored->place,
                              record);
}

/* Copies and pieces, one behind the other. */
static enum status unpack_beside(struct record_reader *r, const struct pieces_decoder *pieces,
                                 struct slice packed, struct slice base, struct slice *record)
{
    struct wire_reader w = wire_reader_of(packed);
    size_t at = 0, len;
    while (w.at < w.end) {
        uint64_t own = wire_varint(&w);
        if (w.failed || own > (size_t)(w.end - w.at) || own * PIECE_MAX > sizeof r->room - at ||
            pieces_decode(pieces, slice_make(w.at, own), r->room + at, &len))
            return STATUS_CORRUPT;
        w.at += own;
        at += len;
        if (w.at == w.end)
            break;
        uint64_t from = wire_varint(&w), copied = wire_varint(&w);
        if (w.failed || from > base.len || copied > base.len - from || copied > sizeof r->room - at)
            return STATUS_CORRUPT;
        memcpy(r->room + at, base.ptr + from, copied);
        at += copied;
    }
    *record = slice_make(r->room, at);
    return STATUS_OK;
}

static enum status decode_beside(struct record_reader *r, const struct pieces_decoder *pieces,
                                 const struct stored_record *stored, struct slice *record)
{
    struct slice base = stored->base;
    if (base.len > RECORD_PLAIN)
        return STATUS_CORRUPT;
    if (stored->base_packed) {
        if (pieces_decode(pieces, stored->base, r->base, &base.len))
            return STATUS_CORRUPT;
        base.ptr = r->base;
    }
    return unpack_beside(r, pieces, stored->bytes, base, record);
}

enum status record_decode(struct record_reader *r, const struct stored_record *stored,
                          uint32_t number, struct slice *record)
{
    size_t len;
    if (stored->framed)
        return decode_framed(r, stored, number, record);
    if (!stored->packed) {
        *record = stored->bytes;
        return STATUS_OK;
    }
    const struct known *k = find(r, number);
    if (!k)
        return number ? STATUS_NOT_FOUND : STATUS_CORRUPT;
    if (!k->pieces || stored->bytes.len > RECORD_PACKED_MAX)
        return STATUS_CORRUPT;
    if (stored->beside)
        return decode_beside(r, k->pieces, stored, record);
    enum status st = pieces_decode(k->pieces, stored->bytes, r->room, &len);
    *record = slice_make(r->room, st ? 0 : len);
    return st;
}
