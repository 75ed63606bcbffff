/* Changes of products: decided, logged, answered; and what a catalog gives up by itself. */
#include <stdio.h>
#include <stdlib.h>

#include "server/deleted.h"
#include "server/evict.h"
#include "server/say.h"
#include "server/writer_private.h"

enum {
    LEASES = 1 << 18, /* changed products a catalog remembers */
    BEAT_ITEMS = 64   /* measuring large products takes its time */
};

/* --- PUT -------------------------------------------------------------------------------------- */

struct writer_catalog *writer_find(struct writer *w, struct slice name)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (slice_equal(slice_str(w->catalogs[i]->name), name))
            return w->catalogs[i];
    return NULL;
}

enum status writer_may_write(struct writer *w, struct writer_catalog *c)
{
    if (!c)
        return STATUS_UNKNOWN_CATALOG;
    if (c->failed || !c->log)
        return STATUS_READ_ONLY;
    if (c->waiting_items >= config_number(w->role->config, OPTION_LOG_QUEUE) ||
        c->waiting_bytes >= QUEUE_BYTES)
        return STATUS_OVERLOADED;
    return c->disk_low || c->row->write_state == WRITE_NO_SPACE ? STATUS_NO_SPACE : STATUS_OK;
}

/* Deletes are taken however full the disk is: a reserve is kept for them. */
bool writer_only_deletes(const struct put_item *items, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && items[i].op == PUT_DELETE)
        i++;
    return i && i == count;
}

static void count_item(struct put_reply *r, struct buf *results, uint32_t item, enum status st)
{
    struct put_result one = {.item = item, .status = st};
    if (st == STATUS_OK) {
        r->applied++;
        return;
    }
    if (st == STATUS_AGAIN) {
        r->ignored++;
        one.text = SLICE_LIT("older than what is stored or was deleted; ignored");
    } else {
        r->failed++;
        if (st == STATUS_TOO_LARGE)
            one.text = SLICE_LIT("the product would have more than 1,000,000 bytes");
        else if (st == STATUS_IN_PROGRESS)
            one.text = SLICE_LIT("the schema is being altered, and the one to come does not hold "
                                 "this; send it again when that is over");
        else
            one.text = slice_str(status_text(st));
    }
    put_result_encode(results, &one);
}

/*
 * The front checked the change by the schema it knew. What is logged must fit the one it is applied
 * with, which may be another by now, and the one that an alteration under way will bring:
 * IN_PROGRESS until it is known whether that one comes.
 */
static enum status fits(struct writer *w, const struct writer_catalog *c,
                        const struct put_item *item)
{
    enum status st = product_parse(snapshot_schema(c->snapshot), item->document, &w->parsed);
    if (st || !c->next_schema)
        return st;
    st = product_parse(c->next_schema, item->document, &w->parsed);
    return status_class(st) == STATUS_CLASS_CLIENT ? STATUS_IN_PROGRESS : st;
}

static int64_t oldest_key(const struct writer *w)
{
    return shared_now_ms(w->role->shared) -
           (int64_t)config_number(w->role->config, OPTION_LOG_WINDOW);
}

/* AGAIN for what is older than the delete of its product: there is no product to compare it with.
 * NOT_FOUND for another delete that tells nothing new. */
static enum status behind_delete(struct writer *w, struct writer_catalog *c,
                                 const struct put_item *item, struct slice id)
{
    uint64_t version;
    struct product_state now;
    bool deletes = item->op == PUT_DELETE;
    if (!item->version || (item->op != PUT_UPSERT && !deletes) ||
        pending_touches(c->pending, c->snapshot, id))
        return STATUS_OK;
    enum status st = deleted_version(c->index, id, oldest_key(w), &version);
    if (st || item->version > version || (item->version == version && !deletes))
        return st;
    st = snapshot_product_state(c->snapshot, id, &now);
    if (st || now.exists)
        return st;
    return deletes ? STATUS_NOT_FOUND : STATUS_AGAIN;
}

