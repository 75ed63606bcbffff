#include "index/query_share.h"

void share_of(struct share *s, const struct snapshot *snap)
{
    struct edition edition = snapshot_edition(snap);
    uint64_t generation = snapshot_generation(snap);
    if (s->snap == snap && edition_same(s->edition, edition) && s->generation == generation)
        return;
    s->snap = snap;
    s->edition = edition;
    s->generation = generation;
    s->terms = NULL;
    s->bases = NULL;
    s->plans = NULL;
}

struct share_base *share_find(const struct share *s, uint64_t key)
{
    struct share_base *b = s->bases;
    while (b && (b->key != key || !b->complete))
        b = b->next;
    return b;
}

struct share_base *share_add(struct share *s, uint64_t key)
{
    struct share_base *b = arena_calloc(s->arena, 1, sizeof *b);
    if (!b)
        return NULL;
    b->key = key;
    b->next = s->bases;
    s->bases = b;
    return b;
}

static struct share_piece *new_piece(struct share *s, struct share_base *b, uint32_t segment)
{
    struct share_piece *p = arena_calloc(s->arena, 1, sizeof *p);
    if (p) {
        p->docids = arena_alloc(s->arena, SHARE_PIECE * sizeof *p->docids);
        p->scores = arena_alloc(s->arena, SHARE_PIECE * sizeof *p->scores);
    }
    if (!p || !p->docids || !p->scores)
        return NULL;
    p->segment = segment;
    if (b->last)
        b->last->next = p;
    else
        b->first = p;
    b->last = p;
    b->piece_count++;
    return p;
}

void share_put(struct share *s, struct share_base *b, uint32_t segment, const uint32_t *docids,
               const uint32_t *scores, uint32_t count)
{
    b->product_count += count;
    while (count && b->product_count <= SHARE_MOST) {
        struct share_piece *p = b->last;
        if (!p || p->segment != segment || p->count == SHARE_PIECE)
            p = new_piece(s, b, segment);
        if (!p) {
            b->product_count = SHARE_MOST + 1;
            return;
        }
        uint32_t n = SHARE_PIECE - p->count < count ? SHARE_PIECE - p->count : count;
        memcpy(p->docids + p->count, docids, n * sizeof *docids);
        memcpy(p->scores + p->count, scores, n * sizeof *scores);
        p->count += n;
        docids += n;
        scores += n;
        count -= n;
    }
}

bool share_plan_get(const struct share *s, uint64_t key, struct plan *out)
{
    const struct share_plan *p = s->plans;
    while (p && p->key != key)
        p = p->next;
    if (p)
        *out = p->plan;
    return p != NULL;
}

void share_plan_put(struct share *s, uint64_t key, const struct plan *plan)
{
    struct share_plan *p = arena_alloc(s->arena, sizeof *p);
    if (!p)
        return;
    *p = (struct share_plan){key, *plan, s->plans};
    s->plans = p;
}

const uint64_t *share_bits(struct share *s, struct share_base *b, struct clauses *c,
                           uint32_t clause, struct pulse *pulse)
{
    struct slice text = c->items[clause].text;
    for (const struct share_clause *k = b->clauses; k; k = k->next)
        if (text.len && slice_equal(k->text, text))
            return k->bits;
    struct share_clause *k = arena_calloc(s->arena, 1, sizeof *k);
    if (!k)
        return NULL;
    k->text = arena_copy(s->arena, text);
    k->bits = arena_alloc(s->arena, ((size_t)b->piece_count * CLAUSES_WORDS + 1) * sizeof *k->bits);
    if (!k->text.ptr || !k->bits)
        return NULL;
    uint64_t *bits = k->bits;
    for (const struct share_piece *p = b->first; p; p = p->next, bits += CLAUSES_WORDS) {
        if (pulse_ask(pulse))
            return NULL;
        clauses_ask(c, clause, p->docids, p->count, bits);
    }
    k->next = b->clauses;
    b->clauses = k;
    return k->bits;
}
