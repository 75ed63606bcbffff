#include "index/pulse.h"

#include <string.h>

void pulse_begin(struct pulse *p, enum status (*check)(void *ctx), void *ctx, int32_t work)
{
    work = work ? work : PULSE_WORK;
    *p = (struct pulse){.check = check, .ctx = ctx, .work = work, .left = work};
}

enum status pulse_ask(struct pulse *p)
{
    if (!p->stopped && p->check)
        p->stopped = p->check(p->ctx);
    p->left = p->stopped ? 0 : p->work;
    return p->stopped;
}

enum { PIECE = 1 << 17 };

static size_t piece(size_t at, size_t len)
{
    return len - at < PIECE ? len - at : PIECE;
}

enum status pulse_zero(struct pulse *p, void *to, size_t len)
{
    enum status st = STATUS_OK;
    for (size_t at = 0; !st && at < len; at += PIECE) {
        memset((char *)to + at, 0, piece(at, len));
        st = pulse_beat(p, (int32_t)(piece(at, len) >> 8));
    }
    return st;
}

enum status pulse_copy(struct pulse *p, void *to, const void *from, size_t len)
{
    enum status st = STATUS_OK;
    for (size_t at = 0; !st && at < len; at += PIECE) {
        memcpy((char *)to + at, (const char *)from + at, piece(at, len));
        st = pulse_beat(p, (int32_t)(piece(at, len) >> 8));
    }
    return st;
}
