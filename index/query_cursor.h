/*
 * query_cursor - where a page ended, so that the next one can begin behind it.
 *
 * Nothing is kept between pages: the cursor itself holds the place in the order (sort keys, tie,
 * id), what was asked (a hash), and what the order depended on besides the product: the stages that
 * were run, which words nothing was known of, and the weights of the words. With these the next
 * page gives every unchanged product the rank it had, however the rest of the catalog changed
 * meanwhile: none is repeated, none is lost.
 *
 *   cursor := version u8 (3), question u64, edition 16 bytes, generation varint, sequence varint,
 *             now_ms varint, stages u8, dropped varint, unheld varint, unknown varint,
 *             shown varint,
 *             key_count u8, key*: kind u8 (0 number: u64; 1 text: bytes; 2 none),
 *             tie u32, docid u32, id bytes,
 *             in_window u8, when 1: first-phase score u64, and the last of the window in
 *                           first-phase order: score u64, tie u32, docid u32,
 *             with STAGE_LEARNT or STAGE_ALONE: head varint, word_count u8, word*: bytes, weight
 * varint, of varint, group_count u8, group*: idf varint, prefix_idf varint, item_count varint,
 *                                     item*: term hash u32, idf << 1 | tier varint
 *             check u32 (XXH32 of the bytes before)
 *
 * The second phase orders the first candidates anew (relevance.h). A cursor inside that window also
 * names the last candidate of the window in the order of the first phase: whoever is not behind it
 * belongs to the window again, and is ordered again.
 *
 * Products of equal keys and tie (a hash of the id) are in docid order, which no change of other
 * products alters.
 */
#ifndef SOUK_INDEX_QUERY_CURSOR_H
#define SOUK_INDEX_QUERY_CURSOR_H

#include "index/loose.h"
#include "index/sort_key.h"
#include "index/topk.h"

enum { CURSOR_VERSION = 3 };

/* What was tried, one bit each: a later page tries the same. */
enum query_stage {
    STAGE_TYPOS = 1,
    STAGE_RELAXED = 2,
    STAGE_PARTS = 4,
    STAGE_BARE = 8,
    STAGE_PASTED = 16,
    STAGE_LEARNT = 32,
    STAGE_STANDING = 64, /* learnt words stand for words */
    STAGE_ALONE = 128    /* what each word is found beside was learnt, too */
};

struct query_cursor {
    struct candidate last;
    struct candidate window_last; /* when in_window */
    bool in_window;               /* `last` has the keys of the second phase */
    uint64_t generation, sequence;
    int64_t now_ms;
    struct edition edition;
    uint8_t stages;
    uint32_t dropped;         /* words done without, a bitmap of the plan's groups */
    uint32_t unheld, unknown; /* as in the plan of the first page */
    uint32_t shown;           /* products on the pages before */
    struct learnt *learnt;    /* NULL = none */
    bool window_open;         /* what orders the window was learnt behind its first page */
    bool moved;               /* the index is not the one of the cursor */
    struct slice weights;     /* the groups, undecoded */
};

/* Where a page ended. */
struct query_place {
    uint8_t stages;
    uint32_t dropped; /* words left out, a bit each */
    uint32_t shown;   /* products up to here, pinned ones too */
    const struct learnt *learnt;
    int64_t now_ms;
    const struct candidate *last;
    const struct candidate *window_last; /* NULL: `last` has the keys of the first phase */
};

/* A hash of all that must be the same on every page. `scratch` is overwritten, here and below. */
uint64_t query_cursor_question(const struct query *q, struct buf *scratch);
/* NULL without a cursor. INVALID: damaged, or of another query. */
enum status query_cursor_decode(const struct query *q, struct snapshot *snap,
                                const struct sort_keys *sort, struct buf *scratch,
                                struct arena *arena, struct query_cursor **out,
                                struct fault *fault);
/* Gives the words the weights they had; words that were not known then get 0. The alternatives are
 * copied first: others may share the plan's. */
enum status query_cursor_weigh(const struct query_cursor *c, struct arena *arena,
                               struct plan *plan);
/* The cursor behind `last`, in the arena. */
enum status query_cursor_encode(const struct query *q, struct snapshot *snap,
                                const struct sort_keys *sort, const struct plan *plan,
                                const struct query_place *place, struct buf *scratch,
                                struct arena *arena, struct slice *out);

#endif
