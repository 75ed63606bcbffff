/*
 * souk eval: a file of queries held against human judgments, by one profile or by two side by side.
 */
#include "cli/command.h"
#include "cli/json.h"
#include "cli/metrics.h"
#include "cli/query.h"
#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>

enum { EVAL_K = 100 };

struct judgment {
    struct slice qid, id;
    int grade;
};

/* What one profile came to. */
struct side {
    struct slice profile;
    struct buf times;
    struct metrics sum, last; /* of all queries, of the last one */
    uint32_t queries, recall_queries;
};

struct eval {
    struct command *c;
    struct query query;
    struct arena arena;
    struct buf judgments; /* struct judgment, by qid, then id */
    struct buf grades;
    struct side sides[2];
    uint32_t side_count;
    uint32_t better, worse; /* queries that the second profile changes */
    struct fault fault;
};

static int by_qid_id(const void *a, const void *b)
{
    const struct judgment *x = a, *y = b;
    int order = slice_compare(x->qid, y->qid);
    return order ? order : slice_compare(x->id, y->id);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A file that is not read as it was meant gives numbers that mean nothing: it is refused. */
static enum status bad_line(struct eval *e, const char *file, uint32_t line, const char *what)
{
    fault_set(&e->fault, STATUS_SYNTAX, file, "%s", what);
    e->fault.line = line;
    return STATUS_SYNTAX;
}

/* "qid TAB id TAB grade", and perhaps more behind another tab. */
static bool read_judgment(struct slice line, struct judgment *j)
{
    const char *end = line.ptr + line.len, *tab = memchr(line.ptr, '\t', line.len);
    const char *second = tab ? memchr(tab + 1, '\t', (size_t)(end - tab - 1)) : NULL;
    if (!second || second + 1 == end || (second + 2 < end && second[2] != '\t'))
        return false;
    j->qid = slice_make(line.ptr, (size_t)(tab - line.ptr));
    j->id = slice_make(tab + 1, (size_t)(second - tab - 1));
    j->grade = second[1] - '0';
    return j->qid.len && j->id.len && j->grade >= 0 && j->grade <= 3;
}

/* A product has one grade of a query. */
static enum status check_judgments(struct eval *e)
{
    struct judgment *all = (struct judgment *)(void *)e->judgments.ptr;
    size_t n = e->judgments.len / sizeof *all;
    if (n)
        qsort(all, n, sizeof *all, by_qid_id);
    for (size_t i = 1; i < n; i++)
        if (by_qid_id(&all[i - 1], &all[i]) == 0 && all[i - 1].grade != all[i].grade)
            return fault_set(&e->fault, STATUS_INVALID, "qrels",
                             "query %.*s has two grades of product %.*s", (int)all[i].qid.len,
                             all[i].qid.ptr, (int)all[i].id.len, all[i].id.ptr);
    return e->judgments.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status read_judgments(struct eval *e, const char *path)
{
    struct source *source;
    struct slice line;
    enum status s = source_open(path, &source, &e->fault);
    if (s)
        return s;
    while ((s = source_line(source, &line, &e->fault)) == STATUS_OK) {
        struct judgment j;
        struct slice kept = arena_copy(&e->arena, line);
        if (!line.len)
            continue;
        if (!kept.ptr)
            s = STATUS_NO_MEMORY;
        else if (!read_judgment(kept, &j))
            s = bad_line(e, "qrels", source_line_number(source),
                         "a line is qid TAB id TAB grade, a grade 0, 1, 2 or 3");
        if (s)
            break;
        buf_put(&e->judgments, &j, sizeof j);
    }
    source_close(source);
    return s == STATUS_END ? check_judgments(e) : s;
}

/* The judgments of one query: the first of them and how many. */
static struct judgment *judgments_of(struct eval *e, struct slice qid, uint32_t *count)
{
    struct judgment *all = (struct judgment *)(void *)e->judgments.ptr;
    size_t low = 0, n = e->judgments.len / sizeof *all, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(all[middle].qid, qid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    while (low + *count < n && slice_equal(all[low + *count].qid, qid))
        (*count)++;
    return all ? all + low : NULL;
}

static void add(struct side *side, const struct metrics *m)
{
    side->queries++;
    side->sum.ndcg10 += m->ndcg10;
    side->sum.ndcg10_judged += m->ndcg10_judged;
    side->sum.rr += m->rr;
    side->sum.judged10 += m->judged10;
    side->recall_queries += m->has_recall;
    side->sum.recall100 += m->recall100;
    side->last = *m;
}

static enum status search_side(struct eval *e, struct side *side, struct slice qid,
                               const struct judgment *js, uint32_t count)
{
    struct search_reply r;
    struct metrics m;
    int ranked[EVAL_K];
    e->query.request.profile = side->profile;
    uint64_t from = command_now_us();
    enum status s = souk_search(e->c->souk, &e->query.request, &e->c->reply, &r);
    uint64_t us = command_now_us() - from;
    if (s) {
        e->fault = e->c->reply.fault;
        return s;
    }
    buf_put(&side->times, &us, sizeof us);
    uint32_t hits = r.hit_count < EVAL_K ? r.hit_count : EVAL_K;
    for (uint32_t i = 0; i < hits; i++) {
        struct judgment key = {.qid = qid, .id = r.hits[i].id};
        const struct judgment *j = bsearch(&key, js, count, sizeof *js, by_qid_id);
        ranked[i] = j ? j->grade : METRICS_UNJUDGED;
    }
    if (metrics_of(ranked, hits, (const int *)(const void *)e->grades.ptr, count, &m))
        add(side, &m);
    return STATUS_OK;
}

/* One line for a query that two profiles answer differently. */
static void print_difference(struct eval *e, struct slice qid, struct slice text)
{
    double a = e->sides[0].last.ndcg10, b = e->sides[1].last.ndcg10;
    struct buf *out = &e->c->out;
    e->better += b > a;
    e->worse += b < a;
    if (a == b)
        return;
    if (e->c->json) {
        buf_printf(out, "{\"qid\":");
        json_put_text(out, qid);
        buf_printf(out, ",\"query\":");
        json_put_text(out, text);
        buf_printf(out, ",\"ndcg@10\":[%.4f,%.4f],\"difference\":%.4f}\n", a, b, b - a);
    } else {
        buf_printf(out, "%+.4f  %.4f  %.4f  %.*s\n", b - a, a, b, (int)text.len, text.ptr);
    }
}

static enum status eval_query(struct eval *e, struct slice qid, struct slice text)
{
    struct metrics m;
    uint32_t count;
    const struct judgment *js = judgments_of(e, qid, &count);
    buf_clear(&e->grades);
    for (uint32_t i = 0; i < count; i++)
        buf_put(&e->grades, &js[i].grade, sizeof js[i].grade);
    if (!count || !metrics_of(NULL, 0, (const int *)(const void *)e->grades.ptr, count, &m))
        return STATUS_OK;
    e->query.request.text = text;
    enum status s = STATUS_OK;
    for (uint32_t i = 0; !s && i < e->side_count; i++)
        s = search_side(e, &e->sides[i], qid, js, count);
    if (!s && e->side_count == 2)
        print_difference(e, qid, text);
    return s;
}

static void report_side(struct eval *e, struct side *side)
{
    double n = side->queries ? side->queries : 1,
           with_recall = side->recall_queries ? side->recall_queries : 1;
    uint32_t count = (uint32_t)(side->times.len / sizeof(uint64_t));
    uint64_t *times = (uint64_t *)(void *)side->times.ptr;
    if (count)
        qsort(times, count, sizeof *times, by_value);
    if (e->side_count == 2 && e->c->json) {
        buf_printf(&e->c->out, "{\"profile\":");
        json_put_text(&e->c->out, side->profile);
        buf_put_u8(&e->c->out, ',');
    } else if (e->side_count == 2) {
        buf_printf(&e->c->out, "\nprofile         %.*s\n", (int)side->profile.len,
                   side->profile.ptr);
    }
    const char *format =
        e->c->json ? "%s\"ndcg@10\":%.4f,\"ndcg@10_judged\":%.4f,\"recall@100\":%.4f,"
                     "\"mrr\":%.4f,\"judged@10\":%.4f,\"queries\":%u,\"p50_us\":%llu,"
                     "\"p90_us\":%llu,\"p99_us\":%llu}\n"
                   : "%sndcg@10         %.4f\nndcg@10_judged  %.4f\nrecall@100      %.4f\n"
                     "mrr             %.4f\njudged@10       %.4f\nqueries         %u\n"
                     "p50_us          %llu\np90_us          %llu\np99_us          %llu\n";
    buf_printf(&e->c->out, format, e->c->json && e->side_count == 1 ? "{" : "",
               side->sum.ndcg10 / n, side->sum.ndcg10_judged / n, side->sum.recall100 / with_recall,
               side->sum.rr / n, side->sum.judged10 / n, side->queries,
               (unsigned long long)metrics_percentile(times, count, 0.5),
               (unsigned long long)metrics_percentile(times, count, 0.9),
               (unsigned long long)metrics_percentile(times, count, 0.99));
}

static int report(struct eval *e)
{
    for (uint32_t i = 0; i < e->side_count; i++)
        report_side(e, &e->sides[i]);
    if (e->side_count == 2)
        buf_printf(&e->c->out,
                   e->c->json ? "{\"better\":%u,\"worse\":%u,\"equal\":%u}\n"
                              : "\nbetter %u, worse %u, equal %u\n",
                   e->better, e->worse, e->sides[0].queries - e->better - e->worse);
    return command_flush(e->c);
}

static int run(struct eval *e, const char *queries, const char *qrels)
{
    struct source *source;
    struct slice line, qid, text;
    enum status s = read_judgments(e, qrels);
    if (!s)
        s = source_open(queries, &source, &e->fault);
    if (s) {
        command_fail(e->c, s, &e->fault);
        return EXIT_USAGE;
    }
    int code = command_connect(e->c);
    while (!code && (s = source_line(source, &line, &e->fault)) == STATUS_OK) {
        if (!line.len)
            continue;
        if (!query_line(line, &qid, &text) || !qid.len)
            s = bad_line(e, "queries", source_line_number(source), "a line is qid TAB query");
        else if ((s = eval_query(e, qid, text)))
            e->fault.line = source_line_number(source);
        if (s)
            break;
    }
    source_close(source);
    if (code)
        return code;
    if (s == STATUS_END && !e->sides[0].queries)
        s = fault_set(&e->fault, STATUS_INVALID, "qrels",
                      "no query of the file has a grade above 0");
    if (s == STATUS_END)
        return report(e);
    code = command_fail(e->c, s, &e->fault);
    return s == STATUS_SYNTAX || s == STATUS_INVALID ? EXIT_USAGE : code;
}

int command_eval(struct command *c)
{
    struct eval *e = calloc(1, sizeof *e);
    const char *queries = options_value(&c->options, OPT_QUERIES);
    const char *qrels = options_value(&c->options, OPT_QRELS);
    const char *bad = e ? query_from_options(&c->options, &e->query) : "out of memory";
    if (!bad && (!command_word(c, 1) || !queries || !qrels))
        bad = "eval needs a catalog, --queries and --qrels";
    if (bad || command_word(c, 2)) {
        free(e);
        return bad ? command_usage(bad) : command_surplus(c, 2);
    }
    e->c = c;
    e->query.request.catalog = slice_str(command_word(c, 1));
    e->query.request.k = EVAL_K;
    e->query.request.ids_only = true;
    e->query.request.no_cache = true;
    e->sides[0].profile = e->query.request.profile;
    e->sides[1].profile = slice_str(options_value(&c->options, OPT_AGAINST));
    e->side_count = options_value(&c->options, OPT_AGAINST) ? 2 : 1;
    int code = run(e, queries, qrels);
    buf_fini(&e->judgments);
    buf_fini(&e->sides[0].times);
    buf_fini(&e->sides[1].times);
    buf_fini(&e->grades);
    arena_fini(&e->arena);
    free(e);
    return code;
}
