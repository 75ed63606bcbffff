#include "protocol/multi.h"

static enum status next_part(struct wire_reader *r, struct slice *part)
{
    uint32_t tag;
    enum status s;
    while ((s = tlv_next(r, &tag, part)) == STATUS_OK)
        if (tag == TAG_HITS_PART)
            return STATUS_OK;
    return s;
}

enum status multi_request_next(struct wire_reader *r, struct slice *search)
{
    return next_part(r, search);
}

size_t multi_reply_begin(struct buf *out, enum status status)
{
    size_t at = tlv_begin(out, TAG_HITS_PART);
    wire_put_varint(out, (uint64_t)status);
    return at;
}

enum status multi_reply_next(struct wire_reader *r, enum status *status, struct slice *body)
{
    struct slice part;
    enum status s = next_part(r, &part);
    if (s)
        return s;
    struct wire_reader w = wire_reader_of(part);
    *status = (enum status)wire_varint(&w);
    *body = slice_make(w.at, wire_left(&w));
    return w.failed ? STATUS_INVALID : STATUS_OK;
}

void catalog_entry_encode(const struct catalog_entry *e, struct buf *out)
{
    tlv_put(out, TAG_CATALOG_NAME, e->name);
    if (e->schema.len)
        tlv_put(out, TAG_CATALOG_SCHEMA, e->schema);
    if (e->key.len)
        tlv_put(out, TAG_CATALOG_KEY, e->key);
    if (e->value.len)
        tlv_put(out, TAG_CATALOG_VALUE, e->value);
    tlv_put_u64(out, TAG_CATALOG_SEQUENCE, e->sequence);
    tlv_put_u64(out, TAG_CATALOG_PRODUCTS, e->products);
    tlv_put_u64(out, TAG_CATALOG_GENERATION, e->generation);
    tlv_put_u64(out, TAG_CATALOG_EDITION, e->edition);
}

static void entry_tag(struct catalog_entry *e, uint32_t tag, struct slice v)
{
    switch (tag) {
    case TAG_CATALOG_SCHEMA:
        e->schema = v;
        break;
    case TAG_CATALOG_KEY:
        e->key = v;
        break;
    case TAG_CATALOG_VALUE:
        e->value = v;
        break;
    case TAG_CATALOG_SEQUENCE:
        e->sequence = tlv_u64(v);
        break;
    case TAG_CATALOG_PRODUCTS:
        e->products = tlv_u64(v);
        break;
    case TAG_CATALOG_GENERATION:
        e->generation = tlv_u64(v);
        break;
    case TAG_CATALOG_EDITION:
        e->edition = tlv_u64(v);
        break;
    default:
        break;
    }
}

enum status catalog_entry_next(struct wire_reader *r, struct catalog_entry *e)
{
    *e = (struct catalog_entry){0};
    bool open = false;
    for (;;) {
        struct wire_reader before = *r;
        uint32_t tag;
        struct slice v;
        enum status s = tlv_next(r, &tag, &v);
        if (s == STATUS_END && open)
            return STATUS_OK;
        if (s)
            return s;
        if (tag == TAG_CATALOG_NAME && open) {
            *r = before;
            return STATUS_OK;
        }
        if (tag == TAG_CATALOG_NAME) {
            e->name = v;
            open = true;
        } else if (open) {
            entry_tag(e, tag, v);
        }
    }
}
