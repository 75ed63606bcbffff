/*
 * bench_page - what the page of a shop asks, on the library alone: prefixes, typos, facets, groups,
 * cursors, sorted pages, suggestions, and the sub-queries of a storefront with refined facets.
 *
 *   bench_page EDITION [SECONDS [GROUP_FIELD [PROFILE [MEASURE]]]]
 *
 * EDITION is a directory with data.mdb, opened read-only; PROFILE is `default` or `bm25`.
 * Words are drawn from the catalog's own dictionary with a fixed seed; facets are the first five
 * keyword and path fields. One JSON line per measure: median and 99th percentile in microseconds of
 * one call, of processor time (the library waits for nothing), over SECONDS (default 1).
 */
#include "bench_must.h"
#include "index/expand.h"
#include "index/index.h"
#include "index/query.h"
#include "index/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORDS = 256, SAMPLES = 200000, FACETS = 5, WORD_MAX = 40 };

struct bench {
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    double seconds;
    uint64_t seed;
    char words[WORDS][WORD_MAX]; /* of 5 letters and more, found 20 times or more */
    uint32_t word_count;
    char broad[WORD_MAX]; /* in more than a fifth of the products, where one is */
    struct facet_request facets[FACETS];
    uint32_t facet_count;
    struct slice group, sort;
    struct slice profile;
    const char *only; /* the one measure to take */
};

static uint32_t samples[SAMPLES];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint32_t roll(struct bench *b, uint32_t below)
{
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    return below ? (uint32_t)(b->seed >> 33) % below : 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double median_us(uint32_t n, double at)
{
    return n ? samples[(uint32_t)((n - 1) * at)] / 1000.0 : 0;
}

/* Calls `one` for a while; prints and returns the median in microseconds. */
static double measure(struct bench *b, const char *name, double target_us,
                      uint64_t (*one)(struct bench *b))
{
    uint32_t n = 0;
    uint64_t found = 0;
    if (b->only && strcmp(b->only, name) != 0)
        return 1;
    b->seed = 7;
    for (int i = 0; i < 20; i++)
        one(b);
    int64_t end = now_ns() + (int64_t)(b->seconds * 1e9);
    while (n < SAMPLES && (n < 50 || now_ns() < end)) {
        int64_t from = now_ns();
        found += one(b);
        samples[n++] = (uint32_t)(now_ns() - from);
        arena_reset(&b->arena);
    }
    qsort(samples, n, sizeof *samples, by_number);
    printf("{\"measure\":\"%s\",\"median_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
           "\"target_us\":%.0f,\"calls\":%u,\"found\":%.1f}\n",
           name, median_us(n, .5), median_us(n, .99), median_us(n, 1), target_us, n,
           (double)found / n);
    fflush(stdout);
    return median_us(n, .5);
}

/* --- words ------------------------------------------------------------------------------------ */

static bool letters_only(struct slice t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.ptr[i] < 'a' || t.ptr[i] > 'z')
            return false;
    return t.len >= 5 && t.len < WORD_MAX;
}

static void pick_words(struct bench *b)
{
    const struct segment *s = snapshot_segment(b->snap, 0);
    uint32_t n = segment_term_count(s), docs = snapshot_live_count(b->snap), best = UINT32_MAX,
             most = 0;
    for (uint32_t tries = 0; tries < 200000 && b->word_count < WORDS; tries++) {
        struct slice t;
        must(segment_term(s, roll(b, n), &t), "a word", NULL);
        if (letters_only(t) && expand_live_df(b->snap, t) >= 20)
            snprintf(b->words[b->word_count++], WORD_MAX, "%.*s", (int)t.len, t.ptr);
    }
    for (uint32_t o = 0; o < n; o++) {
        struct slice t;
        must(segment_term(s, o, &t), "a word", NULL);
        uint64_t df = letters_only(t) ? expand_live_df(b->snap, t) : 0;
        /* the rarest above a fifth; where there is none, the most frequent */
        if (df > docs / 5 ? df < best : best == UINT32_MAX && df > most) {
            best = df > docs / 5 ? (uint32_t)df : best;
            most = (uint32_t)df;
            snprintf(b->broad, WORD_MAX, "%.*s", (int)t.len, t.ptr);
        }
    }
    if (!b->word_count || !b->broad[0]) {
        fprintf(stderr, "the catalog has too few words\n");
        exit(1);
    }
}

