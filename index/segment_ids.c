/* The product with an id: segments hold documents in the order of their ids' hashes. */
#include "index/segment_private.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* --- ids that are not there --------------------------------------------------------------------
 */

/*
 * A bulk of new products asks every segment for every id and finds nearly none: each no is a search
 * with a handful of cache misses. Three bits an id, in one word of 64, say no with one.
 */
enum { IDS_A_WORD = 4 };

void segment_learn_ids(struct segment *s)
{
    uint32_t count = s->head.doc_count / IDS_A_WORD + 1;
    if (s->id_words)
        return;
    uint64_t *words = calloc(count, sizeof *words);
    for (uint32_t d = 0; words && d < s->head.doc_count; d++) {
        const uint8_t *tie = segment_bytes(s, s->head.tie + (uint64_t)d * 4, 4);
        if (!tie) { /* damaged: what searches shall say so */
            free(words);
            return;
        }
        uint32_t t = wire_load32(tie);
        words[(uint64_t)t * count >> 32] |= segment_id_bits(t);
    }
    s->id_words = words;
    s->id_word_count = words ? count : 0;
}

/* --- ids that are ------------------------------------------------------------------------------
 */

static uint32_t sorted_tie(const struct segment *s, uint32_t i, bool *damaged)
{
    uint32_t doc;
    bool read = segment_packed_read(s, s->head.sorted, s->head.bits[ARRAY_SORTED], i, &doc);
    const uint8_t *p = read && doc < s->head.doc_count
                           ? segment_bytes(s, s->head.tie + (uint64_t)doc * 4, 4)
                           : NULL;
    *damaged |= !p;
    return p ? wire_load32(p) : 0;
}

/* First of the sorted docs whose tie key is not smaller. Keys are hashes, spread evenly: the search
 * begins where the key should stand and closes in from there. */
static uint32_t find_tie(const struct segment *s, uint32_t tie, bool *damaged)
{
    uint32_t count = s->head.record_count, low = 0, high, step = 16;
    if (!count)
        return 0;
    uint32_t guess = (uint32_t)((uint64_t)tie * count >> 32);
    if (sorted_tie(s, guess, damaged) < tie) {
        for (low = guess + 1; low + step < count && sorted_tie(s, low + step, damaged) < tie;
             step *= 2)
            low += step + 1;
        high = low + step < count ? low + step : count;
    } else {
        for (high = guess; high > step && sorted_tie(s, high - step, damaged) >= tie; step *= 2)
            high -= step;
        low = high > step ? high - step : 0;
    }
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (sorted_tie(s, mid, damaged) < tie)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

enum status segment_find_id(const struct segment *s, struct slice id, uint32_t *doc)
{
    bool damaged = false;
    if (!id.ptr || !id.len)
        return STATUS_NOT_FOUND;
    uint32_t tie = XXH32(id.ptr, id.len, 0), low;
    uint64_t bits = segment_id_bits(tie);
    if (s->id_words && (s->id_words[(uint64_t)tie * s->id_word_count >> 32] & bits) != bits)
        return STATUS_NOT_FOUND;
    low = find_tie(s, tie, &damaged);
    for (; low < s->head.record_count; low++) {
        char room[SEGMENT_ID_MAX];
        struct slice have;
        uint32_t d = segment_packed(s, s->head.sorted, s->head.bits[ARRAY_SORTED], low);
        if (sorted_tie(s, low, &damaged) != tie)
            break;
        enum status st = segment_id(s, d, room, &have);
        if (st)
            return st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
        if (slice_equal(have, id)) {
            *doc = d;
            return STATUS_OK;
        }
    }
    return damaged ? STATUS_CORRUPT : STATUS_NOT_FOUND;
}

/* --- ties, which are hashes of ids ---------------------------------------------------------------
 */

/* Of documents that lie close together: `seen` is what was verified last. */
static void near_ties(const struct segment *s, const uint32_t *docs, uint32_t count, uint32_t *out)
{
    struct slice seen = SLICE_NULL;
    uint32_t first = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i];
        if (doc - first >= seen.len / 4) {
            uint64_t off = (uint64_t)s->head.tie + (uint64_t)doc * 4;
            size_t most = doc < s->head.doc_count ? (size_t)(s->head.doc_count - doc) * 4 : 0;
            seen = most ? segment_window(s, off, 4) : SLICE_NULL;
            seen.len = seen.len < most ? seen.len : most;
            first = doc;
        }
        out[i] = seen.len < 4 ? 0 : wire_load32(seen.ptr + (size_t)(doc - first) * 4);
    }
}

/* Only a hint. */
static void prefetch_tie(const struct segment *s, uint32_t doc)
{
    uint64_t off = (uint64_t)s->head.tie + (uint64_t)doc * 4, e = off >> EXTENT_SHIFT;
    if (e < s->extent_count)
        __builtin_prefetch(s->extents[e] + (off & EXTENT_MASK));
}

void segment_ties(const struct segment *s, const uint32_t *docs, uint32_t count, uint32_t *out)
{
    enum { NEAR = 64 };
    if (count && docs[count - 1] - docs[0] <= count * NEAR) {
        near_ties(s, docs, count, out);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        prefetch_tie(s, docs[i]);
    for (uint32_t i = 0; i < count; i++)
        out[i] = segment_tie(s, docs[i]);
}
