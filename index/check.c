#include <stdlib.h>

#include "index/index_private.h"
#include "index/segment_check.h"

/*
 * The check believes nothing but the products: it takes each live one, puts it together, analyses
 * it again and holds the result against what is stored beside it.
 *
 *   forward   every word of a live product has a posting at its docid
 *   count     by term, the postings at live docids are as many as the products with the word, so
 *             that no posting stands without a word; and the sum of df less the kills says the same
 *   ids       every live product is found by its id, at its docid
 *   rows      live bits, segment counters and expiry rows agree with the products
 *   segments  each is consistent in itself (segment_check.h)
 */

struct check {
    struct snapshot *s;
    struct product_tokens tokens;
    struct product product;
    struct buf document;
    struct fault *fault;
    uint32_t live, expiring;
    uint64_t weight;
};

static enum status contradiction(struct check *c, const char *what, uint32_t docid)
{
    return fault_set(c->fault, STATUS_CORRUPT, "", "%s (docid %u)", what, docid);
}

/* Does the segment's list of the term hold the doc? */
static enum status find_posting(const struct segment *seg, struct slice term, uint32_t doc,
                                bool *found)
{
    uint32_t ordinal;
    struct postings p;
    struct postings_block block;
    *found = false;
    enum status st = segment_find_term(seg, term, &ordinal);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    if ((st = postings_open(seg, ordinal, &p)))
        return st;
    uint32_t b = postings_seek_block(&p, 0, doc);
    if (b == p.block_count)
        return STATUS_OK;
    if ((st = postings_decode(&p, b, &block)))
        return st;
    for (uint32_t i = 0; i < block.count; i++)
        *found |= block.docs[i] == doc;
    return STATUS_OK;
}

static enum status check_words(struct check *c, const struct segment *seg, uint32_t docid,
                               uint64_t *words)
{
    enum status st = product_tokens_collect(&c->tokens, c->s->schema, &c->product);
    product_tokens_distinct(&c->tokens);
    for (uint32_t i = 0; i < c->tokens.count && !st; i++) {
        bool found;
        st = find_posting(seg, c->tokens.items[i].term, docid - segment_base(seg), &found);
        if (!st && !found)
            st = contradiction(c, "a word of the product has no posting", docid);
    }
    *words += c->tokens.count;
    return st;
}

static enum status check_expiry(struct check *c, struct slice id, uint32_t docid)
{
    struct windows f = snapshot_freshness(c->s, docid);
    int64_t limit = expiry_limit_ms(c->s->schema, &f, id);
    uint8_t key[EXPIRY_KEY_LEN];
    struct slice value;
    if (limit == EXPIRY_NEVER)
        return STATUS_OK;
    c->expiring++;
    expiry_key(key, limit, docid);
    enum status st = store_get(c->s->txn, STORE_EXPIRY, slice_make(key, sizeof key), &value);
    return st == STATUS_NOT_FOUND ? contradiction(c, "an expiring product has no row", docid) : st;
}

static enum status check_product(struct check *c, const struct segment *seg, uint32_t docid,
                                 uint64_t *words)
{
    uint32_t found;
    c->live++;
    buf_clear(&c->document);
    enum status st = snapshot_whole(c->s, docid, &c->document);
    c->weight += c->document.len;
    if (!st)
        st = product_parse(c->s->schema, buf_slice(&c->document), &c->product);
    if (st)
        return contradiction(c, "the product cannot be put together", docid);
    st = snapshot_find(c->s, c->product.id, &found);
    if (st || found != docid)
        return contradiction(c, "the product is not found by its id", docid);
    st = check_words(c, seg, docid, words);
    return st ? st : check_expiry(c, c->product.id, docid);
}

/* Postings of the segment at live docids, all terms together. */
static enum status count_postings(struct check *c, const struct segment *seg, uint64_t *count)
{
    for (uint32_t t = 0; t < segment_term_count(seg); t++) {
        struct postings p;
        struct postings_block block;
        enum status st = postings_open(seg, t, &p);
        for (uint32_t b = 0; !st && b < p.block_count; b++) {
            st = postings_decode(&p, b, &block);
            for (uint32_t i = 0; !st && i < block.count; i++)
                *count += live_get(&c->s->live, segment_base(seg) + block.docs[i]);
        }
        if (st)
            return fault_set(c->fault, st, "", "a posting list of segment %u is damaged",
                             segment_number(seg));
    }
    return STATUS_OK;
}

