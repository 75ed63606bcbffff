#include "index/dense.h"
#include "index/segment.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 128 };

struct slot {
    struct edition edition;
    uint32_t segment, list; /* number of the segment, offset of the list's first block */
    uint32_t words;         /* 0 = empty */
    uint64_t *bits;
    uint64_t used; /* the later the greater */
};

struct dense {
    struct slot slots[SLOTS];
    uint64_t clock;
    size_t bytes;
};

enum status dense_create(struct dense **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

static void empty(struct dense *d, struct slot *s)
{
    d->bytes -= s->words * sizeof *s->bits;
    free(s->bits);
    *s = (struct slot){0};
}

void dense_destroy(struct dense **d)
{
    for (uint32_t i = 0; *d && i < SLOTS; i++)
        empty(*d, &(*d)->slots[i]);
    free(*d);
    *d = NULL;
}

enum status dense_mark(const struct postings *p, uint64_t *bits)
{
    struct postings_block block;
    for (uint32_t b = 0; b < p->block_count; b++) {
        enum status st = postings_decode_docs(p, b, &block);
        if (st)
            return st;
        dense_set(bits, block.docs, block.count);
    }
    return STATUS_OK;
}

static struct slot *least_used(struct dense *d)
{
    struct slot *best = NULL;
    for (uint32_t i = 0; i < SLOTS; i++)
        if (d->slots[i].words && (!best || d->slots[i].used < best->used))
            best = &d->slots[i];
    return best;
}

static struct slot *free_slot(struct dense *d)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        if (!d->slots[i].words)
            return &d->slots[i];
    return NULL;
}

/* An empty slot and zeroed words for it; NULL when they are more than one list may take, or there
 * is no memory. What is displaced gives its own words where they are as many. */
static struct slot *make_room(struct dense *d, uint32_t words, uint64_t **bits)
{
    size_t bytes = words * sizeof **bits;
    struct slot *s;
    *bits = NULL;
    if (bytes > DENSE_BYTES / 8)
        return NULL;
    while (!(s = free_slot(d)) || d->bytes + bytes > DENSE_BYTES) {
        struct slot *old = least_used(d);
        if (!*bits && old->words == words) {
            *bits = memset(old->bits, 0, bytes);
            old->bits = NULL;
        }
        empty(d, old);
    }
    *bits = *bits ? *bits : calloc(words, sizeof **bits);
    return *bits ? s : NULL;
}

const uint64_t *dense_kept(struct dense *d, struct edition edition, const struct postings *p,
                           uint32_t words)
{
    uint32_t segment = segment_number(p->segment), list = p->off[0];
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct slot *s = &d->slots[i];
        if (s->words == words && s->list == list && s->segment == segment &&
            edition_same(s->edition, edition)) {
            s->used = ++d->clock;
            return s->bits;
        }
    }
    return NULL;
}

enum status dense_bits(struct dense *d, struct edition edition, const struct postings *const *lists,
                       uint32_t count, uint32_t words, uint64_t *decoded, const uint64_t **out)
{
    uint64_t *bits;
    const struct postings *p = lists[0];
    *out = dense_kept(d, edition, p, words);
    if (*out)
        return STATUS_OK;
    struct slot *s = make_room(d, words, &bits);
    if (!s)
        return STATUS_OK;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < count; i++) {
        st = dense_mark(lists[i], bits);
        *decoded += lists[i]->block_count;
    }
    if (st) {
        free(bits);
        return st;
    }
    *s = (struct slot){edition, segment_number(p->segment), p->off[0], words, bits, ++d->clock};
    d->bytes += words * sizeof *bits;
    *out = bits;
    return STATUS_OK;
}
