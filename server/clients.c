#include "server/clients.h"

enum { SECOND_US = 1000000, BUSY_RETRY_MS = 100 };

struct client *clients_join(struct clients *t, struct slice name)
{
    struct client *row = NULL;
    if (name.len > CLIENT_NAME)
        name.len = CLIENT_NAME;
    if (!t->count)
        t->count = 1;
    for (uint32_t i = 0; i < t->count; i++) {
        struct client *c = &t->rows[i];
        if (slice_equal(slice_str(c->name), name)) {
            c->conns++;
            return c;
        }
        if (i && !c->conns && !row)
            row = c;
    }
    if (!row && t->count < CLIENTS)
        row = &t->rows[t->count++];
    if (!row)
        row = &t->rows[0];
    else {
        *row = (struct client){0};
        if (name.len)
            memcpy(row->name, name.ptr, name.len);
    }
    row->conns++;
    return row;
}

/* The row keeps its bucket until another name needs it, so that coming again does not fill it. */
void clients_leave(struct clients *t, struct client *c)
{
    (void)t;
    c->conns--;
}

/* Each request moves the time one interval further; one that would move it beyond a second from now
 * finds the bucket empty. */
uint32_t bucket_take(int64_t *full_us, int64_t now_us, uint64_t rate)
{
    int64_t interval = (int64_t)(SECOND_US / rate) + 1;
    int64_t full = (*full_us > now_us ? *full_us : now_us) + interval;
    if (full - now_us > SECOND_US)
        return (uint32_t)((full - now_us - SECOND_US) / 1000) + 1;
    *full_us = full;
    return 0;
}

uint32_t client_take(struct client *c, int64_t now_us, struct client_limits limits)
{
    if (limits.in_flight && c->in_flight >= limits.in_flight) {
        c->refused++;
        return BUSY_RETRY_MS;
    }
    uint32_t wait_ms = limits.rate ? bucket_take(&c->full_us, now_us, limits.rate) : 0;
    c->taken += !wait_ms;
    c->refused += wait_ms != 0;
    return wait_ms;
}
