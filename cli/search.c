/* souk search: one search, or a file of them. */
#include "cli/command.h"
#include "cli/query.h"
#include "cli/search_json.h"
#include "cli/source.h"

#include <stdlib.h>

/* The text of a field of a hit, shortened for a line of the table. */
static void put_cell(struct buf *b, const struct hit_reply *h, const struct search_reply *r,
                     const char *name)
{
    struct document d;
    struct value v;
    uint32_t number;
    if (!h->document.len || document_begin(&d, h->document))
        return;
    while (document_next(&d, &number, &v) == STATUS_OK) {
        if (number >= r->name_count || !slice_equal(r->names[number], slice_str(name)))
            continue;
        buf_printf(b, "  ");
        if (v.type == VALUE_TEXT) {
            struct slice text = v.bytes;
            if (text.len > 80)
                text.len = wire_utf8_valid(slice_make(text.ptr, 80));
            buf_put_slice(b, text);
        } else {
            json_put_value(b, &v);
        }
    }
}

static void put_table(struct command *c, const struct search_reply *r)
{
    struct buf *b = &c->out;
    for (uint32_t i = 0, mark = 0; i < r->hit_count; i++) {
        buf_printf(b, "%3u  %-16.*s", i + 1, (int)r->hits[i].id.len, r->hits[i].id.ptr);
        put_cell(b, &r->hits[i], r, "title");
        put_cell(b, &r->hits[i], r, "brand");
        put_cell(b, &r->hits[i], r, "price");
        if (r->hits[i].freshness != FRESH)
            buf_printf(b, "  (%s, %llu s old)", freshness_name(r->hits[i].freshness),
                       (unsigned long long)r->hits[i].age_ms / 1000);
        if (r->hits[i].group_count > 1)
            buf_printf(b, "  [%.*s: %llu]", (int)r->hits[i].group.len, r->hits[i].group.ptr,
                       (unsigned long long)r->hits[i].group_count);
        buf_put_u8(b, '\n');
        for (; mark < r->highlight_count && r->highlights[mark].hit == i; mark++)
            if (r->highlights[mark].matched)
                buf_printf(b, "     %.*s: %.*s\n", (int)r->highlights[mark].field.len,
                           r->highlights[mark].field.ptr, (int)r->highlights[mark].text.len,
                           r->highlights[mark].text.ptr);
    }
    for (uint32_t i = 0; i < r->facet_count; i++) {
        const struct facet_reply *f = &r->facets[i];
        buf_printf(b, "%.*s:", (int)f->field.len, f->field.ptr);
        if (f->kind == 2)
            buf_printf(b, " min %g, max %g, sum %g, count %llu", f->min, f->max, f->sum,
                       (unsigned long long)f->count);
        for (uint32_t k = 0; k < f->value_count; k++)
            buf_printf(b, "%s %.*s (%llu)", k ? "," : "", (int)f->values[k].value.len,
                       f->values[k].value.ptr, (unsigned long long)f->values[k].count);
        buf_put_u8(b, '\n');
    }
    buf_printf(b, "%s%llu found in %llu us", r->found_exact ? "" : "at least ",
               (unsigned long long)r->found, (unsigned long long)r->took_us);
    if (r->groups)
        buf_printf(b, " in %llu groups", (unsigned long long)r->groups);
    if (r->moved)
        buf_printf(b, "; the index moved since the last page");
    if (r->upstream > UPSTREAM_OK)
        buf_printf(b, "; upstream %s", upstream_state_name(r->upstream));
    if (r->safe_mode)
        buf_printf(b, "; safe mode (%s)", safe_mode_name(r->safe_mode));
    for (uint32_t i = 0; i < r->degraded_count; i++)
        buf_printf(b, "; %.*s", (int)r->degraded[i].len, r->degraded[i].ptr);
    for (uint32_t i = 0; i < r->dropped_count; i++)
        buf_printf(b, "; without \"%.*s\"", (int)r->dropped[i].len, r->dropped[i].ptr);
    buf_put_u8(b, '\n');
}

static int search_file(struct command *c, struct query *q, const char *path)
{
    struct source *source;
    struct slice line, qid, text;
    struct fault fault = {0};
    struct search_reply r;
    int code = EXIT_OK, worst = EXIT_OK;
    enum status s = source_open(path, &source, &fault);
    if (s) {
        command_fail(c, s, &fault);
        return EXIT_USAGE;
    }
    while (!code && (s = source_line(source, &line, &fault)) == STATUS_OK) {
        if (!query_line(line, &qid, &text))
            continue;
        q->request.text = text;
        s = souk_search(c->souk, &q->request, &c->reply, &r);
        if (s) {
            code = command_fail(c, s, &c->reply.fault);
            if (code == EXIT_CONNECT)
                break;
            worst = EXIT_PARTIAL;
            buf_printf(&c->out, "{\"qid\":");
            json_put_text(&c->out, qid);
            buf_printf(&c->out, ",\"error\":\"%s\"}\n", status_name(s));
        } else {
            search_json_put(&c->out, qid, text, &r);
        }
        code = c->out.len > 65536 ? command_flush(c) : EXIT_OK;
    }
    source_close(source);
    int written = command_flush(c);
    return code ? code : written ? written : worst;
}

int command_search(struct command *c)
{
    struct query *q = calloc(1, sizeof *q);
    struct search_reply r;
    struct buf words = BUF_INIT;
    const char *path = options_value(&c->options, OPT_QUERIES);
    const char *bad = q ? query_from_options(&c->options, q) : "out of memory";
    int code;
    if (!bad && !command_word(c, 1))
        bad = "search needs a catalog";
    if (bad) {
        free(q);
        return command_usage(bad);
    }
    q->request.catalog = slice_str(command_word(c, 1));
    for (uint32_t i = 2; command_word(c, i); i++)
        buf_printf(&words, "%s%s", i > 2 ? " " : "", command_word(c, i));
    q->request.text = buf_slice(&words);
    if ((code = command_connect(c)) == EXIT_OK && path) {
        code = search_file(c, q, path);
    } else if (code == EXIT_OK) {
        enum status s = souk_search(c->souk, &q->request, &c->reply, &r);
        if (s) {
            code = command_fail(c, s, &c->reply.fault);
        } else {
            if (c->json)
                search_json_put(&c->out, SLICE_NULL, q->request.text, &r);
            else
                put_table(c, &r);
            code = command_flush(c);
        }
    }
    buf_fini(&words);
    free(q);
    return code;
}
