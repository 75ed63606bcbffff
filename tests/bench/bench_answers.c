/*
 * bench_answers - what searches answer, to hold two builds of the library against each other.
 *
 *   bench_answers EDITION COUNT SEED [QUERIES]
 *
 * EDITION is a directory with data.mdb, opened read-only. COUNT queries of one to four words are
 * drawn from its dictionary, cut off, misspelt and joined here and there; QUERIES adds lines whose
 * second column is a query. Each is asked in every way of `ways` below, and as the sub-queries of a
 * refined page. One line an answer: what was found, hits with scores and what they lack, words
 * dropped and left out, facets, the second page. Two builds answer alike when the lines are the
 * same bytes.
 */
#include "bench_must.h"
#include "index/expand.h"
#include "index/index.h"
#include "index/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512, REFINED = 4 };

struct bench {
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    struct facet_request facet, refined[REFINED];
    uint32_t refined_count; /* the last keyword and path fields, as disjunctive facets */
    struct slice sort;
    uint64_t seed;
};

static uint32_t roll(struct bench *b, uint32_t below)
{
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    return below ? (uint32_t)(b->seed >> 33) % below : 0;
}

/* --- the ways to ask -------------------------------------------------------------------------- */

struct way {
    const char *name;
    enum query_match match;
    int typos;
    bool prefix, bm25, facet, sorted, next;
    uint32_t k, offset;
    int64_t count_to;
    bool grouped;
};

static const struct way ways[] = {
    {"default", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, false, false, false, 10, 0, 10000,
     false},
    {"pages", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, false, false, true, 7, 0, 10000, false},
    {"long", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, false, false, true, 100, 0, 10000,
     false},
    {"second", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, false, false, false, 10, 10, 1000,
     false},
    {"none", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, false, false, false, 0, 0, 10000, false},
    {"facets", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, true, false, false, 10, 0, 10000,
     false},
    {"sorted", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, false, true, true, 10, 0, 10000,
     false},
    {"exactly", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, false, false, false, 10, 0,
     QUERY_COUNT_ALL, false},
    {"whole", QUERY_RELAXED, 0, false, false, false, false, false, 10, 0, 1000, false},
    {"all", QUERY_ALL, QUERY_TYPOS_AUTO, true, false, false, false, false, 10, 0, 10000, false},
    {"any", QUERY_ANY, 1, false, false, false, false, false, 10, 0, 1000, false},
    {"two edits", QUERY_ALL, 2, true, false, false, false, false, 10, 0, 1000, false},
    {"bm25", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, true, false, false, true, 10, 0, 1000, false},
    {"groups", QUERY_RELAXED, QUERY_TYPOS_AUTO, true, false, true, false, true, 10, 0, 10000, true},
    {"sorted groups", QUERY_RELAXED, 0, true, false, false, true, true, 10, 0, 10000, true},
};

static void print_slices(const char *name, const struct slice *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        printf("%s%.*s", i ? "," : name, (int)items[i].len, items[i].ptr);
}

static void print_answer(const struct query_result *r)
{
    printf("%" PRIu64 "%s", r->found, r->found_exact ? "" : "+");
    for (uint32_t i = 0; i < r->hit_count; i++) {
        const struct hit *h = &r->hits[i];
        printf(" %.*s:%" PRIu64, (int)h->id.len, h->id.ptr, h->score);
        print_slices("-", h->lacks, h->lacks_count);
    }
    print_slices(" dropped ", r->dropped_words, r->dropped_count);
    print_slices(" cut ", r->cut_words, r->cut_count);
    print_slices(" degraded ", r->degraded, r->degraded_count);
    for (uint32_t f = 0; f < r->facet_count; f++)
        for (uint32_t i = 0; i < r->facets[f].value_count; i++)
            printf(" %.*s=%" PRIu64, (int)r->facets[f].values[i].value.len,
                   r->facets[f].values[i].value.ptr, r->facets[f].values[i].count);
}

