#include "index/probe.h"
#include "index/kernels.h"
#include "index/segment_private.h"

enum status probe_open_ordinal(struct probe *p, const struct segment *s, uint32_t ordinal)
{
    p->block_at = UINT32_MAX;
    p->at = 0;
    return postings_open(s, ordinal, &p->list);
}

enum status probe_open(struct probe *p, const struct segment *s, struct slice term)
{
    uint32_t ordinal;
    enum status st = segment_find_term(s, term, &ordinal);
    return st ? st : probe_open_ordinal(p, s, ordinal);
}

enum status probe_open_prefix(struct probe *p, const struct segment *s, struct slice prefix)
{
    p->block_at = UINT32_MAX;
    p->at = 0;
    return postings_open_prefix(s, prefix, &p->list);
}

/* Decodes the block a document would stand in; STATUS_END behind the last. */
static enum status enter_block(struct probe *p, uint32_t doc)
{
    uint32_t b = postings_seek_block(&p->list, p->block_at == UINT32_MAX ? 0 : p->block_at, doc);
    if (b >= p->list.block_count)
        return STATUS_END;
    if (b == p->block_at)
        return STATUS_OK;
    enum status s = postings_decode_docs(&p->list, b, &p->block);
    if (s)
        return s;
    p->block_at = b;
    p->at = 0;
    p->has_evidence = false;
    p->positions_at = UINT32_MAX;
    return STATUS_OK;
}

enum status probe_run(struct probe *p, const uint32_t *docs, uint32_t count, uint32_t *run,
                      uint16_t *index, uint16_t *place, uint32_t *hits)
{
    enum status s = enter_block(p, docs[0]);
    *hits = 0;
    *run = count;
    if (s)
        return s == STATUS_END ? STATUS_OK : s;
    uint32_t last = p->list.last[p->block_at], n = 1;
    while (n < count && n < POSTINGS_BLOCK && docs[n] <= last)
        n++;
    *run = n;
    while (n && docs[n - 1] > p->block.docs[p->block.count - 1])
        n--; /* the last of a list of one block is known only now */
    *hits = n ? kernels_best()->common(docs, n, p->block.docs, index, place) : 0;
    return STATUS_OK;
}

enum status probe_seek(struct probe *p, uint32_t doc, bool *there)
{
    *there = false;
    enum status s = enter_block(p, doc);
    if (s)
        return s == STATUS_END ? STATUS_OK : s;
    while (p->at < p->block.count && p->block.docs[p->at] < doc)
        p->at++;
    *there = p->at < p->block.count && p->block.docs[p->at] == doc;
    return STATUS_OK;
}

enum status probe_evidence(struct probe *p, uint8_t *evidence)
{
    enum status s =
        p->has_evidence ? STATUS_OK : postings_decode_evidence(&p->list, p->block_at, &p->block);
    p->has_evidence = !s;
    *evidence = s ? 0 : p->block.evidence[p->at];
    return s;
}

/* Moves over the positions of `left` postings, eight bytes at a time as long as these end fewer. A
 * posting's last varint is even; a varint begins behind a byte without its high bit. */
static void skip_positions(struct wire_reader *r, uint32_t left)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint8_t *at = r->at;
    uint64_t inside = 0; /* the byte at hand goes on with a varint */
    bool last = false;   /* the varint at hand is the last of its posting, not counted yet */
    while (r->end - at >= 8) {
        uint64_t word = wire_load64(at), more = word >> 7 & ones;
        uint64_t begins = ~(more << 8 | inside) & ones;
        uint32_t n = (uint32_t)(((begins & ~word) * ones) >> 56);
        if (n >= left)
            break;
        left -= n;
        inside = more >> 56;
        at += 8;
    }
    while (left && at < r->end) {
        if (!inside)
            last = !(*at & 1);
        inside = *at++ >> 7;
        if (!inside && last) {
            left--;
            last = false;
        }
    }
    r->at = at;
    r->failed |= left != 0;
}

enum status probe_positions(struct probe *p, uint32_t *out, uint32_t cap, uint32_t *count)
{
    *count = 0;
    if (p->positions_at == UINT32_MAX) {
        enum status s = postings_position_stream(&p->list, p->block_at, &p->positions);
        if (s)
            return s;
        p->positions_at = 0;
    }
    if (p->positions_at < p->at)
        skip_positions(&p->positions, p->at - p->positions_at);
    p->positions_at = p->at;
    uint32_t at = 0;
    for (bool more = true; more && !p->positions.failed;) {
        bool one_byte = p->positions.at < p->positions.end && *p->positions.at < 0x80;
        uint64_t v = one_byte ? *p->positions.at++ : wire_varint(&p->positions);
        at += (uint32_t)(v >> 1);
        more = v & 1;
        if (*count < cap)
            out[(*count)++] = at;
    }
    p->positions_at++;
    return p->positions.failed ? STATUS_CORRUPT : STATUS_OK;
}

bool probe_docs(const uint32_t *docs, uint32_t count, uint32_t docid)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (docs[mid] < docid)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && docs[low] == docid;
}
