#include "cli/bulks.h"

#include "cli/command.h"

enum { PAUSE_FIRST_US = 20000, PAUSE_MAX_US = 1000000, BULK_DEADLINE_MS = 30000 };

static void reject_all(struct bulks *b, struct bulk *slot, enum status s, const struct fault *f)
{
    struct slice text = slice_str(f && f->text[0] ? f->text : status_text(s));
    for (uint32_t i = 0; i < slot->count; i++)
        b->reject(b->ctx, slot->lines[i], s, slice_str(f ? f->field : ""), text);
    b->failed += slot->count;
}

static void done(struct bulks *b, struct bulk *slot, struct slice body)
{
    struct arena a;
    struct put_reply r;
    arena_init(&a, 0);
    if (put_reply_decode(body, &a, &r)) {
        reject_all(b, slot, STATUS_BAD_FRAME, NULL);
    } else {
        b->applied += r.applied;
        b->ignored += r.ignored;
        b->failed += r.failed;
        b->replayed += r.replayed;
        if (r.sequence > b->sequence)
            b->sequence = r.sequence;
        for (uint32_t i = 0; r.failed && i < r.result_count; i++) {
            const struct put_result *one = &r.results[i];
            if (one->status && one->item < slot->count)
                b->reject(b->ctx, slot->lines[one->item], one->status, one->field, one->text);
        }
    }
    arena_fini(&a);
    slot->used = false;
}

static bool passing(enum status s)
{
    enum status_class c = status_class(s);
    return c == STATUS_CLASS_TRANSIENT || c == STATUS_CLASS_OVERLOAD || s == STATUS_AGAIN ||
           s == STATUS_CANCELLED || status_retryable(s);
}

static void later(struct bulks *b, struct bulk *slot, enum status s, const struct fault *f)
{
    uint64_t now = command_now_us(), told = f ? (uint64_t)f->retry_after_ms * 1000 : 0;
    if (s == STATUS_OVERLOADED && told) { /* it is busy with what it has: that is progress */
        b->progress_us = b->hold_us < now ? now : b->progress_us;
        b->hold_us = now + told > b->hold_us ? now + told : b->hold_us;
        slot->again_us = 0;
        return;
    }
    slot->pause_us = slot->pause_us ? slot->pause_us * 2 : PAUSE_FIRST_US;
    if (slot->pause_us > PAUSE_MAX_US)
        slot->pause_us = PAUSE_MAX_US;
    slot->again_us = now + (told > slot->pause_us ? told : slot->pause_us);
    if (now - b->progress_us > b->patience_us && !b->gave_up) {
        b->gave_up = s;
        if (f)
            b->fault = *f;
    }
}

static void answered(void *ctx, const struct souk_answer *answer)
{
    struct bulk *slot = ctx;
    struct bulks *b = slot->owner;
    slot->sent = false;
    if (answer->status == STATUS_OK) {
        b->progress_us = command_now_us();
        done(b, slot, answer->body);
    } else if (passing(answer->status)) {
        b->resent++;
        later(b, slot, answer->status, answer->fault);
    } else {
        b->progress_us = command_now_us();
        reject_all(b, slot, answer->status, answer->fault);
        slot->used = false;
    }
}

static void submit(struct bulks *b, struct bulk *slot)
{
    struct souk_request q = {.opcode = OP_PUT,
                             .body = buf_slice(&slot->body),
                             .deadline_ms = BULK_DEADLINE_MS,
                             .safe = true};
    slot->sent = true;
    enum status s = souk_submit(b->souk, &q, answered, slot, NULL);
    if (!s)
        return;
    slot->sent = false;
    if (passing(s)) {
        later(b, slot, s, NULL);
    } else {
        reject_all(b, slot, s, NULL);
        slot->used = false;
    }
}

/* Serial of the oldest bulk that has not ended. */
static uint64_t oldest(const struct bulks *b)
{
    uint64_t first = b->serial + 1;
    for (int i = 0; i < BULK_WINDOW; i++)
        if (b->slots[i].used && b->slots[i].serial < first)
            first = b->slots[i].serial;
    return first;
}

static bool ended(const struct bulks *b, uint64_t serial)
{
    for (int i = 0; i < BULK_WINDOW && serial; i++)
        if (b->slots[i].used && b->slots[i].serial == serial)
            return false;
    return true;
}

/* The first in the order of the file that may be sent now; *wait_us: how long until one may. */
static struct bulk *next_due(struct bulks *b, uint64_t now, uint64_t *wait_us)
{
    struct bulk *due = NULL;
    for (int i = 0; i < BULK_WINDOW; i++) {
        struct bulk *slot = &b->slots[i];
        if (!slot->used || slot->sent || slot->count == 0 || !ended(b, slot->after))
            continue;
        uint64_t at = slot->again_us > b->hold_us ? slot->again_us : b->hold_us;
        if (at > now && at - now < *wait_us)
            *wait_us = at - now;
        if (at <= now && (!due || slot->serial < due->serial))
            due = slot;
    }
    return due;
}

static uint64_t send_due(struct bulks *b)
{
    uint64_t wait_us = 100000;
    for (struct bulk *slot; !b->gave_up && (slot = next_due(b, command_now_us(), &wait_us));)
        submit(b, slot);
    return wait_us;
}

/* One round: what is due is sent, answers are taken. */
static void step(struct bulks *b, bool wait)
{
    uint64_t us = send_due(b);
    souk_step(b->souk, wait ? (int)(us / 1000) + 1 : 0);
}

struct bulk *bulks_take(struct bulks *b)
{
    if (!b->progress_us)
        b->progress_us = command_now_us();
    while (!b->gave_up) {
        for (int i = 0; i < BULK_WINDOW; i++) {
            struct bulk *slot = &b->slots[i];
            if (slot->used)
                continue;
            slot->owner = b;
            slot->used = true;
            slot->serial = ++b->serial;
            slot->count = 0;
            slot->after = slot->again_us = slot->pause_us = 0;
            buf_clear(&slot->body);
            return slot;
        }
        step(b, true);
    }
    return NULL;
}

void bulks_note(struct bulks *b, struct bulk *slot, struct slice id)
{
    uint64_t other = recent_ids_note(&b->ids, id, slot->serial, oldest(b));
    if (other > slot->after)
        slot->after = other;
}

void bulks_send(struct bulks *b, struct bulk *slot)
{
    if (slot->count == 0)
        slot->used = false;
    step(b, false);
}

static bool busy(const struct bulks *b)
{
    for (int i = 0; i < BULK_WINDOW; i++)
        if (b->slots[i].used && b->slots[i].count)
            return true;
    return false;
}

void bulks_finish(struct bulks *b)
{
    while (!b->gave_up && busy(b))
        step(b, true);
}

void bulks_fini(struct bulks *b)
{
    for (int i = 0; i < BULK_WINDOW; i++)
        buf_fini(&b->slots[i].body);
}
