/*
 * query_private - one search while it runs: shared by query.c (its flow) and collect.c (its
 * matches).
 *
 * Lives in the arena of the query; the pointers end with it and the snapshot.
 */
#ifndef SOUK_INDEX_QUERY_PRIVATE_H
#define SOUK_INDEX_QUERY_PRIVATE_H

#include "index/best.h"
#include "index/excluded.h"
#include "index/facet.h"
#include "index/filter.h"
#include "index/forms.h"
#include "index/word_settings.h"
#include "index/match.h"
#include "index/rules.h"
#include "index/loose.h"
#include "index/query_cursor.h"
#include "index/query_group.h"
#include "index/query_share.h"
#include "index/sort_key.h"
#include "index/topk.h"

enum { LUT_NUMBERS = 6 };

struct searcher {
    struct analyser *analyser;
    struct matcher *matcher;
    struct loose *loose;
    struct forms *forms;
    struct recall *recall;
    struct word_cache *words;
    struct sort_texts *texts;
    struct folder *folder;
    struct buf scratch;
    struct share share;
    struct excluded_memo excluded;
    double lut_from[LUT_NUMBERS]; /* what `lut` was made from */
    uint32_t lut[256];            /* score of an evidence byte, 1..1023 */
    uint64_t lut_name;            /* a hash of it */
};

enum { GATHERED = CLAUSES_BATCH };

/* Matches of the segment at hand that are not filtered, counted and ranked yet. */
struct gathered {
    uint32_t *docs, *scores, count; /* docs NULL = each batch is taken as it comes */
    uint32_t *room;
};

/* Everything one attempt needs; `ctx` of the match consumer. */
struct search {
    struct searcher *searcher;
    struct snapshot *snap;
    const struct query *query;
    struct arena *arena;
    struct fault *fault;
    struct profile profile;
    struct plan plan;
    struct filter *filter;
    struct facet_counter **facets;
    struct clauses *clauses; /* the filter by its terms; NULL = none needs them apart */
    uint32_t all_clauses;    /* a bit for each */
    uint32_t *facet_clauses; /* by facet: those it counts under; disjunctive ones leave out some */
    struct share_base *recording; /* where this attempt is kept for later sub-queries */
    uint32_t segment_place;
    struct sort_keys sort;
    struct topk top;
    struct best best;      /* stands for `top` while matches of a plain search are ranked */
    uint32_t lacks;        /* words that no document of the batch at hand holds, a bit each */
    bool by_score;         /* it does */
    uint32_t top_room;     /* of top.items; a search that shows nothing ranks nothing */
    struct groups *groups; /* NULL = no grouping; else `top` gets the groups at the end */
    struct group_window group_window; /* the ordered products, then */
    struct query_cursor *cursor;      /* NULL = from the first */
    bool weighed;                     /* by the cursor: attempts are shared with no other search */
    int64_t now_ms;                   /* of the query; behind a cursor, that of the first page */
    uint8_t stages;                   /* enum query_stage, those that were run */
    bool all_words;                   /* how the last attempt was made */
    bool completing;                  /* it goes on with the top of the one before */
    uint32_t *both, both_count;       /* whose products these are, then; NULL = nobody asked */
    uint64_t behind;                  /* candidates behind the cursor, when there is one */
    const struct segment *segment;
    uint32_t base;
    bool check_live;
    struct gathered gathered;
    uint64_t found;
    uint64_t unfiltered; /* of them and others: what the words find, filter or no filter */
    uint64_t count_to;
    uint32_t at_least; /* what the worst of the top will score, 0 = not known */
    bool count_known;  /* the segment at hand is counted without looking */
    bool inexact;
    bool apart;          /* a product may come more than once: its best score stays */
    bool again;          /* those at hand come once more: they are only ranked */
    bool early_stop;     /* postings_max was passed */
    enum status stopped; /* what `check` said */
    bool limited;        /* words must stand in certain fields */
    struct rules rules;
    const struct word_settings *words; /* synonyms and stop words; NULL = none */
    bool plain;                        /* profile bm25: words as they stand */
    bool tiers;                        /* exact words carry theirs */
    struct ranking *ranking;           /* of the second phase, NULL = none */
    uint32_t window;                   /* candidates the second phase ordered anew, 0 = none */
    struct candidate window_last;      /* the last of them in the order of the first phase */
    struct loose_rule *loose_rule;     /* which words are enough; NULL = all, or any */
    uint32_t dropped;                  /* bitmap of the plan's groups that products may lack */
    struct query_result *out;
    int64_t stage_us; /* when the stage at hand began, with a clock */
};

#endif
