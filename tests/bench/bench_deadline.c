/*
 * bench_deadline - how late a search answers that is to end at a deadline.
 *
 *   bench_deadline build CORPUS DIR
 *       the corpus, with a keyword of many values beside its fields
 *   bench_deadline run DIR QUERIES COUNT [MS]
 *       kinds of searches that read much, COUNT of each, by a new searcher and by one in use
 *
 * Each search is run once to its end: `gap` is the longest it went without looking at its deadline,
 * which is the most that any deadline could be overrun. Then with MS milliseconds (5): `late` is
 * how much later than that it ended. All in processor time of the thread, what others take of the
 * machine is not in it. One JSON line a kind.
 */
#include "bench_corpus.h"
#include "bench_must.h"

#include "index/index.h"
#include "index/query.h"
#include "protocol/schema_spec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { F_TITLE, F_TEXT, F_CATEGORY, F_PRICE, F_POPULARITY, F_MAKER, F_COUNT, BATCH_DOCS = 32768 };

/* --- the edition ------------------------------------------------------------------------------ */

static struct schema *bench_schema(void)
{
    enum { KEYWORD = FIELD_FILTER | FIELD_FACET | FIELD_SORT | FIELD_STORED };
    static struct schema_spec spec = {.field_count = F_COUNT};
    struct field_spec fields[F_COUNT] = {
        {.name = SLICE_LIT("title"),
         .type = FIELD_TEXT,
         .flags = FIELD_SEARCHABLE | FIELD_STORED,
         .weight = 3,
         .language = SLICE_LIT("en")},
        {.name = SLICE_LIT("text"),
         .type = FIELD_TEXT,
         .flags = FIELD_SEARCHABLE | FIELD_STORED,
         .weight = 1,
         .language = SLICE_LIT("en"),
         .weight_class = 2},
        {.name = SLICE_LIT("category"), .type = FIELD_KEYWORD, .flags = KEYWORD},
        {.name = SLICE_LIT("price"), .type = FIELD_INTEGER, .flags = KEYWORD},
        {.name = SLICE_LIT("popularity"), .type = FIELD_INTEGER, .flags = KEYWORD},
        {.name = SLICE_LIT("maker"), .type = FIELD_KEYWORD, .flags = KEYWORD}};
    struct buf b = BUF_INIT;
    struct schema *schema = NULL;
    struct fault fault = {0};
    memcpy(spec.fields, fields, sizeof fields);
    schema_spec_encode(&spec, &b);
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

/* The first two words of the title: of some hundred thousand products as many makers as a third. */
static struct slice maker_of(const char *title)
{
    const char *end = strchr(title, ' ');
    end = end ? strchr(end + 1, ' ') : NULL;
    size_t len = end ? (size_t)(end - title) : strlen(title);
    return slice_make(title, len < 100 ? len : 100);
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
    wire_put_varint(&b->doc, F_MAKER);
    value_put_text(&b->doc, maker_of(row->title));
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
    struct build b = {.doc = BUF_INIT};
    bool stale;
    mkdir(dir, 0777);
    must(index_create(dir, schema, NULL, &fault), "create", &fault);
    must(index_open(dir, NULL, &b.ix, &stale, &fault), "open", &fault);
    corpus_each(corpus, add_product, &b);
    commit(&b);
    must(index_merge_all(b.ix), "merge", NULL);
    index_close(&b.ix);
    schema_destroy(&schema);
    buf_fini(&b.doc);
    return 0;
}

/* --- one search ------------------------------------------------------------------------------- */

struct watch {
    int64_t last, gap, deadline; /* in us; deadline 0 = none */
};

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void look(struct watch *w, int64_t now)
{
    w->gap = now - w->last > w->gap ? now - w->last : w->gap;
    w->last = now;
}

static enum status check(void *ctx)
{
    struct watch *w = ctx;
    int64_t now = cpu_us();
    look(w, now);
    return w->deadline && now > w->deadline ? STATUS_DEADLINE : STATUS_OK;
}

struct run {
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    struct bench_queries queries;
    struct slice cursor;
    char makers[4096][104];
    uint32_t maker_count;
    int64_t ms;
};

static int64_t search(struct run *r, struct query q, int64_t ms, int64_t *took)
{
    struct query_result out;
    struct fault fault = {0};
    arena_reset(&r->arena);
    must(snapshot_begin(r->snap), "snapshot", NULL);
    int64_t start = cpu_us();
    struct watch w = {start, 0, ms ? start + ms * 1000 : 0};
    q.check = check;
    q.check_ctx = &w;
    enum status st = search_run(r->searcher, r->snap, &q, &r->arena, &out, &fault);
    int64_t end = cpu_us();
    look(&w, end);
    if (st != STATUS_DEADLINE)
        must(st, "search", &fault);
    r->cursor = SLICE_NULL;
    if (!st && out.cursor.len) {
        static char kept[1 << 16];
        r->cursor = slice_make(kept, out.cursor.len < sizeof kept ? out.cursor.len : 0);
        memcpy(kept, out.cursor.ptr, r->cursor.len);
    }
    snapshot_end(r->snap);
    *took = end - start;
    return !ms ? w.gap : end > w.deadline ? end - w.deadline : 0;
}

/* --- kinds ------------------------------------------------------------------------------------ */

static uint32_t roll(uint32_t below)
{
    static uint64_t seed = 7;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static const char *const frequent[] = {"the",   "and",  "with",  "for",  "in",   "of",
                                       "black", "to",   "a",     "is",   "your", "set",
                                       "white", "inch", "steel", "home", "from", "one"};
enum { FREQUENT = sizeof frequent / sizeof *frequent };

static const char *some_word(const struct run *r)
{
    const struct bench_query *b = &r->queries.items[roll((uint32_t)r->queries.count)];
    return b->words[roll(b->word_count)];
}

/* `n` words of queries, or frequent ones; `edits` swap two letters of the long ones. */
static char *words(const struct run *r, uint32_t n, bool often, bool edits)
{
    static char text[2000];
    size_t len = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *w = often ? frequent[roll(FREQUENT)] : some_word(r);
        for (int t = 0; edits && t < 50 && (strlen(w) < 8 || !isalpha((unsigned char)w[3])); t++)
            w = some_word(r);
        size_t at = len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%.60s", i ? " " : "", w);
        if (edits && strlen(w) > 5) {
            char c = text[at - 2];
            text[at - 2] = text[at - 3];
            text[at - 3] = c;
        }
    }
    return text;
}

enum kind {
    SHOP,
    FREQUENT_WORDS,
    MANY_WORDS,
    LEARNING,
    TYPOS,
    PREFIX,
    LETTER_BEHIND,
    PHRASE,
    FIELD_WORDS,
    BROWSE_FACETS,
    FACET_QUERY,
    FACETS,
    GROUPS,
    MANY_GROUPS,
    SORTED,
    SORTED_TEXT,
    FILTER_SET,
    FILTER_WORDS,
    DISJUNCTIVE,
    STALE,
    CURSOR,
    EXPLAIN,
    KINDS
};

static const char *const kind_name[KINDS] = {"as shops ask",
                                             "frequent words",
                                             "ten frequent words",
                                             "three to ten words",
                                             "ten misspelt words",
                                             "one letter",
                                             "a letter behind",
                                             "phrase",
                                             "words of a field",
                                             "facets of all",
                                             "facet query",
                                             "facets of 1000",
                                             "groups of a keyword",
                                             "groups of all",
                                             "sorted",
                                             "sorted by keyword",
                                             "4096 values, all",
                                             "4096 values",
                                             "disjunctive",
                                             "not too stale",
                                             "page behind a cursor",
                                             "explain"};

static const struct facet_request facets[] = {{.field = {"maker", 5}, .limit = 1000},
                                              {.field = {"category", 8}, .limit = 1000},
                                              {.field = {"price", 5}, .limit = 1000},
                                              {.field = {"popularity", 10}, .kind = FACET_STATS}},
                                  searched[] = {{.field = {"maker", 5},
                                                 .limit = 1000,
                                                 .query = {"bl", 2}}},
                                  either[] = {{.field = {"maker", 5}, .disjunctive = true},
                                              {.field = {"category", 8}, .disjunctive = true}};
static const struct sort_request by_maker = {{"maker", 5}, false}, by_price = {{"price", 5}, true};
static const struct slice of_title[] = {{"title", 5}};

static struct slice filter_of(struct run *r)
{
    static char text[512 * 1024];
    size_t len = (size_t)snprintf(text, sizeof text, "maker in [");
    for (uint32_t i = 0; i < r->maker_count; i++)
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s\"%s\"", i ? "," : "", r->makers[i]);
    snprintf(text + len, sizeof text - len, "]");
    return slice_str(text);
}

