/*
 * metrics - how good a ranking is, held against human grades (0 to 3).
 */
#ifndef SOUK_CLI_METRICS_H
#define SOUK_CLI_METRICS_H

#include <stdbool.h>
#include <stdint.h>

enum { METRICS_UNJUDGED = -1 };

struct metrics {
    double ndcg10, ndcg10_judged; /* gain 2^grade-1; unjudged counts 0, or is taken out first */
    double recall100;             /* of the products of grade >= 2; only when has_recall */
    double rr;                    /* 1 / rank of the first product of grade >= 2 */
    double judged10;              /* share of the first ten that was judged */
    bool has_recall;
};

/*
 * `ranked`: grades of the hits, best first, METRICS_UNJUDGED where nobody judged; `judged`: all
 * grades of this query. false when no grade is above 0: the query does not count.
 */
bool metrics_of(const int *ranked, uint32_t ranked_count, const int *judged, uint32_t judged_count,
                struct metrics *out);
/* The value below which `share` (0..1) of the sorted values lie. */
uint64_t metrics_percentile(const uint64_t *sorted, uint32_t count, double share);

#endif
