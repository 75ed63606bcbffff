#include "server/fetch_refresh_private.h"

#include "protocol/request.h"

enum {
    NEGATIVE_MS = 30000,
    CONFIRM_MS = 1000,
    BACKOFF_MS = 1000,
    BACKOFF_MOST_MS = 60000,
    FLUSH_ITEMS = 512
};

void refresh_tell_status(struct refresh_entry *e, enum status s)
{
    refresh_entry_tell(e, &(struct get_item_reply){.status = s, .id = refresh_entry_id(e)});
}

/* --- changes ---------------------------------------------------------------------------------- */

static void change(struct refresh *r, const struct put_item *item)
{
    if (!r->item_count)
        put_request_header(
            &(struct put_request){.catalog = slice_str(r->catalog->name), .ack = ACK_LOGGED},
            &r->items);
    put_item_encode(item, &r->items);
    if (++r->item_count >= FLUSH_ITEMS)
        refresh_flush(r);
}

/* DELETE and VALIDATE name the product only. */
static void change_bare(struct refresh *r, struct refresh_entry *e, enum put_op op,
                        uint64_t version, const struct flight *f, const struct call_answer *a)
{
    struct buf document = BUF_INIT;
    document_put_header(&document, refresh_entry_id(e), 0);
    struct put_item item = {.op = op,
                            .version = version,
                            .ttl_ms = a->cache.ttl_ms,
                            .swr_ms = a->cache.swr_ms,
                            .sie_ms = a->cache.sie_ms,
                            .document = buf_slice(&document),
                            .lease = f->lease,
                            .origin = a->provider->definition->number,
                            .age_ms = a->cache.age_ms};
    if (!document.failed)
        change(r, &item);
    buf_fini(&document);
}

static bool stored(struct refresh *r, struct slice id, uint64_t *version)
{
    struct catalog *c;
    uint32_t docid;
    int64_t v = 0;
    if (fetch_catalog_open(r->catalog, &c))
        return false;
    bool found = snapshot_find(c->snapshot, id, &docid) == STATUS_OK;
    struct column *versions = found ? snapshot_column(c->snapshot, COLUMN_VERSION) : NULL;
    if (versions && column_int(versions, docid, &v))
        v = 0;
    snapshot_end(c->snapshot);
    *version = (uint64_t)v;
    return found;
}

/* --- what is learned of one product --------------------------------------------------------------
 */

static void rest(struct refresh *r, struct refresh_entry *e, int64_t now)
{
    const struct fetch_catalog *c = r->catalog;
    int64_t least = c->provider_count ? c->providers[0]->definition->min_refetch_ms : CONFIRM_MS;
    e->asks = 0;
    e->failures = 0;
    refresh_queue_rest(&r->queue, e, now + least);
}

/* What is gone before a product may be asked for again is not worth waiting for: hit for miss. */
static bool passing(struct refresh *r, const struct call_answer *a)
{
    struct catalog *c;
    int64_t swr = a->cache.swr_ms, sie = a->cache.sie_ms;
    if (!a->storable)
        return true;
    if (a->cache.ttl_ms <= 0 || a->cache.ttl_ms >= a->provider->definition->min_refetch_ms)
        return false;
    if ((swr < 0 || sie < 0) && fetch_catalog_open(r->catalog, &c) == STATUS_OK) {
        swr = swr < 0 ? snapshot_schema(c->snapshot)->swr_ms : swr;
        sie = sie < 0 ? snapshot_schema(c->snapshot)->sie_ms : sie;
        snapshot_end(c->snapshot);
    }
    return swr <= 0 && sie <= 0;
}

