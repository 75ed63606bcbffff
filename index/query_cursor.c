#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/analyse.h"
#include "index/query_cursor.h"

enum {
    CHECK_LEN = 4,
    WEIGHTS_MAX = 1 << 14, /* of one word */
    WEIGHT_MAX = 1 << 15   /* rarities are below 2,000, those of ten words together below this */
};

static void put_names(struct buf *b, const struct slice *names, uint32_t count)
{
    wire_put_varint(b, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_bytes(b, names[i]);
}

uint64_t query_cursor_question(const struct query *q, struct buf *scratch)
{
    struct buf *b = scratch;
    q = q->asked ? q->asked : q;
    buf_clear(b);
    wire_put_bytes(b, q->catalog);
    wire_put_bytes(b, q->text);
    wire_put_varint(b, (uint64_t)q->match << 1 | q->prefix);
    wire_put_zigzag(b, q->typos);
    put_names(b, q->fields, q->field_count);
    wire_put_bytes(b, q->filter);
    wire_put_varint(b, q->sort_count);
    for (uint32_t i = 0; i < q->sort_count; i++) {
        buf_put_u8(b, q->sorts[i].descending);
        wire_put_bytes(b, q->sorts[i].field);
    }
    wire_put_bytes(b, q->group_field);
    wire_put_bytes(b, q->profile);
    wire_put_bytes(b, q->profile_text);
    return XXH3_64bits(b->ptr, b->len);
}

/* --- weights ---------------------------------------------------------------------------------- */

static uint32_t term_hash(struct slice term)
{
    return XXH32(term.ptr, term.len, 0);
}

static void put_weights(struct buf *b, const struct plan *plan)
{
    buf_put_u8(b, (uint8_t)plan->group_count);
    for (uint32_t i = 0; i < plan->group_count; i++) {
        const struct group *g = &plan->groups[i];
        wire_put_varint(b, g->idf);
        wire_put_varint(b, g->prefix_idf);
        wire_put_varint(b, g->count);
        for (uint32_t k = 0; k < g->count; k++) {
            wire_put_u32(b, term_hash(g->items[k].term));
            wire_put_varint(b, (uint64_t)g->items[k].idf << 1 | g->items[k].tier);
        }
    }
}

/* The weight (idf, then a bit for the tier) the cursor holds for a term of this group; 0 for none.
 * Weights follow the order of the alternatives, which rarely changes: the search begins where the
 * last one ended. */
static uint32_t weight_of(const uint32_t *hashes, const uint32_t *idfs, uint32_t count,
                          uint32_t *at, struct slice term)
{
    uint32_t want = term_hash(term);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = (*at + n) % count;
        if (hashes[i] == want) {
            *at = i + 1;
            return idfs[i];
        }
    }
    return 0;
}

