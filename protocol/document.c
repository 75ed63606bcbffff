#include "protocol/document.h"

enum status document_begin(struct document *d, struct slice bytes)
{
    d->r = wire_reader_of(bytes);
    d->id = wire_bytes(&d->r);
    d->field_count = (uint32_t)wire_count(&d->r, 2);
    return d->r.failed ? STATUS_INVALID : STATUS_OK;
}

enum status document_next(struct document *d, uint32_t *number, struct value *v)
{
    if (d->r.failed)
        return STATUS_INVALID;
    if (d->field_count == 0)
        return STATUS_END;
    d->field_count--;
    uint64_t n = wire_varint(&d->r);
    if (n > UINT32_MAX)
        d->r.failed = true;
    *number = (uint32_t)n;
    return value_decode(&d->r, v);
}

enum status document_end(struct document *d)
{
    uint32_t number;
    struct value v;
    enum status s;
    while ((s = document_next(d, &number, &v)) == STATUS_OK)
        ;
    return s == STATUS_END ? STATUS_OK : s;
}

static enum status skip_value(struct wire_reader *r, bool nested)
{
    struct value v;
    if (nested && wire_left(r) && *r->at == VALUE_PAIRS) {
        r->failed = true;
        return STATUS_INVALID;
    }
    return value_decode(r, &v);
}

static enum status decode_items(struct wire_reader *r, struct value *v)
{
    v->count = (uint32_t)wire_count(r, v->type == VALUE_LIST ? 1 : 2);
    const uint8_t *start = r->at;
    for (uint32_t i = 0; i < v->count && !r->failed; i++) {
        wire_bytes(r);
        if (v->type == VALUE_PAIRS) {
            enum status s = skip_value(r, true);
            if (s)
                return s;
        }
    }
    v->bytes = slice_make(start, (size_t)(r->at - start));
    return r->failed ? STATUS_INVALID : STATUS_OK;
}

enum status value_decode(struct wire_reader *r, struct value *v)
{
    uint8_t type = wire_u8(r);
    *v = (struct value){.type = (enum value_type)type};
    switch (type) {
    case VALUE_NULL:
    case VALUE_FALSE:
    case VALUE_TRUE:
        break;
    case VALUE_INT:
        v->i = wire_zigzag(r);
        break;
    case VALUE_FLOAT:
        v->f = wire_f64(r);
        if (!(v->f - v->f == 0)) /* NaN and infinities */
            r->failed = true;
        break;
    case VALUE_TEXT:
        v->bytes = wire_bytes(r);
        break;
    case VALUE_LIST:
    case VALUE_PAIRS:
        return decode_items(r, v);
    default:
        r->failed = true;
        return STATUS_UNSUPPORTED;
    }
    return r->failed ? STATUS_INVALID : STATUS_OK;
}

struct slice value_next_item(struct wire_reader *r)
{
    return wire_bytes(r);
}

enum status value_next_pair(struct wire_reader *r, struct slice *path, struct value *v)
{
    *path = wire_bytes(r);
    return value_decode(r, v);
}

void document_put_header(struct buf *b, struct slice id, uint32_t field_count)
{
    wire_put_bytes(b, id);
    wire_put_varint(b, field_count);
}

void value_put_null(struct buf *b)
{
    buf_put_u8(b, VALUE_NULL);
}

void value_put_bool(struct buf *b, bool v)
{
    buf_put_u8(b, v ? VALUE_TRUE : VALUE_FALSE);
}

void value_put_int(struct buf *b, int64_t v)
{
    buf_put_u8(b, VALUE_INT);
    wire_put_zigzag(b, v);
}

void value_put_float(struct buf *b, double v)
{
    buf_put_u8(b, VALUE_FLOAT);
    wire_put_f64(b, v);
}

void value_put_text(struct buf *b, struct slice s)
{
    buf_put_u8(b, VALUE_TEXT);
    wire_put_bytes(b, s);
}

void value_put_list(struct buf *b, uint32_t count)
{
    buf_put_u8(b, VALUE_LIST);
    wire_put_varint(b, count);
}

void value_put_pairs(struct buf *b, uint32_t count)
{
    buf_put_u8(b, VALUE_PAIRS);
    wire_put_varint(b, count);
}

void value_put(struct buf *b, const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_FALSE:
    case VALUE_TRUE:
        buf_put_u8(b, (uint8_t)v->type);
        break;
    case VALUE_INT:
        value_put_int(b, v->i);
        break;
    case VALUE_FLOAT:
        value_put_float(b, v->f);
        break;
    case VALUE_TEXT:
        value_put_text(b, v->bytes);
        break;
    case VALUE_LIST:
    case VALUE_PAIRS:
        buf_put_u8(b, (uint8_t)v->type);
        wire_put_varint(b, v->count);
        buf_put_slice(b, v->bytes);
        break;
    }
}
