/*
 * bench_growth - what a search costs against how many products match it, and how many words it has.
 *
 *   bench_growth EDITION [SECONDS [PROFILE]]
 *
 * EDITION is a directory with data.mdb, opened read-only. Words of the dictionary in 10, 100,
 * 1,000, 10,000 and 100,000 products (each within a quarter; eight of each where there are as many)
 * are asked as a page would: the best ten, all counted, with facets, in groups, sorted, filtered.
 * Then three to five words, drawn from the dictionary, or from the title of one product. One JSON
 * line a measure: the median in microseconds of processor time, and nanoseconds a match.
 */
#include "bench_must.h"
#include "index/expand.h"
#include "index/index.h"
#include "index/query.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZES = 5, OF_SIZE = 8, WORDS = 256, TEXTS = 256, SAMPLES = 200000, WORD_MAX = 40 };

struct word {
    char text[WORD_MAX];
    uint64_t df;
};

struct bench {
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    double seconds;
    uint64_t seed;
    struct slice profile, facet, sort;
    struct word sized[SIZES][OF_SIZE];
    uint32_t sized_count[SIZES];
    char words[WORDS][WORD_MAX];
    uint32_t word_count;
    char texts[TEXTS][5 * WORD_MAX];
    uint32_t text_count;
    struct slice filter;
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

/* --- words ------------------------------------------------------------------------------------ */

static bool letters_only(struct slice t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.ptr[i] < 'a' || t.ptr[i] > 'z')
            return false;
    return t.len >= 3 && t.len < WORD_MAX;
}

static void pick_words(struct bench *b)
{
    const struct segment *s = snapshot_segment(b->snap, 0);
    uint32_t n = segment_term_count(s), from = roll(b, n);
    struct slice t;
    for (uint32_t o = 0; o < n; o++) {
        must(segment_term(s, (from + o) % n, &t), "a word", NULL);
        uint64_t df = letters_only(t) ? expand_live_df(b->snap, t) : 0, size = 10;
        for (uint32_t i = 0; i < SIZES; i++, size *= 10)
            if (df * 4 >= size * 3 && df * 4 <= size * 5 && b->sized_count[i] < OF_SIZE) {
                struct word *w = &b->sized[i][b->sized_count[i]++];
                snprintf(w->text, WORD_MAX, "%.*s", (int)t.len, t.ptr);
                w->df = df;
            }
    }
    for (uint32_t tries = 0; tries < 200000 && b->word_count < WORDS; tries++) {
        must(segment_term(s, roll(b, n), &t), "a word", NULL);
        if (letters_only(t) && expand_live_df(b->snap, t) >= 20)
            snprintf(b->words[b->word_count++], WORD_MAX, "%.*s", (int)t.len, t.ptr);
    }
}

/* The first `count` words of a product's text, false when it has fewer. */
static bool first_words(struct bench *b, uint32_t docid, uint32_t count, char *out)
{
    struct buf doc = BUF_INIT;
    struct document d;
    struct value v;
    uint32_t number, words = 0;
    size_t n = 0;
    must(snapshot_product(b->snap, docid, NULL, &doc), "product", NULL);
    must(document_begin(&d, buf_slice(&doc)), "product", NULL);
    while (words < count && !document_next(&d, &number, &v)) {
        if (v.type != VALUE_TEXT || snapshot_schema(b->snap)->fields[number].type != FIELD_TEXT)
            continue;
        for (size_t i = 0, from; i < v.bytes.len && words < count; words++) {
            while (i < v.bytes.len && !isalnum((unsigned char)v.bytes.ptr[i]))
                i++;
            for (from = i; i < v.bytes.len && isalnum((unsigned char)v.bytes.ptr[i]);)
                i++;
            if (from == i || i - from >= WORD_MAX - 1)
                break;
            n += (size_t)snprintf(out + n, WORD_MAX, words ? " %.*s" : "%.*s", (int)(i - from),
                                  v.bytes.ptr + from);
        }
        break; /* the first text is the title */
    }
    buf_fini(&doc);
    return words == count;
}

static void draw_texts(struct bench *b, uint32_t count, bool of_product)
{
    b->text_count = 0;
    for (uint32_t tries = 0; tries < 100000 && b->text_count < TEXTS; tries++) {
        char *out = b->texts[b->text_count];
        size_t n = 0;
        if (of_product) {
            uint32_t docid = roll(b, snapshot_docid_end(b->snap));
            b->text_count += snapshot_is_live(b->snap, docid) && first_words(b, docid, count, out);
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            const char *word = b->words[roll(b, b->word_count)];
            size_t len = strlen(word);
            if (i)
                out[n++] = ' ';
            memcpy(out + n, word, len + 1);
            n += len;
        }
        b->text_count++;
    }
}

/* What to sort by, a facet, and a filter on every other of its frequent values. */
static void pick_fields(struct bench *b)
{
    const struct schema *schema = snapshot_schema(b->snap);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        if (f->facet && (f->type == FIELD_KEYWORD || f->type == FIELD_PATH) && !b->facet.len)
            b->facet = slice_str(f->name);
        if (f->sort && !b->sort.len)
            b->sort = slice_str(f->name);
    }
    if (!b->facet.len || !b->sort.len) {
        fprintf(stderr, "the catalog has no facet, or nothing to sort by\n");
        exit(1);
    }
    struct facet_request facet = {.field = b->facet, .limit = 20};
    struct query q = {.k = 1, .facets = &facet, .facet_count = 1, .max_stale_ms = -1};
    struct query_result r;
    struct fault fault = {0};
    static char text[4096];
    size_t n = 0;
    must(search_run(b->searcher, b->snap, &q, &b->arena, &r, &fault), "facet", &fault);
    n += (size_t)snprintf(text, sizeof text, "`%.*s` in [", (int)b->facet.len, b->facet.ptr);
    for (uint32_t i = 0; i < r.facets[0].value_count && n + 200 < sizeof text; i += 2)
        n +=
            (size_t)snprintf(text + n, 150, "%s\"%.*s\"", i ? ", " : "",
                             (int)r.facets[0].values[i].value.len, r.facets[0].values[i].value.ptr);
    n += (size_t)snprintf(text + n, 3, "]");
    b->filter = slice_make(text, n);
}

