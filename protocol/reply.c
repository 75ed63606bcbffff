#include "protocol/members.h"
#include "protocol/reply_private.h"

#include <stdarg.h>
#include <stdio.h>

/* --- encoding --------------------------------------------------------------------------------- */

size_t get_item_begin(struct buf *b, const struct get_item_reply *item)
{
    size_t at = tlv_begin(b, TAG_GET_ITEM);
    wire_put_varint(b, (uint64_t)item->status);
    wire_put_bytes(b, item->id);
    buf_put_u8(b, freshness_byte(item->freshness, item->withheld, item->future));
    wire_put_varint(b, item->age_ms);
    wire_put_varint(b, item->version);
    return at;
}

void get_item_end(struct buf *b, size_t at)
{
    tlv_end(b, at);
}

void get_item_encode(struct buf *b, const struct get_item_reply *item)
{
    size_t at = get_item_begin(b, item);
    buf_put_slice(b, item->document);
    get_item_end(b, at);
}

void put_result_encode(struct buf *b, const struct put_result *r)
{
    size_t at = tlv_begin(b, TAG_PUT_RESULT);
    wire_put_varint(b, r->item);
    wire_put_varint(b, (uint64_t)r->status);
    wire_put_bytes(b, r->field);
    wire_put_bytes(b, r->text);
    tlv_end(b, at);
}

void put_reply_encode(struct buf *b, const struct put_reply *r)
{
    tlv_put_u64(b, TAG_PUT_SEQUENCE, r->sequence);
    tlv_put_u64(b, TAG_PUT_APPLIED, r->applied);
    tlv_put_u64(b, TAG_PUT_IGNORED, r->ignored);
    tlv_put_u64(b, TAG_PUT_FAILED, r->failed);
    if (r->replayed)
        tlv_put_u64(b, TAG_PUT_REPLAYED, 1);
    for (uint32_t i = 0; i < r->result_count; i++)
        put_result_encode(b, &r->results[i]);
}

void stats_row_put(struct buf *b, const char *name, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t at = tlv_begin(b, TAG_STATS_ROW);
    wire_put_bytes(b, slice_str(name));
    wire_put_bytes(b, slice_make(text, n < 0                     ? 0
                                       : (size_t)n < sizeof text ? (size_t)n
                                                                 : sizeof text - 1));
    tlv_end(b, at);
}

/* --- decoding --------------------------------------------------------------------------------- */

enum status get_reply_decode(struct slice body, struct arena *a, struct get_reply *out)
{
    *out = (struct get_reply){0};
    struct get_item_reply *items = array_for(body, TAG_GET_ITEM, a, sizeof *items);
    struct withheld *withheld = array_for(body, TAG_GET_WITHHELD, a, sizeof *withheld);
    if (!items || !withheld)
        return STATUS_NO_MEMORY;
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        struct wire_reader w = wire_reader_of(v);
        if (tag == TAG_GET_FIELDS && (s = names_decode(v, a, &out->names, &out->name_count)))
            return s;
        if (tag == TAG_GET_SEQUENCE)
            out->sequence = tlv_u64(v);
        if (tag == TAG_GET_GENERATION)
            out->generation = tlv_u64(v);
        if (tag == TAG_GET_UPSTREAM)
            out->upstream = (enum upstream_state)tlv_u32(v);
        if (tag == TAG_GET_SAFE_MODE)
            out->safe_mode = tlv_u32(v);
        if (tag == TAG_GET_WITHHELD &&
            (s = withheld_decode(v, a, &withheld[out->withheld_count++])))
            return s;
        if (tag == TAG_GET_ITEM) {
            struct get_item_reply *item = &items[out->item_count++];
            item->status = (enum status)wire_varint(&w);
            item->id = wire_bytes(&w);
            item->freshness = freshness_parse(wire_u8(&w), &item->withheld, &item->future);
            item->age_ms = wire_varint(&w);
            item->version = wire_varint(&w);
            if (w.failed)
                return STATUS_INVALID;
            item->document = slice_make(w.at, wire_left(&w));
        }
    }
    out->items = items;
    out->withheld = withheld;
    return s == STATUS_END ? STATUS_OK : s;
}

static enum status put_result_decode(struct slice v, struct put_result *out)
{
    struct wire_reader r = wire_reader_of(v);
    out->item = (uint32_t)wire_varint(&r);
    out->status = (enum status)wire_varint(&r);
    out->field = wire_bytes(&r);
    out->text = wire_bytes(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

enum status put_reply_decode(struct slice body, struct arena *a, struct put_reply *out)
{
    static const struct tlv_member members[] = {
        TLV_NUMBER(TAG_PUT_SEQUENCE, struct put_reply, sequence),
        TLV_NUMBER(TAG_PUT_APPLIED, struct put_reply, applied),
        TLV_NUMBER(TAG_PUT_IGNORED, struct put_reply, ignored),
        TLV_NUMBER(TAG_PUT_FAILED, struct put_reply, failed),
        TLV_NUMBER(TAG_PUT_REPLAYED, struct put_reply, replayed)};
    *out = (struct put_reply){0};
    struct put_result *results = array_for(body, TAG_PUT_RESULT, a, sizeof *results);
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s = results ? STATUS_OK : STATUS_NO_MEMORY;
    while (!s && (s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_PUT_RESULT)
            s = put_result_decode(v, &results[out->result_count++]);
        else
            tlv_member_take(members, TLV_COUNT(members), tag, v, out);
    }
    out->results = results;
    return s == STATUS_END ? STATUS_OK : s;
}

enum status stats_reply_decode(struct slice body, struct arena *a, struct stats_row **rows,
                               uint32_t *count)
{
    *rows = array_for(body, TAG_STATS_ROW, a, sizeof **rows);
    *count = 0;
    if (!*rows)
        return STATUS_NO_MEMORY;
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag != TAG_STATS_ROW)
            continue;
        struct wire_reader w = wire_reader_of(v);
        (*rows)[*count].name = wire_bytes(&w);
        (*rows)[(*count)++].value = wire_bytes(&w);
        if (w.failed)
            return STATUS_INVALID;
    }
    return s == STATUS_END ? STATUS_OK : s;
}

enum status scan_reply_decode(struct slice body, struct arena *a, struct scan_reply *out)
{
    *out = (struct scan_reply){0};
    struct slice *documents = array_for(body, TAG_SCAN_ITEM, a, sizeof *documents);
    if (!documents)
        return STATUS_NO_MEMORY;
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_SCAN_FIELDS && (s = names_decode(v, a, &out->names, &out->name_count)))
            return s;
        if (tag == TAG_SCAN_ITEM)
            documents[out->document_count++] = v;
        if (tag == TAG_SCAN_FROM) {
            out->from = tlv_u64(v);
            out->more = true;
        }
        if (tag == TAG_SCAN_DELETED)
            out->deleted = tlv_u64(v);
        if (tag == TAG_SCAN_SEQUENCE)
            out->sequence = tlv_u64(v);
    }
    out->documents = documents;
    return s == STATUS_END ? STATUS_OK : s;
}
