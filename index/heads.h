/*
 * heads - the best documents of a word in a segment, remembered between the queries of one thread.
 *
 * Where one word of two is enough, what stands behind the products with both are the best products
 * of each word alone: the same whatever the other word is. Of a word that is asked for again they
 * are found once, HEAD_DOCS of them, and kept under the segment, the word's lists and what these
 * weigh. Segments never change, so neither does a head. There is room for HEADS_ROOM; of those that
 * share a place the one put first goes first.
 */
#ifndef SOUK_INDEX_HEADS_H
#define SOUK_INDEX_HEADS_H

#include "index/sizes.h"
#include "protocol/status.h"

enum { HEAD_DOCS = 120, HEADS_ROOM = 2048, HEADS_BESIDE = 4 };

struct head {
    uint32_t count, bound;                       /* documents, and most that one scores */
    uint32_t docs[HEAD_DOCS], scores[HEAD_DOCS]; /* ascending documents */
};

enum head_state {
    HEAD_NEW,   /* nobody asked for it, or it was forgotten */
    HEAD_AGAIN, /* asked for, not found yet */
    HEAD_FOUND
};

struct heads;
enum status heads_create(struct heads **out);
void heads_destroy(struct heads **h);
/* Where the head of that name is or will be: not in the place of `beside`, which is in use (NULL =
 * none is). `name.lists` tells the weights as well. Until it is found nothing of it is touched. */
struct head *heads_get(struct heads *h, const struct size_name *name, const struct head *beside,
                       enum head_state *state);
void heads_found(struct heads *h, const struct head *x);

#endif
