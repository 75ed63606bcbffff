#include "server/refresh_queue.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_BUCKETS = 1024 };

struct refresh_waiter {
    struct refresh_waiter *next;
    refresh_fn fn;
    void *ctx;
    int64_t deadline_ms;
};

struct refresh_kept {
    struct get_item_reply item; /* its document stands behind */
    int64_t at_ms;
};

/* --- the table ---------------------------------------------------------------------------------
 */

static struct refresh_entry **place_of(struct refresh_queue *q, struct slice id, uint64_t hash)
{
    struct refresh_entry **at = &q->buckets[hash & (q->bucket_count - 1)];
    while (*at && ((*at)->hash != hash || !slice_equal(refresh_entry_id(*at), id)))
        at = &(*at)->chain;
    return at;
}

struct refresh_entry *refresh_queue_find(struct refresh_queue *q, struct slice id)
{
    return *place_of(q, id, XXH3_64bits(id.ptr, id.len));
}

static void grow(struct refresh_queue *q)
{
    uint32_t count = q->bucket_count * 2;
    struct refresh_entry **buckets = calloc(count, sizeof(void *));
    if (!buckets)
        return;
    for (uint32_t i = 0; i < q->bucket_count; i++)
        for (struct refresh_entry *e = q->buckets[i], *next; e; e = next) {
            next = e->chain;
            e->chain = buckets[e->hash & (count - 1)];
            buckets[e->hash & (count - 1)] = e;
        }
    free(q->buckets);
    q->buckets = buckets;
    q->bucket_count = count;
}

struct refresh_entry *refresh_queue_add(struct refresh_queue *q, struct slice id)
{
    if (q->entry_count >= q->entries_most || !id.len || id.len > REFRESH_ID_MAX)
        return NULL;
    struct refresh_entry *e = calloc(1, sizeof *e + id.len);
    if (!e)
        return NULL;
    e->state = REFRESH_FLYING; /* in no list */
    e->hash = XXH3_64bits(id.ptr, id.len);
    e->id_len = (uint16_t)id.len;
    memcpy(e->id, id.ptr, id.len);
    if (q->entry_count++ >= q->bucket_count)
        grow(q);
    struct refresh_entry **at = &q->buckets[e->hash & (q->bucket_count - 1)];
    e->chain = *at;
    *at = e;
    return e;
}

static void drop_kept(struct refresh_queue *q, struct refresh_entry *e)
{
    if (e->kept)
        q->kept_bytes -= e->kept->item.document.len;
    free(e->kept);
    e->kept = NULL;
}

void refresh_queue_remove(struct refresh_queue *q, struct refresh_entry *e)
{
    refresh_queue_fly(q, e);
    *place_of(q, refresh_entry_id(e), e->hash) = e->chain;
    q->entry_count--;
    drop_kept(q, e);
    free(e);
}

/* --- lists -------------------------------------------------------------------------------------
 */

static uint8_t heat_of(uint32_t asks)
{
    uint8_t heat = 0;
    while (asks > 1 && heat < REFRESH_HEATS - 1) {
        asks /= 2;
        heat++;
    }
    return heat;
}

void refresh_queue_fly(struct refresh_queue *q, struct refresh_entry *e)
{
    bool ready = e->state == REFRESH_READY;
    if (e->state == REFRESH_FLYING)
        return;
    struct refresh_entry **first = ready ? &q->ready[e->list] : &q->resting[e->list];
    *(e->prev ? &e->prev->next : first) = e->next;
    if (e->next)
        e->next->prev = e->prev;
    else if (ready)
        q->ready_last[e->list] = e->prev;
    q->ready_count -= ready;
    e->next = e->prev = NULL;
    e->state = REFRESH_FLYING;
    drop_kept(q, e);
}

void refresh_queue_ready(struct refresh_queue *q, struct refresh_entry *e)
{
    refresh_queue_fly(q, e);
    e->state = REFRESH_READY;
    e->again = false;
    e->list = heat_of(e->asks);
    e->prev = q->ready_last[e->list];
    *(e->prev ? &e->prev->next : &q->ready[e->list]) = e;
    q->ready_last[e->list] = e;
    q->ready_count++;
}

void refresh_queue_rest(struct refresh_queue *q, struct refresh_entry *e, int64_t until_ms)
{
    refresh_queue_fly(q, e);
    e->state = REFRESH_RESTING;
    e->not_before_ms = until_ms;
    bool wanted = e->again || e->waiters;
    int64_t last = wanted || until_ms > e->negative_ms ? until_ms : e->negative_ms;
    if (last < q->wheel_ms) /* that second was handed over already */
        last = q->wheel_ms;
    e->list = (uint8_t)(last / 1000 % REFRESH_WHEEL); /* handed over when that second is past */
    e->next = q->resting[e->list];
    if (e->next)
        e->next->prev = e;
    q->resting[e->list] = e;
}

