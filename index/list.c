#include "index/list.h"

static uint32_t score_of(uint32_t bound, const struct postings_weight *w)
{
    uint32_t best = 0;
    for (int c = 0; c < 32; c += 8) {
        uint32_t v = w->lut[bound >> c & 0xff];
        best = v > best ? v : best;
    }
    return w->tier + best * w->idf;
}

enum { KNOWN_BITS = 3 };
_Static_assert(LIST_KNOWN == 1 << KNOWN_BITS, "a hash of so many bits");

void list_init(struct list *l, struct postings_weight weight, struct query_work *work)
{
    l->weight = weight;
    l->bound = score_of(l->p.max_bound, &weight);
    l->cur = l->at = l->decoded = 0;
    l->block_at = UINT32_MAX;
    l->scored = false;
    for (int i = 0; i < LIST_KNOWN; i++)
        l->known[i].bound = 0;
    l->meter = &work->postings_read;
}

void list_account(const struct list *l, struct query_work *work)
{
    work->blocks_decoded += l->decoded;
    if (l->p.block_count > 1)
        work->postings_bytes += (uint64_t)(l->p.off[l->p.block_count - 1] - l->p.off[0]) /
                                (l->p.block_count - 1) * l->decoded;
    work->blocks_skipped += l->p.block_count > l->decoded ? l->p.block_count - l->decoded : 0;
}

uint32_t list_block_bound(struct list *l, uint32_t b)
{
    /* the bounds of a list are few different ones; 0 is none */
    uint32_t bound = l->p.bound[b], at = bound * UINT32_C(0x9e3779b1) >> (32 - KNOWN_BITS), v;
    if (l->known[at].bound != bound || !bound) {
        l->known[at].bound = bound;
        l->known[at].score = score_of(bound, &l->weight);
    }
    v = l->known[at].score;
    return v < l->bound ? v : l->bound; /* of a short list the exact bound is known */
}

uint32_t list_bound_in(struct list *l, uint32_t from, uint32_t to)
{
    uint32_t best = 0, n = l->p.block_count;
    l->cur = postings_seek_block(&l->p, l->cur, from);
    for (uint32_t b = l->cur; b < n && (b == 0 || l->p.last[b - 1] + 1 < to); b++) {
        uint32_t v = list_block_bound(l, b);
        best = v > best ? v : best;
        if (best == l->bound)
            break;
    }
    return best;
}

/* Lane by lane: all classes of both, the higher impact. */
static uint32_t join_bounds(uint32_t a, uint32_t b)
{
    const uint32_t classes = UINT32_C(0xf0f0f0f0), impacts = UINT32_C(0x0f0f0f0f),
                   tops = UINT32_C(0x80808080);
    uint32_t x = a & impacts, y = b & impacts, of_x = (((x | tops) - y) & tops) >> 7;
    uint32_t chosen = (of_x << 4) - of_x; /* the lower half of lanes where x is no less than y */
    return ((a | b) & classes) | (x & chosen) | (y & ~chosen & impacts);
}

void list_reach(struct list *l, uint32_t from, uint32_t to, struct list_reach *r)
{
    uint32_t n = l->p.block_count;
    l->cur = postings_seek_block(&l->p, l->cur, from);
    for (uint32_t b = l->cur; b < n && (b == 0 || l->p.last[b - 1] + 1 < to); b++) {
        uint32_t tie = (uint32_t)l->p.tie[b] << 16;
        r->lists += b == l->cur;
        r->bound = join_bounds(r->bound, l->p.bound[b]);
        r->tie = tie < r->tie ? tie : r->tie;
    }
}

enum status list_load(struct list *l, uint32_t b)
{
    if (l->block_at == b)
        return STATUS_OK;
    l->block_at = b;
    l->at = 0;
    l->scored = false;
    l->decoded++;
    *l->meter += POSTINGS_BLOCK;
    enum status s = postings_decode_docs(&l->p, b, &l->block);
    if (s)
        l->block_at = UINT32_MAX;
    else if (l->p.block_count == 1)
        l->p.inl.last = l->block.docs[l->block.count - 1]; /* unknown before */
    return s;
}

void list_score(struct list *l)
{
    if (!l->scored)
        postings_read_scores(&l->block, &l->weight, l->scores);
    l->scored = true;
}

