/* souk suggest: completions and their lists. souk queries: what was searched. */
#include "cli/command.h"
#include "cli/json.h"
#include "cli/source.h"
#include "cli/table.h"

#include <stdio.h>

enum { LOAD_MAX = 8 << 20, PRODUCTS_DEFAULT = 3 };

/* --- loading ---------------------------------------------------------------------------------- */

static int set_list(struct command *c, const char *catalog, struct slice lines)
{
    struct catalog_request q = {.action = CATALOG_SET,
                                .name = slice_str(catalog),
                                .kind = SLICE_LIT("suggestions"),
                                .key = SLICE_LIT("imported"),
                                .value = lines};
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_catalog(c->souk, &q, &c->reply);
    return s ? command_fail(c, s, &c->reply.fault) : EXIT_OK;
}

static bool all_digits(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

static uint64_t number(struct slice s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len && n < UINT64_MAX / 100; i++)
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
    return n;
}

/*
 * A file of queries: lines "query TAB count ...", where counts that are missing are 1, or lines "id
 * TAB query ...". Both readings are kept until the end tells which one fits more lines.
 */
struct list {
    struct buf counted, named; /* as the server wants them: query TAB count */
    uint32_t counted_count, named_count, skipped;
    uint32_t counts, words; /* second cells that are a count, and that are none */
    uint32_t no_count;      /* the first line of the latter */
};

static void put_query(struct buf *b, uint32_t *queries, struct slice text, uint64_t count)
{
    buf_put_slice(b, text);
    buf_printf(b, "\t%llu\n", (unsigned long long)count);
    ++*queries;
}

static void put_line(struct list *l, struct slice line, uint32_t number_of_line)
{
    const char *tab = line.len ? memchr(line.ptr, '\t', line.len) : NULL;
    struct slice first = tab ? slice_make(line.ptr, (size_t)(tab - line.ptr)) : line;
    struct slice rest = tab ? slice_make(tab + 1, line.len - first.len - 1) : SLICE_NULL;
    const char *next = rest.len ? memchr(rest.ptr, '\t', rest.len) : NULL;
    struct slice second = next ? slice_make(rest.ptr, (size_t)(next - rest.ptr)) : rest;
    bool count = all_digits(second);
    if (wire_utf8_valid(line) != line.len) {
        l->skipped++;
        return;
    }
    if (first.len)
        put_query(&l->counted, &l->counted_count, first, count ? number(second) : 1);
    if (second.len || first.len)
        put_query(&l->named, &l->named_count, second.len ? second : first, 1);
    l->counts += count;
    if (second.len && !count && !l->words++)
        l->no_count = number_of_line;
}

static int send_list(struct command *c, const char *catalog, const struct list *l)
{
    bool counted = l->counts >= l->words;
    const struct buf *lines = counted ? &l->counted : &l->named;
    uint32_t count = counted ? l->counted_count : l->named_count;
    char what[80];
    if (counted && l->words) {
        snprintf(what, sizeof what, "line %u: a count is missing behind the tab", l->no_count);
        return command_usage(what);
    }
    if (lines->len > LOAD_MAX)
        return command_usage("a list of suggestions has at most 8 MiB");
    if (!count)
        return command_usage("the file holds no queries");
    int code = set_list(c, catalog, buf_slice(lines));
    if (!code && c->json)
        buf_printf(&c->out, "{\"loaded\":%u,\"skipped\":%u}\n", count, l->skipped);
    else if (!code)
        buf_printf(&c->out, "%u queries loaded%s\n", count,
                   l->skipped ? "; lines that are not UTF-8 were left out" : "");
    return code;
}

