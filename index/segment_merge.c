#include "index/segment_pack.h"
#include "index/segment_prefixes.h"
#include "index/segment_private.h"

#include <stdlib.h>

/*
 * A k-way walk over the sorted dictionaries. Inputs are in docid order and do not overlap, so the
 * merged list of a term is the inputs' lists one after the other, without the dead.
 */

enum { MERGE_INPUTS = 64 };

struct merge {
    const struct segment *const *in;
    uint32_t count, base, doc_count;
    bool (*live)(void *ctx, uint32_t docid);
    void *live_ctx;
    uint64_t *alive; /* bitmap over the merged range */
    uint32_t next[MERGE_INPUTS], next_dead[MERGE_INPUTS];
    struct slice term[MERGE_INPUTS], dead[MERGE_INPUTS]; /* what stands at next and next_dead */
    int32_t killed[MERGE_INPUTS];
    bool has_term[MERGE_INPUTS], has_dead[MERGE_INPUTS];
    /* the list at hand */
    uint32_t *docs, *pos_at;
    uint8_t *evidence;
    struct buf pos, stream; /* positions of the list, and of one block of an input */
    uint32_t postings;
    uint32_t purged; /* postings left out of the term at hand */
};

static bool alive(const struct merge *m, uint32_t doc)
{
    return m->alive[doc >> 6] >> (doc & 63) & 1;
}

/* Steps over the positions of one posting; NULL when they run out. */
static const uint8_t *positions_end(const uint8_t *at, const uint8_t *end)
{
    for (bool more = true; more;) {
        more = at < end && (*at & 1);
        while (at < end && *at & 0x80)
            at++;
        if (at++ >= end)
            return NULL;
    }
    return at;
}

static enum status append_block(struct merge *m, const struct postings_block *block, uint32_t shift,
                                struct wire_reader r)
{
    const uint8_t *at = r.at, *kept = at; /* of `kept` on all is to be kept, and is not yet */
    if (block->docs[block->count - 1] + shift >= m->doc_count ||
        m->postings + block->count > m->doc_count)
        return STATUS_CORRUPT;
    for (uint32_t i = 0; i < block->count; i++) {
        const uint8_t *next = positions_end(at, r.end);
        uint32_t doc = block->docs[i] + shift;
        if (!next)
            return STATUS_CORRUPT;
        if (alive(m, doc)) {
            m->docs[m->postings] = doc;
            m->evidence[m->postings] = block->evidence[i];
            m->pos_at[m->postings++] = (uint32_t)(m->pos.len + (size_t)(at - kept));
        } else {
            m->purged++;
            buf_put(&m->pos, kept, (size_t)(at - kept));
            kept = next;
        }
        at = next;
    }
    buf_put(&m->pos, kept, (size_t)(at - kept));
    return m->pos.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status append_list(struct merge *m, const struct segment *s, uint32_t ordinal)
{
    struct postings p;
    struct postings_block block;
    struct wire_reader r;
    size_t stored;
    enum status st = postings_open(s, ordinal, &p);
    for (uint32_t b = 0; !st && b < p.block_count; b++) {
        st = postings_decode(&p, b, &block);
        if (!st)
            st = postings_position_stream(&p, b, block.evidence, &m->stream, &r, &stored);
        if (!st)
            st = r.failed ? STATUS_CORRUPT : append_block(m, &block, segment_base(s) - m->base, r);
    }
    m->pos_at[m->postings] = (uint32_t)m->pos.len;
    return st;
}

/* --- short prefixes --------------------------------------------------------------------------- */

/* Adds the living of one list to a union. */
static enum status add_list(struct merge *m, const struct segment *s, uint32_t ordinal,
                            struct prefix_union *u)
{
    struct postings p;
    struct postings_block block;
    uint32_t shift = segment_base(s) - m->base;
    enum status st = postings_open(s, ordinal, &p);
    for (uint32_t b = 0; !st && b < p.block_count; b++) {
        uint32_t n = 0;
        st = postings_decode(&p, b, &block);
        for (uint32_t i = 0; !st && i < block.count; i++) {
            uint32_t doc = block.docs[i] + shift;
            if (doc >= m->doc_count || !alive(m, doc))
                continue;
            block.docs[n] = doc;
            block.evidence[n++] = block.evidence[i];
        }
        if (!st)
            prefix_union_add(u, block.docs, block.evidence, n);
    }
    return st;
}

static enum status add_one(struct merge *m, const struct segment *s, struct slice term,
                           struct prefix_union *u)
{
    uint32_t ordinal;
    enum status st = segment_find_term(s, term, &ordinal);
    return st ? (st == STATUS_NOT_FOUND ? STATUS_OK : st) : add_list(m, s, ordinal, u);
}

/* The terms of [at, end) of an input but those that the run sets apart. */
static enum status add_others(struct merge *m, const struct segment *s, uint32_t at, uint32_t end,
                              const struct prefix_run *run, struct prefix_union *u)
{
    uint32_t without[PREFIX_APART_MOST], n = 0, next = 0;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < run->apart_count; i++) { /* in the order of terms here as well */
        st = segment_find_term(s, run->term[i], &without[n]);
        if (st && st != STATUS_NOT_FOUND)
            return st;
        n += st == STATUS_OK;
    }
    for (st = STATUS_OK; !st && at < end; at++)
        if (next < n && without[next] == at)
            next++;
        else
            st = add_list(m, s, at, u);
    return st;
}

