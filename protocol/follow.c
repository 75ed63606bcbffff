#include "protocol/follow.h"

#include "protocol/request_private.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* --- streams ---------------------------------------------------------------------------------- */

bool stream_id_equal(const struct stream_id *a, const struct stream_id *b)
{
    return a->epoch == b->epoch && !memcmp(a->name, b->name, STREAM_NAME);
}

bool stream_id_none(const struct stream_id *s)
{
    static const uint8_t none[STREAM_NAME];
    return !memcmp(s->name, none, STREAM_NAME);
}

static void put_stream(const struct stream_id *s, struct buf *out)
{
    wire_put_bytes(out, stream_id_none(s) ? SLICE_NULL : slice_make(s->name, STREAM_NAME));
    wire_put_varint(out, s->epoch);
}

static void take_stream(struct wire_reader *r, struct stream_id *s)
{
    struct slice name = wire_bytes(r);
    *s = (struct stream_id){.epoch = wire_varint(r)};
    if (name.len == STREAM_NAME)
        memcpy(s->name, name.ptr, STREAM_NAME);
    else
        r->failed |= name.len != 0;
}

uint64_t log_piece_hash(uint64_t sequence, uint32_t type, struct slice payload)
{
    uint8_t head[12];
    wire_store64(head, sequence);
    wire_store32(head + 8, type);
    uint64_t h = XXH3_64bits_withSeed(payload.ptr, payload.len, XXH3_64bits(head, sizeof head));
    return h ? h : 1;
}

/* --- pieces ----------------------------------------------------------------------------------- */

size_t log_piece_begin(const struct log_piece *p, uint32_t tag, struct buf *out)
{
    size_t at = tlv_begin(out, tag);
    wire_put_varint(out, p->catalog);
    wire_put_varint(out, p->previous);
    wire_put_varint(out, p->sequence);
    wire_put_varint(out, p->type);
    wire_put_varint(out, p->size);
    wire_put_varint(out, p->offset);
    return at;
}

void log_piece_end(struct buf *out, size_t at)
{
    tlv_end(out, at);
}

static bool take_piece(struct slice v, struct log_piece *p)
{
    struct wire_reader r = wire_reader_of(v);
    uint64_t catalog = wire_varint(&r);
    p->previous = wire_varint(&r);
    p->sequence = wire_varint(&r);
    uint64_t type = wire_varint(&r);
    p->size = wire_varint(&r);
    p->offset = wire_varint(&r);
    p->bytes = slice_make(r.at, wire_left(&r));
    p->catalog = (uint32_t)catalog;
    p->type = (uint32_t)type;
    return !r.failed && catalog <= UINT32_MAX && type && type <= UINT32_MAX &&
           p->sequence > p->previous && p->size <= LOG_PIECE_SIZE && p->offset <= p->size &&
           p->bytes.len <= p->size - p->offset;
}

/* --- LOG_READ --------------------------------------------------------------------------------- */

void log_have_encode(const struct log_have *h, struct buf *out)
{
    size_t at = tlv_begin(out, TAG_LOG_READ_HAVE);
    wire_put_bytes(out, h->catalog);
    put_stream(&h->stream, out);
    wire_put_varint(out, h->after);
    wire_put_u64(out, h->hash);
    wire_put_varint(out, h->offset);
    tlv_end(out, at);
}

static bool take_have(struct slice v, struct log_have *h)
{
    struct wire_reader r = wire_reader_of(v);
    h->catalog = wire_bytes(&r);
    take_stream(&r, &h->stream);
    h->after = wire_varint(&r);
    h->hash = wire_u64(&r);
    h->offset = wire_varint(&r);
    return !r.failed;
}

void log_read_request_encode(const struct log_read_request *q, struct buf *out)
{
    request_put_text(out, TAG_LOG_READ_NAME, q->name);
    tlv_put_u64(out, TAG_LOG_READ_BYTES, q->bytes);
    tlv_put_u64(out, TAG_LOG_READ_SEEN, q->seen);
    if (q->build.len)
        tlv_put(out, TAG_LOG_READ_BUILD, q->build);
    if (q->wait_ms)
        tlv_put_u64(out, TAG_LOG_READ_WAIT_MS, q->wait_ms);
    for (uint32_t i = 0; i < q->have_count; i++)
        log_have_encode(&q->have[i], out);
}

enum status log_read_request_decode(struct slice body, struct arena *a, struct log_read_request *q,
                                    struct fault *fault)
{
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status st;
    *q = (struct log_read_request){0};
    q->have = arena_calloc(a, tlv_count(body, TAG_LOG_READ_HAVE) + 1, sizeof *q->have);
    if (!q->have)
        return STATUS_NO_MEMORY;
    while ((st = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_LOG_READ_NAME)
            q->name = v;
        else if (tag == TAG_LOG_READ_BYTES)
            q->bytes = tlv_u32(v);
        else if (tag == TAG_LOG_READ_SEEN)
            q->seen = tlv_u64(v);
        else if (tag == TAG_LOG_READ_WAIT_MS)
            q->wait_ms = tlv_u32(v);
        else if (tag == TAG_LOG_READ_BUILD)
            q->build = v;
        else if (tag == TAG_LOG_READ_HAVE && !take_have(v, &q->have[q->have_count++]))
            return request_damaged(fault, "log_read", body, v.ptr);
    }
    return st == STATUS_END ? STATUS_OK : request_damaged(fault, "log_read", body, r.at);
}

