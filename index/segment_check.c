#include "index/segment_check.h"
#include "index/segment_pack.h"
#include "index/segment_private.h"
#include "index/tails.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 *   dictionary   terms ascend; shared lengths, hash slots and list offsets are what the terms say
 *   lists        documents ascend; df, last, bounds and smallest ties are what the postings say;
 *                positions end before the next block's
 *   prefixes     each list is the union of the terms that begin so
 *   kills        the table ascends
 *   records      blocks lie one behind the other, each with as many records as `places` says; ids
 *                have the ties they are filed under; `sorted` holds each document that has a record
 */

struct checker {
    const struct segment *s;
    const char **what;
    uint8_t *union_of; /* evidence by document of the prefix at hand */
    struct buf stream; /* positions of the block at hand */
};

static enum status wrong(const struct checker *c, const char *what)
{
    *c->what = what;
    return STATUS_CORRUPT;
}

/* --- lists ------------------------------------------------------------------------------------ */

/* What a bound may not fall short of, and must not exceed: one byte a class, as postings.h says. */
static void widen(uint32_t *bound, uint8_t evidence)
{
    uint32_t mask = evidence >> 4, shift = mask ? 8 * (uint32_t)__builtin_ctz(mask) : 0;
    uint32_t have = *bound >> shift & 0xff, impact = have & 15;
    if ((evidence & 15u) > impact)
        impact = evidence & 15;
    *bound = (*bound & ~((uint32_t)0xff << shift)) | (((have | evidence) & 0xf0) | impact) << shift;
}

static uint32_t widened(uint32_t a, uint32_t b)
{
    uint32_t both = (a | b) & 0xf0f0f0f0;
    for (uint32_t shift = 0; shift < 32; shift += 8) {
        uint32_t x = a >> shift & 15, y = b >> shift & 15;
        both |= (x > y ? x : y) << shift;
    }
    return both;
}

/* Positions of each posting of a block, and that they end before those of the next. */
static enum status check_positions(struct checker *c, const struct postings *p, uint32_t b,
                                   const struct postings_block *block)
{
    struct wire_reader r;
    size_t stored;
    if (postings_position_stream(p, b, block->evidence, &c->stream, &r, &stored))
        return wrong(c, "positions cannot be read");
    const uint8_t *begin = r.at;
    for (uint32_t i = 0; i < block->count && !r.failed; i++)
        while (wire_varint(&r) & 1 && !r.failed)
            ;
    if (r.failed)
        return wrong(c, "positions cannot be read");
    if (b + 1 < p->block_count) {
        const uint32_t *pos = p->off + p->block_count; /* behind off[] */
        if (pos[b] + (stored ? stored : (uint64_t)(r.at - begin)) > pos[b + 1])
            return wrong(c, "positions of a block reach into those of the next");
    }
    return STATUS_OK;
}

/* What is stored of block `b` beside it. */
static enum status check_block(const struct checker *c, const struct postings *p, uint32_t b,
                               const struct postings_block *block, uint32_t *bound)
{
    uint32_t tie = UINT32_MAX;
    *bound = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        uint32_t t = segment_tie(c->s, block->docs[i]);
        if (i && block->docs[i] <= block->docs[i - 1])
            return wrong(c, "documents of a list do not ascend");
        tie = t < tie ? t : tie;
        widen(bound, block->evidence[i]);
    }
    if (b && block->docs[0] <= p->last[b - 1])
        return wrong(c, "documents of a list do not ascend");
    if (p->df >= LIST_TINY && p->bound[b] != *bound)
        return wrong(c, "the bound of a block is not that of its postings");
    if (p->block_count > 1 && p->tie[b] != tie >> 16)
        return wrong(c, "the smallest tie of a block is not that of its postings");
    return STATUS_OK;
}

