#include "server/fetch_write.h"

#include <stdlib.h>

#include "server/writer_link.h"

enum { WAITING_BYTES = 64 << 20, DEADLINE_MS = 10000, AGAIN_MS = 50, TRIES_MOST = 1200 };

struct change {
    struct fetch_write *write;
    struct change *next, *prev;
    struct buf body;
    fetch_write_fn done;
    void *ctx;
    uint32_t tries;
    bool sent;
};

struct fetch_write {
    struct writer_link *link;
    struct loop_timer *again;
    struct change *first, *last; /* in order; sent ones too */
    size_t bytes;
    bool closing;
};

static void free_change(struct change *c)
{
    struct fetch_write *w = c->write;
    *(c->prev ? &c->prev->next : &w->first) = c->next;
    *(c->next ? &c->next->prev : &w->last) = c->prev;
    w->bytes -= c->body.len;
    buf_fini(&c->body);
    free(c);
}

/* The same change may succeed a little later. */
static bool passing(enum status s)
{
    return s == STATUS_UNAVAILABLE || s == STATUS_OVERLOADED || s == STATUS_NO_SPACE ||
           s == STATUS_GOING_AWAY || s == STATUS_IN_PROGRESS || s == STATUS_DEADLINE;
}

static void end(struct change *c, enum status s, const struct put_reply *r)
{
    fetch_write_fn done = c->done;
    void *ctx = c->ctx;
    free_change(c);
    if (done)
        done(ctx, s, r);
}

static void on_reply(void *ctx, const struct frame *f)
{
    struct change *c = ctx;
    struct put_reply r;
    struct arena a;
    c->sent = false;
    if (c->write->closing)
        return;
    enum status s = f ? f->status : STATUS_UNAVAILABLE;
    if (passing(s) && c->tries < TRIES_MOST) {
        loop_timer_set(c->write->again, AGAIN_MS);
        return;
    }
    arena_init(&a, 0);
    if (!s)
        s = put_reply_decode(f->body, &a, &r);
    end(c, s, s ? NULL : &r);
    arena_fini(&a);
}

/* Sends what is not under way, in order; stops at the first that cannot go. */
static void send_all(struct fetch_write *w)
{
    for (struct change *c = w->first; c; c = c->next) {
        if (c->sent)
            continue;
        c->tries++;
        if (writer_link_send(w->link, OP_PUT, FLAG_CANONICAL, DEADLINE_MS, buf_slice(&c->body),
                             on_reply, c)) {
            loop_timer_set(w->again, AGAIN_MS);
            return;
        }
        c->sent = true;
    }
}

static void on_again(void *ctx)
{
    send_all(ctx);
}

enum status fetch_write_create(struct loop *loop, const char *socket, struct fetch_write **out)
{
    struct fetch_write *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return STATUS_NO_MEMORY;
    enum status st = writer_link_create(loop, socket, &w->link);
    if (!st && !(w->again = loop_timer_create(loop, -1, 0, on_again, w)))
        st = STATUS_NO_MEMORY;
    if (st)
        fetch_write_destroy(out);
    return st;
}

void fetch_write_destroy(struct fetch_write **wp)
{
    struct fetch_write *w = *wp;
    if (!w)
        return;
    w->closing = true;
    writer_link_destroy(&w->link);
    for (struct change *c = w->first, *next; c; c = next) {
        next = c->next;
        free_change(c);
    }
    loop_timer_destroy(&w->again);
    free(w);
    *wp = NULL;
}

enum status fetch_write_put(struct fetch_write *w, struct buf *body, fetch_write_fn done, void *ctx)
{
    if (body->failed || w->bytes + body->len > WAITING_BYTES)
        return body->failed ? STATUS_NO_MEMORY : STATUS_OVERLOADED;
    struct change *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    *c = (struct change){.write = w, .prev = w->last, .body = *body, .done = done, .ctx = ctx};
    *body = BUF_INIT;
    *(w->last ? &w->last->next : &w->first) = c;
    w->last = c;
    w->bytes += c->body.len;
    send_all(w);
    return STATUS_OK;
}
