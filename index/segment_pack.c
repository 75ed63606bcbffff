#include "index/segment_pack.h"
#include "index/segment_private.h"

enum { HALF = 15, PLACES_DOCS = 32 };

void record_packer_init(struct record_packer *p, struct segment_writer *out,
                        struct record_writer *writer, uint32_t *block_of)
{
    memset(p, 0, sizeof *p);
    p->out = out;
    p->writer = writer;
    p->block_of = block_of;
}

void record_packer_fini(struct record_packer *p)
{
    buf_fini(&p->records);
    buf_fini(&p->lengths);
    buf_fini(&p->ids);
    buf_fini(&p->block);
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum status put_block(struct record_packer *p, const uint32_t *docs, uint32_t count)
{
    if (p->block.failed)
        return STATUS_NO_MEMORY;
    if (p->block.len > SEGMENT_EXTENT)
        return STATUS_TOO_LARGE;
    uint32_t number = segment_writer_block(p->out, buf_slice(&p->block));
    for (uint32_t i = 0; i < count; i++)
        p->block_of[docs[i]] = number + 1;
    return STATUS_OK;
}

enum status record_pack_end(struct record_packer *p)
{
    if (!p->count)
        return STATUS_OK;
    buf_clear(&p->block);
    buf_put_u8(&p->block, (uint8_t)p->count);
    buf_put_slice(&p->block, buf_slice(&p->ids));
    buf_put_slice(&p->block, buf_slice(&p->lengths));
    buf_put_slice(&p->block, buf_slice(&p->records));
    enum status st = put_block(p, p->waiting, p->count);
    p->count = 0;
    p->last_len = 0;
    p->base.there = false;
    buf_clear(&p->records);
    buf_clear(&p->lengths);
    buf_clear(&p->ids);
    return st;
}

static void put_id(struct record_packer *p, struct slice id)
{
    size_t shared = 0;
    while (shared < id.len && shared < p->last_len && id.ptr[shared] == p->last[shared])
        shared++;
    size_t more = id.len - shared;
    buf_put_u8(&p->ids,
               (uint8_t)((shared < HALF ? shared : HALF) << 4 | (more < HALF ? more : HALF)));
    if (shared >= HALF)
        buf_put_u8(&p->ids, (uint8_t)(shared - HALF));
    if (more >= HALF)
        buf_put_u8(&p->ids, (uint8_t)(more - HALF));
    buf_put(&p->ids, id.ptr + shared, more);
    memcpy(p->last + shared, id.ptr + shared, more);
    p->last_len = id.len;
}

/* Is there no room for so many bytes more beside those that wait? */
static bool ends_block(const struct record_packer *p, size_t len)
{
    return p->count == RECORD_BLOCK_FILL || (p->count && p->records.len + len > RECORD_BLOCK_BYTES);
}

enum status record_pack_stored(struct record_packer *p, uint32_t doc, struct slice id,
                               const struct stored_record *stored)
{
    enum status st = STATUS_OK;
    size_t len = stored->bytes.len;
    bool kind = !stored->packed || stored->beside;
    if (id.len > RECORD_ID_MAX)
        return STATUS_TOO_LARGE;
    if (ends_block(p, len))
        st = record_pack_end(p);
    put_id(p, id);
    p->waiting[p->count++] = doc;
    wire_put_varint(&p->lengths, (uint64_t)(len + kind) << 1 | kind);
    if (kind)
        buf_put_u8(&p->records, (uint8_t)(stored->beside ? 1 + stored->place : 0));
    buf_put_slice(&p->records, stored->bytes);
    bool failed = p->records.failed || p->lengths.failed || p->ids.failed;
    return !st && failed ? STATUS_NO_MEMORY : st;
}

enum status record_pack(struct record_packer *p, uint32_t doc, struct slice id, struct slice record)
{
    struct stored_record stored;
    enum status st = p->count == RECORD_BLOCK_FILL ? record_pack_end(p) : STATUS_OK;
    st = st ? st : record_encode_beside(p->writer, record, &p->base, &stored);
    if (!st && (!stored.beside || ends_block(p, stored.bytes.len)))
        st = record_encode(p->writer, record, &stored);
    st = st ? st : record_pack_stored(p, doc, id, &stored);
    if (!st && !stored.beside && record.len <= RECORD_PLAIN)
        record_base_set(&p->base, record, stored.bytes.len, (uint8_t)(p->count - 1));
    return st;
}

size_t record_bound(size_t len)
{
    return len + RECORD_ID_MAX + 16;
}

enum status record_pack_block(struct record_packer *p, struct slice block, const uint32_t *docs,
                              uint32_t count)
{
    enum status st = record_pack_end(p);
    buf_clear(&p->block);
    buf_put_slice(&p->block, block);
    return st ? st : put_block(p, docs, count);
}

/* --- reading ---------------------------------------------------------------------------------- */

static uint32_t places_word(const struct segment *s, uint32_t doc, uint32_t which)
{
    return segment_u32(s, s->head.places, doc / PLACES_DOCS * 3 + which);
}

/* Words of damaged cells are 0: not even those were read. The three may lie in two extents. */
static bool places_read(const struct segment *s, uint32_t doc)
{
    uint64_t at = s->head.places + (uint64_t)(doc / PLACES_DOCS) * 12;
    return segment_bytes(s, at, 4) && segment_bytes(s, at + 4, 4) && segment_bytes(s, at + 8, 4);
}

void segment_place_prefetch(const struct segment *s, uint32_t doc)
{
    uint64_t off = s->head.places + (uint64_t)(doc / PLACES_DOCS) * 12, e = off >> EXTENT_SHIFT;
    if (e < s->extent_count)
        __builtin_prefetch(s->extents[e] + (off & EXTENT_MASK));
}

bool record_exists(const struct segment *s, uint32_t doc)
{
    return doc < s->head.doc_count && (places_word(s, doc, 0) >> doc % PLACES_DOCS & 1);
}

enum status record_place(const struct segment *s, uint32_t doc, uint32_t *block_at, uint32_t *k)
{
    if (!record_exists(s, doc))
        return doc < s->head.doc_count && !places_read(s, doc) ? STATUS_CORRUPT : STATUS_NOT_FOUND;
    uint32_t at = doc % PLACES_DOCS, upto = UINT32_MAX >> (PLACES_DOCS - 1 - at),
             begins = places_word(s, doc, 1),
             block = places_word(s, doc, 2) + (uint32_t)__builtin_popcount(begins & upto) - 1,
             have = places_word(s, doc, 0) & upto, first = begins & upto, passed = 0;
    while (!first && passed < RECORD_BLOCK) { /* it began among earlier documents */
        passed += (uint32_t)__builtin_popcount(have);
        if (doc < PLACES_DOCS)
            return STATUS_CORRUPT;
        doc -= PLACES_DOCS;
        have = places_word(s, doc, 0);
        first = places_word(s, doc, 1);
    }
    if (!first || block >= s->head.block_count)
        return STATUS_CORRUPT;
    *k = passed + (uint32_t)__builtin_popcount(have & (UINT32_MAX << (31 - __builtin_clz(first)))) -
         1;
    *block_at = segment_packed(s, s->head.block_off, s->head.bits[ARRAY_BLOCK_OFF], block);
    return *k < RECORD_BLOCK ? STATUS_OK : STATUS_CORRUPT;
}

static uint32_t half(struct wire_reader *r, uint32_t v)
{
    return v == HALF ? v + wire_u8(r) : v;
}

static bool id_head(struct wire_reader *r, uint32_t *shared, uint32_t *more)
{
    uint32_t head = wire_u8(r);
    *shared = half(r, head >> 4);
    *more = half(r, head & 15);
    return !r->failed && *shared + *more <= RECORD_ID_MAX && (size_t)(r->end - r->at) >= *more;
}

enum status record_next_id(struct wire_reader *ids, char room[RECORD_ID_MAX], struct slice *id)
{
    uint32_t shared, more;
    if (!id_head(ids, &shared, &more) || shared > id->len)
        return STATUS_CORRUPT;
    memcpy(room + shared, ids->at, more);
    ids->at += more;
    *id = slice_make(room, shared + more);
    return STATUS_OK;
}

/* Bytes of the records of a block; the lengths are read. */
static uint64_t lengths_sum(struct wire_reader *r, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t len = wire_varint(r) >> 1;
        if (len > RECORD_MAX + 1)
            return UINT64_MAX;
        sum += len;
    }
    return sum;
}