/* `each` sees every posting. */
static enum status check_list(struct checker *c, const struct postings *p, bool positions,
                              enum status (*each)(struct checker *, uint32_t doc, uint8_t evidence))
{
    struct postings_block block;
    uint32_t bound, all = 0;
    for (uint32_t b = 0; b < p->block_count; b++) {
        enum status st = postings_decode(p, b, &block);
        if (st)
            return wrong(c, "a block of postings cannot be read");
        st = check_block(c, p, b, &block, &bound);
        st = !st && positions ? check_positions(c, p, b, &block) : st;
        for (uint32_t i = 0; i < block.count && each && !st; i++)
            st = each(c, block.docs[i], block.evidence[i]);
        if (st)
            return st;
        all = widened(all, bound);
    }
    if (p->df >= LIST_TINY && p->max_bound != all)
        return wrong(c, "the bound of a list is not that of its blocks");
    return STATUS_OK;
}

static enum status check_lists(struct checker *c)
{
    uint64_t sum = 0;
    for (uint32_t t = 0; t < c->s->head.term_count; t++) {
        struct postings p;
        if (postings_open(c->s, t, &p))
            return wrong(c, "a list cannot be opened");
        enum status st = check_list(c, &p, true, NULL);
        if (st)
            return st;
        sum += p.df;
    }
    return sum == c->s->head.posting_count ? STATUS_OK
                                           : wrong(c, "the number of postings is wrong");
}

/* --- prefixes --------------------------------------------------------------------------------- */

/* Of several words in one document the best class counts, in it the best impact; masks join. */
static enum status add_to_union(struct checker *c, uint32_t doc, uint8_t evidence)
{
    uint32_t have = c->union_of[doc], was = have >> 4, is = evidence >> 4;
    int a = was ? __builtin_ctz(was) : EVIDENCE_CLASSES, b = is ? __builtin_ctz(is) : 0;
    uint32_t impact = have & 15;
    if (b < a || (b == a && (evidence & 15u) > impact))
        impact = evidence & 15;
    c->union_of[doc] = (uint8_t)((was | is) << 4 | impact);
    return STATUS_OK;
}

static enum status take_from_union(struct checker *c, uint32_t doc, uint8_t evidence)
{
    if (c->union_of[doc] != evidence)
        return wrong(c, "the list of a prefix is not the union of its terms");
    c->union_of[doc] = 0;
    return STATUS_OK;
}

static enum status check_prefix(struct checker *c, uint32_t at)
{
    const uint8_t *key = segment_bytes(c->s, at, 4);
    struct segment_prefix ready;
    struct postings p;
    uint32_t low, high, next = 0, df = 0;
    if (!key || !key[0])
        return wrong(c, "the table of prefixes cannot be read");
    struct slice prefix = slice_make(key, strnlen((const char *)key, PREFIX_MAX_LEN));
    enum status st = segment_prefix_range(c->s, prefix, &low, &high);
    st = st ? st : segment_open_prefix(c->s, prefix, &ready);
    if (st)
        return wrong(c, "the list of a prefix cannot be opened");
    for (; low < high && !st; low++) {
        if (next < ready.apart_count && ready.apart[next] == low) {
            next++;
            continue;
        }
        st = postings_open(c->s, low, &p);
        st = st ? st : check_list(c, &p, false, add_to_union);
    }
    if (next < ready.apart_count)
        return wrong(c, "a term set apart does not begin with the prefix");
    st = st ? st : check_list(c, &ready.rest, false, take_from_union);
    for (uint32_t d = 0; d < c->s->head.doc_count && !st; d++)
        if (c->union_of[d])
            st = wrong(c, "the list of a prefix lacks a document");
    /* how many have any of its terms */
    st = st ? st : check_list(c, &ready.rest, false, add_to_union);
    for (uint32_t i = 0; i < ready.apart_count && !st; i++) {
        st = postings_open(c->s, ready.apart[i], &p);
        st = st ? st : check_list(c, &p, false, add_to_union);
    }
    for (uint32_t d = 0; d < c->s->head.doc_count; d++)
        df += c->union_of[d] != 0;
    memset(c->union_of, 0, c->s->head.doc_count);
    return st || df == ready.df ? st : wrong(c, "the documents of a prefix are counted wrong");
}

