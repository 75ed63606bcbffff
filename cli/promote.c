/* souk promote: a follower takes changes from now on. */
#include "cli/command.h"

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
    if (!c->json)
        buf_printf(&c->out, "it takes changes now; the last of each catalog:\n");
    command_put_rows(c, rows, count, 24);
    return command_flush(c);
}
