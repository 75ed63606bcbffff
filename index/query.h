/*
 * query - one search over one snapshot: what is asked, what comes back.
 *
 * search_run() analyses the words, plans groups and alternatives, retrieves and ranks with exact
 * top-k, filters, counts facets, sorts, groups and pages, all from the snapshot it is given; memory
 * comes from the arena. It never waits and looks at `check` about every 100 microseconds (pulse.h).
 * The formats it reads are drawn in docs/index-format.md.
 */
#ifndef SOUK_INDEX_QUERY_H
#define SOUK_INDEX_QUERY_H

#include "index/snapshot.h"
#include "protocol/arena.h"

enum query_match { QUERY_ALL, QUERY_ANY, QUERY_RELAXED };

enum { QUERY_TYPOS_AUTO = -1, QUERY_COUNT_ALL = -1 };

/* Told in `degraded` as "typo_distance", "synonyms", when it made a difference. */
enum query_skip { QUERY_SKIP_TYPO_STEP = 1, QUERY_SKIP_SYNONYMS = 2 };

/* Of one search: each counts in memory of its own. */
enum { FACETS_MAX = 100 };

enum facet_kind { FACET_VALUES, FACET_RANGES, FACET_STATS };

struct facet_request {
    struct slice field; /* "brand", "attrs.type" */
    enum facet_kind kind;
    uint32_t limit;      /* values; 0 = 10 */
    struct slice ranges; /* FACET_RANGES: "0..10,10..50,50.." half-open [a,b) */
    struct slice query;  /* search inside facet values; empty = none */
    bool disjunctive;    /* count as if this field's own filter were off */
};

struct sort_request {
    struct slice field; /* "_score" sorts by relevance */
    bool descending;
};

struct query {
    struct slice catalog; /* its name: a cursor belongs to it; the search does without */
    struct slice text;    /* the words; blank = browse all, signs alone find nothing */
    enum query_match match;
    bool prefix;                /* last word may be a prefix */
    int typos;                  /* QUERY_TYPOS_AUTO, 0 = off, n = up to n edits in every word */
    const struct slice *fields; /* restrict words to these fields */
    uint32_t field_count;
    struct slice filter; /* filter language, see filter.h */
    const struct facet_request *facets;
    uint32_t facet_count;
    const struct sort_request *sorts;
    uint32_t sort_count;
    uint32_t k, offset;
    struct slice cursor; /* from an earlier reply; empty = offset paging */
    /* What was asked where a loaded server changed it (match, typos): a cursor belongs to that.
     * NULL = this. */
    const struct query *asked;
    int64_t count_to; /* exact up to here; QUERY_COUNT_ALL */
    struct slice group_field;
    uint32_t group_size;       /* hits shown per group; 0 = no grouping */
    struct slice profile;      /* ranking profile; empty = "default" */
    struct slice profile_text; /* the text of one instead (profile.h): for measurement */
    bool explain;
    int64_t (*clock_us)(void); /* for the times in `work`; NULL = not taken */
    bool want_terms;           /* fill result.terms, for highlights */
    bool no_pruning;           /* exhaustive evaluation: tests and measurement */
    uint32_t skip;             /* bits of enum query_skip: what a loaded server leaves out */
    /* Retrieval may stop after so many postings; then found_exact is false and "early_stop" is
     * told. 0 = never. */
    uint64_t postings_max;
    /* Docids not to be seen (expired): bitmap over docids, NULL = none; bits beyond bit_count are
     * 0. */
    const uint64_t *excluded;
    uint32_t excluded_bits;
    uint64_t excluded_version; /* differs whenever the bits do, in a generation; 0 = not told */
    bool want_times;           /* the times of the hits will be asked for next */
    int64_t now_ms;            /* for recency and freshness bounds */
    int64_t max_stale_ms;      /* leave out products that became stale longer ago; -1 = off */
    /* Called at block boundaries; anything but OK ends the search with that status. */
    enum status (*check)(void *ctx);
    void *check_ctx;
    int32_t check_work; /* between two calls, see pulse.h; 0 = as usual: tests */
};

struct hit {
    uint32_t docid;
    uint64_t score;
    struct slice id;          /* in the snapshot */
    struct slice group_value; /* when grouped */
    uint64_t group_count;     /* products in its group */
    struct slice explain;     /* text, when asked */
    struct slice *lacks;      /* words of the query that it does not hold, original bytes */
    uint32_t lacks_count;
};

struct facet_value {
    struct slice value;
    uint64_t count;
    double from, to;      /* ranges */
    uint32_t depth;       /* of a path */
    enum value_type type; /* BOOLEAN, INT or FLOAT of an attribute that is one; else 0 or TEXT */
};

struct facet_result {
    struct slice field;
    enum facet_kind kind;
    struct facet_value *values;
    uint32_t value_count;
    uint64_t distinct;
    double min, max, sum; /* FACET_STATS */
    uint64_t count;       /* products with a value */
};

struct query_work { /* what the search did, for --explain, metrics, benches */
    uint64_t blocks_decoded, blocks_skipped, postings_read, candidates, terms_expanded;
    uint64_t postings_bytes; /* of the blocks decoded, by the lists' average block */
    /* Words read and looked up; matches found, filtered, counted; second phase and page; values of
     * facets read. */
    uint32_t analyse_us, retrieve_us, facet_us, rank_us;
};

struct query_result {
    uint64_t found;
    bool found_exact;
    struct hit *hits;
    uint32_t hit_count;
    uint64_t group_total; /* distinct groups, when grouped */
    struct facet_result *facets;
    uint32_t facet_count;
    struct slice *degraded; /* what was left out: "expansion_cap", "early_stop" ... */
    uint32_t degraded_count;
    /* Relaxed away: what the best product that lacks any word lacks; original bytes. */
    struct slice *dropped_words;
    uint32_t dropped_count;
    struct slice *cut_words; /* beyond the 10 used */
    uint32_t cut_count;
    struct slice cursor; /* for the next page; empty at the end */
    bool index_moved;    /* the cursor came from another generation */
    /* What the words stand for, for highlighting: folded terms and flags, see highlight.h. */
    struct highlight_term *terms;
    uint32_t term_count;
    struct query_work work;
};

/* A searcher holds what survives between queries of one thread: analyser, buffers, parsed settings.
 */
struct searcher;
enum status searcher_create(struct searcher **out);
void searcher_destroy(struct searcher **s);
/* Opens ICU, which the first text beyond ASCII would wait for some milliseconds. */
void searcher_warm(struct searcher *s);
/* Its analyser, for highlighting between searches. */
struct analyser *searcher_analyser(struct searcher *s);

/*
 * Between these, searches keep in `arena` what later ones of the same words can use (a storefront
 * sends the same words with one term of the filter less each): see query_share.h. Every search in
 * between is given this arena, which is not reset before the end.
 */
void search_share_begin(struct searcher *s, struct arena *arena);
void search_share_end(struct searcher *s);

/* Results live in `arena` and the snapshot. SYNTAX with fault.column for a bad filter,
 * UNKNOWN_FIELD. */
enum status search_run(struct searcher *sr, struct snapshot *snap, const struct query *q,
                       struct arena *arena, struct query_result *out, struct fault *fault);

/* Calls back for each live product that passes the filter, in docid order, from `from_docid` on;
 * the callback returns false to stop. For SCAN and delete by filter. */
enum status search_scan(struct searcher *sr, struct snapshot *snap, struct slice filter,
                        uint32_t from_docid, struct arena *arena,
                        bool (*each)(void *ctx, uint32_t docid), void *ctx, struct fault *fault);

#endif