static struct query query_of(struct run *r, enum kind kind)
{
    static char text[2100];
    struct query q = {.match = QUERY_RELAXED,
                      .prefix = true,
                      .typos = QUERY_TYPOS_AUTO,
                      .k = 10,
                      .count_to = 10000,
                      .now_ms = 1,
                      .max_stale_ms = -1};
    const char *t = "";
    bool often = roll(2);
    switch (kind) {
    case SHOP:
        t = r->queries.items[roll((uint32_t)r->queries.count)].text;
        break;
    case FREQUENT_WORDS:
        t = words(r, 1 + roll(4), true, false);
        q.count_to = roll(2) ? QUERY_COUNT_ALL : 10000;
        break;
    case MANY_WORDS:
        t = words(r, 10, true, false);
        break;
    case LEARNING:
        t = words(r, 3 + roll(8), false, false);
        break;
    case TYPOS:
        t = words(r, 10, false, true);
        break;
    case PREFIX:
        snprintf(text, sizeof text, "%c", 'a' + (int)roll(26));
        t = text;
        q.count_to = roll(2) ? QUERY_COUNT_ALL : 10000;
        break;
    case LETTER_BEHIND:
        snprintf(text, sizeof text, "%s %c", words(r, 1 + roll(3), often, false),
                 'a' + (int)roll(26));
        t = text;
        break;
    case PHRASE:
        snprintf(text, sizeof text, "\"%s\" %s-\"%s %s\"", words(r, 2, true, false),
                 roll(2) ? "black " : "", "of", "the");
        t = text;
        break;
    case FIELD_WORDS:
        t = words(r, 1 + roll(3), often, false);
        q.fields = of_title;
        q.field_count = 1;
        break;
    case BROWSE_FACETS:
    case FACET_QUERY:
    case FACETS:
        t = kind == FACETS ? words(r, 1 + roll(2), true, false) : "";
        q.facets = kind == FACET_QUERY ? searched : facets;
        q.facet_count = kind == FACET_QUERY ? 1 : 4;
        break;
    case GROUPS:
    case MANY_GROUPS:
        t = kind == GROUPS ? words(r, 1 + roll(2), true, false) : "";
        q.group_field = roll(2) ? SLICE_LIT("maker") : SLICE_LIT("price");
        q.group_size = 3;
        q.k = 100;
        break;
    case SORTED:
    case SORTED_TEXT:
        t = roll(2) ? words(r, 1 + roll(3), often, false) : "";
        q.sorts = kind == SORTED ? &by_price : &by_maker;
        q.sort_count = 1;
        break;
    case FILTER_SET:
    case FILTER_WORDS:
        t = kind == FILTER_WORDS ? words(r, 1 + roll(3), often, false) : "";
        q.filter = filter_of(r);
        break;
    case DISJUNCTIVE:
        t = words(r, 1 + roll(2), often, false);
        q.filter = SLICE_LIT("exists(maker) and exists(category) and price > 100");
        q.facets = either;
        q.facet_count = 2;
        break;
    case STALE:
        t = words(r, 1 + roll(2), often, false);
        q.max_stale_ms = INT64_MAX / 2;
        break;
    case CURSOR:
    case EXPLAIN:
    default:
        t = words(r, 1 + roll(5), often, false);
        q.k = kind == CURSOR ? 100 : 10;
        q.explain = kind == EXPLAIN;
        break;
    }
    q.text = slice_str(t);
    return q;
}