static enum status check_segment(struct check *c, uint32_t i)
{
    const struct segment *seg = c->s->segments[i];
    const struct segment_row *row = &c->s->meta.segments[i];
    uint64_t words = 0, postings = 0;
    uint32_t live = live_count(&c->s->live, row->base, row->base + row->count);
    enum status st = segment_verify(seg);
    if (st)
        return fault_set(c->fault, st, "", "segment %u is damaged", row->number);
    const char *what;
    if ((st = segment_check(seg, &what)))
        return fault_set(c->fault, st, "", "segment %u: %s", row->number, what);
    if (live != row->count - row->dead)
        return contradiction(c, "the dead counter of a segment is wrong", row->base);
    for (uint32_t d = row->base; d < row->base + row->count && !st; d++)
        if (live_get(&c->s->live, d))
            st = check_product(c, seg, d, &words);
    st = st ? st : count_postings(c, seg, &postings);
    if (!st && words != postings)
        st = contradiction(c, "a posting belongs to no word of its product", row->base);
    return st;
}

/* Sum of df and kills of one term over all segments against its live postings. */
static enum status check_df(struct check *c, struct slice term)
{
    int64_t counted = 0, live = 0;
    for (uint32_t i = 0; i < c->s->segment_count; i++) {
        const struct segment *seg = c->s->segments[i];
        uint32_t ordinal;
        struct postings p;
        struct postings_block block;
        counted -= segment_dead_df(seg, term);
        enum status st = segment_find_term(seg, term, &ordinal);
        if (st == STATUS_NOT_FOUND)
            continue;
        st = st ? st : postings_open(seg, ordinal, &p);
        counted += st ? 0 : p.df;
        for (uint32_t b = 0; !st && b < p.block_count; b++) {
            st = postings_decode(&p, b, &block);
            for (uint32_t k = 0; !st && k < block.count; k++)
                live += live_get(&c->s->live, segment_base(seg) + block.docs[k]);
        }
        if (st)
            return st;
    }
    if (counted == live)
        return STATUS_OK;
    return fault_set(c->fault, STATUS_CORRUPT, "", "df of \"%.*s\" is %lld, %lld products have it",
                     (int)term.len, term.ptr, (long long)counted, (long long)live);
}

static enum status check_dfs(struct check *c)
{
    for (uint32_t i = 0; i < c->s->segment_count; i++)
        for (uint32_t t = 0; t < segment_term_count(c->s->segments[i]); t++) {
            struct slice term;
            enum status st = segment_term(c->s->segments[i], t, &term);
            st = st ? st : check_df(c, term);
            if (st)
                return st;
        }
    return STATUS_OK;
}

static enum status count_expiry(struct check *c)
{
    struct store_cursor *cursor;
    struct slice key, value;
    uint32_t rows = 0;
    enum status st = store_cursor_open(c->s->txn, STORE_EXPIRY, &cursor);
    if (st)
        return st;
    for (st = store_seek(cursor, SLICE_NULL, &key, &value); !st;
         st = store_next(cursor, &key, &value))
        rows++;
    store_cursor_close(&cursor);
    if (st != STATUS_END)
        return st;
    return rows == c->expiring ? STATUS_OK
                               : contradiction(c, "expiry rows without a product", rows);
}

static enum status run(struct check *c)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < c->s->segment_count && !st; i++)
        st = check_segment(c, i);
    if (!st && c->live != c->s->meta.live)
        st = contradiction(c, "the live counter is wrong", c->live);
    if (!st && c->live != live_count(&c->s->live, 0, c->s->meta.docid_end))
        st = contradiction(c, "a live bit lies in no segment", 0);
    if (!st && c->s->meta.weight != WEIGHT_UNKNOWN && c->s->meta.weight != c->weight)
        st = fault_set(c->fault, STATUS_CORRUPT, "",
                       "the weight of the products is kept as %llu and counted as %llu",
                       (unsigned long long)c->s->meta.weight, (unsigned long long)c->weight);
    st = st ? st : check_dfs(c);
    return st ? st : count_expiry(c);
}

enum status index_check(struct index *ix, struct fault *fault)
{
    struct check *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    c->fault = fault;
    enum status st = product_tokens_init(&c->tokens);
    st = st ? st : snapshot_create(ix, &c->s);
    st = st ? st : snapshot_begin(c->s);
    st = st ? st : run(c);
    snapshot_destroy(&c->s);
    product_tokens_fini(&c->tokens);
    buf_fini(&c->document);
    free(c);
    return st;
}