enum status list_measure(struct list *l)
{
    enum status s = list_load(l, 0);
    uint32_t best = 0;
    if (!s)
        list_score(l);
    for (uint32_t i = 0; !s && i < l->block.count; i++)
        best = l->scores[i] > best ? l->scores[i] : best;
    l->bound = best;
    return s;
}

uint32_t list_next(struct list *l, uint32_t from)
{
    l->cur = postings_seek_block(&l->p, l->cur, from);
    if (l->cur >= l->p.block_count)
        return DOC_NONE;
    if (l->block_at != l->cur) {
        uint32_t first = l->cur ? l->p.last[l->cur - 1] + 1 : 0;
        return first > from ? first : from;
    }
    while (l->block.docs[l->at] < from) /* DOC_NONE stands behind the last */
        l->at++;
    return l->block.docs[l->at];
}

uint32_t list_keep(struct list *l, uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t least)
{
    uint32_t kept = 0, b = l->cur, n = l->p.block_count, upto = 0, bound = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || docs[i] > upto) { /* another block */
            b = postings_seek_block(&l->p, b, docs[i]);
            bound = b < n ? list_block_bound(l, b) : 0;
            upto = b < n ? l->p.last[b] : UINT32_MAX;
        }
        docs[kept] = docs[i];
        scores[kept] = scores[i];
        kept += scores[i] + bound >= least;
    }
    return kept;
}

/* A block that some of the asked documents fall into. */
struct step {
    uint32_t block, from, count;
};

enum {
    AHEAD = 16,
    FEW = 8 /* documents of a block that are scored one by one */
};

/*
 * Finds the next blocks to look at and has their bytes fetched, so that the memory is on its way
 * for all of them before the first is decoded: sparse documents each fall into another block of a
 * long list. Returns how many; *at moves behind their documents.
 */
static uint32_t look_ahead(struct list *l, const uint32_t *docs, uint32_t count, uint32_t *at,
                           struct step steps[AHEAD])
{
    uint32_t n = 0, i = *at;
    while (n < AHEAD && i < count) {
        l->cur = postings_seek_block(&l->p, l->cur, docs[i]);
        if (l->cur >= l->p.block_count) {
            i = count;
            break;
        }
        uint32_t last = l->p.last[l->cur],
                 most = count - i < POSTINGS_BLOCK ? count - i : POSTINGS_BLOCK,
                 run = kernels_best()->upto(docs + i, most, last);
        if (l->block_at != l->cur)
            postings_prefetch(&l->p, l->cur);
        steps[n++] = (struct step){l->cur, i, run};
        i += run;
    }
    *at = i;
    return n;
}

static inline uint32_t score_at(const struct list *l, uint32_t i)
{
    const struct postings_weight *w = &l->weight;
    return l->scored ? l->scores[i] : w->tier + w->idf * w->lut[postings_evidence_of(&l->block, i)];
}

static enum status probe_step(struct list *l, const struct step *step, const uint32_t *docs,
                              uint16_t *index, uint32_t *score, uint32_t *hits)
{
    uint16_t place[POSTINGS_BLOCK + KERNEL_SLACK];
    uint32_t run = step->count;
    *hits = 0;
    enum status s = list_load(l, step->block);
    if (s)
        return s;
    /* the last of a list of one block is known only now that it is read */
    while (run && docs[step->from + run - 1] > l->block.docs[l->block.count - 1])
        run--;
    uint32_t n = kernels_best()->common(docs + step->from, run, l->block.docs, index, place);
    if (score && n > FEW)
        list_score(l);
    for (uint32_t k = 0; k < n; k++) {
        index[k] = (uint16_t)(index[k] + step->from);
        if (score)
            score[k] = score_at(l, place[k]);
    }
    *hits = n;
    return STATUS_OK;
}

enum status list_probe(struct list *l, const uint32_t *docs, uint32_t count, uint16_t *index,
                       uint32_t *score, uint32_t *found)
{
    struct step steps[AHEAD];
    uint32_t n = 0, hits;
    *found = 0;
    for (uint32_t i = 0; i < count;) {
        uint32_t ahead = look_ahead(l, docs, count, &i, steps);
        for (uint32_t k = 0; k < ahead; k++) {
            enum status s =
                probe_step(l, &steps[k], docs, index + n, score ? score + n : NULL, &hits);
            if (s)
                return s;
            n += hits;
        }
    }
    *found = n;
    return STATUS_OK;
}
