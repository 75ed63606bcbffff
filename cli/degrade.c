/* souk degrade: the level of the degrade ladder, told or pinned by hand. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>

enum { LEVEL_MAX = 4 };

/* The words behind `degrade`: what to pin (0 auto, n + 1 level n), or -1 to be told only. */
static bool parse(const struct command *c, int *pin)
{
    const char *what = command_word(c, 1), *level = command_word(c, 2);
    *pin = -1;
    if (!what || strcmp(what, "status") == 0)
        return !level;
    bool by_itself = strcmp(what, "auto") == 0;
    if (!by_itself && strcmp(what, "pin") != 0)
        return false;
    if (by_itself && level)
        return false;
    if (by_itself || (level && strcmp(level, "auto") == 0)) {
        *pin = 0;
        return true;
    }
    char *end;
    long n = level ? strtol(level, &end, 10) : -1;
    if (!level || *end || n < 0 || n > LEVEL_MAX)
        return false;
    *pin = (int)n + 1;
    return true;
}

int command_degrade(struct command *c)
{
    int pin;
    struct stats_row *rows;
    uint32_t count;
    struct buf body = BUF_INIT;
    if (!parse(c, &pin))
        return command_usage("degrade takes status, pin 0 to 4, or auto");
    int code = command_connect(c);
    if (code)
        return code;
    if (pin >= 0)
        tlv_put_u64(&body, TAG_DEGRADE_PIN, (uint64_t)pin);
    struct souk_request q = {.opcode = OP_DEGRADE, .body = buf_slice(&body), .safe = true};
    enum status s = souk_call(c->souk, &q, &c->reply);
    buf_fini(&body);
    if (!s)
        s = stats_reply_decode(c->reply.body, &c->reply.arena, &rows, &count);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    command_put_rows(c, rows, count, 24);
    return command_flush(c);
}