static void pick_facets(struct bench *b)
{
    const struct schema *schema = snapshot_schema(b->snap);
    for (uint32_t i = 0; i < schema->field_count && b->facet_count < FACETS; i++) {
        const struct field *f = &schema->fields[i];
        if (f->sort && f->type == FIELD_KEYWORD && !b->sort.len)
            b->sort = slice_str(f->name);
        if (f->facet && (f->type == FIELD_KEYWORD || f->type == FIELD_PATH) &&
            facet_value_count(b->snap, f->id) < 20000)
            b->facets[b->facet_count++] = (struct facet_request){.field = slice_str(f->name)};
    }
}

/* --- measures --------------------------------------------------------------------------------- */

static struct query plain(const char *text)
{
    return (struct query){.text = slice_str(text),
                          .match = QUERY_RELAXED,
                          .prefix = true,
                          .typos = QUERY_TYPOS_AUTO,
                          .k = 10,
                          .count_to = 10000,
                          .max_stale_ms = -1};
}

static uint64_t run(struct bench *b, const struct query *q, struct query_result *r)
{
    struct fault fault = {0};
    struct query asked = *q;
    asked.profile = b->profile;
    must(search_run(b->searcher, b->snap, &asked, &b->arena, r, &fault), "search", &fault);
    return r->found;
}

static const char *some_word(struct bench *b)
{
    return b->words[roll(b, b->word_count)];
}

static uint64_t word(struct bench *b)
{
    struct query q = plain(some_word(b));
    struct query_result r;
    return run(b, &q, &r);
}

static uint64_t beginning(struct bench *b, int letters)
{
    char text[8];
    struct query_result r;
    snprintf(text, sizeof text, "%.*s", letters, some_word(b));
    struct query q = plain(text);
    return run(b, &q, &r);
}

static uint64_t prefix_1(struct bench *b)
{
    return beginning(b, 1);
}

static uint64_t prefix_2(struct bench *b)
{
    return beginning(b, 2);
}

static uint64_t prefix_3(struct bench *b)
{
    return beginning(b, 3);
}

static uint64_t prefix_4(struct bench *b)
{
    return beginning(b, 4);
}

/* Two words of the catalog, which may have nothing to do with each other. */
static uint64_t two_words(struct bench *b)
{
    char text[2 * WORD_MAX + 2];
    struct query_result r;
    const char *first = some_word(b);
    snprintf(text, sizeof text, "%s %s", first, some_word(b));
    struct query q = plain(text);
    return run(b, &q, &r);
}

/* One letter of a word is another; the word alone, as most queries of one typo are short. */
static uint64_t typo(struct bench *b)
{
    char text[WORD_MAX];
    struct query_result r;
    strcpy(text, some_word(b));
    uint32_t at = 1 + roll(b, (uint32_t)strlen(text) - 1);
    text[at] = text[at] == 'z' ? 'q' : 'z';
    struct query q = plain(text);
    return run(b, &q, &r);
}

static uint64_t broad(struct bench *b)
{
    struct query q = plain(b->broad);
    struct query_result r;
    q.prefix = false;
    return run(b, &q, &r);
}

static uint64_t facets(struct bench *b)
{
    struct query q = plain(b->broad);
    struct query_result r;
    q.prefix = false;
    q.facets = b->facets;
    q.facet_count = b->facet_count;
    return run(b, &q, &r);
}

static uint64_t grouped(struct bench *b)
{
    struct query q = plain(b->broad);
    struct query_result r;
    q.prefix = false;
    q.group_field = b->group;
    q.group_size = 3;
    return run(b, &q, &r);
}

