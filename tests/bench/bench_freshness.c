/*
 * bench_freshness - what freshness adds to a search: the same queries with and without the moment,
 * the bitmap of the expired, labels and their sum, bounds of fields and counted hits, in turns.
 *
 *   bench_freshness [PRODUCTS] [SECONDS] [SEED]     one JSON line a case
 *
 * A search is search_run() and the ten products of its page, as a front does it; time is that of
 * the processor, so that others on the machine do not count. Searches go in series of fifty: one
 * that is repeated at once finds the processor trained for its very products, which favours the
 * search that finds the same ones as before.
 */
#include "bench_corpus.h"
#include "bench_must.h"
#include "index/index.h"
#include "index/query.h"
#include "server/expired.h"
#include "server/freshness.h"
#include "server/shared_pages.h"
#include "server/withhold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SERIES = 50, VOCABULARY = 20000, WORDS = 8, QUERIES = 2000, BATCH = 20000, HOUR = 3600000 };

static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % n;
}

/* Words with a long tail: the square makes low numbers frequent. */
static void word(char *out, size_t cap)
{
    uint64_t a = draw(VOCABULARY), b = draw(VOCABULARY);
    snprintf(out, cap, "word%llu", (unsigned long long)(a * b / VOCABULARY));
}

static void text_of(char *out, size_t cap, int words)
{
    size_t at = 0;
    for (int i = 0; i < words; i++) {
        char w[32];
        word(w, sizeof w);
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? " " : "", w);
    }
}

static struct schema *make_schema(void)
{
    static struct schema_spec spec = {.field_count = 3};
    spec.fields[0] = (struct field_spec){
        .name = SLICE_LIT("title"), .type = FIELD_TEXT, .flags = FIELD_SEARCHABLE | FIELD_STORED};
    spec.fields[1] = (struct field_spec){
        .name = SLICE_LIT("brand"), .type = FIELD_KEYWORD, .flags = FIELD_FILTER | FIELD_STORED};
    spec.fields[2] = (struct field_spec){.name = SLICE_LIT("price"),
                                         .type = FIELD_FLOAT,
                                         .flags = FIELD_FILTER | FIELD_SORT | FIELD_STORED,
                                         .max_age_ms = 900000};
    struct buf b = BUF_INIT;
    struct schema *schema;
    schema_spec_encode(&spec, &b);
    must(schema_decode(buf_slice(&b), &schema, NULL), "schema", NULL);
    buf_fini(&b);
    return schema;
}

static void fill(struct index *ix, uint64_t products, int64_t now)
{
    struct batch *b = NULL;
    struct buf d = BUF_INIT;
    for (uint64_t i = 0; i < products; i++) {
        char id[24], text[256], brand[16];
        if (!b)
            must(batch_begin(ix, &b), "begin", NULL);
        snprintf(id, sizeof id, "p%llu", (unsigned long long)i);
        snprintf(brand, sizeof brand, "b%llu", (unsigned long long)draw(500));
        text_of(text, sizeof text, WORDS);
        buf_clear(&d);
        document_put_header(&d, slice_str(id), 3);
        wire_put_varint(&d, 0);
        value_put_text(&d, slice_str(text));
        wire_put_varint(&d, 1);
        value_put_text(&d, slice_str(brand));
        wire_put_varint(&d, 2);
        value_put_float(&d, (double)draw(1000));
        /* confirmed within the last hour, most for a day, a tenth within their windows */
        struct change c = {.validated_ms = now - (int64_t)draw(HOUR),
                           .ttl_ms = draw(10) ? 24 * HOUR : 1,
                           .swr_ms = 60000,
                           .sie_ms = draw(10) ? 48 * HOUR : 2 * HOUR};
        must(batch_upsert(b, buf_slice(&d), &c), "upsert", NULL);
        if (i % BATCH == BATCH - 1)
            must(batch_commit(&b, i + 1), "commit", NULL);
    }
    if (b)
        must(batch_commit(&b, products), "commit", NULL);
    must(index_merge_all(ix), "merge", NULL);
    buf_fini(&d);
}

struct bench {
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    struct buf out;
    struct expired expired;
    struct shared *shared;
    struct shared_catalog *row;
    struct shared_pages pages;
    uint64_t labelled;
};

