#include "server/tracer.h"

#include <stdlib.h>
#include <sys/random.h>

enum { MILLION = 1000000 }; /* a ratio is kept in millionths */

/* xorshift128+ */
static uint64_t next_random(struct tracer *t)
{
    uint64_t a = t->random[0], b = t->random[1];
    t->random[0] = b;
    a ^= a << 23;
    t->random[1] = a ^ b ^ a >> 18 ^ b >> 5;
    return t->random[1] + b;
}

static void seed(struct tracer *t)
{
    if (getrandom(t->random, sizeof t->random, GRND_NONBLOCK) != sizeof t->random ||
        !(t->random[0] | t->random[1])) {
        t->random[0] = (uint64_t)clock_mono_us() | 1;
        t->random[1] = (uint64_t)(uintptr_t)t;
    }
}

void tracer_set(struct tracer *t, const struct role_context *r)
{
    bool on = *config_text(r->config, OPTION_TRACE_ENDPOINT) != '\0';
    uint64_t ratio = config_number(r->config, OPTION_TRACE_RATIO);
    if (on && !t->ring)
        seed(t);
    t->ring = on ? &r->shared->rings[r->self - r->shared->processes] : NULL;
    t->below = on ? (UINT64_C(1) << 63) / MILLION * ratio : 0;
    if (on && ratio == MILLION)
        t->below = UINT64_C(1) << 63;
}

static struct span *make(unsigned name, enum span_kind kind, int64_t start_us)
{
    struct span *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    s->start_us = start_us;
    s->name = (uint8_t)name;
    s->kind = (uint8_t)kind;
    s->failed = s->stage_count = s->attribute_count = 0;
    s->text_len = 0;
    return s;
}

void tracer_id(struct tracer *t, uint8_t id[TRACE_SPAN_LEN])
{
    uint64_t n;
    while (!(n = next_random(t)))
        ;
    wire_store64(id, n);
}

struct span *tracer_begin(struct tracer *t, const struct trace_context *parent, unsigned name,
                          enum span_kind kind, int64_t start_us)
{
    struct span *s = t->ring && parent->flags & TRACE_SAMPLED ? make(name, kind, start_us) : NULL;
    if (!s)
        return NULL;
    memcpy(s->trace_id, parent->trace_id, sizeof s->trace_id);
    memcpy(s->parent, parent->span_id, sizeof s->parent);
    tracer_id(t, s->id);
    return s;
}

struct span *tracer_root(struct tracer *t, unsigned name, int64_t start_us)
{
    uint64_t low = t->below ? next_random(t) : 0;
    if (!t->ring || low >> 1 >= t->below)
        return NULL;
    struct span *s = make(name, SPAN_SERVER, start_us);
    if (!s)
        return NULL;
    tracer_id(t, s->trace_id); /* never all zeroes */
    for (int i = 0; i < 8;
         i++) /* the number others decide by stands there with its high byte first */
        s->trace_id[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    memset(s->parent, 0, sizeof s->parent);
    tracer_id(t, s->id);
    return s;
}

void tracer_end(struct tracer *t, struct span **s, int64_t end_us)
{
    if (!*s)
        return;
    (*s)->end_us = end_us;
    if (t->ring)
        span_ring_put(t->ring, *s);
    tracer_forget(s);
}

void tracer_forget(struct span **s)
{
    free(*s);
    *s = NULL;
}
