/*
 * bench_ingest - what writing costs in the library: one thread, durable commits, merges included.
 *
 *   bench_ingest first CORPUS DIR
 *                            first import, to the last product visible, as the writer does it:
 *                            batches, each followed by the merges that are due
 *   bench_ingest bytes DIR
 *                            bytes a product, area by area
 *   bench_ingest columns CORPUS DIR
 *                            a new price and popularity for every product
 *   bench_ingest upserts CORPUS DIR PART
 *                            one product of PART gets another title
 *   bench_ingest catalogs CORPUS DIR N
 *                            N whole catalogs of changed products, one after the other
 *   bench_ingest read DIR
 *                            a page of 10 products, decoded
 *
 * One JSON line each. Write amplification is what the process wrote to disk over the bytes of the
 * documents it took in.
 */
#include "bench_corpus.h"
#include "bench_must.h"

#include "index/index_private.h"
#include "index/positions.h"
#include "index/segment_pack.h"
#include "index/segment_private.h"
#include "protocol/schema_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { F_TITLE, F_TEXT, F_CATEGORY, F_PRICE, F_POPULARITY, F_COUNT, BATCH_CHANGES = 131072 };
#define BATCH_BYTES ((uint64_t)64 << 20)

static struct schema *bench_schema(void)
{
    static const struct {
        const char *name;
        enum field_type type;
        uint8_t flags, weight_class;
        double weight;
    } fields[F_COUNT] = {
        {"title", FIELD_TEXT, FIELD_SEARCHABLE | FIELD_STORED, 0, 3},
        {"text", FIELD_TEXT, FIELD_SEARCHABLE | FIELD_STORED, 2, 1},
        {"category", FIELD_KEYWORD, FIELD_FILTER | FIELD_FACET | FIELD_STORED, 0, 0},
        {"price", FIELD_INTEGER, FIELD_FILTER | FIELD_SORT | FIELD_STORED, 0, 0},
        {"popularity", FIELD_INTEGER, FIELD_SORT | FIELD_STORED, 0, 0}};
    struct schema_spec *spec = calloc(1, sizeof *spec);
    struct buf b = BUF_INIT;
    struct schema *schema = NULL;
    struct fault fault = {0};
    spec->field_count = F_COUNT;
    for (int i = 0; i < F_COUNT; i++)
        spec->fields[i] = (struct field_spec){.name = slice_str(fields[i].name),
                                              .type = fields[i].type,
                                              .flags = fields[i].flags,
                                              .weight = fields[i].weight,
                                              .weight_class = fields[i].weight_class};
    schema_spec_encode(spec, &b);
    must(schema_decode(buf_slice(&b), &schema, &fault), "schema", &fault);
    buf_fini(&b);
    free(spec);
    return schema;
}

/* --- changes ---------------------------------------------------------------------------------- */

struct run {
    struct index *ix;
    struct batch *batch;
    struct buf doc;
    char *dir;
    uint64_t taken, bytes, in_batch, wrote_before;
    uint32_t round, part; /* part: every how many-th product changes */
    double started, cpu_before;
};

static void merge(struct run *r)
{
    for (bool worked = true; worked;)
        must(index_merge_step(r->ix, 0, &worked), "merge", NULL);
}

static void commit(struct run *r)
{
    if (!r->batch)
        return;
    must(batch_commit(&r->batch, r->taken), "commit", NULL);
    r->in_batch = 0;
    merge(r);
}

static void taken(struct run *r)
{
    r->taken++;
    r->bytes += r->doc.len;
    if (++r->in_batch == BATCH_CHANGES || batch_bytes(r->batch) > BATCH_BYTES)
        commit(r);
}

static void begin_change(struct run *r)
{
    if (!r->batch)
        must(batch_begin(r->ix, &r->batch), "begin", NULL);
    buf_clear(&r->doc);
}

static struct change change_of(void)
{
    return (struct change){.validated_ms = 1, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1};
}

static void upsert(void *ctx, const struct corpus_row *row)
{
    struct run *r = ctx;
    struct change c = change_of();
    char title[1200];
    if (r->part > 1 && strtoull(row->id, NULL, 10) % r->part)
        return;
    snprintf(title, sizeof title, r->round ? "%s edition %u" : "%s", row->title, r->round);
    begin_change(r);
    document_put_header(&r->doc, slice_str(row->id), F_COUNT);
    const char *texts[] = {title, row->text, row->category};
    for (uint32_t i = 0; i < 3; i++) {
        wire_put_varint(&r->doc, i);
        value_put_text(&r->doc, slice_str(texts[i]));
    }
    wire_put_varint(&r->doc, F_PRICE);
    value_put_int(&r->doc, row->price + r->round);
    wire_put_varint(&r->doc, F_POPULARITY);
    value_put_int(&r->doc, row->popularity);
    must(batch_upsert(r->batch, buf_slice(&r->doc), &c), "upsert", NULL);
    taken(r);
}

