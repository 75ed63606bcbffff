#include "index/probe.h"
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

enum status probe_seek(struct probe *p, uint32_t doc, bool *there)
{
    *there = false;
    uint32_t b = postings_seek_block(&p->list, p->block_at == UINT32_MAX ? 0 : p->block_at, doc);
    if (b >= p->list.block_count)
        return STATUS_OK;
    if (b != p->block_at) {
        enum status s = postings_decode_docs(&p->list, b, &p->block);
        if (s)
            return s;
        p->block_at = b;
        p->at = 0;
        p->has_evidence = false;
        p->positions_at = UINT32_MAX;
    }
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

enum status probe_positions(struct probe *p, uint32_t *out, uint32_t cap, uint32_t *count)
{
    *count = 0;
    if (p->positions_at == UINT32_MAX) {
        enum status s = postings_position_stream(&p->list, p->block_at, &p->positions);
        if (s)
            return s;
        p->positions_at = 0;
    }
    for (; p->positions_at < p->at && !p->positions.failed;)
        p->positions_at += !(wire_varint(&p->positions) & 1);
    uint32_t at = 0;
    for (bool more = true; more && !p->positions.failed;) {
        uint64_t v = wire_varint(&p->positions);
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
