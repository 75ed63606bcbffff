#include "index/phrase.h"

#include "index/postings.h"

static enum status positions_of(const struct segment *s, uint32_t doc, struct slice word,
                                uint32_t *out, uint32_t cap, uint32_t *count)
{
    struct postings p;
    struct postings_block block;
    uint32_t ordinal;
    *count = 0;
    enum status st = segment_find_term(s, word, &ordinal);
    if (!st)
        st = postings_open(s, ordinal, &p);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    uint32_t b = postings_seek_block(&p, 0, doc);
    if (b >= p.block_count)
        return STATUS_OK;
    st = postings_decode(&p, b, &block);
    for (uint32_t i = 0; !st && i < block.count; i++)
        if (block.docs[i] == doc) {
            st = postings_positions(&p, b, i, out, cap, count);
            *count = *count < cap ? *count : cap;
            break;
        }
    return st;
}

static uint32_t keep_fields(uint32_t *at, uint32_t count, uint32_t field_count, uint64_t fields)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!fields || fields >> (at[i] % field_count) & 1)
            at[kept++] = at[i];
    return kept;
}

enum status match_phrase(const struct segment *s, uint32_t doc, const struct slice *words,
                         uint32_t count, uint64_t fields, bool *yes)
{
    enum { CAP = 1024 }; /* as many as a posting keeps */
    uint32_t open[CAP], more[CAP], n, k, field_count = segment_field_count(s);
    *yes = false;
    enum status st = positions_of(s, doc, words[0], open, CAP, &n);
    n = st ? 0 : keep_fields(open, n, field_count, fields);
    for (uint32_t w = 1; !st && w < count && n; w++) {
        uint32_t kept = 0, at = 0;
        st = positions_of(s, doc, words[w], more, CAP, &k);
        for (uint32_t i = 0; !st && i < n; i++) {
            uint32_t want = open[i] + field_count; /* one position on, same field */
            while (at < k && more[at] < want)
                at++;
            if (at < k && more[at] == want)
                open[kept++] = want;
        }
        n = kept;
    }
    *yes = !st && n > 0;
    return st;
}