static void patch(void *ctx, const struct corpus_row *row)
{
    struct run *r = ctx;
    struct change c = change_of();
    begin_change(r);
    document_put_header(&r->doc, slice_str(row->id), 2);
    wire_put_varint(&r->doc, F_PRICE);
    value_put_int(&r->doc, row->price + 7);
    wire_put_varint(&r->doc, F_POPULARITY);
    value_put_int(&r->doc, row->popularity + 1);
    must(batch_patch(r->batch, buf_slice(&r->doc), &c), "patch", NULL);
    taken(r);
}

/* --- figures ---------------------------------------------------------------------------------- */

static uint64_t wrote_bytes(void)
{
    char line[128];
    unsigned long long n = 0;
    FILE *f = fopen("/proc/self/io", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "write_bytes: %llu", &n) == 1)
            break;
    if (f)
        fclose(f);
    return n;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct snapshot *snapshot_of(struct index *ix)
{
    struct snapshot *s;
    must(snapshot_create(ix, &s), "snapshot", NULL);
    must(snapshot_begin(s), "snapshot", NULL);
    return s;
}

static uint64_t file_bytes(const char *dir)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    return stat(path, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}

static void report(struct run *r, const char *name)
{
    double seconds = (bench_now_us() - r->started) / 1e6;
    double cpu = cpu_seconds() - r->cpu_before;
    uint64_t wrote = wrote_bytes() - r->wrote_before;
    struct snapshot *s = snapshot_of(r->ix);
    struct index_usage u;
    must(snapshot_usage(s, &u), "usage", NULL);
    printf("{\"bench\":\"ingest\",\"what\":\"%s\",\"changes\":%llu,\"seconds\":%.3f,"
           "\"per_s\":%.0f,\"cpu_seconds\":%.3f,\"per_cpu_s\":%.0f,\"document_bytes\":%llu,"
           "\"written_bytes\":%llu,"
           "\"write_amplification\":%.2f,\"file_bytes\":%llu,\"used_bytes_per_product\":%.1f,"
           "\"segments\":%llu,\"docids\":%llu,\"live\":%llu}\n",
           name, (unsigned long long)r->taken, seconds, (double)r->taken / seconds, cpu,
           (double)r->taken / cpu, (unsigned long long)r->bytes, (unsigned long long)wrote,
           (double)wrote / (double)(r->bytes ? r->bytes : 1),
           (unsigned long long)file_bytes(r->dir), (double)u.used_bytes / (double)u.live,
           (unsigned long long)u.segments, (unsigned long long)u.docids,
           (unsigned long long)u.live);
    fflush(stdout);
    snapshot_destroy(&s);
}

static void start(struct run *r)
{
    r->taken = r->bytes = r->in_batch = 0;
    r->wrote_before = wrote_bytes();
    r->cpu_before = cpu_seconds();
    r->started = bench_now_us();
}

static void open_run(struct run *r, char *dir, bool create)
{
    struct fault fault = {0};
    bool stale;
    *r = (struct run){.dir = dir, .doc = BUF_INIT};
    if (create) {
        struct schema *schema = bench_schema();
        mkdir(dir, 0777);
        must(index_create(dir, schema, NULL, &fault), "create", &fault);
        schema_destroy(&schema);
    }
    must(index_open(dir, NULL, &r->ix, &stale, &fault), "open", &fault);
}

static void close_run(struct run *r)
{
    index_close(&r->ix);
    buf_fini(&r->doc);
}