enum status query_cursor_weigh(const struct query_cursor *c, struct arena *arena, struct plan *plan)
{
    struct wire_reader r = wire_reader_of(c->weights);
    uint32_t groups = wire_u8(&r);
    for (uint32_t i = 0; i < groups && !r.failed; i++) {
        uint32_t idf = (uint32_t)wire_varint(&r), prefix_idf = (uint32_t)wire_varint(&r), at = 0;
        size_t n = wire_count(&r, 5);
        uint32_t *hashes = arena_alloc(arena, (n + 1) * sizeof *hashes),
                 *idfs = arena_alloc(arena, (n + 1) * sizeof *idfs);
        if (!hashes || !idfs)
            return STATUS_NO_MEMORY;
        for (size_t k = 0; k < n; k++) {
            hashes[k] = wire_u32(&r);
            idfs[k] = (uint32_t)wire_varint(&r);
        }
        if (r.failed || i >= plan->group_count)
            break;
        struct group *g = &plan->groups[i];
        struct alternative *items = arena_alloc(arena, (g->count + 1) * sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        g->idf = idf;
        g->prefix_idf = prefix_idf;
        for (uint32_t k = 0; k < g->count; k++) {
            uint32_t weight = weight_of(hashes, idfs, (uint32_t)n, &at, g->items[k].term);
            items[k] = g->items[k];
            items[k].idf = weight >> 1;
            items[k].tier = weight & 1;
        }
        g->items = items;
    }
    return STATUS_OK;
}

/* They are read as often as words are looked up, each as often as a word has alternatives: whoever
 * made them, they are no more than a search makes. */
static bool weights_sound(struct slice weights)
{
    struct wire_reader r = wire_reader_of(weights);
    uint32_t groups = wire_u8(&r);
    bool sound = groups <= PLAN_WORDS_MAX;
    for (uint32_t i = 0; i < groups && sound && !r.failed; i++) {
        uint64_t idf = wire_varint(&r), prefix_idf = wire_varint(&r);
        size_t n = wire_count(&r, 5);
        sound = idf <= WEIGHT_MAX && prefix_idf <= WEIGHT_MAX && n <= WEIGHTS_MAX;
        for (size_t k = 0; k < n && sound; k++) {
            wire_u32(&r);
            sound = wire_varint(&r) >> 1 <= WEIGHT_MAX;
        }
    }
    return sound && !r.failed && !wire_left(&r);
}

/* --- learnt words ----------------------------------------------------------------------------- */

static void put_learnt(struct buf *b, const struct learnt *l)
{
    wire_put_varint(b, l->head);
    buf_put_u8(b, (uint8_t)l->count);
    for (uint32_t i = 0; i < l->count; i++) {
        wire_put_bytes(b, l->words[i].term);
        wire_put_varint(b, l->words[i].weight);
        wire_put_varint(b, l->words[i].of);
    }
}

static enum status read_learnt(struct wire_reader *r, struct arena *arena, struct learnt **out)
{
    struct learnt *l = *out = arena_calloc(arena, 1, sizeof *l);
    if (!l)
        return STATUS_NO_MEMORY;
    l->head = (uint32_t)wire_varint(r);
    l->count = wire_u8(r);
    r->failed |= l->count > LEARNT_MAX;
    for (uint32_t i = 0; !r->failed && i < l->count; i++) {
        l->words[i].term = wire_bytes(r);
        r->failed |= l->words[i].term.len > ANALYSE_TERM_MAX;
        uint64_t weight = wire_varint(r);
        r->failed |= weight > WEIGHT_MAX;
        l->words[i].weight = (uint32_t)weight;
        l->words[i].of = (uint16_t)wire_varint(r);
    }
    return STATUS_OK;
}

/* --- the bytes -------------------------------------------------------------------------------- */

static enum status refuse(struct fault *fault, const char *why)
{
    return fault_set(fault, STATUS_INVALID, "cursor", "the cursor %s", why);
}

enum status query_cursor_decode(const struct query *q, struct snapshot *snap,
                                const struct sort_keys *sort, struct buf *scratch,
                                struct arena *arena, struct query_cursor **out, struct fault *fault)
{
    *out = NULL;
    if (!q->cursor.len)
        return STATUS_OK;
    size_t len = q->cursor.len - CHECK_LEN;
    if (q->cursor.len <= CHECK_LEN ||
        XXH32(q->cursor.ptr, len, 0) != wire_load32(q->cursor.ptr + len))
        return refuse(fault, "is damaged");
    if (q->offset)
        return fault_set(fault, STATUS_INVALID, "offset", "a cursor and an offset exclude another");
    struct query_cursor *c = arena_calloc(arena, 1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    struct wire_reader r = wire_reader_of(slice_make(q->cursor.ptr, len));
    if (wire_u8(&r) != CURSOR_VERSION)
        return refuse(fault, "is of another version");
    if (wire_u64(&r) != query_cursor_question(q, scratch))
        return refuse(fault, "belongs to another query");
    c->edition.first = wire_u64(&r);
    c->edition.second = wire_u64(&r);
    c->generation = wire_varint(&r);
    c->sequence = wire_varint(&r);
    c->now_ms = (int64_t)wire_varint(&r);
    c->stages = wire_u8(&r);
    c->dropped = (uint32_t)wire_varint(&r);
    c->unheld = (uint32_t)wire_varint(&r);
    c->unknown = (uint32_t)wire_varint(&r);
    c->shown = (uint32_t)wire_varint(&r);
    enum status st = sort_keys_decode(sort, &r, c->last.keys);
    if (st)
        return st == STATUS_INVALID ? refuse(fault, "is damaged") : st;
    c->last.tie = wire_u32(&r);
    c->last.docid = wire_u32(&r);
    struct slice id = wire_bytes(&r);
    c->in_window = wire_u8(&r);
    if (c->in_window) {
        c->last.keys[1] = wire_u64(&r);
        c->window_last.keys[0] = wire_u64(&r);
        c->window_last.tie = wire_u32(&r);
        c->window_last.docid = wire_u32(&r);
        r.failed |= q->sort_count > 0;
    }
    if (!r.failed && c->stages & (STAGE_LEARNT | STAGE_ALONE) && read_learnt(&r, arena, &c->learnt))
        return STATUS_NO_MEMORY;
    c->weights = slice_make(r.at, wire_left(&r));
    if (r.failed || !weights_sound(c->weights))
        return refuse(fault, "is damaged");
    bool rebuilt = !edition_same(c->edition, snapshot_edition(snap));
    c->moved = rebuilt || c->generation != snapshot_visible(snap);
    /* a rebuilt edition numbers its products anew */
    if (rebuilt && snapshot_find(snap, id, &c->last.docid))
        c->last.docid = UINT32_MAX;
    *out = c;
    return STATUS_OK;
}

enum status query_cursor_encode(const struct query *q, struct snapshot *snap,
                                const struct sort_keys *sort, const struct plan *plan,
                                const struct query_place *place, struct buf *scratch,
                                struct arena *arena, struct slice *out)
{
    const struct candidate *last = place->last;
    struct slice id;
    struct buf *b = scratch;
    uint64_t question = query_cursor_question(q, b);
    enum status st = snapshot_id(snap, last->docid, &id);
    if (st)
        return st;
    buf_clear(b);
    buf_put_u8(b, CURSOR_VERSION);
    wire_put_u64(b, question);
    struct edition edition = snapshot_edition(snap);
    wire_put_u64(b, edition.first);
    wire_put_u64(b, edition.second);
    wire_put_varint(b, snapshot_visible(snap));
    wire_put_varint(b, snapshot_sequence(snap));
    wire_put_varint(b, place->now_ms > 0 ? (uint64_t)place->now_ms : 0);
    buf_put_u8(b, place->stages);
    wire_put_varint(b, place->dropped);
    wire_put_varint(b, plan->unheld);
    wire_put_varint(b, plan->unknown);
    wire_put_varint(b, place->shown);
    sort_keys_encode(sort, last->keys, b);
    wire_put_u32(b, last->tie);
    wire_put_u32(b, last->docid);
    wire_put_bytes(b, id);
    buf_put_u8(b, place->window_last != NULL);
    if (place->window_last) {
        wire_put_u64(b, last->keys[1]);
        wire_put_u64(b, place->window_last->keys[0]);
        wire_put_u32(b, place->window_last->tie);
        wire_put_u32(b, place->window_last->docid);
    }
    if (place->stages & (STAGE_LEARNT | STAGE_ALONE))
        put_learnt(b, place->learnt);
    put_weights(b, plan);
    wire_put_u32(b, XXH32(b->ptr, b->len, 0));
    *out = arena_copy(arena, buf_slice(b));
    return b->failed || !out->ptr ? STATUS_NO_MEMORY : STATUS_OK;
}