/* END as decide() has it. MOVED when the product changed since the fetcher asked for it. */
static enum status decide_new(struct writer *w, struct writer_catalog *c,
                              const struct put_item *item, uint32_t i, uint64_t sequence)
{
    uint32_t bytes = UINT32_MAX;
    struct document d;
    enum status st = STATUS_OK;
    if (document_begin(&d, item->document))
        return STATUS_INVALID;
    if (item->op <= PUT_PATCH && (st = fits(w, c, item)))
        return st;
    if (item->lease && !c->leases)
        st = lease_create(LEASES, event_log_last(c->log), &c->leases);
    if (!st && item->lease && !lease_holds(c->leases, d.id, item->lease - 1))
        st = STATUS_MOVED;
    if (!st && item->op == PUT_PATCH)
        st = size_check(&w->size, c->pending, c->snapshot, i, w->taken, &bytes);
    st = st ? st : behind_delete(w, c, item, d.id);
    st = st ? st : decide(c->pending, c->snapshot, item, bytes, sequence);
    if ((!st || st == STATUS_END) && c->leases)
        lease_note(c->leases, d.id, sequence);
    return st;
}

/* *again: the item's key was seen with the same item, which counted then and changes nothing now.
 */
static enum status decide_one(struct writer *w, struct writer_catalog *c,
                              const struct put_item *item, uint32_t i, uint64_t sequence,
                              bool *again)
{
    uint8_t hash[BODY_HASH];
    struct log_changes note = {.accepted_ms = shared_now_ms(w->role->shared),
                               .key = item->key,
                               .hash = slice_make(hash, BODY_HASH)};
    *again = false;
    if (!item->key.len)
        return decide_new(w, c, item, i, sequence);
    enum status st = idempotency_hash_item(item, &w->payload, hash);
    st = st ? st
            : idempotency_find(c->keys, c->index, KEY_OF_ITEM, item->key, hash, oldest_key(w),
                               &w->payload);
    *again = st == STATUS_OK;
    if (st != STATUS_NOT_FOUND)
        return st;
    st = decide_new(w, c, item, i, sequence);
    return st ? st : idempotency_note(c->keys, KEY_OF_ITEM, &note, sequence);
}

/* A bulk of which nothing counts takes a sequence only where its key or cursor must be kept. */
static bool to_be_logged(const struct writer *w, const struct put_request *p)
{
    return w->accepted || p->key.len || p->cursor_of.len;
}

/* Decides every item: accepted ones go to w->items, results to w->reply. *gone_upstream: how many
 * were products of a provider that has them no more. w->accepted counts what is new in w->items. */
static enum status decide_all(struct writer *w, struct writer_catalog *c,
                              const struct put_request *p, struct put_reply *r,
                              uint32_t *gone_upstream)
{
    struct buf results = BUF_INIT;
    uint64_t next = event_log_last(c->log) + 1;
    enum status st = snapshot_begin(c->snapshot);
    if (st)
        return st;
    buf_clear(&w->items);
    w->accepted = 0;
    pending_mark(c->pending, next - 1);
    size_begin(&w->size, p);
    w->taken = arena_alloc(&w->arena, p->item_count + 1);
    if (!w->taken)
        st = STATUS_NO_MEMORY;
    for (uint32_t i = 0; !st && i < p->item_count; i++) {
        const struct put_item *item = &p->items[i];
        bool again;
        enum status one = decide_one(w, c, item, i, next + w->accepted, &again);
        bool unseen = one == STATUS_END; /* nothing to delete, and a version to be remembered */
        one = unseen ? STATUS_NOT_FOUND : one;
        w->taken[i] = (one == STATUS_OK && !again) || unseen;
        if (i % BEAT_ITEMS == BEAT_ITEMS - 1)
            shared_beat(w->role->self);
        if (one && one != STATUS_AGAIN && one != STATUS_MOVED && one != STATUS_IN_PROGRESS &&
            status_class(one) != STATUS_CLASS_CLIENT)
            st = one;
        else if (w->taken[i]) {
            struct put_item taken = *item;
            if (unseen) /* it was refused: sent again, it is refused again */
                taken.key = SLICE_NULL;
            put_item_encode(&taken, &w->items);
        }
        w->accepted += w->taken[i];
        *gone_upstream += w->taken[i] && !unseen && item->op == PUT_DELETE && item->origin;
        count_item(r, &results, i, one);
    }
    if (p->cursor_of.len)
        put_cursor_encode(p->cursor_of, p->cursor, &w->items);
    snapshot_end(c->snapshot);
    r->sequence = next - 1 + (w->accepted ? w->accepted : to_be_logged(w, p));
    buf_clear(&w->reply);
    put_reply_encode(&w->reply, r);
    buf_put_slice(&w->reply, buf_slice(&results));
    st = st || !(results.failed || w->reply.failed || w->items.failed) ? st : STATUS_NO_MEMORY;
    buf_fini(&results);
    return st;
}

