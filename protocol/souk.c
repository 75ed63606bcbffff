#include "protocol/souk_private.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    THROTTLE_SLACK = 10,
    THROTTLE_STEP_US = 100000,
    THROTTLE_LIFE_US = 60000000,
    BUDGET_MAX = 10
};

uint64_t souk_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t souk_random(struct souk *s, uint64_t bound)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return bound ? s->random % bound : 0;
}

uint64_t souk_pause_us(struct souk *s, uint32_t failures)
{
    uint64_t bound = s->options.backoff_ms;
    for (uint32_t i = 1; i < failures && bound < s->options.backoff_max_ms; i++)
        bound *= 2;
    if (bound > s->options.backoff_max_ms)
        bound = s->options.backoff_max_ms;
    return 1000 + souk_random(s, bound * 1000);
}

void souk_options_init_size(struct souk_options *o, size_t size)
{
    struct souk_options all = {.size = size,
                               .name = "libsouk",
                               .connect_timeout_ms = 2000,
                               .deadline_ms = 10000,
                               .retries = 1,
                               .max_in_flight = 1024,
                               .max_frame = FRAME_MAX_BODY,
                               .backoff_ms = 20,
                               .backoff_max_ms = 2000,
                               .frame_class = CLASS_CRITICAL};
    memcpy(o, &all, size < sizeof all ? size : sizeof all);
}

static void options_take(struct souk_options *to, const struct souk_options *from)
{
    struct souk_options defaults;
    souk_options_init(to);
    souk_options_init(&defaults);
    if (from)
        memcpy(to, from, from->size < sizeof *to ? from->size : sizeof *to);
    to->name = to->name ? to->name : defaults.name;
    if (!to->connect_timeout_ms)
        to->connect_timeout_ms = defaults.connect_timeout_ms;
    if (!to->deadline_ms)
        to->deadline_ms = defaults.deadline_ms;
    if (!to->max_in_flight || to->max_in_flight > 65535)
        to->max_in_flight = to->max_in_flight ? 65535 : defaults.max_in_flight;
    if (!to->max_frame || to->max_frame > FRAME_MAX_BODY)
        to->max_frame = defaults.max_frame;
    if (!to->backoff_ms)
        to->backoff_ms = defaults.backoff_ms;
    if (to->backoff_max_ms < to->backoff_ms)
        to->backoff_max_ms =
            defaults.backoff_max_ms > to->backoff_ms ? defaults.backoff_max_ms : to->backoff_ms;
}

enum status souk_create(const char *address, const struct souk_options *o, struct souk **out,
                        struct fault *fault)
{
    *out = NULL;
    if (!address || !*address || !souk_address_good(address))
        return fault_set(fault, STATUS_INVALID, "address",
                         "an address is HOST:PORT or unix:PATH, with a port from 1 to 65535, not "
                         "'%.100s'",
                         address ? address : "");
    struct souk *s = calloc(1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    options_take(&s->options, o);
    enum status st = api_key_given(s->options.key, NULL, NULL, NULL, s->key, fault);
    s->options.key = NULL;
    if (st) {
        free(s);
        return st;
    }
    s->fd = -1;
    s->budget = BUDGET_MAX;
    s->address = strdup(address);
    s->host = souk_host_of(address);
    s->name = strdup(s->options.name);
    s->options.name = s->name;
    s->slots = calloc(s->options.max_in_flight, sizeof *s->slots);
    s->slot_count = s->options.max_in_flight;
    if (getrandom(&s->random, sizeof s->random, GRND_NONBLOCK) != sizeof s->random || !s->random)
        s->random = souk_now_us() | 1;
    if (!s->address || !s->host || !s->name || !s->slots) {
        souk_close(s);
        return fault_set(fault, STATUS_NO_MEMORY, NULL, "out of memory");
    }
    st = souk_tls_create(s, fault);
    if (st) {
        souk_close(s);
        return st;
    }
    *out = s;
    return STATUS_OK;
}

void souk_close(struct souk *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; s->slots && i < s->slot_count; i++)
        if (s->slots[i].used)
            souk_slot_fail(s, &s->slots[i], STATUS_CANCELLED, "the connection was closed here");
    for (uint32_t i = 0; s->slots && i < s->slot_count; i++) {
        buf_fini(&s->slots[i].request);
        buf_fini(&s->slots[i].body);
    }
    tls_link_destroy(&s->tls);
    tls_context_destroy(&s->tls_context);
    if (s->fd >= 0)
        close(s->fd);
    buf_fini(&s->in);
    buf_fini(&s->out);
    buf_fini(&s->server_text);
    free(s->slots);
    free(s->address);
    free(s->host);
    free(s->name);
    explicit_bzero(s->key, sizeof s->key);
    free(s);
}

