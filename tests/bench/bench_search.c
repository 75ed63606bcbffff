/*
 * bench_search - the index library alone: import speed, bytes, search times by class, exactness.
 *
 *   bench_search build CORPUS DIR
 *       one thread, durable commits, to the last product visible
 *   bench_search run DIR QUERIES SECONDS [noprune|default] [CLASS]
 *       one JSON line a class
 *   bench_search check DIR CORPUS QUERIES N
 *       match counts of all-words, range and facet queries against a recount over the corpus;
 *       top 10 pruned = exhaustive
 *
 * `two` is the class of all words where there are two. `least_us` is the mean of each query's least
 * time: what others on the machine take of a run is not in it.
 *
 * Timed all-words, any-word and prefix queries count to 1,000 matches, as the peers do. `default`:
 * as a client asks that sets nothing.
 */
#include "bench_corpus.h"
#include "bench_must.h"

#include "index/analyse.h"
#include "index/index.h"
#include "index/query.h"
#include "protocol/schema_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    F_TITLE,
    F_TEXT,
    F_CATEGORY,
    F_PRICE,
    F_POPULARITY,
    F_COUNT,
    BATCH_DOCS = 32768,
    MAX_SAMPLES = 4000000
};

static struct schema *bench_schema(void)
{
    struct field_spec fields[F_COUNT] = {
        [F_TITLE] = {.name = SLICE_LIT("title"),
                     .type = FIELD_TEXT,
                     .flags = FIELD_SEARCHABLE | FIELD_STORED,
                     .weight = 3,
                     .weight_class = 0},
        [F_TEXT] = {.name = SLICE_LIT("text"),
                    .type = FIELD_TEXT,
                    .flags = FIELD_SEARCHABLE | FIELD_STORED,
                    .weight = 1,
                    .weight_class = 2},
        [F_CATEGORY] = {.name = SLICE_LIT("category"),
                        .type = FIELD_KEYWORD,
                        .flags = FIELD_FILTER | FIELD_FACET | FIELD_STORED},
        [F_PRICE] = {.name = SLICE_LIT("price"),
                     .type = FIELD_INTEGER,
                     .flags = FIELD_FILTER | FIELD_SORT | FIELD_STORED},
        [F_POPULARITY] = {.name = SLICE_LIT("popularity"),
                          .type = FIELD_INTEGER,
                          .flags = FIELD_SORT | FIELD_STORED},
    };
    static struct schema_spec spec;
    spec.field_count = F_COUNT;
    memcpy(spec.fields, fields, sizeof fields);
    struct buf b = BUF_INIT;
    schema_spec_encode(&spec, &b);
    struct schema *schema = NULL;
    struct fault fault = {0};
    must(schema_decode(buf_slice(&b), &schema, &fault), "schema", &fault);
    buf_fini(&b);
    return schema;
}

struct build {
    struct index *ix;
    struct batch *batch;
    struct buf doc;
    uint64_t count;
};

static void commit(struct build *b)
{
    if (b->batch)
        must(batch_commit(&b->batch, b->count), "commit", NULL);
}

static void add_product(void *ctx, const struct corpus_row *row)
{
    struct build *b = ctx;
    if (!b->batch)
        must(batch_begin(b->ix, &b->batch), "begin", NULL);
    buf_clear(&b->doc);
    document_put_header(&b->doc, slice_str(row->id), F_COUNT);
    const char *texts[] = {row->title, row->text, row->category};
    for (uint32_t i = 0; i < 3; i++) {
        wire_put_varint(&b->doc, i);
        value_put_text(&b->doc, slice_str(texts[i]));
    }
    wire_put_varint(&b->doc, F_PRICE);
    value_put_int(&b->doc, row->price);
    wire_put_varint(&b->doc, F_POPULARITY);
    value_put_int(&b->doc, row->popularity);
    struct change c = {.validated_ms = 1, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1};
    must(batch_upsert(b->batch, buf_slice(&b->doc), &c), "upsert", NULL);
    b->count++;
    if (batch_doc_count(b->batch) >= BATCH_DOCS)
        commit(b);
}

