#include "server/arrival.h"

static int64_t between(int64_t from, int64_t to, size_t at, size_t len)
{
    return len ? from + (int64_t)((double)(to - from) * (double)at / (double)len) : to;
}

void arrival_stands(struct arrival *a, int64_t now_us)
{
    if (!a->unread_us)
        a->unread_us = now_us;
}

void arrival_empty(struct arrival *a)
{
    a->unread_us = 0;
}

void arrival_read(struct arrival *a, size_t got, size_t left, int64_t now_us)
{
    a->from_us = a->unread_us ? a->unread_us : now_us;
    a->to_us = between(a->from_us, now_us, got, got + left);
    a->unread_us = left ? a->to_us : 0;
}

int64_t arrival_of(const struct arrival *a, size_t end, size_t len)
{
    return between(a->from_us, a->to_us, end, len);
}

void arrival_taken(struct arrival *a, size_t end, size_t len)
{
    a->from_us = arrival_of(a, end, len);
}