void log_catalog_encode(const struct log_catalog *c, struct buf *out)
{
    size_t at = tlv_begin(out, TAG_LOG_READ_CATALOG);
    wire_put_bytes(out, c->name);
    put_stream(&c->stream, out);
    wire_put_varint(out, c->first);
    wire_put_varint(out, c->last);
    buf_put_u8(out, (uint8_t)c->verdict);
    buf_put_u8(out, (uint8_t)c->upstream);
    tlv_end(out, at);
}

/* A verdict of a newer server: come again. */
static bool take_catalog(struct slice v, struct log_catalog *c)
{
    struct wire_reader r = wire_reader_of(v);
    c->name = wire_bytes(&r);
    take_stream(&r, &c->stream);
    c->first = wire_varint(&r);
    c->last = wire_varint(&r);
    uint8_t verdict = wire_u8(&r);
    c->verdict = verdict < LOG_VERDICTS ? (enum log_verdict)verdict : LOG_COME_AGAIN;
    c->upstream = wire_u8(&r);
    return !r.failed;
}

void log_read_reply_encode(const struct log_read_reply *r, struct buf *out)
{
    tlv_put(out, TAG_LOG_READ_STORE, r->store);
    tlv_put_u64(out, TAG_LOG_READ_NOW_MS, r->now_ms);
    tlv_put_u64(out, TAG_LOG_READ_SEEN, r->seen);
    if (r->build.len)
        tlv_put(out, TAG_LOG_READ_BUILD, r->build);
}

enum status log_read_reply_decode(struct slice body, struct arena *a, struct log_read_reply *r)
{
    struct wire_reader at = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status st;
    *r = (struct log_read_reply){0};
    r->catalogs = arena_calloc(a, tlv_count(body, TAG_LOG_READ_CATALOG) + 1, sizeof *r->catalogs);
    r->pieces = arena_calloc(a, tlv_count(body, TAG_LOG_READ_RECORD) + 1, sizeof *r->pieces);
    if (!r->catalogs || !r->pieces)
        return STATUS_NO_MEMORY;
    while ((st = tlv_next(&at, &tag, &v)) == STATUS_OK) {
        bool good = true;
        if (tag == TAG_LOG_READ_STORE)
            good = v.len == STORE_NAME;
        if (tag == TAG_LOG_READ_STORE)
            r->store = v;
        else if (tag == TAG_LOG_READ_NOW_MS)
            r->now_ms = tlv_u64(v);
        else if (tag == TAG_LOG_READ_SEEN)
            r->seen = tlv_u64(v);
        else if (tag == TAG_LOG_READ_BUILD)
            r->build = v;
        else if (tag == TAG_LOG_READ_CATALOG)
            good = take_catalog(v, &r->catalogs[r->catalog_count++]);
        else if (tag == TAG_LOG_READ_RECORD)
            good = take_piece(v, &r->pieces[r->piece_count++]);
        if (!good)
            return STATUS_INVALID;
    }
    if (st != STATUS_END)
        return STATUS_INVALID;
    for (uint32_t i = 0; i < r->piece_count; i++)
        if (r->pieces[i].catalog >= r->catalog_count)
            return STATUS_INVALID;
    return STATUS_OK;
}

/* --- COPY_READ -------------------------------------------------------------------------------- */

void copy_read_encode(const struct copy_read *c, struct buf *out)
{
    request_put_text(out, TAG_COPY_READ_CATALOG, c->catalog);
    tlv_put_u64(out, TAG_COPY_READ_COPY, c->copy);
    tlv_put_u64(out, TAG_COPY_READ_FROM, c->from);
    if (c->bytes)
        tlv_put_u64(out, TAG_COPY_READ_BYTES, c->bytes);
    if (!c->size)
        return;
    uint8_t sum[8], hash[8];
    wire_store64(sum, c->sum);
    wire_store64(hash, c->hash);
    tlv_put_u64(out, TAG_COPY_READ_SIZE, c->size);
    tlv_put_u64(out, TAG_COPY_READ_SEQUENCE, c->sequence);
    tlv_put(out, TAG_COPY_READ_SUM, slice_make(sum, sizeof sum));
    if (c->hash)
        tlv_put(out, TAG_COPY_READ_HASH, slice_make(hash, sizeof hash));
    tlv_put(out, TAG_COPY_READ_DATA, c->data);
}