/* One search with its page; `fresh` adds all that freshness does. */
static void search(struct bench *x, const char *text, int64_t now, bool fresh)
{
    struct query_result r;
    struct fault fault = {0};
    struct moment m = {0};
    struct withhold w = {0};
    struct freshness_sum sum;
    struct label labels[10];
    struct query q = {.text = slice_str(text),
                      .match = QUERY_ALL,
                      .k = 10,
                      .count_to = 10000,
                      .now_ms = now,
                      .max_stale_ms = -1};
    arena_reset(&x->arena);
    buf_clear(&x->out);
    must(snapshot_begin(x->snap), "snapshot", NULL);
    if (fresh) {
        m = moment_now(x->shared, x->row);
        m.now_ms = now;
        must(expired_at(&x->expired, x->snap, now, &q.excluded, &q.excluded_bits), "expired", NULL);
        q.excluded_version = x->expired.version;
        q.want_times = true;
    }
    must(search_run(x->searcher, x->snap, &q, &x->arena, &r, &fault), "search", NULL);
    if (fresh) {
        must(withhold_init(&w, snapshot_schema(x->snap), NULL, NULL, 0, &x->arena, &fault),
             "bounds", &fault);
        freshness_sum_init(&sum);
        for (uint32_t i = 0; i < r.hit_count; i++)
            shared_pages_prefetch(&x->pages, r.hits[i].docid);
        must(freshness_of_hits(x->snap, r.hits, r.hit_count, &m, labels), "labels", NULL);
    }
    for (uint32_t i = 0; i < r.hit_count; i++) {
        const uint64_t *wanted = NULL;
        int64_t next = INT64_MAX;
        if (fresh) {
            wanted = withhold_fields(&w, labels[i].age_ms, &next);
            freshness_sum_add(&sum, &labels[i]);
            shared_pages_hit(&x->pages, r.hits[i].docid);
            x->labelled += labels[i].state != FRESH;
        }
        must(snapshot_product(x->snap, r.hits[i].docid, wanted, &x->out), "product", NULL);
    }
    snapshot_end(x->snap);
}

static int by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(struct bench *x, const char *name, char (*queries)[64], int64_t now, double seconds)
{
    enum { ROUNDS = 4001 };
    static double ratios[ROUNDS];
    double sums[2] = {0}, end = bench_cpu_us() + seconds * 1e6;
    int rounds = 0;
    x->expired.generation = 0;
    x->labelled = 0;
    for (; rounds < ROUNDS && (rounds < 3 || bench_cpu_us() < end); rounds++) {
        double took[2] = {0};
        uint64_t first = draw(QUERIES);
        for (int turn = 0; turn < 3; turn++) { /* the first warms; then each is first by turns */
            bool fresh = (turn + rounds) % 2;
            double t = bench_cpu_us();
            for (uint64_t i = 0; i < SERIES; i++)
                search(x, queries[(first + i) % QUERIES], now, fresh);
            if (turn)
                took[fresh] += bench_cpu_us() - t;
        }
        ratios[rounds] = took[1] / took[0];
        sums[0] += took[0];
        sums[1] += took[1];
    }
    qsort(ratios, (size_t)rounds, sizeof *ratios, by_double);
    printf("{\"bench\":\"freshness\",\"case\":\"%s\",\"searches\":%d,\"without_us\":%.2f,\"with_"
           "us\":%.2f,"
           "\"ratio_of_sums\":%.4f,\"ratio_median\":%.4f,\"labelled_not_fresh\":%llu,\"expired\":%"
           "llu}\n",
           name, rounds * SERIES, sums[0] / rounds / SERIES, sums[1] / rounds / SERIES,
           sums[1] / sums[0], ratios[rounds / 2], (unsigned long long)x->labelled,
           (unsigned long long)x->expired.count);
}

int main(int argc, char **argv)
{
    uint64_t products = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    double seconds = argc > 2 ? atof(argv[2]) : 5;
    char dir[] = "/tmp/souk-bench-XXXXXX", command[64];
    static char queries[QUERIES][64];
    struct bench x = {0};
    struct index *ix;
    struct schema *schema = make_schema();
    bool stale;
    int fd;
    int64_t now = INT64_C(1700000000000);
    state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    if (!mkdtemp(dir))
        return 1;
    must(index_create(dir, schema, NULL, NULL), "create", NULL);
    must(index_open(dir, NULL, &ix, &stale, NULL), "open", NULL);
    fill(ix, products, now);
    for (int i = 0; i < QUERIES; i++)
        text_of(queries[i], sizeof queries[i], 1 + (int)draw(2));
    must(snapshot_create(ix, &x.snap), "snapshot", NULL);
    must(searcher_create(&x.searcher), "searcher", NULL);
    must(shared_create(&x.shared, &fd), "shared", NULL);
    x.row = shared_catalog_claim(x.shared, SLICE_LIT("bench"));
    must(shared_pages_map(fd, x.shared, x.row, 1, &x.pages), "pages", NULL);
    arena_init(&x.arena, 0);
    run(&x, "a tenth stale, none expired", queries, now, seconds);
    run(&x, "a tenth stale, one percent expired", queries, now + INT64_C(2) * HOUR, seconds);
    snapshot_destroy(&x.snap);
    searcher_destroy(&x.searcher);
    expired_fini(&x.expired);
    index_close(&ix);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) != 0;
}