static void ask(struct bench *b, const struct way *way, const char *text)
{
    const struct sort_request sort = {.field = b->sort, .descending = true};
    struct query q = {.text = slice_str(text),
                      .match = way->match,
                      .prefix = way->prefix,
                      .typos = way->typos,
                      .k = way->k,
                      .offset = way->offset,
                      .count_to = way->count_to,
                      .profile = way->bm25 ? SLICE_LIT("bm25") : SLICE_NULL,
                      .facets = &b->facet,
                      .facet_count = way->facet && b->facet.field.len,
                      .sorts = &sort,
                      .sort_count = way->sorted && b->sort.len,
                      .group_field = way->grouped ? b->facet.field : SLICE_NULL,
                      .group_size = 3,
                      .now_ms = 1,
                      .max_stale_ms = -1};
    struct query_result r;
    struct fault fault = {0};
    arena_reset(&b->arena);
    must(snapshot_begin(b->snap), "snapshot", NULL);
    printf("%s|%s|", way->name, text);
    must(search_run(b->searcher, b->snap, &q, &b->arena, &r, &fault), text, &fault);
    print_answer(&r);
    if (way->next && r.cursor.len) {
        q.cursor = r.cursor;
        printf(" then ");
        must(search_run(b->searcher, b->snap, &q, &b->arena, &r, &fault), text, &fault);
        print_answer(&r);
    }
    putchar('\n');
    snapshot_end(b->snap);
}

/* --- a page that was refined ------------------------------------------------------------------ */

static struct query refined(const struct bench *b, const char *text, uint32_t without)
{
    return (struct query){.text = slice_str(text),
                          .match = QUERY_RELAXED,
                          .prefix = true,
                          .typos = QUERY_TYPOS_AUTO,
                          .k = without < REFINED ? 0 : 10,
                          .count_to = 10000,
                          .facets = without < b->refined_count ? &b->refined[without] : b->refined,
                          .facet_count = without < b->refined_count ? 1 : b->refined_count,
                          .now_ms = 1,
                          .max_stale_ms = -1};
}

/* Two frequent values of each facet, joined by "and". */
static uint32_t make_terms(struct bench *b, const struct query_result *r,
                           struct slice terms[REFINED])
{
    uint32_t n = 0;
    for (uint32_t f = 0; f < r->facet_count; f++) {
        const struct facet_result *x = &r->facets[f];
        if (!x->value_count)
            continue;
        struct slice one = x->values[0].value, other = x->values[x->value_count > 2 ? 2 : 0].value;
        terms[n++] = arena_printf(&b->arena, "`%.*s` in [\"%.*s\", \"%.*s\"]", (int)x->field.len,
                                  x->field.ptr, (int)one.len, one.ptr, (int)other.len, other.ptr);
    }
    return n;
}

static struct slice join(struct bench *b, const struct slice *terms, uint32_t count,
                         uint32_t without)
{
    struct slice text = SLICE_LIT("");
    for (uint32_t i = 0; i < count; i++)
        if (i != without)
            text = arena_printf(&b->arena, "%.*s%s%.*s", (int)text.len, text.ptr,
                                text.len ? " and " : "", (int)terms[i].len, terms[i].ptr);
    return text;
}

/* The page, its facets each as if their own term were off, its groups and its order, together. */
static void ask_refined(struct bench *b, const char *text)
{
    struct slice terms[REFINED];
    struct query q = refined(b, text, REFINED);
    struct query_result r;
    struct fault fault = {0};
    const struct sort_request sort = {.field = b->sort, .descending = true};
    arena_reset(&b->arena);
    must(snapshot_begin(b->snap), "snapshot", NULL);
    must(search_run(b->searcher, b->snap, &q, &b->arena, &r, &fault), text, &fault);
    uint32_t count = make_terms(b, &r, terms);
    search_share_begin(b->searcher, &b->arena);
    for (uint32_t i = 0; i < REFINED + 4; i++) {
        q = refined(b, text, i);
        q.filter = join(b, terms, count, i);
        if (i == REFINED + 1)
            q.group_field = b->facet.field;
        q.sorts = &sort;
        q.sort_count = i == REFINED + 2 && b->sort.len;
        if (i == REFINED + 3)
            search_share_end(b->searcher); /* as the first, and alone */
        must(search_run(b->searcher, b->snap, &q, &b->arena, &r, &fault), text, &fault);
        printf("refined %u|%s|", i, text);
        print_answer(&r);
        putchar('\n');
    }
    snapshot_end(b->snap);
}

static void ask_all(struct bench *b, const char *text)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        ask(b, &ways[i], text);
    ask_refined(b, text);
}

/* --- queries ---------------------------------------------------------------------------------- */

