/*
 * observe - what a good reply says beside its hits: freshness, degraded parts; and whether it is
 * right.
 *
 * Always: one walk over the top level of a search reply. With `verify` the whole body is decoded
 * and held against what must be true of any answer: no more hits than asked for or found, scores
 * falling, ids without repeats, flags in range and adding up, no expired product, sequences that
 * never go back on one connection (for requests that pass the caches by), every id of a GET
 * answered in order, every item of a PUT accounted for.
 */
#ifndef SOUK_LOADTEST_OBSERVE_H
#define SOUK_LOADTEST_OBSERVE_H

#include "loadtest/link.h"
#include "loadtest/mix.h"

struct observer {
    bool verify;
    struct tally *tally;
    struct arena arena;
    uint64_t *sequences; /* last one seen by connection */
    uint32_t count;
};

void observer_init(struct observer *o, bool verify, uint32_t connections, struct tally *t);
void observer_fini(struct observer *o);
/* false: the reply breaks the protocol or, with verify, what it must keep. */
bool observe_reply(struct observer *o, const struct mix_op *op, uint32_t connection,
                   const struct pending *p, const struct frame *f, struct counts *c);

#endif