/* The terms of a prefix are neighbours in every input, so only those set apart are looked up. */
static enum status add_lists(void *ctx, const struct prefix_run *run, struct prefix_union *u)
{
    struct merge *m = ctx;
    enum status st = STATUS_OK;
    for (uint32_t k = 0; !st && k < m->count; k++) {
        uint32_t at, end;
        if (run->one) {
            st = add_one(m, m->in[k], run->term[0], u);
            continue;
        }
        st = segment_prefix_range(m->in[k], slice_make(run->prefix, run->len), &at, &end);
        st = st ? st : add_others(m, m->in[k], at, end, run, u);
    }
    return st;
}

/* --- the walk --------------------------------------------------------------------------------- */

/* Fetches the term that input k has next, in its dictionary and among its killed counts. */
static enum status load_term(struct merge *m, uint32_t k)
{
    m->has_term[k] = m->next[k] < segment_term_count(m->in[k]);
    return m->has_term[k] ? segment_term(m->in[k], m->next[k], &m->term[k]) : STATUS_OK;
}

static enum status load_dead(struct merge *m, uint32_t k)
{
    m->has_dead[k] = m->next_dead[k] < segment_dead_count(m->in[k]);
    return m->has_dead[k] ? segment_dead_at(m->in[k], m->next_dead[k], &m->dead[k], &m->killed[k])
                          : STATUS_OK;
}

/* Smallest term that any input has next, in postings or killed counts; false at the end. */
static bool next_term(const struct merge *m, struct slice *term)
{
    bool any = false;
    for (uint32_t k = 0; k < m->count; k++) {
        if (m->has_term[k] && (!any || slice_compare(m->term[k], *term) < 0)) {
            *term = m->term[k];
            any = true;
        }
        if (m->has_dead[k] && (!any || slice_compare(m->dead[k], *term) < 0)) {
            *term = m->dead[k];
            any = true;
        }
    }
    return any;
}

static enum status merge_term(struct merge *m, struct segment_writer *w, struct slice term)
{
    int64_t dead = 0;
    m->postings = m->purged = 0;
    buf_clear(&m->pos);
    for (uint32_t k = 0; k < m->count; k++) {
        enum status st = STATUS_OK;
        if (m->has_term[k] && slice_equal(m->term[k], term)) {
            st = append_list(m, m->in[k], m->next[k]++);
            st = st ? st : load_term(m, k);
        }
        if (!st && m->has_dead[k] && slice_equal(m->dead[k], term)) {
            dead += m->killed[k];
            m->next_dead[k]++;
            st = load_dead(m, k);
        }
        if (st)
            return st;
    }
    if (m->postings)
        segment_writer_term(w, term,
                            &(struct list_input){m->docs, m->evidence, m->pos_at,
                                                 (const uint8_t *)m->pos.ptr, m->postings});
    /* Below 0: later segments hold the kills of postings that went here. */
    dead -= m->purged;
    if (dead)
        segment_writer_dead(w, term, (int32_t)dead);
    return STATUS_OK;
}