/* --- measures --------------------------------------------------------------------------------- */

enum way { BEST, COUNTED, FACETS, GROUPED, SORTED, FILTERED, WAYS };

static const char *const names[WAYS] = {"best 10", "counted", "facet",
                                        "grouped", "sorted",  "filtered"};

static uint64_t ask(struct bench *b, const char *text, enum way way, bool as_typed)
{
    struct facet_request facet = {.field = b->facet};
    struct sort_request sort = {b->sort, false};
    struct query q = {.text = slice_str(text),
                      .match = as_typed ? QUERY_RELAXED : QUERY_ALL,
                      .prefix = as_typed,
                      .typos = as_typed ? QUERY_TYPOS_AUTO : 0,
                      .k = 10,
                      .count_to = way == COUNTED ? QUERY_COUNT_ALL : 10000,
                      .profile = b->profile,
                      .facets = &facet,
                      .facet_count = way == FACETS,
                      .group_field = way == GROUPED ? b->facet : SLICE_NULL,
                      .sorts = &sort,
                      .sort_count = way == SORTED,
                      .filter = way == FILTERED ? b->filter : SLICE_NULL,
                      .max_stale_ms = -1};
    struct query_result r;
    struct fault fault = {0};
    must(search_run(b->searcher, b->snap, &q, &b->arena, &r, &fault), text, &fault);
    arena_reset(&b->arena);
    return r.found;
}

static double median(uint32_t n)
{
    uint32_t middle = n / 2;
    qsort(samples, n, sizeof *samples, by_number);
    return n ? samples[middle] / 1000.0 : 0;
}

static void measure_matches(struct bench *b, uint32_t size, enum way way)
{
    uint32_t n = 0;
    double df = 0;
    int64_t end = now_ns() + (int64_t)(b->seconds * 1e9);
    if (!b->sized_count[size])
        return;
    for (uint32_t i = 0; i < b->sized_count[size]; i++) {
        ask(b, b->sized[size][i].text, way, false);
        df += (double)b->sized[size][i].df / b->sized_count[size];
    }
    while (n < SAMPLES && (n < 50 || now_ns() < end)) {
        int64_t from = now_ns();
        ask(b, b->sized[size][n % b->sized_count[size]].text, way, false);
        samples[n++] = (uint32_t)(now_ns() - from);
    }
    double us = median(n);
    printf(
        "{\"way\":\"%s\",\"matches\":%.0f,\"words\":%u,\"median_us\":%.1f,\"ns_a_match\":%.1f}\n",
        names[way], df, b->sized_count[size], us, us * 1000 / df);
    fflush(stdout);
}

static void measure_words(struct bench *b, uint32_t words, bool of_product)
{
    uint32_t n = 0;
    uint64_t found = 0;
    b->seed = 7;
    draw_texts(b, words, of_product);
    if (!b->text_count)
        return;
    for (uint32_t i = 0; i < 20; i++)
        ask(b, b->texts[i % b->text_count], BEST, true);
    int64_t end = now_ns() + (int64_t)(b->seconds * 1e9);
    while (n < SAMPLES && (n < b->text_count || now_ns() < end)) {
        int64_t from = now_ns();
        found += ask(b, b->texts[n % b->text_count], BEST, true);
        samples[n++] = (uint32_t)(now_ns() - from);
    }
    printf("{\"words\":%u,\"of\":\"%s\",\"median_us\":%.1f,\"found\":%.1f}\n", words,
           of_product ? "a title" : "the dictionary", median(n), (double)found / n);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct bench b = {.seed = 7};
    struct fault fault = {0};
    bool stale;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_growth EDITION [SECONDS [PROFILE]]\n");
        return 2;
    }
    b.seconds = argc > 2 ? strtod(argv[2], NULL) : 0.2;
    b.profile = argc > 3 ? slice_str(argv[3]) : SLICE_NULL;
    must(index_open(argv[1], &(struct index_options){.read_only = true}, &b.ix, &stale, &fault),
         "open", &fault);
    must(snapshot_create(b.ix, &b.snap), "snapshot", NULL);
    must(snapshot_begin(b.snap), "snapshot", NULL);
    must(searcher_create(&b.searcher), "searcher", NULL);
    arena_init(&b.arena, 0);
    pick_words(&b);
    pick_fields(&b);
    printf("{\"products\":%u,\"segments\":%u,\"terms\":%u}\n", snapshot_live_count(b.snap),
           snapshot_segment_count(b.snap), segment_term_count(snapshot_segment(b.snap, 0)));
    for (int way = 0; way < WAYS; way++)
        for (uint32_t size = 0; size < SIZES; size++)
            measure_matches(&b, size, (enum way)way);
    for (uint32_t words = 1; words <= 5; words++) {
        measure_words(&b, words, false);
        measure_words(&b, words, true);
    }
    searcher_destroy(&b.searcher);
    snapshot_destroy(&b.snap);
    arena_fini(&b.arena);
    index_close(&b.ix);
    return 0;
}