static int load(struct command *c, const char *catalog, const char *path)
{
    struct source *source;
    struct slice line;
    struct fault fault = {0};
    struct list l = {0};
    enum status s = source_open(path, &source, &fault);
    if (s) {
        command_fail(c, s, &fault);
        return EXIT_USAGE;
    }
    while ((s = source_line(source, &line, &fault)) == STATUS_OK &&
           (l.counted.len <= LOAD_MAX || l.named.len <= LOAD_MAX))
        put_line(&l, line, source_line_number(source));
    source_close(source);
    int code =
        s != STATUS_OK && s != STATUS_END ? command_fail(c, s, &fault) : send_list(c, catalog, &l);
    buf_fini(&l.counted);
    buf_fini(&l.named);
    return code ? code : command_flush(c);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void put_json(struct buf *b, struct slice typed, const struct suggest_reply *r)
{
    buf_printf(b, "{\"query\":");
    json_put_text(b, typed);
    buf_printf(b, ",\"suggestions\":[");
    for (uint32_t i = 0; i < r->query_count; i++) {
        const struct suggest_query_reply *q = &r->queries[i];
        buf_printf(b, "%s{\"text\":", i ? "," : "");
        json_put_text(b, q->text);
        buf_printf(b, ",\"count\":");
        json_put_float(b, q->weight);
        buf_printf(b, ",\"typos\":%u,\"inner\":%s,\"categories\":[", q->distance,
                   q->inner ? "true" : "false");
        for (uint32_t k = 0; k < q->category_count; k++) {
            if (k)
                buf_put_u8(b, ',');
            json_put_text(b, q->categories[k]);
        }
        buf_printf(b, "]}");
    }
    buf_printf(b, "],\"products\":[");
    for (uint32_t i = 0; i < r->product_count; i++) {
        buf_printf(b, "%s{\"id\":", i ? "," : "");
        json_put_text(b, r->products[i].id);
        buf_printf(b, ",\"title\":");
        json_put_text(b, r->products[i].title);
        buf_put_u8(b, '}');
    }
    buf_printf(b, "],\"degraded\":[");
    for (uint32_t i = 0; i < r->degraded_count; i++) {
        if (i)
            buf_put_u8(b, ',');
        json_put_text(b, r->degraded[i]);
    }
    buf_printf(b, "],\"took_us\":%llu}\n", (unsigned long long)r->took_us);
}

static void put_table(struct buf *b, const struct suggest_reply *r)
{
    for (uint32_t i = 0; i < r->query_count; i++) {
        const struct suggest_query_reply *q = &r->queries[i];
        table_put(b, q->text, 0);
        for (uint32_t k = 0; k < q->category_count; k++) {
            buf_printf(b, k ? ", " : "  in ");
            table_put(b, q->categories[k], 0);
        }
        buf_put_u8(b, '\n');
    }
    for (uint32_t i = 0; i < r->product_count; i++) {
        buf_printf(b, "  ");
        table_put(b, r->products[i].id, 16);
        buf_put_u8(b, ' ');
        table_put(b, r->products[i].title, 0);
        buf_put_u8(b, '\n');
    }
}

static int ask(struct command *c, const char *catalog)
{
    struct suggest_reply r;
    struct buf words = BUF_INIT;
    int64_t limit = options_number(&c->options, OPT_K, 0);
    int64_t products = options_number(&c->options, OPT_PRODUCTS, PRODUCTS_DEFAULT);
    if (limit > SUGGEST_LIMIT_MAX)
        return command_usage("suggest: -k is at most 20");
    for (uint32_t i = 2; command_word(c, i); i++)
        buf_printf(&words, "%s%s", i > 2 ? " " : "", command_word(c, i));
    struct suggest_request q = {.catalog = slice_str(catalog),
                                .text = buf_slice(&words),
                                .limit = (uint32_t)limit,
                                .products = (uint32_t)products};
    int code = command_connect(c);
    if (!code) {
        enum status s = souk_suggest(c->souk, &q, &c->reply, &r);
        if (s)
            code = command_fail(c, s, &c->reply.fault);
        else if (c->json)
            put_json(&c->out, q.text, &r);
        else
            put_table(&c->out, &r);
    }
    buf_fini(&words);
    return code ? code : command_flush(c);
}

int command_suggest(struct command *c)
{
    const char *word = command_word(c, 1), *catalog = command_word(c, 2);
    if (word && catalog && strcmp(word, "load") == 0 && command_word(c, 3))
        return command_word(c, 4) ? command_surplus(c, 4) : load(c, catalog, command_word(c, 3));
    if (word && catalog && strcmp(word, "clear") == 0 && !command_word(c, 3))
        return set_list(c, catalog, SLICE_NULL);
    if (!word || !catalog)
        return command_usage("suggest needs a catalog and what was typed, or: suggest load "
                             "CATALOG FILE, suggest clear CATALOG");
    return ask(c, word);
}

/* --- queries ---------------------------------------------------------------------------------- */

static void put_row(struct command *c, const struct queries_row *row)
{
    struct buf *b = &c->out;
    if (!c->json) {
        buf_printf(b, "%9.1f  %8llu found  %8llu us  ", row->count, (unsigned long long)row->found,
                   (unsigned long long)row->slowest_us);
        table_put(b, row->text, 0);
        buf_put_u8(b, '\n');
        return;
    }
    buf_printf(b, "{\"query\":");
    json_put_text(b, row->text);
    buf_printf(b, ",\"count\":");
    json_put_float(b, row->count);
    buf_printf(b, ",\"found\":%llu,\"slowest_us\":%llu,\"age_ms\":%llu}\n",
               (unsigned long long)row->found, (unsigned long long)row->slowest_us,
               (unsigned long long)row->age_ms);
}

int command_queries(struct command *c)
{
    struct queries_row *rows;
    uint32_t count;
    int64_t limit = options_number(&c->options, OPT_K, 0);
    if (!command_word(c, 1))
        return command_usage("queries needs a catalog");
    struct queries_request q = {.catalog = slice_str(command_word(c, 1)),
                                .kind = options_has(&c->options, OPT_SLOW)      ? QUERIES_SLOW
                                        : options_has(&c->options, OPT_NO_HITS) ? QUERIES_NO_HITS
                                                                                : QUERIES_POPULAR,
                                .limit = (uint32_t)limit};
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_queries(c->souk, &q, &c->reply, &rows, &count);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    for (uint32_t i = 0; i < count; i++)
        put_row(c, &rows[i]);
    return command_flush(c);
}