static enum status check_prefixes(struct checker *c)
{
    enum status st = STATUS_OK;
    uint8_t before[4] = {0};
    for (uint32_t i = 0; i < c->s->head.prefix_count && !st; i++) {
        uint32_t at = c->s->head.prefix + i * segment_prefix_entry(&c->s->head);
        const uint8_t *key = segment_bytes(c->s, at, 4);
        if (!key || memcmp(before, key, PREFIX_MAX_LEN) >= 0)
            return wrong(c, "prefixes do not ascend");
        memcpy(before, key, 4);
    }
    for (uint32_t i = 0; i < c->s->head.prefix_count && !st; i++)
        st = check_prefix(c, c->s->head.prefix + i * segment_prefix_entry(&c->s->head));
    return st;
}

/* --- dictionary ------------------------------------------------------------------------------- */

static uint32_t shared_bytes(struct slice a, struct slice b)
{
    uint32_t n = 0;
    while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n])
        n++;
    return n;
}

static enum status check_terms(const struct checker *c)
{
    const struct segment_head *h = &c->s->head;
    struct slice term, before = SLICE_NULL;
    for (uint32_t t = 0; t < h->term_count; t++, before = term) {
        const uint8_t *lcp = segment_bytes(c->s, (uint64_t)h->lcp + t, 1);
        if (segment_term(c->s, t, &term) || !lcp)
            return wrong(c, "a term cannot be read");
        if (t && slice_compare(before, term) >= 0)
            return wrong(c, "terms do not ascend");
        if (*lcp != shared_bytes(before, term))
            return wrong(c, "a term shares another number of bytes with the one before");
    }
    return STATUS_OK;
}

/* Strictly ascending and all longer: as many as there are means each once. */
static enum status check_tails(const struct checker *c)
{
    const struct segment_head *h = &c->s->head;
    struct slice term, before = SLICE_NULL;
    uint32_t longer = 0;
    for (uint32_t t = 0; t < h->term_count; t++) {
        if (segment_term(c->s, t, &term))
            return wrong(c, "a term cannot be read");
        longer += term.len > TAIL_BYTES;
    }
    if (h->tails && h->tail_count != longer)
        return wrong(c, "the order of endings lacks terms");
    for (uint32_t i = 0; i < h->tail_count; i++, before = term) {
        if (segment_term(c->s, segment_packed(c->s, h->tails, h->bits[ARRAY_TAILS], i), &term) ||
            term.len <= TAIL_BYTES)
            return wrong(c, "the order of endings names what has none");
        if (i && tails_compare(before, term) >= 0)
            return wrong(c, "the order of endings does not ascend");
    }
    return STATUS_OK;
}

static enum status check_hash(const struct checker *c)
{
    struct slice term;
    uint32_t used = 0;
    for (uint32_t t = 0; t < c->s->head.term_count; t++) {
        uint32_t found = UINT32_MAX;
        if (segment_term(c->s, t, &term) || segment_find_term(c->s, term, &found) || found != t)
            return wrong(c, "a term is not found by its hash");
    }
    for (uint32_t i = 0; i < c->s->head.hash_count; i++)
        used += segment_packed(c->s, c->s->head.hash, c->s->head.bits[ARRAY_HASH], i) != 0;
    if (c->s->head.hash_count && used != c->s->head.term_count)
        return wrong(c, "the hash holds what is no term");
    return STATUS_OK;
}

static enum status check_kills(const struct checker *c)
{
    struct slice term, before = SLICE_NULL;
    for (uint32_t i = 0; i < c->s->head.dead_count; i++, before = term) {
        int32_t count;
        if (segment_dead_at(c->s, i, &term, &count) || !count)
            return wrong(c, "killed postings cannot be read");
        if (i && slice_compare(before, term) >= 0)
            return wrong(c, "killed postings are not in order of their terms");
    }
    return STATUS_OK;
}

/* --- records ---------------------------------------------------------------------------------- */

struct walk {
    uint32_t block; /* of the documents at hand, + 1; 0 before the first */
    uint32_t left;  /* documents of it still to come */
    uint64_t end;   /* where it ends */
    uint32_t records;
    struct record_block at;
    uint32_t place; /* of the next record */
    struct wire_reader ids;
    struct slice id;
    char room[SEGMENT_ID_MAX];
};

