/*
 * ask - one operation made from words: the same words serve the command line and the mix file.
 *
 * ask_init() gives the defaults, the caller sets what was said, ask_finish() encodes the fixed
 * part into the operation. Everything lives in the arena.
 */
#ifndef SOUK_LOADTEST_ASK_H
#define SOUK_LOADTEST_ASK_H

#include "loadtest/mix.h"
#include "protocol/request.h"

enum { ASK_LIST_MAX = 32 };

struct ask {
    enum mix_kind kind;
    struct slice catalog;
    struct search_request search;
    struct search_facet facets[ASK_LIST_MAX];
    struct search_sort sorts[ASK_LIST_MAX];
    struct slice returns[ASK_LIST_MAX], fields[ASK_LIST_MAX], filters[ASK_LIST_MAX];
    uint32_t return_count, filter_count;
    enum put_ack ack;
};

void ask_init(struct ask *a, enum mix_kind kind, struct slice catalog);
/* "FIELD", "FIELD:N", "FIELD:stats", "FIELD:ranges=0..10,10..20". */
enum status ask_facet(struct ask *a, struct slice text, struct fault *fault);
/* "FIELD", "FIELD:asc", "FIELD:desc". */
enum status ask_sort(struct ask *a, struct slice text, struct fault *fault);
enum status ask_filter(struct ask *a, struct slice text, struct fault *fault);
/* "A,B,C" */
enum status ask_return(struct ask *a, struct slice text, struct fault *fault);
/* Encodes into op->head; sets op's kind, k, sorted, no_cache, filters. `op->field` is set for puts.
 */
enum status ask_finish(const struct ask *a, struct arena *arena, struct mix_op *op);

#endif