/* A term of the dictionary; rare ones are mostly passed over. */
static struct slice draw_term(struct bench *b)
{
    struct slice term = SLICE_NULL;
    for (int tries = 0; tries < 64; tries++) {
        const struct segment *s =
            snapshot_segment(b->snap, roll(b, snapshot_segment_count(b->snap)));
        if (!segment_term_count(s))
            continue;
        must(segment_term(s, roll(b, segment_term_count(s)), &term), "a term", NULL);
        uint64_t df = expand_live_df(b->snap, term);
        if (df >= (roll(b, 3) ? 30U : roll(b, 2) ? 2000U : 1U))
            break;
    }
    return term;
}

static size_t put_word(struct bench *b, char *out, bool last)
{
    struct slice t = draw_term(b);
    size_t n = t.len < 60 ? t.len : 60;
    memcpy(out, t.ptr, n);
    bool plain = true;
    for (size_t i = 0; i < n; i++)
        plain &= (unsigned char)out[i] < 0x80;
    if (plain && n > 3 && last && !roll(b, 3)) /* not typed to its end */
        n -= 1 + roll(b, (uint32_t)n - 2);
    if (plain && n > 3 && !roll(b, 5)) /* misspelt */
        out[roll(b, (uint32_t)n)] = (char)('a' + roll(b, 26));
    if (plain && n > 4 && !roll(b, 12)) { /* cut in two */
        size_t at = 2 + roll(b, (uint32_t)n - 3);
        memmove(out + at + 1, out + at, n - at);
        out[at] = ' ';
        n++;
    }
    return n;
}

static void draw_query(struct bench *b, char text[TEXT_MAX])
{
    uint32_t words = roll(b, 2) ? 2 : 1 + roll(b, 4);
    size_t n = 0;
    for (uint32_t i = 0; i < words; i++) {
        n += put_word(b, text + n, i + 1 == words);
        if (i + 1 < words && roll(b, 16)) /* else written together */
            text[n++] = ' ';
    }
    text[n] = 0;
}

static void ask_file(struct bench *b, const char *path)
{
    char line[TEXT_MAX];
    FILE *f = fopen(path, "r");
    must(f ? STATUS_OK : STATUS_IO, path, NULL);
    while (fgets(line, sizeof line, f)) {
        char *text = strchr(line, '\t');
        text = text ? text + 1 : line;
        text[strcspn(text, "\t\n")] = 0;
        ask_all(b, text);
    }
    fclose(f);
}

static void pick_fields(struct bench *b)
{
    const struct schema *schema = snapshot_schema(b->snap);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        if (f->facet && f->type == FIELD_KEYWORD && !b->facet.field.len)
            b->facet.field = slice_str(f->name);
        if (f->facet && (f->type == FIELD_KEYWORD || f->type == FIELD_PATH))
            b->refined[b->refined_count++ % REFINED] =
                (struct facet_request){.field = slice_str(f->name), .disjunctive = true};
        if (f->sort && !b->sort.len)
            b->sort = slice_str(f->name);
    }
    b->refined_count = b->refined_count < REFINED ? b->refined_count : REFINED;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench_answers EDITION COUNT SEED [QUERIES]\n");
        return 2;
    }
    struct bench b = {.seed = strtoull(argv[3], NULL, 10)};
    struct index_options o = {.read_only = true};
    struct fault fault = {0};
    bool stale;
    char text[TEXT_MAX];
    must(index_open(argv[1], &o, &b.ix, &stale, &fault), "open", &fault);
    must(snapshot_create(b.ix, &b.snap), "snapshot", NULL);
    must(searcher_create(&b.searcher), "searcher", NULL);
    arena_init(&b.arena, 0);
    must(snapshot_begin(b.snap), "snapshot", NULL);
    pick_fields(&b);
    snapshot_end(b.snap);
    for (long left = strtol(argv[2], NULL, 10); left > 0; left--) {
        must(snapshot_begin(b.snap), "snapshot", NULL);
        draw_query(&b, text);
        snapshot_end(b.snap);
        ask_all(&b, text);
    }
    if (argc > 4)
        ask_file(&b, argv[4]);
    searcher_destroy(&b.searcher);
    snapshot_destroy(&b.snap);
    index_close(&b.ix);
    arena_fini(&b.arena);
    return 0;
}