static int changes(const char *what, const char *corpus, char *dir, uint32_t number)
{
    struct run r;
    bool first = !strcmp(what, "first"), columns = !strcmp(what, "columns");
    open_run(&r, dir, first);
    if (!strcmp(what, "catalogs")) {
        for (r.round = 2; r.round < number + 2; r.round++) {
            start(&r);
            corpus_each(corpus, upsert, &r);
            commit(&r);
            report(&r, "catalogs");
        }
    } else {
        r.round = first ? 0 : 1;
        r.part = number;
        start(&r);
        corpus_each(corpus, columns ? patch : upsert, &r);
        commit(&r);
        report(&r, what);
    }
    close_run(&r);
    return 0;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static uint64_t column_bytes(struct snapshot *s)
{
    struct store_cursor *c;
    struct slice key, value;
    uint64_t n = 0;
    must(store_cursor_open(s->txn, STORE_COLUMNS, &c), "cursor", NULL);
    for (enum status st = store_seek(c, SLICE_NULL, &key, &value); !st;
         st = store_next(c, &key, &value))
        n += key.len + value.len;
    store_cursor_close(&c);
    return n;
}

/* Bytes of the blob between the first list of a short prefix and the first record. */
static uint32_t first_prefix(const struct segment *g, uint32_t none)
{
    uint32_t first = none;
    for (uint32_t i = 0; i < g->head.prefix_count; i++) {
        uint32_t at = segment_u32(g, g->head.prefix + i * 12, 2); /* arrays lie behind the blocks */
        first = at < first ? at : first;
    }
    return first;
}

static int bytes(char *dir)
{
    struct run r;
    open_run(&r, dir, false);
    struct snapshot *s = snapshot_of(r.ix);
    struct index_usage u;
    struct buf stream = BUF_INIT;
    must(snapshot_usage(s, &u), "usage", NULL);
    double live = u.live, terms = 0, strings = 0, prefixes = 0, records = 0, arrays = 0, ids = 0,
           positions = 0;
    for (uint32_t i = 0; i < s->segment_count; i++) {
        const struct segment *g = s->segments[i];
        uint32_t first = UINT32_MAX;
        for (uint32_t d = 0; d < g->head.doc_count; d++) {
            uint32_t at, k;
            if (record_place(g, d, &at, &k) == STATUS_OK && at < first)
                first = at;
        }
        if (first == UINT32_MAX)
            first = g->head.str_off;
        for (uint32_t t = 0; t < g->head.term_count; t++) {
            struct postings p;
            struct postings_block block;
            struct slice text;
            must(segment_term(g, t, &text), "term", NULL);
            strings += (double)text.len + 1;
            must(postings_open(g, t, &p), "postings", NULL);
            for (uint32_t b = 0; b < p.block_count; b++) {
                struct wire_reader w;
                size_t stored;
                must(postings_decode(&p, b, &block), "block", NULL);
                must(postings_position_stream(&p, b, block.evidence, &stream, &w, &stored),
                     "positions", NULL);
                const uint8_t *at = w.at;
                positions_skip(&w, block.count);
                positions += stored ? (double)stored : (double)(w.at - at);
            }
        }
        uint32_t prefix = first_prefix(g, first);
        prefixes += first - prefix;
        terms += prefix;
        records += (g->head.strings ? g->head.strings : g->head.str_off) - first;
        const uint8_t *bits = g->head.bits;
        arrays +=
            g->head.term_count * (bits[ARRAY_STR_OFF] + bits[ARRAY_DF] + bits[ARRAY_PTR]) / 8.0 +
            g->head.hash_count * bits[ARRAY_HASH] / 8.0;
        ids += g->head.doc_count * 4.0 + g->head.record_count * bits[ARRAY_SORTED] / 8.0 +
               g->head.block_count * bits[ARRAY_BLOCK_OFF] / 8.0 +
               ((g->head.doc_count + 31) >> 5) * 12.0;
    }
    printf("{\"bench\":\"bytes\",\"products\":%.0f,\"used\":%.1f,\"lists\":%.1f,\"strings\":%.1f,"
           "\"prefix_lists\":%.1f,"
           "\"positions\":%.1f,\"term_arrays\":%.1f,\"ids\":%.1f,\"records\":%.1f,"
           "\"columns\":%.1f}\n",
           live, (double)u.used_bytes / live, (terms - positions) / live, strings / live,
           prefixes / live, positions / live, arrays / live, ids / live, records / live,
           (double)column_bytes(s) / live);
    buf_fini(&stream);
    snapshot_destroy(&s);
    close_run(&r);
    return 0;
}

static int read_pages(char *dir)
{
    enum { PAGES = 20000, PAGE = 10 };
    struct run r;
    struct buf out = BUF_INIT;
    open_run(&r, dir, false);
    struct snapshot *s = snapshot_of(r.ix);
    float *us = malloc(PAGES * sizeof *us);
    unsigned seed = 1;
    for (int p = 0; us && p < PAGES; p++) {
        uint32_t docids[PAGE];
        for (int i = 0; i < PAGE;) {
            docids[i] = (uint32_t)rand_r(&seed) % snapshot_docid_end(s);
            i += snapshot_is_live(s, docids[i]);
        }
        double from = bench_now_us();
        buf_clear(&out);
        for (int i = 0; i < PAGE; i++)
            must(snapshot_product(s, docids[i], NULL, &out), "product", NULL);
        us[p] = (float)(bench_now_us() - from);
    }
    struct bench_times t = bench_times_of(us, PAGES);
    printf("{\"bench\":\"page\",\"products\":%d,\"median_us\":%.1f,\"mean_us\":%.1f,"
           "\"p99_us\":%.1f}\n",
           PAGE, t.median_us, t.mean_us, t.p99_us);
    free(us);
    buf_fini(&out);
    snapshot_destroy(&s);
    close_run(&r);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "bytes"))
        return bytes(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "read"))
        return read_pages(argv[2]);
    if (argc >= 4)
        return changes(argv[1], argv[2], argv[3], argc > 4 ? (uint32_t)atoi(argv[4]) : 1);
    fprintf(stderr, "usage: bench_ingest first|columns|upserts|catalogs CORPUS DIR [N]\n"
                    "       bench_ingest bytes|read DIR\n");
    return 2;
}
