/* souk promote: a follower takes changes from now on. */
#include "cli/command.h"
#include "cli/json.h"
#include "cli/table.h"

int command_promote(struct command *c)
{
    struct stats_row *rows;
    uint32_t count;
    int code = command_connect(c);
    if (code)
        return code;
    struct souk_request q = {.opcode = OP_PROMOTE};
    enum status s = souk_call(c->souk, &q, &c->reply);
    if (!s)
        s = stats_reply_decode(c->reply.body, &c->reply.arena, &rows, &count);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    if (c->json)
        buf_put_u8(&c->out, '{');
    else
        buf_printf(&c->out, "it takes changes now; the last of each catalog:\n");
    for (uint32_t i = 0; i < count; i++) {
        if (c->json) {
            if (i)
                buf_put_u8(&c->out, ',');
            json_put_text(&c->out, rows[i].name);
            buf_put_u8(&c->out, ':');
            json_put_number_or_text(&c->out, rows[i].value);
        } else {
            table_put(&c->out, rows[i].name, 24);
            buf_put_u8(&c->out, ' ');
            table_put(&c->out, rows[i].value, 0);
            buf_put_u8(&c->out, '\n');
        }
    }
    if (c->json)
        buf_printf(&c->out, "}\n");
    return command_flush(c);
}