static uint64_t next_page(struct bench *b)
{
    struct query q = plain(b->broad);
    struct query_result r;
    static char cursor[4096];
    static size_t len;
    q.prefix = false;
    q.cursor = slice_make(cursor, len);
    uint64_t found = run(b, &q, &r);
    len = r.cursor.len < sizeof cursor ? r.cursor.len : 0;
    memcpy(cursor, r.cursor.ptr, len);
    return found;
}

static uint64_t sorted(struct bench *b)
{
    struct query q = plain(b->broad);
    struct query_result r;
    struct sort_request sort = {b->sort, false};
    q.prefix = false;
    q.sorts = &sort;
    q.sort_count = 1;
    return run(b, &q, &r);
}

/* --- a storefront with four refined facets ---------------------------------------------------- */

static char clauses[4][128];

/* The most frequent value of each of four facets. */
static uint32_t pick_clauses(struct bench *b)
{
    struct query q = plain(b->broad);
    struct query_result r;
    uint32_t n = 0;
    q.prefix = false;
    q.facets = b->facets;
    q.facet_count = b->facet_count;
    run(b, &q, &r);
    for (uint32_t i = 0; i < r.facet_count && n < 4; i++)
        if (r.facets[i].value_count)
            snprintf(clauses[n++], sizeof *clauses, "`%.*s` in [\"%.*s\", \"%.*s\"]",
                     (int)r.facets[i].field.len, r.facets[i].field.ptr,
                     (int)r.facets[i].values[0].value.len, r.facets[i].values[0].value.ptr,
                     (int)r.facets[i].values[r.facets[i].value_count > 1].value.len,
                     r.facets[i].values[r.facets[i].value_count > 1].value.ptr);
    arena_reset(&b->arena);
    return n;
}

static struct slice all_but(struct bench *b, uint32_t without)
{
    struct slice text = SLICE_LIT("");
    for (uint32_t i = 0; i < 4; i++)
        if (i != without && clauses[i][0])
            text = arena_printf(&b->arena, "%.*s%s%s", (int)text.len, text.ptr,
                                text.len ? " and " : "", clauses[i]);
    return text;
}

static struct query refined(struct bench *b, uint32_t without)
{
    struct query q = plain(b->broad);
    q.prefix = false;
    q.filter = all_but(b, without);
    q.facets = without < 4 ? &b->facets[without] : b->facets;
    q.facet_count = without < 4 ? 1 : b->facet_count;
    q.k = without < 4 ? 0 : 10;
    return q;
}

static uint64_t main_query(struct bench *b)
{
    struct query q = refined(b, 4);
    struct query_result r;
    return run(b, &q, &r);
}

/* Four refined facets and a parent of a hierarchical one: 6 searches, answered one by one... */
static uint64_t storefront(struct bench *b)
{
    uint64_t found = main_query(b);
    for (uint32_t i = 0; i < 5; i++) {
        struct query q = refined(b, i % 4);
        struct query_result r;
        found += run(b, &q, &r);
    }
    return found;
}

/* ... and together. */
static uint64_t storefront_shared(struct bench *b)
{
    struct query queries[6];
    struct query_result r[6];
    struct fault fault = {0};
    uint64_t found = 0;
    search_share_begin(b->searcher, &b->arena);
    for (uint32_t i = 0; i < 6; i++) {
        queries[i] = refined(b, i ? (i - 1) % 4 : 4);
        queries[i].profile = b->profile;
        must(search_run(b->searcher, b->snap, &queries[i], &b->arena, &r[i], &fault), "search",
             &fault);
        found += r[i].found;
    }
    search_share_end(b->searcher);
    return found;
}

/* --- suggestions ------------------------------------------------------------------------------ */

static struct suggest *list;
static struct folder *folder;