enum status copy_read_decode(struct slice body, struct copy_read *c, struct fault *fault)
{
    struct {
        struct copy_read c;
        struct slice sum, hash;
    } m = {0};
    const struct tlv_member members[] = {
        TLV_BYTES(TAG_COPY_READ_CATALOG, struct copy_read, catalog),
        TLV_NUMBER(TAG_COPY_READ_COPY, struct copy_read, copy),
        TLV_NUMBER(TAG_COPY_READ_FROM, struct copy_read, from),
        TLV_NUMBER(TAG_COPY_READ_BYTES, struct copy_read, bytes),
        TLV_NUMBER(TAG_COPY_READ_SIZE, struct copy_read, size),
        TLV_NUMBER(TAG_COPY_READ_SEQUENCE, struct copy_read, sequence),
        {TAG_COPY_READ_SUM, 0, sizeof(struct copy_read)},
        {TAG_COPY_READ_HASH, 0, sizeof(struct copy_read) + sizeof(struct slice)},
        TLV_BYTES(TAG_COPY_READ_DATA, struct copy_read, data)};
    *c = (struct copy_read){0};
    enum status st = request_members(body, members, TLV_COUNT(members), &m, "copy_read", fault);
    if (st)
        return st;
    if (m.sum.len == 8)
        m.c.sum = wire_load64(m.sum.ptr);
    if (m.hash.len == 8)
        m.c.hash = wire_load64(m.hash.ptr);
    if ((m.sum.len && m.sum.len != 8) || (m.hash.len && m.hash.len != 8) ||
        (m.c.size && (m.c.from > m.c.size || m.c.data.len > m.c.size - m.c.from)))
        return request_damaged(fault, "copy_read", body, body.ptr);
    *c = m.c;
    return STATUS_OK;
}

/* --- FOLLOW ----------------------------------------------------------------------------------- */

void follow_request_encode(const struct follow_request *q, struct buf *out)
{
    request_put_text(out, TAG_FOLLOW_CATALOG, q->catalog);
    tlv_put_u64(out, TAG_FOLLOW_ACTION, q->action);
    if (q->edition)
        tlv_put_u64(out, TAG_FOLLOW_EDITION, q->edition);
    for (uint32_t i = 0; i < q->piece_count; i++) {
        size_t at = log_piece_begin(&q->pieces[i], TAG_FOLLOW_RECORD, out);
        buf_put_slice(out, q->pieces[i].bytes);
        log_piece_end(out, at);
    }
}

enum status follow_request_decode(struct slice body, struct arena *a, struct follow_request *q,
                                  struct fault *fault)
{
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status st;
    *q = (struct follow_request){0};
    q->pieces = arena_calloc(a, tlv_count(body, TAG_FOLLOW_RECORD) + 1, sizeof *q->pieces);
    if (!q->pieces)
        return STATUS_NO_MEMORY;
    while ((st = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_FOLLOW_CATALOG)
            q->catalog = v;
        else if (tag == TAG_FOLLOW_ACTION)
            q->action = (enum follow_action)tlv_u32(v);
        else if (tag == TAG_FOLLOW_EDITION)
            q->edition = tlv_u64(v);
        else if (tag == TAG_FOLLOW_RECORD && !take_piece(v, &q->pieces[q->piece_count++]))
            return request_damaged(fault, "follow", body, v.ptr);
    }
    if (st != STATUS_END)
        return request_damaged(fault, "follow", body, r.at);
    if (q->action < FOLLOW_LIST || q->action > FOLLOW_CAME)
        return fault_set(fault, STATUS_UNSUPPORTED, "action", "there is no such action");
    return STATUS_OK;
}

void follow_row_encode(const struct follow_row *row, struct buf *out)
{
    size_t at = tlv_begin(out, TAG_FOLLOW_ROW);
    wire_put_bytes(out, row->name);
    put_stream(&row->stream, out);
    wire_put_bytes(out, row->store);
    wire_put_varint(out, row->last);
    wire_put_u64(out, row->hash);
    tlv_end(out, at);
}

static bool take_row(struct slice v, struct follow_row *row)
{
    struct wire_reader r = wire_reader_of(v);
    row->name = wire_bytes(&r);
    take_stream(&r, &row->stream);
    row->store = wire_bytes(&r);
    row->last = wire_varint(&r);
    row->hash = wire_u64(&r);
    return !r.failed && (!row->store.len || row->store.len == STORE_NAME);
}

void follow_reply_encode(const struct follow_reply *r, struct buf *out)
{
    tlv_put_u64(out, TAG_FOLLOW_SEQUENCE, r->sequence);
    tlv_put_u64(out, TAG_FOLLOW_OFFSET, r->offset);
}

enum status follow_reply_decode(struct slice body, struct arena *a, struct follow_reply *r)
{
    struct wire_reader at = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status st;
    *r = (struct follow_reply){0};
    r->rows = arena_calloc(a, tlv_count(body, TAG_FOLLOW_ROW) + 1, sizeof *r->rows);
    if (!r->rows)
        return STATUS_NO_MEMORY;
    while ((st = tlv_next(&at, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_FOLLOW_SEQUENCE)
            r->sequence = tlv_u64(v);
        else if (tag == TAG_FOLLOW_OFFSET)
            r->offset = tlv_u64(v);
        else if (tag == TAG_FOLLOW_ROW && !take_row(v, &r->rows[r->row_count++]))
            return STATUS_INVALID;
    }
    return st == STATUS_END ? STATUS_OK : STATUS_INVALID;
}