static enum status begin_block(const struct checker *c, struct walk *w)
{
    const struct segment_head *h = &c->s->head;
    struct record_block b;
    if (w->left)
        return wrong(c, "a block holds more records than places say");
    if (w->block >= h->block_count)
        return wrong(c, "more blocks begin than there are");
    uint64_t at = segment_packed(c->s, h->block_off, h->bits[ARRAY_BLOCK_OFF], w->block);
    if (at < w->end || record_block_at(c->s, (uint32_t)at, &b))
        return wrong(c, "a block of records is not where its offset says");
    w->block++;
    w->left = b.count;
    w->end = at + b.whole.len;
    w->at = b;
    w->place = 0;
    w->ids = wire_reader_of(b.ids);
    w->id = SLICE_NULL;
    return STATUS_OK;
}

static enum status check_record(const struct checker *c, struct walk *w, uint32_t doc)
{
    if (!w->left)
        return wrong(c, "a block holds fewer records than places say");
    if (record_next_id(&w->ids, w->room, &w->id))
        return wrong(c, "an id cannot be read");
    if (XXH32(w->id.ptr, w->id.len, 0) != segment_tie(c->s, doc))
        return wrong(c, "a document has the tie of another id");
    struct stored_record stored;
    if (record_of_block(&w->at, w->place++, &stored))
        return wrong(c, "a record is of no kind, or beside none");
    w->left--;
    w->records++;
    return STATUS_OK;
}

static enum status check_places(const struct checker *c)
{
    const struct segment_head *h = &c->s->head;
    struct walk w = {.end = SEGMENT_HEAD};
    enum status st = STATUS_OK;
    for (uint32_t doc = 0; doc < h->doc_count && !st; doc += 32) {
        uint32_t have = segment_u32(c->s, h->places, doc / 32 * 3),
                 begin = segment_u32(c->s, h->places, doc / 32 * 3 + 1),
                 left = h->doc_count - doc < 32 ? h->doc_count - doc : 32;
        if (segment_u32(c->s, h->places, doc / 32 * 3 + 2) != w.block)
            return wrong(c, "places count other blocks than begin");
        if ((begin & ~have) || (left < 32 && have >> left))
            return wrong(c, "places name a document that is not there");
        for (uint32_t i = 0; i < left && !st; i++) {
            if (begin >> i & 1)
                st = begin_block(c, &w);
            if (!st && have >> i & 1)
                st = check_record(c, &w, doc + i);
        }
    }
    if (!st && w.left)
        return wrong(c, "a block holds more records than places say");
    if (!st && w.block != h->block_count)
        return wrong(c, "fewer blocks begin than there are");
    if (!st && w.records != h->record_count)
        return wrong(c, "the number of records is wrong");
    return st;
}

/* Strictly ascending by (tie, newest first), so no document comes twice. */
static enum status check_sorted(const struct checker *c)
{
    uint32_t before = 0, before_tie = 0;
    for (uint32_t i = 0; i < c->s->head.record_count; i++) {
        uint32_t doc = segment_packed(c->s, c->s->head.sorted, c->s->head.bits[ARRAY_SORTED], i),
                 tie = segment_tie(c->s, doc);
        if (!record_exists(c->s, doc))
            return wrong(c, "the order of ties names a document without a record");
        if (i && (tie < before_tie || (tie == before_tie && doc >= before)))
            return wrong(c, "documents are not in order of their ties");
        before = doc;
        before_tie = tie;
    }
    return STATUS_OK;
}

enum status segment_check(const struct segment *s, const char **what)
{
    struct checker c = {.s = s, .what = what};
    *what = "";
    c.union_of = calloc((size_t)s->head.doc_count + 1, 1);
    if (!c.union_of)
        return STATUS_NO_MEMORY;
    enum status st = check_terms(&c);
    st = st ? st : check_hash(&c);
    st = st ? st : check_tails(&c);
    st = st ? st : check_lists(&c);
    st = st ? st : check_prefixes(&c);
    st = st ? st : check_kills(&c);
    st = st ? st : check_places(&c);
    st = st ? st : check_sorted(&c);
    free(c.union_of);
    buf_fini(&c.stream);
    return st;
}
