/* souk safe-mode: told, turned on and off by hand. */
#include "cli/command.h"
#include "cli/json.h"
#include "cli/table.h"

static enum status ask(struct command *c, const struct safe_mode_request *q,
                       struct safe_mode_reply *out)
{
    struct buf body = BUF_INIT;
    safe_mode_request_encode(q, &body);
    struct souk_request request = {.opcode = OP_SAFE_MODE, .body = buf_slice(&body), .safe = true};
    enum status s = souk_call(c->souk, &request, &c->reply);
    buf_fini(&body);
    return s ? s : safe_mode_reply_decode(c->reply.body, out);
}

static void put_status(struct command *c, const char *catalog, const struct safe_mode_reply *r)
{
    if (!c->json) {
        buf_printf(&c->out, "%s: safe mode %s", catalog, safe_mode_name(r->mode));
        if (r->mode && r->for_ms)
            buf_printf(&c->out, " for %llu s", (unsigned long long)r->for_ms / 1000);
        if (r->reason.len) {
            buf_printf(&c->out, ": ");
            table_put(&c->out, r->reason, 0);
        }
        buf_printf(&c->out, "; upstream %s\n", upstream_state_name(r->upstream));
        return;
    }
    buf_printf(&c->out, "{\"catalog\":");
    json_put_text(&c->out, slice_str(catalog));
    buf_printf(&c->out, ",\"safe_mode\":\"%s\",\"by_hand\":%s,\"by_upstream\":%s,\"by_storage\":%s",
               safe_mode_name(r->mode), r->mode & SAFE_BY_HAND ? "true" : "false",
               r->mode & SAFE_UPSTREAM ? "true" : "false",
               r->mode & SAFE_STORAGE ? "true" : "false");
    buf_printf(&c->out, ",\"for_ms\":%llu,\"reason\":", (unsigned long long)r->for_ms);
    json_put_text(&c->out, r->reason);
    buf_printf(&c->out, ",\"upstream\":\"%s\"}\n", upstream_state_name(r->upstream));
}

int command_safe_mode(struct command *c)
{
    static const char *const words[] = {"status", "on", "off"};
    const char *word = command_word(c, 1), *catalog = options_value(&c->options, OPT_CATALOG);
    struct safe_mode_request q = {.reason = slice_str(options_value(&c->options, OPT_REASON))};
    struct safe_mode_reply r;
    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, words[i]) == 0)
            q.action = (enum safe_mode_action)(i + 1);
    if (!q.action || !catalog)
        return command_usage("safe-mode is on, off or status, and needs --catalog");
    q.catalog = slice_str(catalog);
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = STATUS_OK;
    if (q.action != SAFE_MODE_STATUS && (s = ask(c, &q, &r)) == STATUS_OK)
        q.action = SAFE_MODE_STATUS;
    if (!s)
        s = ask(c, &q, &r);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    put_status(c, catalog, &r);
    return command_flush(c);
}
