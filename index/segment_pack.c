#include "index/segment_pack.h"
#include "index/segment_private.h"

void record_packer_init(struct record_packer *p, struct segment_writer *out,
                        struct record_writer *writer, uint32_t *off)
{
    *p = (struct record_packer){.out = out, .writer = writer, .off = off};
}

void record_packer_fini(struct record_packer *p)
{
    buf_fini(&p->raw);
    buf_fini(&p->ids);
    buf_fini(&p->block);
}

/* p->block holds the packed block; its entries follow. */
static enum status put_block(struct record_packer *p, const uint32_t *docs, const struct slice *ids,
                             uint32_t count)
{
    size_t at[RECORD_BLOCK];
    for (uint32_t i = 0; i < count; i++) {
        at[i] = p->block.len;
        wire_put_bytes(&p->block, ids[i]);
        wire_put_varint(&p->block, at[i]);
        buf_put_u8(&p->block, (uint8_t)i);
    }
    if (p->block.failed)
        return STATUS_NO_MEMORY;
    if (p->block.len > SEGMENT_EXTENT)
        return STATUS_TOO_LARGE;
    uint32_t start = segment_writer_put(p->out, buf_slice(&p->block));
    for (uint32_t i = 0; i < count; i++)
        p->off[docs[i]] = start + (uint32_t)at[i];
    return STATUS_OK;
}

enum status record_pack_end(struct record_packer *p)
{
    struct slice ids[RECORD_BLOCK] = {{NULL, 0}};
    uint32_t docs[RECORD_BLOCK] = {0};
    const char *id = p->ids.ptr;
    if (!p->count)
        return STATUS_OK;
    for (uint32_t i = 0; i < p->count; i++) {
        ids[i] = slice_make(id, p->waiting[i].id_len);
        docs[i] = p->waiting[i].doc;
        id += p->waiting[i].id_len;
    }
    buf_clear(&p->block);
    enum status st = record_compress(p->writer, buf_slice(&p->raw), &p->block);
    st = st ? st : put_block(p, docs, ids, p->count);
    p->count = 0;
    buf_clear(&p->raw);
    buf_clear(&p->ids);
    return st;
}

enum status record_pack(struct record_packer *p, uint32_t doc, struct slice id, struct slice record)
{
    enum status st = STATUS_OK;
    if (p->count && p->raw.len + record.len > RECORD_BLOCK_BYTES)
        st = record_pack_end(p);
    p->waiting[p->count++] = (struct packed_record){doc, id.len};
    wire_put_bytes(&p->raw, record);
    buf_put_slice(&p->ids, id);
    if (p->raw.failed || p->ids.failed)
        return STATUS_NO_MEMORY;
    return !st && p->count == RECORD_BLOCK ? record_pack_end(p) : st;
}

enum status record_pack_block(struct record_packer *p, struct slice packed, const uint32_t *docs,
                              const struct slice *ids, uint32_t count)
{
    enum status st = record_pack_end(p);
    buf_clear(&p->block);
    buf_put_slice(&p->block, packed);
    return st ? st : put_block(p, docs, ids, count);
}

enum status record_place(const struct segment *s, uint32_t doc, struct slice *id,
                         uint32_t *block_at, uint32_t *k)
{
    uint32_t at = doc < s->head.doc_count ? segment_u32(s, s->head.record_off, doc) : 0;
    if (!at)
        return STATUS_NOT_FOUND;
    struct wire_reader r = wire_reader_of(segment_rest(s, at));
    *id = wire_bytes(&r);
    uint64_t back = wire_varint(&r);
    *k = wire_u8(&r);
    if (r.failed || back > at)
        return STATUS_CORRUPT;
    *block_at = at - (uint32_t)back;
    return STATUS_OK;
}

enum status record_of_block(struct slice raw, uint32_t k, struct slice *record)
{
    struct wire_reader r = wire_reader_of(raw);
    for (uint32_t i = 0; i <= k; i++)
        *record = wire_bytes(&r);
    return r.failed ? STATUS_CORRUPT : STATUS_OK;
}