static void make_list(struct bench *b)
{
    must(folder_create(&folder), "folder", NULL);
    must(suggest_create(&list), "suggest", NULL);
    for (uint32_t i = 0; i < 100000; i++) {
        char text[3 * WORD_MAX];
        snprintf(text, sizeof text, roll(b, 2) ? "%s %s" : "%s %s %u", some_word(b), some_word(b),
                 roll(b, 500));
        must(suggest_add(list, folder, slice_str(text), 1 + roll(b, 10000)), "suggest", NULL);
    }
    must(suggest_build(list), "suggest", NULL);
}

static uint64_t complete(struct bench *b, bool mistyped)
{
    struct suggestion out[SUGGEST_MAX];
    char text[WORD_MAX];
    uint32_t count, len = 2 + roll(b, 6);
    snprintf(text, sizeof text, "%.*s", (int)(mistyped ? 5 + len % 3 : len), some_word(b));
    if (mistyped && strlen(text) > 3)
        text[3] = 'z';
    must(suggest_find(list, folder, slice_str(text), 5, NULL, NULL, out, &count), "suggest", NULL);
    return count;
}

static uint64_t suggestion(struct bench *b)
{
    return complete(b, false);
}

static uint64_t suggestion_typo(struct bench *b)
{
    return complete(b, true);
}

int main(int argc, char **argv)
{
    static struct bench b = {.seed = 7};
    struct fault fault = {0};
    bool stale;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_page EDITION [SECONDS [GROUP_FIELD [PROFILE [MEASURE]]]]\n");
        return 2;
    }
    b.seconds = argc > 2 ? strtod(argv[2], NULL) : 1;
    must(index_open(argv[1], &(struct index_options){.read_only = true}, &b.ix, &stale, &fault),
         "open", &fault);
    must(snapshot_create(b.ix, &b.snap), "snapshot", NULL);
    must(snapshot_begin(b.snap), "snapshot", NULL);
    must(searcher_create(&b.searcher), "searcher", NULL);
    arena_init(&b.arena, 0);
    pick_words(&b);
    pick_facets(&b);
    b.group = argc > 3 ? slice_str(argv[3]) : b.facets[0].field;
    b.profile = argc > 4 ? slice_str(argv[4]) : SLICE_NULL;
    b.only = argc > 5 ? argv[5] : NULL;
    printf("{\"products\":%u,\"segments\":%u,\"broad\":\"%s\",\"facets\":%u}\n",
           snapshot_live_count(b.snap), snapshot_segment_count(b.snap), b.broad, b.facet_count);
    measure(&b, "word", 0, word);
    measure(&b, "two_words", 0, two_words);
    measure(&b, "prefix_1", 0, prefix_1);
    measure(&b, "prefix_2", 0, prefix_2);
    measure(&b, "prefix_3", 150, prefix_3);
    measure(&b, "prefix_4", 0, prefix_4);
    measure(&b, "typo_1", 300, typo);
    measure(&b, "broad", 0, broad);
    measure(&b, "facets_5_broad", 1000, facets);
    measure(&b, "grouped_broad", 1000, grouped);
    measure(&b, "cursor_page_broad", 0, next_page);
    if (b.sort.len)
        measure(&b, "sorted_by_keyword_broad", 0, sorted);
    pick_clauses(&b);
    double main_us = measure(&b, "storefront_main", 0, main_query);
    double one_us = measure(&b, "storefront_6_one_by_one", 0, storefront);
    double shared_us = measure(&b, "storefront_6_shared", 2 * main_us, storefront_shared);
    printf("{\"measure\":\"storefront_ratio\",\"one_by_one\":%.2f,\"shared\":%.2f,\"target\":2}\n",
           one_us / main_us, shared_us / main_us);
    if (!b.only || strncmp(b.only, "suggestion", 10) == 0)
        make_list(&b);
    measure(&b, "suggestion_100k", 60, suggestion);
    measure(&b, "suggestion_typo_100k", 60, suggestion_typo);
    suggest_destroy(&list);
    folder_destroy(&folder);
    searcher_destroy(&b.searcher);
    snapshot_destroy(&b.snap);
    arena_fini(&b.arena);
    index_close(&b.ix);
    return 0;
}