/* --- a kind ----------------------------------------------------------------------------------- */

static void new_searcher(struct run *r)
{
    searcher_destroy(&r->searcher);
    must(searcher_create(&r->searcher), "searcher", NULL);
}

static void run_kind(struct run *r, enum kind kind, size_t count)
{
    float *gaps = calloc(count * 2, sizeof *gaps), *late = calloc(count * 2, sizeof *late),
          *times = calloc(count * 2, sizeof *times);
    size_t n = 0, cut = 0;
    if (!gaps || !late || !times)
        return;
    for (size_t i = 0; i < count; i++) {
        static char text[2100];
        struct query q = query_of(r, kind);
        int64_t took;
        snprintf(text, sizeof text, "%.*s", (int)q.text.len, q.text.ptr);
        q.text = slice_str(text);
        for (int warm = 0; warm < 2; warm++, n++) {
            struct query page = q;
            if (!warm)
                new_searcher(r);
            gaps[n] = (float)search(r, page, 0, &took);
            if (kind == CURSOR && r->cursor.len) {
                page.cursor = r->cursor;
                gaps[n] = (float)search(r, page, 0, &took);
            }
            times[n] = (float)took;
            page.cursor = SLICE_NULL;
            if (!warm)
                new_searcher(r);
            late[n] = (float)search(r, page, r->ms, &took);
            cut += late[n] > 0;
        }
    }
    struct bench_times g = bench_times_of(gaps, n), l = bench_times_of(late, n),
                       t = bench_times_of(times, n);
    printf("{\"kind\":\"%s\",\"n\":%zu,\"median_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f,"
           "\"gap_p99_us\":%.0f,\"gap_max_us\":%.0f,\"cut\":%zu,\"late_p99_us\":%.0f,"
           "\"late_max_us\":%.0f}\n",
           kind_name[kind], n, t.median_us, t.p99_us, times[n - 1], g.p99_us, gaps[n - 1], cut,
           l.p99_us, late[n - 1]);
    fflush(stdout);
    free(gaps);
    free(late);
    free(times);
}