static int build(const char *corpus, const char *dir)
{
    struct schema *schema = bench_schema();
    struct fault fault = {0};
    mkdir(dir, 0777);
    must(index_create(dir, schema, NULL, &fault), "create", &fault);
    struct build b = {.doc = BUF_INIT};
    bool stale;
    must(index_open(dir, NULL, &b.ix, &stale, &fault), "open", &fault);
    double start = bench_now_us();
    corpus_each(corpus, add_product, &b);
    commit(&b);
    double applied = bench_now_us();
    must(index_merge_all(b.ix), "merge", NULL);
    double merged = bench_now_us();
    struct snapshot *snap;
    must(snapshot_create(b.ix, &snap), "snapshot", NULL);
    must(snapshot_begin(snap), "snapshot", NULL);
    struct index_usage u;
    must(snapshot_usage(snap, &u), "usage", NULL);
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    printf("{\"bench\":\"build\",\"products\":%llu,\"seconds\":%.2f,\"products_per_s\":%.0f,"
           "\"merge_seconds\":%.2f,\"products_per_s_merged\":%.0f,\"used_bytes_per_product\":%.1f,"
           "\"segments\":%llu,\"terms\":%llu,\"postings\":%llu,\"rss_mb\":%ld}\n",
           (unsigned long long)b.count, (applied - start) / 1e6,
           (double)b.count / ((applied - start) / 1e6), (merged - applied) / 1e6,
           (double)b.count / ((merged - start) / 1e6), (double)u.used_bytes / (double)b.count,
           (unsigned long long)u.segments, (unsigned long long)u.terms,
           (unsigned long long)u.postings, ru.ru_maxrss / 1024);
    snapshot_end(snap);
    snapshot_destroy(&snap);
    index_close(&b.ix);
    schema_destroy(&schema);
    buf_fini(&b.doc);
    return 0;
}

struct run {
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
};

static void run_open(struct run *r, const char *dir)
{
    struct index_options o = {.read_only = true};
    struct fault fault = {0};
    bool stale;
    must(index_open(dir, &o, &r->ix, &stale, &fault), "open", &fault);
    must(snapshot_create(r->ix, &r->snap), "snapshot", NULL);
    must(searcher_create(&r->searcher), "searcher", NULL);
    arena_init(&r->arena, 0);
}

static void run_close(struct run *r)
{
    searcher_destroy(&r->searcher);
    snapshot_destroy(&r->snap);
    index_close(&r->ix);
    arena_fini(&r->arena);
}

static const struct facet_request category_facet = {.field = {"category", 8}, .limit = 10};

/* The same work as the peers: BM25 over title and text, top 10, no typos or relaxing unless asked.
 */
/* default profile, prefix, typos and relaxing, instead of the plain sum */
static bool as_shops_ask;
static bool two_words; /* no others */

static struct query query_of(const struct bench_query *b, char *filter, size_t filter_cap)
{
    struct query q = {.text = slice_str(b->text),
                      .match = b->kind == CLASS_OR ? QUERY_ANY : QUERY_ALL,
                      .prefix = b->kind == CLASS_PREFIX,
                      .typos = b->kind == CLASS_FUZZY ? 1 : 0,
                      .k = 10,
                      .count_to = 1000,
                      .profile = SLICE_LIT("bm25"),
                      .max_stale_ms = -1};
    if (as_shops_ask) {
        q.profile = SLICE_NULL;
        q.prefix = true;
        q.typos = QUERY_TYPOS_AUTO;
        q.match = QUERY_RELAXED;
        q.count_to = 10000;
    }
    if (b->kind == CLASS_RANGE) {
        snprintf(filter, filter_cap, "price >= %lld and price <= %lld", (long long)b->low,
                 (long long)b->high);
        q.filter = slice_str(filter);
        q.count_to = 10000;
    }
    if (b->kind == CLASS_FACET) {
        q.facets = &category_facet;
        q.facet_count = 1;
    }
    return q;
}

static uint64_t search_once(struct run *r, const struct query *q, struct query_result *out)
{
    struct fault fault = {0};
    arena_reset(&r->arena);
    must(snapshot_begin(r->snap), "snapshot", NULL);
    must(search_run(r->searcher, r->snap, q, &r->arena, out, &fault), "search", &fault);
    snapshot_end(r->snap);
    return out->found;
}

static double least_mean(const float *least, size_t count)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        sum += least[i] > 0 ? least[i] : 0;
        n += least[i] > 0;
    }
    return n ? sum / (double)n : 0;
}