/* Answers w->reply, of which everything was logged before, up to `sequence`. */
static void answer_again(struct writer *w, uint64_t conn, const struct frame *f,
                         struct writer_catalog *c, const struct put_request *p, uint64_t sequence)
{
    struct answer *a = answer_create(conn, f, c, buf_slice(&w->reply));
    if (!a) {
        writer_refuse(w, conn, f, STATUS_NO_MEMORY, NULL);
        return;
    }
    a->sequence = p->ack == ACK_VISIBLE || c->unsynced ? sequence : 0;
    if (p->ack == ACK_REPLICATED) {
        a->sequence = sequence;
        writer_wait_replicated(w, a);
        writer_tell_replicated(w);
        return;
    }
    /* while the first one may be in this turn's group, visible stands for durable */
    a->next = w->unseen;
    w->unseen = a;
    writer_tell_seen(w);
}

/* True when the request was answered from the first time. */
static bool replay_answer(struct writer *w, uint64_t conn, const struct frame *f,
                          struct writer_catalog *c, const struct put_request *p, uint8_t *hash)
{
    struct put_reply first;
    if (!p->key.len)
        return false;
    enum status st = idempotency_hash_bulk(p, &w->payload, hash);
    buf_clear(&w->reply);
    st = st ? st
            : idempotency_find(c->keys, c->index, KEY_OF_BULK, p->key, hash, oldest_key(w),
                               &w->reply);
    if (st == STATUS_NOT_FOUND)
        return false;
    tlv_put_u64(&w->reply, TAG_PUT_REPLAYED, 1);
    st = st ? st : put_reply_decode(buf_slice(&w->reply), &w->arena, &first);
    if (st)
        writer_refuse(w, conn, f, st, NULL);
    else
        answer_again(w, conn, f, c, p, first.sequence);
    return true;
}

static enum status log_changes(struct writer *w, struct answer *a, const struct put_request *p,
                               const struct put_reply *r, uint64_t items, const uint8_t *hash)
{
    struct log_changes head = {.accepted_ms = shared_now_ms(w->role->shared),
                               .key = p->key,
                               .hash = slice_make(hash, BODY_HASH),
                               .reply = buf_slice(&w->reply)};
    buf_clear(&w->payload);
    log_changes_begin(&w->payload, &head);
    buf_put_slice(&w->payload, buf_slice(&w->items));
    if (w->payload.failed)
        return STATUS_NO_MEMORY;
    enum status st =
        writer_log(w, a, LOG_CHANGES, buf_slice(&w->payload), r->sequence, items ? items : 1);
    if (!st && p->key.len && idempotency_note(a->catalog->keys, KEY_OF_BULK, &head, r->sequence))
        say("error", "writer", a->catalog->name, "out of memory for an idempotency key");
    return st;
}