static enum status merge_terms(struct merge *m, struct segment_writer *w)
{
    struct slice term = SLICE_NULL;
    enum status st = STATUS_OK;
    for (uint32_t k = 0; !st && k < m->count; k++) {
        st = load_term(m, k);
        st = st ? st : load_dead(m, k);
    }
    while (!st && next_term(m, &term)) {
        st = merge_term(m, w, term);
        if (!st && w->blob.failed)
            st = STATUS_NO_MEMORY;
    }
    return st;
}

/* --- records ---------------------------------------------------------------------------------- */

struct gathered { /* the documents of an input whose records lie in one block */
    uint32_t at, count;
    uint32_t docs[RECORD_BLOCK]; /* of the merged segment */
    bool living[RECORD_BLOCK];
    bool whole; /* all of them live, and more follow: nothing would be packed otherwise */
};

/* Gathers the documents of the block that document *d of input k stands in. */
static enum status gather(const struct merge *m, uint32_t k, uint32_t *d, struct gathered *b)
{
    const struct segment *s = m->in[k];
    uint32_t shift = segment_base(s) - m->base;
    *b = (struct gathered){.whole = true};
    for (; *d < segment_doc_count(s); ++*d) {
        uint32_t at, place;
        enum status st = record_place(s, *d, &at, &place);
        if (st == STATUS_NOT_FOUND) /* an earlier merge left it out; it is in no block */
            continue;
        if (st)
            return st;
        if (b->count && at != b->at)
            return STATUS_OK;
        if (b->count == RECORD_BLOCK || place != b->count)
            return STATUS_CORRUPT;
        b->at = at;
        b->living[b->count] = alive(m, *d + shift);
        b->whole &= b->living[b->count];
        b->docs[b->count++] = *d + shift;
    }
    b->whole = false; /* the last block of an input may have room left */
    return STATUS_OK;
}

static enum status pack_block(const struct segment *s, const struct gathered *g,
                              struct record_packer *p, const struct merge_records *records)
{
    struct record_block b;
    struct slice record, id = SLICE_NULL;
    char room[SEGMENT_ID_MAX];
    enum status st = record_block_at(s, g->at, &b);
    if (st || b.count != g->count)
        return STATUS_CORRUPT;
    bool same = !b.framed && segment_dictionary(s) == record_writer_dictionary(records->writer);
    bool full = g->count >= RECORD_BLOCK_FILL || b.whole.len > RECORD_BLOCK_BYTES / 2;
    if (g->whole && !p->count && same && full && b.kinds)
        return record_pack_block(p, b.whole, g->docs, g->count);
    struct wire_reader ids = wire_reader_of(b.ids);
    for (uint32_t i = 0; i < g->count && !st; i++) {
        struct stored_record stored;
        st = record_of_block(&b, i, &stored);
        st = st ? st : record_next_id(&ids, room, &id);
        if (st || !g->living[i])
            continue;
        if (same && !stored.beside) {
            st = record_pack_stored(p, g->docs[i], id, &stored);
            continue;
        }
        st = record_decode(records->reader, &stored, segment_dictionary(s), &record);
        st = st ? st : record_pack(p, g->docs[i], id, record);
    }
    return st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
}