static void run_class(struct run *r, const struct bench_queries *all, enum bench_class kind,
                      double seconds, bool no_pruning, float *samples)
{
    char filter[96];
    struct query_work work = {0};
    uint64_t found = 0;
    size_t n = 0;
    double cpu = 0;
    float *least = calloc(all->count, sizeof *least);
    if (!least)
        return;
    for (int pass = 0; pass < 2; pass++) {
        work = (struct query_work){0};
        found = n = 0;
        cpu = bench_cpu_us();
        double t = bench_now_us(), end = t + (pass ? seconds : seconds / 4) * 1e6;
        while (t < end && n < MAX_SAMPLES) {
            size_t before = n;
            for (size_t i = 0; i < all->count && t < end && n < MAX_SAMPLES; i++) {
                if (all->items[i].kind != kind || (two_words && all->items[i].word_count != 2))
                    continue;
                struct query q = query_of(&all->items[i], filter, sizeof filter);
                q.no_pruning = no_pruning;
                struct query_result res;
                found += search_once(r, &q, &res);
                double now = bench_now_us();
                samples[n++] = (float)(now - t);
                if (least[i] == 0 || samples[n - 1] < least[i])
                    least[i] = samples[n - 1];
                t = now;
                work.blocks_decoded += res.work.blocks_decoded;
                work.blocks_skipped += res.work.blocks_skipped;
            }
            if (n == before) { /* no query of this class */
                free(least);
                return;
            }
        }
        cpu = bench_cpu_us() - cpu;
    }
    struct bench_times t = bench_times_of(samples, n);
    printf("{\"bench\":\"search\",\"class\":\"%s\",\"pruning\":%s,\"n\":%zu,\"mean_us\":%.2f,"
           "\"median_us\":%.2f,\"least_us\":%.2f,"
           "\"cpu_us\":%.2f,\"p99_us\":%.1f,\"found_per_query\":%.1f,\"blocks_decoded\":%.1f,"
           "\"blocks_skipped\":%."
           "1f}\n",
           bench_class_name[kind], no_pruning ? "false" : "true", n, t.mean_us, t.median_us,
           least_mean(least, all->count), cpu / (double)n, t.p99_us, (double)found / (double)n,
           (double)work.blocks_decoded / (double)n, (double)work.blocks_skipped / (double)n);
    fflush(stdout);
    free(least);
}

static int run(int argc, char **argv)
{
    struct bench_queries all = bench_queries_load(argv[3], 3);
    double seconds = atof(argv[4]);
    bool no_pruning = argc > 5 && !strcmp(argv[5], "noprune");
    as_shops_ask = argc > 5 && !strcmp(argv[5], "default");
    const char *only = argc > 6                                   ? argv[6]
                       : argc > 5 && !no_pruning && !as_shops_ask ? argv[5]
                                                                  : NULL;
    two_words = only && !strcmp(only, "two");
    only = two_words ? bench_class_name[CLASS_AND] : only;
    struct run r;
    run_open(&r, argv[2]);
    float *samples = malloc(MAX_SAMPLES * sizeof *samples);
    for (int kind = 0; samples && kind < CLASS_COUNT; kind++)
        if (!only || !strcmp(only, bench_class_name[kind]))
            run_class(&r, &all, (enum bench_class)kind, seconds, no_pruning, samples);
    free(samples);
    run_close(&r);
    return 0;
}

/* --- recount: which products hold every word, straight from the corpus --------------------- */

struct recount {
    struct bench_query **queries;
    uint64_t *found;
    size_t count;
    struct analyser *analyser;
};

/* The words of one product, analysed as the index does, held against each query one by one. */
static uint64_t word_bit(struct slice w)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < w.len; i++)
        h = (h ^ (unsigned char)w.ptr[i]) * 16777619u;
    return (uint64_t)1 << (h >> 26);
}

struct row_words {
    struct buf bytes;
    struct slice words[2 * ANALYSE_TOKENS_MAX];
    uint32_t count;
    uint64_t bits; /* of all words: most queries are ruled out at once */
};

static void add_words(struct recount *r, struct row_words *row, const char *text)
{
    const struct token_list *l;
    must(analyser_run(r->analyser, slice_str(text), &l), "analyse", NULL);
    for (uint32_t i = 0; i < l->count; i++) {
        row->words[row->count] = slice_make(row->bytes.ptr + row->bytes.len, l->items[i].term.len);
        buf_put_slice(&row->bytes, l->items[i].term);
        row->bits |= word_bit(row->words[row->count++]);
    }
}

