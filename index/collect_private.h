/* collect_private - what the files collect*.c share: what is known of the count, the ranking. */
#ifndef SOUK_INDEX_COLLECT_PRIVATE_H
#define SOUK_INDEX_COLLECT_PRIVATE_H

#include "index/collect.h"

/* Nothing is ever left out of the count. */
bool collect_counts_exactly(const struct search *s);
/* What cannot enter the top may be skipped. */
bool collect_counted_enough(const struct search *s);
/* A single word needs no counting where nothing else decides: its live frequency is the count,
 * less what is excluded. */
bool collect_counted_by_df(const struct search *s);
enum status collect_count_by_df(struct search *s);
/* Can what is found be counted by bitmaps: does nothing decide but the words? */
bool collect_may_count_bits(const struct search *s);
/* So many of the segment at hand match at least: where that is more than anybody asks for, none is
 * counted any more. */
void collect_count_beyond(struct search *s, uint32_t count);
/* Counts documents of the segment at hand, where that can be; false: no more are wanted. */
bool collect_count_bits(struct search *s, const struct match_bits *part);
/* Notes the products with both words, before others come into the top; then both() and number() of
 * the match consumer. */
enum status collect_keep_both(struct search *s);
bool collect_both(void *ctx, uint64_t *bits, uint32_t *count);
void collect_number(void *ctx, uint32_t count);

/* Documents of the segment at hand become docids; keeps those that are alive and not left out by
 * what the query asks beside words and filter. */
enum status collect_sieve(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t *count);

/* Products of a batch that rules hide. */
struct hidden_batch {
    uint32_t docs[RULE_OUT_MAX + KERNEL_SLACK], scores[RULE_OUT_MAX + KERNEL_SLACK], count;
};
/* Keeps those that are shown; the others are added to `apart`, where it is not NULL. */
uint32_t collect_keep_shown(const struct search *s, uint32_t *docs, uint32_t *scores,
                            uint32_t count, struct hidden_batch *apart);

/* Before the first segment, for each batch of what passed every sieve (docids, their scores; hidden
 * ones apart), and behind the last one. `top` tells all the time what may still enter. */
bool collect_ranks(const struct search *s); /* false: what passes is only counted */
enum status collect_begin_ranking(struct search *s);
enum status collect_rank_all(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count,
                             struct hidden_batch *apart);
enum status collect_end_ranking(struct search *s);

#endif