void refresh_queue_heat(struct refresh_queue *q, struct refresh_entry *e)
{
    e->asks += e->asks < UINT32_MAX;
    if (e->state == REFRESH_READY && heat_of(e->asks) != e->list)
        refresh_queue_ready(q, e);
}

static bool shares(const struct refresh_entry *e)
{
    return !memchr(e->id, ',', e->id_len);
}

uint32_t refresh_queue_hottest(const struct refresh_queue *q, struct refresh_entry **out,
                               uint32_t most)
{
    uint32_t n = 0;
    for (int heat = REFRESH_HEATS - 1; heat >= 0; heat--)
        for (struct refresh_entry *e = q->ready[heat]; e && n < most; e = e->next) {
            if (!shares(e) && n)
                continue;
            out[n++] = e;
            if (!shares(e))
                return n;
        }
    return n;
}

void refresh_queue_turn(struct refresh_queue *q, int64_t now_ms,
                        void (*fn)(void *ctx, struct refresh_entry *e), void *ctx)
{
    while (q->wheel_ms / 1000 < now_ms / 1000) {
        uint32_t list = (uint32_t)(q->wheel_ms / 1000 % REFRESH_WHEEL);
        q->wheel_ms += 1000; /* first, so that what rests again is handed over by a later turn */
        for (struct refresh_entry *e = q->resting[list], *next; e; e = next) {
            next = e->next;
            fn(ctx, e);
        }
    }
}

/* --- the last answer ---------------------------------------------------------------------------
 */

void refresh_queue_keep(struct refresh_queue *q, struct refresh_entry *e,
                        const struct get_item_reply *item, int64_t now_ms)
{
    size_t len = item->document.len;
    drop_kept(q, e);
    struct refresh_kept *k =
        q->kept_bytes + len > REFRESH_KEPT_MOST ? NULL : malloc(sizeof *k + len);
    if (!k)
        return;
    *k = (struct refresh_kept){*item, now_ms};
    k->item.id = refresh_entry_id(e);
    k->item.document = len ? slice_make((char *)(k + 1), len) : SLICE_NULL;
    if (len)
        memcpy(k + 1, item->document.ptr, len);
    q->kept_bytes += len;
    e->kept = k;
}

bool refresh_entry_kept(const struct refresh_entry *e, int64_t now_ms, struct get_item_reply *out)
{
    if (!e->kept)
        return false;
    *out = e->kept->item;
    out->age_ms += (uint64_t)(now_ms - e->kept->at_ms);
    return true;
}

/* --- waiters -----------------------------------------------------------------------------------
 */

bool refresh_entry_wait(struct refresh_entry *e, uint32_t most, int64_t deadline_ms, refresh_fn fn,
                        void *ctx)
{
    struct refresh_waiter *w = e->waiting < most ? malloc(sizeof *w) : NULL;
    if (!w)
        return false;
    *w = (struct refresh_waiter){e->waiters, fn, ctx, deadline_ms};
    e->waiters = w;
    e->waiting++;
    return true;
}

void refresh_entry_tell(struct refresh_entry *e, const struct get_item_reply *item)
{
    struct refresh_waiter *w = e->waiters;
    e->waiters = NULL;
    e->waiting = 0;
    while (w) {
        struct refresh_waiter *next = w->next;
        w->fn(w->ctx, item);
        free(w);
        w = next;
    }
}

void refresh_entry_expire(struct refresh_entry *e, int64_t now_ms)
{
    struct refresh_waiter *w, **at = &e->waiters;
    while ((w = *at)) {
        if (now_ms < w->deadline_ms) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        e->waiting--;
        w->fn(w->ctx,
              &(struct get_item_reply){.status = STATUS_DEADLINE, .id = refresh_entry_id(e)});
        free(w);
    }
}

int64_t refresh_entry_deadline(const struct refresh_entry *e)
{
    return e->waiters ? e->waiters->deadline_ms : 0;
}

/* --- life --------------------------------------------------------------------------------------
 */

enum status refresh_queue_init(struct refresh_queue *q, uint32_t entries_most, int64_t now_ms)
{
    *q = (struct refresh_queue){
        .bucket_count = FIRST_BUCKETS, .entries_most = entries_most, .wheel_ms = now_ms};
    q->buckets = calloc(q->bucket_count, sizeof(void *));
    return q->buckets ? STATUS_OK : STATUS_NO_MEMORY;
}

void refresh_queue_fini(struct refresh_queue *q, enum status s)
{
    for (uint32_t i = 0; q->buckets && i < q->bucket_count; i++)
        for (struct refresh_entry *e = q->buckets[i], *next; e; e = next) {
            next = e->chain;
            refresh_entry_tell(e, &(struct get_item_reply){.status = s, .id = refresh_entry_id(e)});
            free(e->kept);
            free(e);
        }
    free(q->buckets);
    q->buckets = NULL;
}
