/* The small commands: ping, info, stats, get, put, delete, wait. */
#include "cli/command.h"
#include "cli/labels.h"
#include "cli/product.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>

int command_ping(struct command *c)
{
    int code = command_connect(c);
    if (code)
        return code;
    uint64_t from = command_now_us();
    enum status s = souk_ping(c->souk, &c->reply);
    uint64_t us = command_now_us() - from;
    if (s)
        return command_fail(c, s, &c->reply.fault);
    buf_printf(&c->out, c->json ? "{\"ok\":true,\"took_us\":%llu}\n" : "pong in %llu us\n",
               (unsigned long long)us);
    return command_flush(c);
}

int command_info(struct command *c)
{
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_ping(c->souk, &c->reply);
    const struct hello *h = souk_server(c->souk);
    if (s || !h)
        return command_fail(c, s ? s : STATUS_UNAVAILABLE, &c->reply.fault);
    buf_printf(&c->out, "{\"address\":");
    json_put_text(&c->out, slice_str(souk_address(c->souk)));
    buf_printf(&c->out, ",\"name\":");
    json_put_text(&c->out, h->name);
    buf_printf(&c->out, ",\"version\":");
    json_put_text(&c->out, h->server_version);
    buf_printf(&c->out, ",\"protocol\":%u,\"features\":%llu,\"max_frame\":%u", h->max_version,
               (unsigned long long)h->features, h->max_frame);
    buf_printf(&c->out, ",\"max_in_flight\":%u,\"max_k\":%u,\"max_items\":%u}\n", h->max_in_flight,
               h->max_k, h->max_items);
    return command_flush(c);
}

int command_stats(struct command *c)
{
    struct stats_row *rows;
    uint32_t count;
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_stats(c->souk, &c->reply, &rows, &count);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    command_put_rows(c, rows, count, 40);
    return command_flush(c);
}

int command_get(struct command *c)
{
    struct slice ids[WORDS_MAX], returns[SCHEMA_MAX_FIELDS];
    struct field_age ages[LABELS_MAX];
    struct get_request q = {.ids = ids, .returns = returns, .field_ages = ages};
    struct get_reply r;
    int64_t max_stale;
    uint32_t missing = 0;
    if (!command_word(c, 2))
        return command_usage("get needs a catalog and ids");
    q.catalog = slice_str(command_word(c, 1));
    for (const char *w; (w = command_word(c, q.id_count + 2));)
        ids[q.id_count++] = slice_str(w);
    q.return_count =
        command_split(options_value(&c->options, OPT_RETURN), returns, SCHEMA_MAX_FIELDS);
    const char *bad = labels_ages(&c->options, ages, &q.field_age_count);
    if (bad || (bad = labels_max_stale(&c->options, &max_stale)))
        return command_usage(bad);
    q.bound_stale = max_stale >= 0;
    q.max_stale_ms = q.bound_stale ? (uint64_t)max_stale : 0;
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_get(c->souk, &q, &c->reply, &r);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    for (uint32_t i = 0; i < r.item_count; i++) {
        const struct get_item_reply *item = &r.items[i];
        buf_printf(&c->out, "{\"id\":");
        json_put_text(&c->out, item->id);
        if (item->status || !item->document.len) {
            missing++;
            buf_printf(&c->out, ",\"error\":\"%s\"",
                       status_name(item->status ? item->status : STATUS_NOT_FOUND));
            labels_put_state(&c->out, r.upstream, r.safe_mode);
            buf_printf(&c->out, "}\n");
            continue;
        }
        labels_put(&c->out, item->freshness, item->age_ms, item->future,
                   withheld_of(r.withheld, r.withheld_count, i));
        labels_put_state(&c->out, r.upstream, r.safe_mode);
        buf_printf(&c->out, ",\"version\":%llu,\"product\":", (unsigned long long)item->version);
        if (json_put_document(&c->out, item->document, r.names, r.name_count))
            return command_fail(c, STATUS_CORRUPT, NULL);
        buf_printf(&c->out, "}\n");
    }
    code = command_flush(c);
    return code ? code : !missing ? EXIT_OK : missing == r.item_count ? EXIT_SERVER : EXIT_PARTIAL;
}

static int send_put(struct command *c, const struct put_request *p)
{
    struct put_reply r;
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_put(c->souk, p, &c->reply, &r);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    buf_printf(&c->out, "{\"sequence\":%llu,\"applied\":%llu,\"ignored\":%llu,\"failed\":%llu",
               (unsigned long long)r.sequence, (unsigned long long)r.applied,
               (unsigned long long)r.ignored, (unsigned long long)r.failed);
    buf_printf(&c->out, ",\"results\":[");
    for (uint32_t i = 0; i < r.result_count; i++) {
        buf_printf(&c->out, "%s{\"item\":%u,\"error\":\"%s\",\"field\":", i ? "," : "",
                   r.results[i].item, status_name(r.results[i].status));
        json_put_text(&c->out, r.results[i].field);
        buf_printf(&c->out, ",\"message\":");
        json_put_text(&c->out, r.results[i].text);
        buf_put_u8(&c->out, '}');
    }
    buf_printf(&c->out, "]}\n");
    code = command_flush(c);
    return code ? code : !r.failed ? EXIT_OK : r.applied ? EXIT_PARTIAL : EXIT_SERVER;
}