static uint64_t frame_bytes(struct wire_reader *r)
{
    uint64_t raw_len = wire_varint(r), frame_len = wire_varint(r);
    return frame_len ? frame_len : raw_len;
}

enum status record_block_at(const struct segment *s, uint32_t at, struct record_block *b)
{
    struct slice head = segment_window(s, at, RECORD_HEAD_MAX);
    struct wire_reader r = wire_reader_of(head);
    uint32_t shared, more;
    b->count = wire_u8(&r);
    if (r.failed || b->count == 0 || b->count > RECORD_BLOCK)
        return STATUS_CORRUPT;
    const uint8_t *ids = r.at;
    for (uint32_t i = 0; i < b->count; i++) {
        if (!id_head(&r, &shared, &more))
            return STATUS_CORRUPT;
        r.at += more;
    }
    b->ids = slice_make(ids, (size_t)(r.at - ids));
    b->framed = s->head.format <= SEGMENT_FORMAT_FRAMES;
    b->kinds = s->head.format > SEGMENT_FORMAT_STREAMS;
    const uint8_t *lengths = r.at;
    uint64_t len = b->framed ? frame_bytes(&r) : lengths_sum(&r, b->count),
             whole = (uint64_t)(r.at - (const uint8_t *)head.ptr) + len;
    if (r.failed || len > SEGMENT_EXTENT || !segment_bytes(s, at, whole))
        return STATUS_CORRUPT;
    b->whole = slice_make(head.ptr, whole);
    b->lengths = slice_make(lengths, (size_t)(r.at - lengths));
    b->records = slice_make(r.at, len);
    if (b->framed) /* it reads its own lengths */
        b->records = slice_make(lengths, b->lengths.len + len);
    return STATUS_OK;
}