const struct hello *souk_server(const struct souk *s)
{
    return s->greeted ? &s->server : NULL;
}

const char *souk_address(const struct souk *s)
{
    return s->address;
}

void souk_trace(struct souk *s, const struct trace_context *t)
{
    s->trace = t ? *t : (struct trace_context){0};
}

uint32_t souk_in_flight(const struct souk *s)
{
    return s->in_flight;
}

uint32_t souk_slot_id(const struct souk *s, const struct souk_slot *slot)
{
    return (uint32_t)slot->generation << 16 | (uint32_t)(slot - s->slots);
}

struct souk_slot *souk_slot_of(struct souk *s, uint32_t id)
{
    uint32_t i = id & 0xffff;
    if (i >= s->slot_count || !s->slots[i].used || s->slots[i].generation != id >> 16)
        return NULL;
    return &s->slots[i];
}

/* What was answered long ago counts less: the two sums have a mean life of THROTTLE_LIFE_US. */
static void throttle_fade(struct souk *s)
{
    uint64_t now = souk_now_us();
    if (!s->counted_us)
        s->counted_us = now;
    uint64_t past = now - s->counted_us;
    if (past < THROTTLE_STEP_US)
        return;
    double keep = past >= THROTTLE_LIFE_US ? 0 : 1 - (double)past / THROTTLE_LIFE_US;
    s->asked *= keep;
    s->accepted *= keep;
    s->counted_us = now;
}

/*
 * The adaptive throttle of "Handling Overload" (SRE): refuse here with probability
 * (asked - 2 accepted) / (asked + 1). Counted are requests whose outcome is known, so that many
 * under way are not taken for many refused; a request refused here counts as asked. PING stands
 * outside: it asks whether anybody is there, which the server always answers.
 */
static bool throttled(struct souk *s, uint8_t opcode)
{
    throttle_fade(s);
    double over = s->asked - 2 * s->accepted;
    if (s->options.no_throttle || opcode == OP_PING || over <= THROTTLE_SLACK)
        return false;
    bool refuse = (double)souk_random(s, 1000) < 1000 * over / (s->asked + 1);
    s->asked += refuse;
    return refuse;
}

void souk_counted(struct souk *s, uint8_t opcode, bool accepted)
{
    if (opcode == OP_PING)
        return;
    s->asked++;
    s->accepted += accepted;
}

static struct souk_slot *free_slot(struct souk *s)
{
    /* The lowest free slot, so that scans over the slots in use end early. */
    for (uint32_t i = s->search_from; i < s->slot_count; i++)
        if (!s->slots[i].used) {
            s->search_from = i + 1;
            return &s->slots[i];
        }
    return NULL;
}

static void send_slot(struct souk *s, struct souk_slot *slot, uint64_t now)
{
    uint64_t left = slot->expires_us > now ? (slot->expires_us - now) / 1000 : 0;
    uint16_t sum = s->options.checksum && slot->request.len ? FLAG_CHECKSUM : 0;
    struct frame f = {.opcode = slot->opcode,
                      .flags = slot->flags | sum,
                      .request_id = souk_slot_id(s, slot),
                      .time = left ? (uint32_t)left : 1};
    size_t at = frame_begin(&s->out);
    buf_put_slice(&s->out, buf_slice(&slot->request));
    frame_end(&s->out, at, &f);
    slot->sent = true;
    slot->resend_us = 0;
}

enum status souk_submit(struct souk *s, const struct souk_request *q, souk_callback *callback,
                        void *ctx, uint32_t *id)
{
    uint32_t most = s->server.max_frame; /* as it said at the last connection; 0 = not yet */
    most = most && most < FRAME_MAX_BODY ? most : FRAME_MAX_BODY;
    if (q->body.len > most - FRAME_CHECKSUM - TRACE_FIELD_LEN)
        return STATUS_TOO_LARGE;
    if (s->in_flight >= s->slot_count)
        return STATUS_AGAIN;
    if (throttled(s, q->opcode))
        return STATUS_OVERLOADED;
    struct souk_slot *slot = free_slot(s);
    if (!slot)
        return STATUS_AGAIN;
    buf_clear(&slot->request);
    buf_clear(&slot->body);
    bool traced = q->opcode != OP_PING && trace_context_valid(&s->trace);
    if (traced)
        trace_context_put(&slot->request, &s->trace);
    buf_put_slice(&slot->request, q->body);
    if (slot->request.failed)
        return STATUS_NO_MEMORY;
    uint32_t deadline = q->deadline_ms ? q->deadline_ms : s->options.deadline_ms;
    enum frame_class c = q->classed ? q->frame_class : s->options.frame_class;
    slot->used = true;
    slot->sent = false;
    slot->safe = q->safe;
    slot->opcode = q->opcode;
    slot->flags = (uint16_t)((c & 3) << 8 | (traced ? FLAG_TRACE : 0));
    slot->generation = (uint16_t)(slot->generation == UINT16_MAX ? 1 : slot->generation + 1);
    slot->tries = 0;
    slot->resend_us = 0;
    slot->expires_us = souk_now_us() + (uint64_t)deadline * 1000;
    slot->callback = callback;
    slot->ctx = ctx;
    s->in_flight++;
    s->budget = s->budget + 0.1 > BUDGET_MAX ? BUDGET_MAX : s->budget + 0.1;
    if (id)
        *id = souk_slot_id(s, slot);
    if (s->state == SOUK_READY && !s->draining)
        send_slot(s, slot, souk_now_us());
    else
        s->resending = true;
    if (s->state == SOUK_IDLE)
        souk_connect(s);
    return STATUS_OK;
}

