#include "protocol/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint32_t header_check(const void *header)
{
    return (uint32_t)XXH64(header, FRAME_HEADER - 4, 0);
}

enum status frame_decode(struct slice bytes, uint32_t max_body, struct frame *f, size_t *used,
                         size_t *need)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    *used = 0;
    *need = FRAME_HEADER;
    if (bytes.len >= 2 && wire_load16(p) != PROTOCOL_MAGIC)
        return STATUS_BAD_FRAME;
    if (bytes.len < FRAME_HEADER)
        return STATUS_AGAIN;
    if (wire_load32(p + 20) != header_check(p))
        return STATUS_BAD_FRAME;
    if (p[2] != PROTOCOL_VERSION)
        return STATUS_BAD_VERSION;
    uint32_t len = wire_load32(p + 12);
    *f = (struct frame){.opcode = p[3],
                        .flags = wire_load16(p + 4),
                        .status = (enum status)wire_load16(p + 6),
                        .request_id = wire_load32(p + 8),
                        .time = wire_load32(p + 16)};
    if (len > max_body)
        return STATUS_TOO_LARGE;
    *need = FRAME_HEADER + (size_t)len;
    if (bytes.len < *need)
        return STATUS_AGAIN;
    *used = *need;
    f->body = slice_make(p + FRAME_HEADER, len);
    if (f->flags & FLAG_CHECKSUM) {
        if (len < FRAME_CHECKSUM)
            return STATUS_BAD_FRAME;
        f->body.len -= FRAME_CHECKSUM;
        if (XXH64(f->body.ptr, f->body.len, 0) != wire_load64(f->body.ptr + f->body.len))
            return STATUS_BAD_CHECKSUM;
    }
    return STATUS_OK;
}

size_t frame_begin(struct buf *b)
{
    size_t at = b->len;
    static const char room[FRAME_HEADER];
    buf_put(b, room, sizeof room);
    return at;
}

void frame_end(struct buf *b, size_t at, const struct frame *f)
{
    if (b->failed)
        return;
    if (f->flags & FLAG_CHECKSUM) {
        uint64_t sum = XXH64(b->ptr + at + FRAME_HEADER, b->len - at - FRAME_HEADER, 0);
        wire_put_u64(b, sum);
        if (b->failed)
            return;
    }
    uint8_t *p = (uint8_t *)b->ptr + at;
    wire_store16(p, PROTOCOL_MAGIC);
    p[2] = PROTOCOL_VERSION;
    p[3] = f->opcode;
    wire_store16(p + 4, f->flags);
    wire_store16(p + 6, (uint16_t)f->status);
    wire_store32(p + 8, f->request_id);
    wire_store32(p + 12, (uint32_t)(b->len - at - FRAME_HEADER));
    wire_store32(p + 16, f->time);
    wire_store32(p + 20, header_check(p));
}

bool frame_stranger(struct slice bytes, struct slice *line)
{
    static const char *const http[] = {"GET ", "POST", "HEAD", "PUT ",
                                       "OPTI", "DELE", "PATC", "PRI "};
    if (bytes.len < 4)
        return false;
    for (size_t i = 0; i < sizeof http / sizeof http[0]; i++)
        if (!memcmp(bytes.ptr, http[i], 4)) {
            *line = SLICE_LIT(
                "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
                "This port speaks the Souk protocol, not HTTP. Try: souk --server HOST:PORT "
                "ping\n");
            return true;
        }
    unsigned char c = (unsigned char)bytes.ptr[0];
    if (c == '*' || c == '$' || !memcmp(bytes.ptr, "PING", 4) || !memcmp(bytes.ptr, "INFO", 4)) {
        *line = SLICE_LIT("-ERR this port speaks the Souk protocol, not RESP\r\n");
        return true;
    }
    if (c == 0x16 && bytes.ptr[1] == 3) {
        *line = SLICE_LIT("this port speaks the Souk protocol without TLS\n");
        return true;
    }
    return false;
}

void tlv_put_u64(struct buf *b, uint32_t tag, uint64_t v)
{
    wire_put_varint(b, tag);
    size_t at = b->len;
    buf_put_u8(b, 0);
    wire_put_varint(b, v);
    if (!b->failed)
        b->ptr[at] = (char)(b->len - at - 1);
}

/* The length gets four bytes, as a varint with continuation bits kept: always valid LEB128. */
size_t tlv_begin(struct buf *b, uint32_t tag)
{
    static const char room[4];
    wire_put_varint(b, tag);
    size_t at = b->len;
    buf_put(b, room, sizeof room);
    return at;
}

