#include "index/segment_tails.h"
#include "index/tails.h"

#include <stdlib.h>

/* What orders most terms: their last eight bytes, the very last one foremost. */
struct tail {
    uint64_t last;
    uint32_t ordinal;
};

static uint64_t last_bytes(struct slice term)
{
    uint64_t v = 0;
    for (size_t i = 1; i <= 8; i++)
        v = v << 8 | (i <= term.len ? (unsigned char)term.ptr[term.len - i] : 0);
    return v;
}

static int by_tail(const void *a, const void *b, void *writer)
{
    const struct tail *x = a, *y = b;
    if (x->last != y->last)
        return x->last < y->last ? -1 : 1;
    return tails_compare(segment_writer_text(writer, x->ordinal),
                         segment_writer_text(writer, y->ordinal));
}

void segment_writer_tails(struct segment_writer *w)
{
    uint32_t terms = w->blob.failed ? 0 : w->head.term_count, n = 0;
    struct tail *tails = malloc(((size_t)terms + 1) * sizeof *tails);
    uint32_t *order = malloc(((size_t)terms + 1) * sizeof *order);
    if (!tails || !order) {
        w->blob.failed = true;
        free(tails);
        free(order);
        return;
    }
    for (uint32_t o = 0; o < terms; o++) {
        struct slice term = segment_writer_text(w, o);
        if (term.len > TAIL_BYTES)
            tails[n++] = (struct tail){last_bytes(term), o};
    }
    qsort_r(tails, n, sizeof *tails, by_tail, w);
    for (uint32_t i = 0; i < n; i++)
        order[i] = tails[i].ordinal;
    w->head.tails = segment_writer_packed(w, order, n, ARRAY_TAILS);
    w->head.tail_count = n;
    free(tails);
    free(order);
}