static enum status merge_records(struct merge *m, struct segment_writer *w, uint32_t *block_of,
                                 const struct merge_records *records)
{
    struct record_packer pack;
    enum status st = STATUS_OK;
    record_packer_init(&pack, w, records->writer, block_of);
    for (uint32_t k = 0; k < m->count && !st; k++)
        for (uint32_t d = 0; d < segment_doc_count(m->in[k]) && !st;) {
            struct gathered b;
            st = gather(m, k, &d, &b);
            if (!st && b.count)
                st = pack_block(m->in[k], &b, &pack, records);
        }
    st = st ? st : record_pack_end(&pack);
    record_packer_fini(&pack);
    return st;
}

static enum status prepare(struct merge *m, uint32_t **ties)
{
    size_t n = m->doc_count;
    m->alive = calloc(n / 64 + 1, sizeof *m->alive);
    m->docs = malloc((n + 1) * 4);
    m->pos_at = malloc((n + 1) * 4);
    m->evidence = malloc(n + 1);
    *ties = calloc(n + 1, 4);
    if (!m->alive || !m->docs || !m->pos_at || !m->evidence || !*ties)
        return STATUS_NO_MEMORY;
    for (uint32_t k = 0; k < m->count; k++)
        for (uint32_t d = 0; d < segment_doc_count(m->in[k]); d++) {
            uint32_t doc = segment_base(m->in[k]) - m->base + d;
            (*ties)[doc] = segment_tie(m->in[k], d);
            if (record_exists(m->in[k], d) && m->live(m->live_ctx, m->base + doc))
                m->alive[doc >> 6] |= (uint64_t)1 << (doc & 63);
        }
    return STATUS_OK;
}

static size_t guess(const struct merge *m)
{
    size_t sum = 0;
    for (uint32_t k = 0; k < m->count; k++)
        sum += segment_blob_len(m->in[k]);
    return sum;
}

enum status segment_merge(const struct segment *const *inputs, uint32_t count,
                          bool (*live)(void *ctx, uint32_t docid), void *live_ctx,
                          const struct merge_records *records, segment_sink sink, void *ctx)
{
    if (count == 0 || count > MERGE_INPUTS)
        return STATUS_INVALID;
    const struct segment *last = inputs[count - 1];
    struct merge m = {.in = inputs,
                      .count = count,
                      .live = live,
                      .live_ctx = live_ctx,
                      .base = segment_base(inputs[0])};
    m.doc_count = segment_base(last) + segment_doc_count(last) - m.base;
    if (m.doc_count > SEGMENT_MAX_DOCS)
        return STATUS_TOO_LARGE;
    for (uint32_t k = 0; k < count; k++)
        if (segment_field_count(inputs[k]) != segment_field_count(last) ||
            (!records && segment_dictionary(inputs[k])))
            return STATUS_INVALID;
    struct merge_records plain = {0};
    struct segment_writer w;
    segment_writer_init(&w, guess(&m));
    w.head.base = m.base;
    w.head.doc_count = m.doc_count;
    uint32_t *ties = NULL, *block_of = calloc((size_t)m.doc_count + 1, 4);
    w.head.field_count = segment_field_count(last);
    enum status st = block_of ? prepare(&m, &ties) : STATUS_NO_MEMORY;
    if (!records) {
        st = st ? st : record_reader_create(&plain.reader);
        st = st ? st : record_writer_create(SLICE_NULL, 0, &plain.writer);
        records = &plain;
    }
    if (!st)
        w.head.dictionary = record_writer_dictionary(records->writer);
    w.ties = ties;
    if (!st)
        st = merge_terms(&m, &w);
    if (!st)
        st = segment_write_prefixes(&w, add_lists, &m);
    if (!st)
        st = merge_records(&m, &w, block_of, records);
    if (!st)
        st = segment_writer_finish(&w, block_of, sink, ctx);
    segment_writer_fini(&w);
    free(m.alive);
    free(m.docs);
    free(m.pos_at);
    buf_fini(&m.pos);
    buf_fini(&m.stream);
    free(m.evidence);
    free(ties);
    free(block_of);
    record_reader_destroy(&plain.reader);
    record_writer_destroy(&plain.writer);
    return st;
}
