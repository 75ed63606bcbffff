#include "index/probe.h"
#include "index/kernels.h"
#include "index/segment.h"

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

void probe_open_list(struct probe *p, const struct postings *list)
{
    p->block_at = UINT32_MAX;
    p->at = 0;
    p->list = *list;
    postings_settle(&p->list);
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

enum status probe_positions(struct probe *p, uint32_t *out, uint32_t cap, uint32_t *count)
{
    enum status s =
        postings_positions_known(&p->list, p->block_at, p->at, probe_evidence(p), out, cap, count);
    *count = *count < cap ? *count : cap;
    return s;
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
