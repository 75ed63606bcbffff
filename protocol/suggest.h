/*
 * suggest - the bodies of SUGGEST (completions of what was typed) and QUERIES (what was searched).
 *
 * As in request.h and reply.h: structs for both sides; decoding borrows, arrays from the arena.
 */
#ifndef SOUK_PROTOCOL_SUGGEST_H
#define SOUK_PROTOCOL_SUGGEST_H

#include "protocol/arena.h"
#include "protocol/frame.h"

enum { SUGGEST_LIMIT_DEFAULT = 5, SUGGEST_LIMIT_MAX = 20, QUERIES_LIMIT_DEFAULT = 20 };

struct suggest_request {
    struct slice catalog, text;
    uint32_t limit;    /* queries; 0 = 5, at most 20 */
    uint32_t products; /* products too; at most 20 */
};
void suggest_request_encode(const struct suggest_request *q, struct buf *out);
enum status suggest_request_decode(struct slice body, struct suggest_request *q,
                                   struct fault *fault);

struct suggest_query_reply {
    struct slice text;
    double weight;
    uint32_t distance; /* edits between what was typed and its beginning */
    bool inner;        /* what was typed begins a later word */
    struct slice *categories;
    uint32_t category_count;
};
struct suggest_product_reply {
    struct slice id, title;
};
struct suggest_reply {
    uint64_t took_us, generation;
    const struct suggest_query_reply *queries;
    uint32_t query_count;
    const struct suggest_product_reply *products;
    uint32_t product_count;
    const struct slice *degraded;
    uint32_t degraded_count;
};
void suggest_query_encode(struct buf *b, const struct suggest_query_reply *q);
void suggest_product_encode(struct buf *b, const struct suggest_product_reply *p);
enum status suggest_reply_decode(struct slice body, struct arena *a, struct suggest_reply *out);

enum queries_kind { QUERIES_POPULAR, QUERIES_SLOW, QUERIES_NO_HITS, QUERIES_KINDS };
struct queries_request {
    struct slice catalog;
    enum queries_kind kind;
    uint32_t limit; /* 0 = 20 */
};
void queries_request_encode(const struct queries_request *q, struct buf *out);
enum status queries_request_decode(struct slice body, struct queries_request *q,
                                   struct fault *fault);

struct queries_row {
    struct slice text;
    double count;    /* how often, halved with every day that passes */
    uint64_t age_ms; /* since it came last */
    uint64_t found;  /* by the last one */
    uint64_t slowest_us;
};
void queries_row_encode(struct buf *b, const struct queries_row *row);
enum status queries_reply_decode(struct slice body, struct arena *a, struct queries_row **rows,
                                 uint32_t *count);

#endif