void souk_slot_finish(struct souk *s, struct souk_slot *slot, const struct souk_answer *answer)
{
    slot->used = false;
    s->in_flight--;
    if (slot - s->slots < s->search_from)
        s->search_from = (uint32_t)(slot - s->slots);
    if (slot->request.cap > 65536)
        buf_fini(&slot->request);
    slot->callback(slot->ctx, answer);
}

void souk_slot_fail(struct souk *s, struct souk_slot *slot, enum status status, const char *text)
{
    struct fault fault = {0};
    fault_set(&fault, status, NULL, "%s", text && *text ? text : status_text(status));
    struct souk_answer answer = {.status = status, .fault = &fault};
    souk_slot_finish(s, slot, &answer);
}

bool souk_may_retry(struct souk *s, const struct souk_slot *slot)
{
    if (!slot->safe || slot->tries >= s->options.retries || s->budget < 1)
        return false;
    s->budget -= 1;
    return true;
}

void souk_flush(struct souk *s)
{
    if (s->state != SOUK_READY || s->draining || !s->resending)
        return;
    uint64_t now = souk_now_us();
    uint32_t seen = 0, all = s->in_flight;
    s->resending = false;
    for (uint32_t i = 0; i < s->slot_count && seen < all; i++) {
        struct souk_slot *slot = &s->slots[i];
        seen += slot->used;
        if (!slot->used || slot->sent)
            continue;
        if (slot->resend_us > now)
            s->resending = true;
        else
            send_slot(s, slot, now);
    }
}

void souk_cancel(struct souk *s, uint32_t id)
{
    struct souk_slot *slot = souk_slot_of(s, id);
    if (!slot)
        return;
    if (slot->sent && s->state == SOUK_READY) {
        struct frame f = {.opcode = OP_CANCEL, .request_id = id};
        frame_end(&s->out, frame_begin(&s->out), &f);
    }
    souk_slot_fail(s, slot, STATUS_CANCELLED, NULL);
}

int souk_timeout_ms(const struct souk *s)
{
    uint64_t next = s->state == SOUK_PAUSING      ? s->resume_us
                    : s->state == SOUK_CONNECTING ? s->connect_by_us
                                                  : UINT64_MAX;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < s->slot_count && seen < s->in_flight; i++) {
        const struct souk_slot *slot = &s->slots[i];
        if (!slot->used)
            continue;
        seen++;
        if (slot->expires_us < next)
            next = slot->expires_us;
        if (!slot->sent && slot->resend_us && slot->resend_us < next)
            next = slot->resend_us;
    }
    if (next == UINT64_MAX)
        return -1;
    uint64_t now = souk_now_us();
    return next <= now ? 0 : (int)((next - now + 999) / 1000 % 86400000);
}

void souk_on_time(struct souk *s)
{
    uint64_t now = souk_now_us();
    if (s->state == SOUK_CONNECTING && now >= s->connect_by_us)
        souk_disconnect(s, STATUS_UNAVAILABLE,
                        s->tls ? "no TLS handshake within the time allowed"
                               : "no connection within the time allowed");
    if (s->state == SOUK_PAUSING && now >= s->resume_us) {
        s->state = SOUK_IDLE;
        if (s->in_flight)
            souk_connect(s);
    }
    uint32_t seen = 0, all = s->in_flight;
    for (uint32_t i = 0; i < s->slot_count && seen < all; i++) {
        struct souk_slot *slot = &s->slots[i];
        if (!slot->used)
            continue;
        seen++;
        if (slot->expires_us > now)
            continue;
        if (slot->sent && s->state == SOUK_READY) {
            struct frame f = {.opcode = OP_CANCEL, .request_id = souk_slot_id(s, slot)};
            frame_end(&s->out, frame_begin(&s->out), &f);
        }
        souk_slot_fail(s, slot, STATUS_DEADLINE, s->state == SOUK_READY ? NULL : s->last.text);
    }
    souk_flush(s);
}