static void take_makers(struct run *r)
{
    static const struct facet_request most = {.field = {"maker", 5}, .limit = 1000};
    static const char *const letters[] = {"a", "b", "c", "d", "f", "h"};
    for (int i = 0; i < 6; i++) {
        struct facet_request f = most;
        struct query q = {.k = 0, .facets = &f, .facet_count = 1, .max_stale_ms = -1};
        struct query_result out;
        struct fault fault = {0};
        f.query = slice_str(letters[i]);
        must(snapshot_begin(r->snap), "snapshot", NULL);
        must(search_run(r->searcher, r->snap, &q, &r->arena, &out, &fault), "makers", &fault);
        for (uint32_t v = 0; v < out.facets[0].value_count && r->maker_count < 4096; v++) {
            struct slice name = out.facets[0].values[v].value;
            if (!memchr(name.ptr, '"', name.len) && !memchr(name.ptr, '\\', name.len))
                snprintf(r->makers[r->maker_count++], sizeof *r->makers, "%.*s", (int)name.len,
                         name.ptr);
        }
        snapshot_end(r->snap);
        arena_reset(&r->arena);
    }
}

static int run(int argc, char **argv)
{
    static struct run r;
    struct index_options o = {.read_only = true};
    struct fault fault = {0};
    bool stale;
    size_t count = (size_t)atol(argv[4]);
    r.ms = argc > 5 ? atol(argv[5]) : 5;
    r.queries = bench_queries_load(argv[3], 3);
    must(index_open(argv[2], &o, &r.ix, &stale, &fault), "open", &fault);
    must(snapshot_create(r.ix, &r.snap), "snapshot", NULL);
    must(searcher_create(&r.searcher), "searcher", NULL);
    arena_init(&r.arena, 0);
    take_makers(&r);
    for (int kind = 0; kind < KINDS; kind++)
        if (argc < 7 || !strcmp(argv[6], kind_name[kind]))
            run_kind(&r, (enum kind)kind, count);
    searcher_destroy(&r.searcher);
    snapshot_destroy(&r.snap);
    index_close(&r.ix);
    arena_fini(&r.arena);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "build"))
        return build(argv[2], argv[3]);
    if (argc >= 5 && argc <= 7 && !strcmp(argv[1], "run"))
        return run(argc, argv);
    fprintf(stderr, "usage: bench_deadline build CORPUS DIR\n"
                    "       bench_deadline run DIR QUERIES COUNT [MS [KIND]]\n");
    return 2;
}
