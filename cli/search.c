/* souk search: one search, or a file of them. */
#include "cli/command.h"
#include "cli/query.h"
#include "cli/search_json.h"
#include "cli/search_table.h"
#include "cli/source.h"

#include <stdlib.h>

static void put_failure(struct buf *out, struct slice qid, enum status s)
{
    buf_printf(out, "{\"qid\":");
    json_put_text(out, qid);
    buf_printf(out, ",\"error\":\"%s\"}\n", status_name(s));
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
    while (!code && source_line(source, &line, &fault) == STATUS_OK) {
        if (!line.len)
            continue;
        if (!query_line(line, &qid, &text)) {
            fault_set(&fault, STATUS_SYNTAX, "queries", "line %u is no qid TAB query",
                      source_line_number(source));
            command_fail(c, STATUS_SYNTAX, &fault);
            worst = EXIT_PARTIAL;
            put_failure(&c->out, line, STATUS_SYNTAX);
            continue;
        }
        q->request.text = text;
        s = souk_search(c->souk, &q->request, &c->reply, &r);
        if (s) {
            code = command_fail(c, s, &c->reply.fault);
            if (code == EXIT_CONNECT)
                break;
            worst = EXIT_PARTIAL;
            put_failure(&c->out, qid, s);
        } else {
            search_json_put(&c->out, qid, text, q->request.group_field.len > 0, &r);
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
    if (!bad && path && command_word(c, 2))
        bad = "the words are in the file of --queries; give no others";
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
                search_json_put(&c->out, SLICE_NULL, q->request.text,
                                q->request.group_field.len > 0, &r);
            else
                search_table_put(&c->out, &r);
            code = command_flush(c);
        }
    }
    buf_fini(&words);
    free(q);
    return code;
}
