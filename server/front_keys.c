#include "server/front_keys.h"

#include "server/access.h"
#include "server/front_trace.h"
#include "server/key_sources.h"
#include "server/say.h"

enum { HELD_MOST = 256, TELL_MS = 1000 };

/* --- whose it is ------------------------------------------------------------------------------ */

static void belong(struct conn *c, struct key *key)
{
    static const uint8_t queues[FRAME_CLASS_COUNT] = {QUEUE_CRITICAL, QUEUE_DEFAULT,
                                                      QUEUE_SHEDDABLE, QUEUE_BACKGROUND};
    uint8_t most = queues[key->row.highest];
    /* its key before may be of a list that is gone by now */
    if (c->known && !key->known)
        c->opened_ms = c->front->now_us / 1000; /* from now on it has the time of a stranger */
    c->key = key;
    c->known = key->known;
    c->queue_most = most > c->listen_most ? most : c->listen_most;
}

static bool keyless(const struct front *f)
{
    return f->role->role == ROLE_ADMIN;
}

void front_keys_begin(struct conn *c)
{
    struct keys *k = &c->front->keys;
    belong(c, k->on ? &k->nobody : &k->open);
}

/* The list is another one, or a key has expired. */
static void look_at_all(struct front *f)
{
    struct keys *k = &f->keys;
    int64_t now = shared_now_ms(f->role->shared);
    for (uint32_t i = 0; i < f->conns.cap; i++) {
        struct conn *c = f->conns.slots[i];
        if (!c)
            continue;
        if (!k->on)
            belong(c, &k->open);
        else if (c->named)
            belong(c, keys_again(k, c->key_id, c->key_digest, now));
        else
            belong(c, &k->nobody);
    }
}

void front_keys_set(struct front *f)
{
    struct fault fault = {0};
    const char *path = keyless(f) ? "" : config_text(f->role->config, OPTION_KEYS_FILE);
    if (keys_take(&f->keys, path, &fault))
        say("error", role_name(f->role->role), NULL, "keys.file %s is not taken, %s: %s", path,
            f->keys.count ? "the keys before it stay" : "nobody is let in", fault.text);
    look_at_all(f);
}

/* --- those who are not known ------------------------------------------------------------------ */

static void tell(struct conn *c, const char *why)
{
    struct front *f = c->front;
    if (f->now_us / 1000 - f->keys_told_ms < TELL_MS)
        return;
    f->keys_told_ms = f->now_us / 1000;
    say("warning", role_name(f->role->role), NULL, "a connection was refused: %s", why);
}

/* True: it is held. What it is told then stands in c->held. */
static bool hold(struct conn *c, const struct frame *f)
{
    struct front *front = c->front;
    struct key_source from = key_source_of(c->fd);
    front->unauthenticated++;
    if (!key_sources_failed(front->key_sources, &from, front->now_us / 1000))
        return false;
    if (front->held >= HELD_MOST) { /* as many as that are worth a place in the table */
        conn_end(c);
        return false;
    }
    front->held++;
    c->held_until_ms = front->now_us / 1000 + KEY_HOLD_MS;
    c->held = *f;
    c->held.body = SLICE_NULL;
    return true;
}

void front_keys_release(struct conn *c)
{
    c->front->held -= c->held_until_ms != 0;
    c->held_until_ms = 0;
}

static void let_go(struct front *f)
{
    struct fault fault = {0};
    fault_set(&fault, STATUS_UNAUTHENTICATED, "key", "too many keys that are not known here");
    for (uint32_t i = 0; f->held && i < f->conns.cap; i++) {
        struct conn *c = f->conns.slots[i];
        if (!c || !c->held_until_ms || f->now_us / 1000 < c->held_until_ms)
            continue;
        front_keys_release(c);
        conn_touch(c);
        frame_put_error(&c->out, &c->held, &fault);
        conn_answered(c);
        conn_end(c);
    }
}

void front_keys_refuse(struct conn *c, const struct frame *f, uint32_t scopes)
{
    struct fault fault = {0};
    struct front *front = c->front;
    if (f->opcode == OP_CANCEL) /* has no answer */
        return;
    if (c->known) {
        c->key->forbidden++;
        access_forbid(c->key, f->opcode, scopes, &fault);
    } else {
        fault_set(&fault, STATUS_UNAUTHENTICATED, "key", "%s",
                  c->key == &front->keys.gone
                      ? "the API key of this connection is no more: revoked, or expired"
                      : "this server wants an API key in HELLO first");
        if (hold(c, f)) {
            c->in_flight++;
            c->client->in_flight++;
            return;
        }
    }
    frame_put_error(&c->out, f, &fault);
    front->refused++;
    conn_touch(c);
}

enum status front_keys_hello(struct request *rq, struct slice text, struct fault *fault)
{
    struct conn *c = rq->conn;
    struct front *f = c->front;
    struct key *key;
    if (!f->keys.on) { /* it is its own from the moment on when keys are wanted */
        c->named = api_key_parse(text, c->key_id) && !key_digest(text, c->key_digest);
        return STATUS_OK;
    }
    enum status s =
        keys_find(&f->keys, text, shared_now_ms(f->role->shared), &key, c->key_digest, fault);
    c->named = s == STATUS_OK;
    if (s) {
        belong(c, &f->keys.nobody);
        tell(c, fault->text);
        if (s != STATUS_UNAUTHENTICATED || !hold(c, &rq->frame))
            return s;
        /* what is left of the request is c->held, which has no trace */
        front_trace_end(f, &rq->trace, OP_HELLO, rq->received_us, s);
        return STATUS_AGAIN;
    }
    memcpy(c->key_id, key->row.id, KEY_ID);
    belong(c, key);
    return STATUS_OK;
}

/* --- time ------------------------------------------------------------------------------------- */

void front_keys_tick(struct front *f)
{
    struct fault fault = {0};
    if (keys_look(&f->keys, f->now_us / 1000, shared_now_ms(f->role->shared), &fault))
        look_at_all(f);
    if (fault.text[0])
        say("error", role_name(f->role->role), NULL,
            "keys.file has changed and is not taken, the keys before it stay: %s", fault.text);
    let_go(f);
}

void front_keys_publish(struct front *f)
{
    struct shared_process *p = f->role->self;
    atomic_store_explicit(&p->unauthenticated, f->unauthenticated, memory_order_relaxed);
    atomic_store_explicit(&p->keys_wrong, f->keys.wrong, memory_order_relaxed);
    keys_publish(&f->keys, f->role->shared);
}