/* Bytes of record k, and the bit beside their number. */
static struct slice bytes_of(const struct record_block *b, uint32_t k, bool *bit)
{
    struct wire_reader r = wire_reader_of(b->lengths);
    size_t at = 0;
    for (uint32_t i = 0; i < k; i++)
        at += wire_varint(&r) >> 1;
    uint64_t head = wire_varint(&r);
    *bit = head & 1;
    return slice_make(b->records.ptr + at, head >> 1);
}

/* Takes the kind off a record that has one. */
static bool take_kind(struct stored_record *out)
{
    if (!out->bytes.len)
        return false;
    uint8_t kind = (uint8_t)*out->bytes.ptr;
    out->bytes = slice_make(out->bytes.ptr + 1, out->bytes.len - 1);
    out->packed = out->beside = kind != 0;
    out->place = kind - 1u;
    return true;
}

enum status record_of_block(const struct record_block *b, uint32_t k, struct stored_record *out)
{
    bool bit;
    *out = (struct stored_record){.bytes = b->records, .framed = b->framed, .place = k};
    if (b->framed)
        return STATUS_OK;
    *out = (struct stored_record){.bytes = bytes_of(b, k, &bit)};
    out->packed = bit != b->kinds;
    if (!b->kinds || !bit)
        return STATUS_OK;
    if (!take_kind(out))
        return STATUS_CORRUPT;
    if (!out->beside)
        return STATUS_OK;
    struct stored_record base = {0};
    if (out->place >= k)
        return STATUS_CORRUPT;
    base.bytes = bytes_of(b, out->place, &bit);
    base.packed = !bit;
    if (bit && (!take_kind(&base) || base.beside))
        return STATUS_CORRUPT;
    out->base = base.bytes;
    out->base_packed = base.packed;
    return STATUS_OK;
}