void writer_on_put(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct put_request p;
    struct fault fault = {0};
    uint8_t hash[BODY_HASH] = {0};
    if (put_request_decode(f->body, &w->arena, &p, &fault)) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    if (p.ack == ACK_REPLICATED && !config_number(w->role->config, OPTION_FOLLOW_ACKS)) {
        writer_refuse(w, conn, f, STATUS_UNSUPPORTED,
                      "ack replicated takes replication.acks followers, and none are configured");
        return;
    }
    struct writer_catalog *c = writer_find(w, p.catalog);
    if (c && c->fresh) /* fronts know the new edition already */
        writer_catalog_follow(c);
    enum status st = writer_may_write(w, c);
    bool frees = writer_only_deletes(p.items, p.item_count);
    if (st == STATUS_NO_SPACE && frees)
        st = STATUS_OK;
    for (uint32_t i = 0; i < p.item_count && !st; i++)
        if (p.items[i].op == PUT_UPSERT || p.items[i].op == PUT_PATCH)
            st = c->map_full ? STATUS_NO_SPACE : evict_admits(c);
    /* A full queue or disk does not matter to what was taken in before; what a failed sync left
     * in the table of keys does: it counts for nothing. */
    bool passing = st == STATUS_OVERLOADED || st == STATUS_NO_SPACE;
    if ((!st || passing) && replay_answer(w, conn, f, c, &p, hash))
        return;
    if (st) {
        if (st == STATUS_OVERLOADED)
            writer_refuse_full(w, conn, f, c);
        else
            writer_refuse(w, conn, f, st, NULL);
        return;
    }
    struct put_reply r = {0};
    struct answer *a = NULL;
    uint32_t gone = 0, gone_upstream = 0;
    size_t keys = idempotency_count(c->keys);
    st = decide_all(w, c, &p, &r, &gone_upstream);
    int64_t heavier = pending_weight(c->pending);
    if (!st && w->accepted) /* a full catalog gives up as many as come */
        st = evict_surplus(c, r.sequence, EVICT_FOREGROUND, w->accepted + EVICT_BATCH, &w->items,
                           &gone);
    st = st ? st : evict_fits(c, heavier);
    if (!st && !to_be_logged(w, &p)) {
        answer_again(w, conn, f, c, &p, r.applied ? r.sequence : 0);
        return;
    }
    if (!st && !(a = answer_create(conn, f, c, buf_slice(&w->reply))))
        st = STATUS_NO_MEMORY;
    if (!st) {
        a->ack = p.ack;
        a->frees = frees;
        st = log_changes(w, a, &p, &r, w->accepted + gone, hash);
    }
    if (st) {
        pending_undo(c->pending);
        evict_undo(c);
        idempotency_undo(c->keys, keys);
        writer_refuse(w, conn, f, st, NULL);
        if (a)
            answer_free(a);
        return;
    }
    evict_grown(c, r.sequence, w->accepted);
    c->row->freshness.evicted_size += gone;
    c->row->freshness.evicted_negative += gone_upstream;
    if (p.ack == ACK_QUEUED) {
        writer_conns_reply(w->conns, conn, f, buf_slice(&a->body));
        a->conn = 0;
    }
}

/* --- eviction --------------------------------------------------------------------------------- */

static enum status log_evicted(struct writer *w, struct writer_catalog *c, uint64_t sequence,
                               uint32_t count)
{
    const struct frame nobody = {0};
    struct log_changes head = {.accepted_ms = shared_now_ms(w->role->shared)};
    struct answer *a = answer_create(0, &nobody, c, SLICE_NULL);
    if (a)
        a->frees = true;
    buf_clear(&w->payload);
    log_changes_begin(&w->payload, &head);
    buf_put_slice(&w->payload, buf_slice(&w->items));
    enum status st = !a || w->payload.failed
                         ? STATUS_NO_MEMORY
                         : writer_log(w, a, LOG_CHANGES, buf_slice(&w->payload), sequence, count);
    if (st && a)
        answer_free(a);
    return st;
}

/* What the catalog gives up by itself now, if anything. */
void writer_evict_turn(struct writer *w, struct writer_catalog *c)
{
    const struct config *config = w->role->config;
    struct evict_limits l = {.per_second = config_number(config, OPTION_EVICT_RATE),
                             .keep_ms = (int64_t)config_number(config, OPTION_EVICT_KEEP)};
    uint32_t surplus = 0, expired = 0;
    if (!c->log || c->failed || shared_follows(w->role->shared) || !evict_may_go_on(c))
        return;
    uint64_t sequence = event_log_last(c->log) + 1;
    buf_clear(&w->items);
    pending_mark(c->pending, sequence - 1);
    enum status st = evict_surplus(c, sequence, EVICT_BACKGROUND, EVICT_BATCH, &w->items, &surplus);
    if (!st && !surplus && !(shared_safe_mode_now(c->row) & (SAFE_UPSTREAM | SAFE_BY_HAND)))
        st = evict_expired(c, &l, shared_now_ms(w->role->shared), sequence, &w->items, &expired);
    if (!st && surplus + expired)
        st = log_evicted(w, c, sequence, surplus + expired);
    if (st) {
        pending_undo(c->pending);
        evict_undo(c);
        return;
    }
    if (!(surplus + expired))
        return;
    evict_grown(c, sequence, 0);
    evict_logged(c, sequence, surplus + expired);
    c->row->freshness.evicted_size += surplus;
    if (expired)
        c->row->freshness.evicted_ttl += expired - evict_own(c);
}