static void renewed(struct refresh *r, struct refresh_entry *e, const struct flight *f,
                    const struct call_answer *a, const struct mapped *m, int64_t now)
{
    struct put_item item = {.op = PUT_UPSERT,
                            .version = m->version,
                            .ttl_ms = a->cache.ttl_ms,
                            .swr_ms = a->cache.swr_ms,
                            .sie_ms = a->cache.sie_ms,
                            .document = m->document,
                            .lease = f->lease,
                            .origin = a->provider->definition->number,
                            .age_ms = a->cache.age_ms,
                            .validator = f->count == 1 ? a->validator : SLICE_NULL};
    if (a->storable)
        change(r, &item);
    e->misses = 0;
    e->negative_ms = 0;
    r->figures.refreshed++;
    const struct get_item_reply told = {.status = STATUS_OK,
                                        .id = refresh_entry_id(e),
                                        .document = m->document,
                                        .freshness = FRESH,
                                        .age_ms = a->cache.age_ms,
                                        .version = m->version};
    refresh_entry_tell(e, &told);
    e->passing = passing(r, a);
    rest(r, e, now);
    if (!e->passing)
        refresh_queue_keep(&r->queue, e, &told, now);
}

static void still_right(struct refresh *r, struct refresh_entry *e, const struct flight *f,
                        const struct call_answer *a, int64_t now)
{
    uint64_t version;
    if (stored(r, refresh_entry_id(e), &version))
        change_bare(r, e, PUT_VALIDATE, version, f, a);
    r->figures.refreshed++;
    e->misses = 0;
    const struct get_item_reply told = {
        .status = STATUS_OK, .id = refresh_entry_id(e), .age_ms = a->cache.age_ms};
    refresh_entry_tell(e, &told);
    rest(r, e, now);
    refresh_queue_keep(&r->queue, e, &told, now);
}

static void missing(struct refresh *r, struct refresh_entry *e, const struct flight *f,
                    const struct call_answer *a, bool deleted, int64_t now)
{
    uint64_t version;
    bool plainly = a->result != RESULT_NOT_FOUND && !(a->result == RESULT_GOOD && !deleted);
    bool have = stored(r, refresh_entry_id(e), &version), confirm = have && !plainly;
    e->misses += e->misses < 2;
    if (have && (!confirm || e->misses >= 2)) {
        change_bare(r, e, PUT_DELETE, 0, f, a);
        r->figures.removed++;
        confirm = false;
    }
    e->negative_ms = now + NEGATIVE_MS;
    e->again = confirm; /* asks a second time before it believes */
    refresh_tell_status(e, STATUS_NOT_FOUND);
    rest(r, e, now);
}

static void failed(struct refresh *r, struct refresh_entry *e, int64_t now)
{
    uint64_t version;
    refresh_tell_status(e, STATUS_UPSTREAM);
    e->failures += e->failures < 30;
    e->again = stored(r, refresh_entry_id(e), &version); /* what is only guessed at is not chased */
    refresh_queue_rest(&r->queue, e,
                       now + CONFIRM_MS +
                           retry_pause_ms(e->failures, BACKOFF_MS, BACKOFF_MOST_MS,
                                          fetch_random(r->catalog->fetcher)));
}

static const struct mapped *item_of(const struct call_answer *a, struct slice id)
{
    for (uint32_t i = 0; i < a->item_count; i++)
        if (slice_equal(a->items[i].id, id))
            return &a->items[i];
    return NULL;
}

void refresh_learn(struct flight *f, const struct call_answer *a)
{
    struct refresh *r = f->refresh;
    int64_t now = clock_mono_ms();
    for (uint32_t i = 0; i < f->count; i++) {
        struct refresh_entry *e = f->entries[i];
        const struct mapped *m = a->result == RESULT_GOOD ? item_of(a, refresh_entry_id(e)) : NULL;
        r->figures.in_flight--;
        if (m && !m->deleted)
            renewed(r, e, f, a, m, now);
        else if (a->result == RESULT_NOT_MODIFIED)
            still_right(r, e, f, a, now);
        else if (a->result == RESULT_FAILED || (!m && a->bad_items && a->result == RESULT_GOOD))
            failed(r, e, now);
        else
            missing(r, e, f, a, m && m->deleted, now);
    }
}