static bool holds(const struct row_words *row, struct slice word)
{
    if (!(row->bits & word_bit(word)))
        return false;
    for (uint32_t i = 0; i < row->count; i++)
        if (slice_equal(row->words[i], word))
            return true;
    return false;
}

static void recount_row(void *ctx, const struct corpus_row *row)
{
    static struct row_words words; /* large; one thread */
    struct recount *r = ctx;
    buf_clear(&words.bytes);
    buf_reserve(&words.bytes, 1 << 20); /* slices point into it: it must not move */
    words.count = 0;
    words.bits = 0;
    add_words(r, &words, row->title);
    add_words(r, &words, row->text);
    for (size_t i = 0; i < r->count; i++) {
        const struct bench_query *q = r->queries[i];
        bool all = q->kind != CLASS_RANGE || (row->price >= q->low && row->price <= q->high);
        for (uint32_t w = 0; all && w < q->word_count; w++)
            all = holds(&words, slice_str(q->words[w]));
        r->found[i] += all;
    }
}

static bool same_hits(const struct query_result *a, const struct query_result *b)
{
    if (a->hit_count != b->hit_count)
        return false;
    for (uint32_t i = 0; i < a->hit_count; i++)
        if (a->hits[i].docid != b->hits[i].docid || a->hits[i].score != b->hits[i].score)
            return false;
    return true;
}

static int check(char **argv)
{
    struct bench_queries all = bench_queries_load(argv[4], 3);
    size_t want = (size_t)atol(argv[5]);
    struct recount rc = {calloc(want, sizeof(struct bench_query *)), calloc(want, sizeof(uint64_t)),
                         0, NULL};
    must(analyser_create(&rc.analyser), "analyser", NULL);
    struct run r;
    run_open(&r, argv[2]);
    uint64_t order_differs = 0, compared = 0;
    struct arena kept;
    arena_init(&kept, 0);
    for (size_t i = 0; i < all.count; i++) {
        struct bench_query *b = &all.items[i];
        char filter[96];
        if ((b->kind == CLASS_AND || b->kind == CLASS_RANGE || b->kind == CLASS_FACET) &&
            rc.count < want)
            rc.queries[rc.count++] = b;
        if (i >= want * 3)
            continue;
        struct query q = query_of(b, filter, sizeof filter);
        struct query_result pruned, full;
        search_once(&r, &q, &pruned);
        struct hit hits[16];
        memcpy(hits, pruned.hits, pruned.hit_count * sizeof *hits);
        pruned.hits = hits;
        q.no_pruning = true;
        search_once(&r, &q, &full);
        compared++;
        order_differs += !same_hits(&pruned, &full);
    }
    corpus_each(argv[3], recount_row, &rc);
    uint64_t differs = 0;
    for (size_t i = 0; i < rc.count; i++) {
        char filter[96];
        struct query q = query_of(rc.queries[i], filter, sizeof filter);
        struct query_result res;
        q.count_to = QUERY_COUNT_ALL;
        if (search_once(&r, &q, &res) != rc.found[i]) {
            if (differs++ < 5)
                fprintf(stderr, "%s \"%s\": found %llu, recount %llu\n",
                        bench_class_name[rc.queries[i]->kind], rc.queries[i]->text,
                        (unsigned long long)res.found, (unsigned long long)rc.found[i]);
        }
    }
    printf("{\"bench\":\"check\",\"counted\":%zu,\"count_differs\":%llu,\"compared\":%llu,\"top_"
           "differs\":%llu}\n",
           rc.count, (unsigned long long)differs, (unsigned long long)compared,
           (unsigned long long)order_differs);
    arena_fini(&kept);
    run_close(&r);
    return differs || order_differs;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && !strcmp(argv[1], "build"))
        return build(argv[2], argv[3]);
    if (argc >= 5 && !strcmp(argv[1], "run"))
        return run(argc, argv);
    if (argc >= 6 && !strcmp(argv[1], "check"))
        return check(argv);
    fprintf(stderr,
            "usage: bench_search build CORPUS DIR | run DIR QUERIES SECONDS [noprune|default] "
            "[CLASS] | check DIR CORPUS QUERIES N\n");
    return 2;
}
