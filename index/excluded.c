#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/excluded.h"

#include <string.h>

#include "index/kernels.h"
#include "index/postings.h"

uint32_t excluded_drop(const struct query *q, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    uint32_t known = count; /* what is behind the bitmap is not excluded */
    while (known && docs[known - 1] >= q->excluded_bits)
        known--;
    uint32_t kept = kernels_best()->drop_bits(docs, scores, known, q->excluded);
    memmove(docs + kept, docs + known, (count - known) * sizeof *docs);
    memmove(scores + kept, scores + known, (count - known) * sizeof *scores);
    return kept + count - known;
}

static bool is_excluded(const struct query *q, uint32_t docid)
{
    return docid < q->excluded_bits && q->excluded[docid / 64] >> docid % 64 & 1;
}

/* Is any docid of [from, last] excluded? Whole words decide: a block too many is only read. */
static bool any(const struct query *q, uint32_t from, uint32_t last)
{
    if (from >= q->excluded_bits)
        return false;
    uint32_t end = (last < q->excluded_bits ? last : q->excluded_bits - 1) / 64;
    for (uint32_t w = from / 64; w <= end; w++)
        if (q->excluded[w])
            return true;
    return false;
}

static enum status count_list(const struct query *q, const struct snapshot *s,
                              const struct segment *segment, uint32_t ordinal, uint64_t *count)
{
    struct postings list;
    struct postings_block block;
    uint32_t base = segment_base(segment), next = base;
    enum status st = postings_open(segment, ordinal, &list);
    for (uint32_t b = 0; !st && b < list.block_count; b++) {
        uint32_t from = next;
        next = base + list.last[b] + 1;
        if (!any(q, from, next - 1))
            continue;
        st = postings_decode_docs(&list, b, &block);
        for (uint32_t i = 0; !st && i < block.count; i++)
            *count +=
                is_excluded(q, base + block.docs[i]) && snapshot_is_live(s, base + block.docs[i]);
    }
    return st;
}

static struct excluded_slot *place_of(struct excluded_memo *memo, const struct excluded_name *name)
{
    return &memo->slots[XXH3_64bits(name, sizeof *name) % EXCLUDED_MEMO];
}

static bool same(const struct excluded_name *a, const struct excluded_name *b)
{
    return edition_same(a->edition, b->edition) && a->generation == b->generation &&
           a->version == b->version && a->segment == b->segment && a->ordinal == b->ordinal;
}

enum status excluded_count(struct excluded_memo *memo, const struct query *q,
                           const struct snapshot *s, const struct segment *segment,
                           struct slice term, uint64_t *count)
{
    uint32_t ordinal;
    *count = 0;
    enum status st = segment_find_term(segment, term, &ordinal);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    struct excluded_name name = {snapshot_edition(s), snapshot_generation(s), q->excluded_version,
                                 segment_base(segment), ordinal};
    struct excluded_slot *slot = place_of(memo, &name);
    if (name.version && same(&slot->name, &name)) {
        *count = slot->count;
        return STATUS_OK;
    }
    st = count_list(q, s, segment, ordinal, count);
    if (!st && name.version)
        *slot = (struct excluded_slot){name, *count};
    return st;
}