/* The products of a text: one object, or an array of them. */
static enum status put_items(const struct json *v, const struct put_item *like,
                             struct product_names *names, struct buf *docs, struct put_item *items,
                             uint32_t *count, struct fault *fault)
{
    enum status s = STATUS_OK;
    const struct json *one = v->type == JSON_ARRAY ? v->first : v;
    for (; one && !s; one = v->type == JSON_ARRAY ? one->next : NULL) {
        size_t from = docs->len;
        s = product_encode(one, names, like->op == PUT_PATCH, docs, fault);
        items[*count] = *like;
        items[(*count)++].document = slice_make(NULL, docs->len - from);
    }
    size_t at = 0;
    for (uint32_t i = 0; i < *count; i++) {
        items[i].document.ptr = docs->ptr + at;
        at += items[i].document.len;
    }
    return s;
}

int command_put(struct command *c)
{
    struct arena a;
    struct buf text = BUF_INIT, docs = BUF_INIT;
    struct product_names names;
    struct put_request p = {.names = names.names};
    struct put_item *items = NULL,
                    like = {.op = options_has(&c->options, OPT_PATCH) ? PUT_PATCH : PUT_UPSERT};
    struct fault fault = {0};
    struct json *v;
    const char *given = command_word(c, 2);
    int code;
    if (!command_ack(c, &p.ack))
        return command_usage("--ack is queued, logged or visible");
    if (!given)
        return command_usage("put needs a catalog and a product as JSON ('-' reads it)");
    labels_windows(&c->options, &like);
    arena_init(&a, 0);
    product_names_init(&names, NULL, &a);
    enum status s = STATUS_OK;
    if (strcmp(given, "-") == 0)
        s = command_read_file("-", &text, &fault);
    else
        buf_put_slice(&text, slice_str(given));
    if (!s)
        s = json_parse(buf_slice(&text), 1, &a, &v, &fault);
    if (!s)
        items = arena_calloc(&a, v->type == JSON_ARRAY ? v->count + 1 : 1, sizeof *items);
    if (!s && !items)
        s = STATUS_NO_MEMORY;
    if (!s)
        s = put_items(v, &like, &names, &docs, items, &p.item_count, &fault);
    if (s) {
        command_fail(c, s, &fault);
        code = EXIT_USAGE;
    } else {
        p.catalog = slice_str(command_word(c, 1));
        p.items = items;
        p.name_count = names.count;
        code = send_put(c, &p);
    }
    buf_fini(&docs);
    buf_fini(&text);
    arena_fini(&a);
    return code;
}

/* The server answers when the deletes are logged; until they are visible is waited for here. */
static int delete_by_filter(struct command *c, const char *filter, enum put_ack ack)
{
    struct scan_request q = {.catalog = slice_str(command_word(c, 1)), .filter = slice_str(filter)};
    struct scan_reply r;
    uint64_t deleted = 0, sequence = 0;
    int code = command_connect(c);
    if (code)
        return code;
    do {
        enum status s = souk_delete(c->souk, &q, &c->reply, &r);
        if (s)
            return command_fail(c, s, &c->reply.fault);
        deleted += r.deleted;
        sequence = r.sequence > sequence ? r.sequence : sequence;
        q.from = r.from;
    } while (r.more);
    struct wait_request w = {.catalog = q.catalog, .sequence = sequence};
    enum status s = STATUS_OK;
    if (ack == ACK_VISIBLE && sequence)
        s = souk_wait(c->souk, &w, (uint32_t)options_number(&c->options, OPT_TIMEOUT, 10000),
                      &c->reply);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    buf_printf(&c->out, "{\"deleted\":%llu,\"sequence\":%llu}\n", (unsigned long long)deleted,
               (unsigned long long)sequence);
    return command_flush(c);
}

int command_delete(struct command *c)
{
    const char *filter = options_value(&c->options, OPT_FILTER);
    struct put_request p = {0};
    struct put_item items[WORDS_MAX] = {0};
    struct buf docs = BUF_INIT;
    size_t at = 0;
    if (!command_ack(c, &p.ack))
        return command_usage("--ack is queued, logged or visible");
    if (filter && !filter[strspn(filter, " \t\r\n")])
        return command_usage("delete: --filter must not be empty; to delete all, drop the catalog");
    if (!command_word(c, 1) || !filter == !command_word(c, 2))
        return command_usage("delete needs a catalog, and either ids or --filter");
    if (filter)
        return delete_by_filter(c, filter, p.ack);
    for (const char *id; (id = command_word(c, p.item_count + 2)); p.item_count++) {
        size_t from = docs.len;
        document_put_header(&docs, slice_str(id), 0);
        items[p.item_count] =
            (struct put_item){.op = PUT_DELETE, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1};
        items[p.item_count].document.len = docs.len - from;
    }
    for (uint32_t i = 0; i < p.item_count; i++) {
        items[i].document.ptr = docs.ptr + at;
        at += items[i].document.len;
    }
    p.catalog = slice_str(command_word(c, 1));
    p.items = items;
    int code = docs.failed ? EXIT_INTERNAL : send_put(c, &p);
    buf_fini(&docs);
    return code;
}

int command_wait(struct command *c)
{
    char *end;
    if (!command_word(c, 2))
        return command_usage("wait needs a catalog and a sequence");
    struct wait_request w = {slice_str(command_word(c, 1)), strtoull(command_word(c, 2), &end, 10)};
    if (*end || end == command_word(c, 2) || strchr("-+ ", *command_word(c, 2)))
        return command_usage("a sequence is a whole number");
    int64_t timeout = options_number(&c->options, OPT_TIMEOUT, 10000);
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_wait(c->souk, &w, (uint32_t)timeout, &c->reply);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    if (c->json) {
        buf_printf(&c->out, "{\"catalog\":");
        json_put_text(&c->out, w.catalog);
        buf_printf(&c->out, ",\"sequence\":%llu,\"visible\":true}\n",
                   (unsigned long long)w.sequence);
    }
    return command_flush(c);
}
