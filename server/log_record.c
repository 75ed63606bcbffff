#include "server/log_record.h"

#include "protocol/follow.h"

void log_changes_begin(struct buf *out, const struct log_changes *c)
{
    wire_put_varint(out, (uint64_t)c->accepted_ms);
    wire_put_bytes(out, c->key);
    if (!c->key.len)
        return;
    buf_put_slice(out, c->hash);
    wire_put_bytes(out, c->reply);
}

enum status log_changes_decode(struct slice payload, struct arena *a, struct log_changes *out)
{
    struct wire_reader r = wire_reader_of(payload);
    struct put_request p;
    *out = (struct log_changes){.accepted_ms = (int64_t)wire_varint(&r)};
    out->key = wire_bytes(&r);
    if (out->key.len) {
        out->hash = slice_make(wire_take(&r, BODY_HASH), BODY_HASH);
        out->reply = wire_bytes(&r);
    }
    if (r.failed || put_request_decode(slice_make(r.at, wire_left(&r)), a, &p, NULL))
        return STATUS_CORRUPT;
    out->items = p.items;
    out->item_count = p.item_count;
    out->cursor_of = p.cursor_of;
    out->cursor = p.cursor;
    return STATUS_OK;
}

uint64_t log_record_hash(uint64_t before, const struct log_record *r)
{
    uint8_t bytes[8];
    uint64_t own = log_piece_hash(r->sequence, r->type, r->payload);
    if (r->type != LOG_SETTING && r->type != LOG_SCHEMA && r->type != LOG_REBUILD)
        return own;
    wire_store64(bytes, own);
    return before ? log_piece_hash(before, r->type, slice_make(bytes, sizeof bytes)) : 0;
}

void log_setting_encode(struct buf *out, const struct log_setting *s)
{
    wire_put_bytes(out, s->kind);
    wire_put_bytes(out, s->name);
    wire_put_bytes(out, s->value);
}

enum status log_setting_decode(struct slice payload, struct log_setting *out)
{
    struct wire_reader r = wire_reader_of(payload);
    out->kind = wire_bytes(&r);
    out->name = wire_bytes(&r);
    out->value = wire_bytes(&r);
    return r.failed ? STATUS_CORRUPT : STATUS_OK;
}