void tlv_end(struct buf *b, size_t at)
{
    if (b->failed)
        return;
    uint32_t len = (uint32_t)(b->len - at - 4);
    uint8_t *p = (uint8_t *)b->ptr + at;
    p[0] = (uint8_t)(len | 0x80);
    p[1] = (uint8_t)(len >> 7 | 0x80);
    p[2] = (uint8_t)(len >> 14 | 0x80);
    p[3] = (uint8_t)(len >> 21 & 0x7f);
}

enum status tlv_next(struct wire_reader *r, uint32_t *tag, struct slice *v)
{
    if (r->failed)
        return STATUS_INVALID;
    if (r->at == r->end)
        return STATUS_END;
    uint64_t wide = wire_varint(r);
    *tag = wide > UINT32_MAX ? UINT32_MAX : (uint32_t)wide; /* never taken for a known one */
    *v = wire_bytes(r);
    return r->failed ? STATUS_INVALID : STATUS_OK;
}

uint64_t tlv_u64(struct slice v)
{
    struct wire_reader r = wire_reader_of(v);
    return wire_varint(&r);
}

uint32_t tlv_u32(struct slice v)
{
    uint64_t n = tlv_u64(v);
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

void error_body_encode(struct buf *b, const struct fault *f)
{
    tlv_put_u64(b, TAG_ERROR_CODE, (uint64_t)f->status);
    tlv_put_u64(b, TAG_ERROR_CLASS, (uint64_t)status_class(f->status));
    tlv_put_u64(b, TAG_ERROR_RETRYABLE, status_retryable(f->status));
    if (f->retry_after_ms)
        tlv_put_u64(b, TAG_ERROR_RETRY_AFTER_MS, f->retry_after_ms);
    if (f->field[0])
        tlv_put(b, TAG_ERROR_FIELD, slice_str(f->field));
    tlv_put(b, TAG_ERROR_TEXT, slice_str(f->text[0] ? f->text : status_text(f->status)));
    if (f->item)
        tlv_put_u64(b, TAG_ERROR_ITEM, f->item);
    if (f->column)
        tlv_put_u64(b, TAG_ERROR_POSITION, f->column);
}

void frame_put_error(struct buf *b, const struct frame *to, const struct fault *f)
{
    size_t at = frame_begin(b);
    error_body_encode(b, f);
    struct frame reply = {.opcode = to->opcode,
                          .flags = FLAG_REPLY | (to->flags & FLAG_CHECKSUM),
                          .status = f->status,
                          .request_id = to->request_id};
    frame_end(b, at, &reply);
}

static void copy_text(char *out, size_t cap, struct slice v)
{
    size_t n = v.len < cap - 1 ? v.len : cap - 1;
    if (n)
        memcpy(out, v.ptr, n);
    out[n] = '\0';
}

void frame_error_decode(const struct frame *f, struct fault *out)
{
    *out = (struct fault){.status = f->status};
    if (!f->body.len) { /* a refusal is a bare header */
        copy_text(out->text, sizeof out->text, slice_str(status_text(f->status)));
        if (status_class(f->status) == STATUS_CLASS_OVERLOAD)
            out->retry_after_ms = f->time;
        return;
    }
    struct wire_reader r = wire_reader_of(f->body);
    uint32_t tag;
    struct slice v;
    while (tlv_next(&r, &tag, &v) == STATUS_OK) {
        switch (tag) {
        case TAG_ERROR_CODE:
            out->status = (enum status)tlv_u64(v);
            break;
        case TAG_ERROR_RETRY_AFTER_MS:
            out->retry_after_ms = (uint32_t)tlv_u64(v);
            break;
        case TAG_ERROR_FIELD:
            copy_text(out->field, sizeof out->field, v);
            break;
        case TAG_ERROR_TEXT:
            copy_text(out->text, sizeof out->text, v);
            break;
        case TAG_ERROR_ITEM:
            out->item = (uint32_t)tlv_u64(v);
            break;
        case TAG_ERROR_POSITION:
            out->column = (uint32_t)tlv_u64(v);
            break;
        default:
            break;
        }
    }
}

uint32_t tlv_count(struct slice body, uint32_t want)
{
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag, n = 0;
    struct slice v;
    while (tlv_next(&r, &tag, &v) == STATUS_OK)
        n += tag == want;
    return n;
}
