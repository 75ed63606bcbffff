#include "server/evict.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/weight.h"
#include "server/canary_id.h"
#include "server/hits_file.h"
#include "server/push_canary.h"
#include "server/role.h"
#include "server/s3fifo.h"
#include "server/say.h"
#include "server/weight_flight.h"

enum { OPEN_RECORDS = 2, BURST_MS = 500 };

struct move {
    uint32_t from, to;
};

struct moves {
    struct move *items;
    uint32_t count, cap;
};

struct chosen {
    uint32_t *docids;
    uint32_t count, cap;
};

struct evict {
    /* the loop's */
    struct s3fifo *queue; /* NULL without a limit */
    uint64_t capacity;
    uint32_t seen;   /* docids below are in the queues */
    int64_t counted; /* products once all that is logged is applied */
    uint64_t flight; /* changes logged since all was applied the last time */
    uint64_t edition;
    struct shared_pages pages;
    bool weighs;                 /* there is a limit in bytes, and it is known what there is */
    struct weight_flight weight; /* of the products once all that is logged is applied */
    struct chosen chosen;        /* surplus ones of the group of decisions at hand */
    uint64_t open[OPEN_RECORDS]; /* sequences of the last records of deletes */
    uint32_t own;                /* canaries among those chosen last */
    double tokens;
    int64_t tokens_ms, expired_ms; /* expired_ms: of the last record of expired ones */
    /* the apply thread's */
    struct moves collecting;
    struct shared_pages applying;
    uint64_t applying_edition;
    /* handed over */
    pthread_mutex_t lock;
    struct moves ready;
    uint64_t ready_edition;
    uint32_t ready_end; /* docids below are committed, their moves among those above */
};

enum status evict_create(struct evict **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&(*out)->lock, NULL);
    return STATUS_OK;
}

void evict_destroy(struct evict **ep)
{
    struct evict *e = *ep;
    if (!e)
        return;
    s3fifo_destroy(&e->queue);
    shared_pages_unmap(&e->pages);
    shared_pages_unmap(&e->applying);
    free(e->chosen.docids);
    free(e->collecting.items);
    free(e->ready.items);
    pthread_mutex_destroy(&e->lock);
    free(e);
    *ep = NULL;
}

/* --- the apply thread ------------------------------------------------------------------------- */

static bool moves_add(struct moves *m, struct move move)
{
    if (m->count == m->cap) {
        uint32_t cap = m->cap ? m->cap * 2 : 256;
        struct move *p = realloc(m->items, cap * sizeof *p);
        if (!p)
            return false;
        m->items = p;
        m->cap = cap;
    }
    m->items[m->count++] = move;
    return true;
}

void evict_moved(void *catalog, uint32_t from, uint32_t to)
{
    struct writer_catalog *c = catalog;
    struct evict *e = c->evict;
    if (e->applying_edition != c->edition) {
        shared_pages_unmap(&e->applying);
        shared_pages_map(ROLE_FD_SHARED, c->shared, c->row, c->edition, &e->applying);
        e->applying_edition = c->edition;
    }
    shared_pages_set_hits(&e->applying, to, shared_pages_hits(&e->applying, from));
    if (index_schema(c->applying)->max_products || index_schema(c->applying)->max_bytes)
        moves_add(&e->collecting, (struct move){from, to}); /* lost: it counts as new */
}

void evict_moves_end(struct writer_catalog *c, bool committed)
{
    struct evict *e = c->evict;
    if (committed) {
        pthread_mutex_lock(&e->lock);
        if (e->ready_edition != c->edition)
            e->ready.count = 0;
        e->ready_edition = c->edition;
        for (uint32_t i = 0; i < e->collecting.count; i++)
            moves_add(&e->ready, e->collecting.items[i]);
        e->ready_end = snapshot_docid_end(c->applied);
        pthread_mutex_unlock(&e->lock);
    }
    e->collecting.count = 0;
}

/* --- following -------------------------------------------------------------------------------- */

static uint64_t hash_of(struct snapshot *s, uint32_t docid)
{
    struct slice id;
    return snapshot_id(s, docid, &id) ? 0 : XXH3_64bits(id.ptr, id.len);
}

/* What the limit in products or bytes comes to in products; 0 = none. */
static uint64_t capacity_of(const struct writer_catalog *c, const struct evict *e)
{
    const struct schema *s = snapshot_schema(c->snapshot);
    uint64_t most = s->max_products, live = snapshot_live_count(c->snapshot);
    if (e->weighs && live) {
        uint64_t each = snapshot_weight(c->snapshot) / live + 1,
                 fit = s->max_bytes / 100 * EVICT_FOREGROUND / each + 1;
        most = !most || fit < most ? fit : most;
    }
    return s->max_products || e->weighs ? (most ? most : 1) : 0;
}

/* All of the edition from the start: what is there counts as proven, by age. */
static enum status load(struct writer_catalog *c, struct evict *e, uint64_t capacity)
{
    s3fifo_destroy(&e->queue);
    e->capacity = capacity;
    enum status st = s3fifo_create(capacity, &e->queue);
    e->seen = snapshot_docid_end(c->snapshot);
    for (uint32_t d = 0; d < e->seen && !st; d++)
        if (snapshot_is_live(c->snapshot, d))
            st = s3fifo_place(e->queue, d, S3FIFO_MAIN);
    return st;
}

static enum status place_moves(struct evict *e, const struct moves *m)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < m->count && !st; i++) {
        enum s3fifo_place was = s3fifo_where(e->queue, m->items[i].from);
        if (s3fifo_where(e->queue, m->items[i].to) == S3FIFO_NONE)
            st = s3fifo_place(e->queue, m->items[i].to,
                              was == S3FIFO_MAIN ? S3FIFO_MAIN : S3FIFO_SMALL);
    }
    return st;
}

static enum status place_new(struct writer_catalog *c, struct evict *e, uint32_t end)
{
    enum status st = STATUS_OK;
    for (; e->seen < end && !st; e->seen++) {
        bool returned;
        if (!snapshot_is_live(c->snapshot, e->seen) ||
            s3fifo_where(e->queue, e->seen) != S3FIFO_NONE)
            continue;
        st = s3fifo_add(e->queue, e->seen, hash_of(c->snapshot, e->seen), &returned);
        c->row->freshness.ghost_hits += returned;
    }
    return st;
}

static void weigh(struct writer_catalog *c, struct evict *e)
{
    uint64_t weight = snapshot_weight(c->snapshot);
    e->weighs = snapshot_schema(c->snapshot)->max_bytes && weight != WEIGHT_UNKNOWN;
    weight_flight_settle(&e->weight, e->weighs ? weight : 0, snapshot_sequence(c->snapshot));
}

static enum status follow_queue(struct writer_catalog *c, struct evict *e, uint64_t capacity,
                                bool reload)
{
    enum status st = STATUS_OK;
    if (!capacity) {
        s3fifo_destroy(&e->queue);
        return STATUS_OK;
    }
    if (!e->queue || reload)
        st = load(c, e, capacity);
    else if (capacity > e->capacity + e->capacity / 8 || capacity + capacity / 8 < e->capacity) {
        st = s3fifo_resize(e->queue, capacity);
        e->capacity = capacity;
    }
    pthread_mutex_lock(&e->lock);
    struct moves moves = e->ready;
    uint32_t end = e->ready_edition == e->edition ? e->ready_end : 0;
    e->ready = (struct moves){0};
    pthread_mutex_unlock(&e->lock);
    if (end && !st)
        st = place_moves(e, &moves);
    free(moves.items);
    /* what was committed since the snapshot began is not seen yet, and no product is left out */
    uint32_t known = snapshot_docid_end(c->snapshot);
    return st ? st : place_new(c, e, end < known ? end : known);
}

void evict_save(struct writer_catalog *c)
{
    char path[PATH_MAX];
    struct evict *e = c->evict;
    if (!e || !e->queue || !hits_path(c->data_dir, slice_str(c->name), e->edition, path) ||
        snapshot_begin(c->snapshot))
        return;
    enum status st = hits_save(path, &e->pages, snapshot_docid_end(c->snapshot));
    snapshot_end(c->snapshot);
    if (st)
        say("warning", "writer", c->name, "what was read is forgotten: %s", status_text(st));
}

static void begin_edition(struct writer_catalog *c, struct evict *e, uint64_t edition)
{
    char path[PATH_MAX];
    shared_pages_unmap(&e->pages);
    shared_pages_map(ROLE_FD_SHARED, c->shared, c->row, edition, &e->pages);
    e->edition = edition;
    if (hits_path(c->data_dir, slice_str(c->name), edition, path))
        hits_load(path, &e->pages, snapshot_docid_end(c->snapshot));
}

enum status evict_follow(struct writer_catalog *c)
{
    struct evict *e = c->evict;
    uint64_t edition = c->loop_edition;
    bool reload = edition != e->edition;
    /* before the snapshot: what is applied by then is seen in it */
    bool settled = c->log && c->visible == event_log_last(c->log);
    enum status st = snapshot_begin(c->snapshot);
    if (st)
        return st;
    if (reload)
        begin_edition(c, e, edition);
    weigh(c, e);
    uint64_t capacity = capacity_of(c, e);
    pending_watch(c->pending, capacity != 0, e->weighs);
    if (settled || reload) {
        e->counted = snapshot_live_count(c->snapshot) - push_canary_lives(c->snapshot);
        e->flight = 0;
    }
    st = follow_queue(c, e, capacity, reload);
    snapshot_end(c->snapshot);
    return st;
}

void evict_grown(struct writer_catalog *c, uint64_t sequence, uint64_t items)
{
    struct evict *e = c->evict;
    e->counted += pending_growth(c->pending);
    e->flight += items;
    if (e->weighs)
        weight_flight_add(&e->weight, sequence, pending_weight(c->pending));
    e->chosen.count = 0;
}

static int64_t mark_of(const struct writer_catalog *c, int percent)
{
    return (int64_t)(snapshot_schema(c->snapshot)->max_bytes / 100) * percent;
}

/* Bytes beyond a mark, the group of decisions at hand included. */
static int64_t beyond(const struct writer_catalog *c, int percent)
{
    const struct evict *e = c->evict;
    return e->weighs
               ? weight_flight_sum(&e->weight) + pending_weight(c->pending) - mark_of(c, percent)
               : 0;
}

enum status evict_admits(const struct writer_catalog *c)
{
    const struct evict *e = c->evict;
    if (!e->queue)
        return STATUS_OK;
    if (e->weighs && weight_flight_sum(&e->weight) >= mark_of(c, EVICT_REFUSE))
        return STATUS_NO_SPACE;
    bool full = (uint64_t)e->counted + e->capacity / 10 >= e->capacity;
    return full && e->flight > e->capacity / 10 ? STATUS_OVERLOADED : STATUS_OK;
}

enum status evict_fits(const struct writer_catalog *c, int64_t more)
{
    if (more <= 0 || beyond(c, EVICT_RESERVE) <= 0)
        return STATUS_OK;
    return more > mark_of(c, EVICT_RESERVE) ? STATUS_TOO_LARGE : STATUS_NO_SPACE;
}

/* --- choosing --------------------------------------------------------------------------------- */

struct choice {
    struct writer_catalog *c;
    uint64_t sequence;
    struct buf *items, document;
    uint32_t count, most;
    enum status status;
};

static bool held(struct choice *h, struct slice id)
{
    return pending_touches(h->c->pending, h->c->snapshot, id);
}

static bool give_up(struct choice *h, uint32_t docid, struct slice id)
{
    buf_clear(&h->document);
    document_put_header(&h->document, id, 0);
    const struct put_item item = {.op = PUT_DELETE,
                                  .ttl_ms = -1,
                                  .swr_ms = -1,
                                  .sie_ms = -1,
                                  .document = buf_slice(&h->document)};
    h->status = h->document.failed
                    ? STATUS_NO_MEMORY
                    : decide_delete(h->c->pending, h->c->snapshot, docid, id, h->sequence);
    if (h->status)
        return false;
    put_item_encode(&item, h->items);
    h->count++;
    h->c->evict->own += canary_reserved(id);
    return h->count < h->most;
}

static bool expired_each(void *ctx, uint32_t docid)
{
    struct choice *h = ctx;
    struct slice id;
    h->status = snapshot_id(h->c->snapshot, docid, &id);
    if (h->status)
        return false;
    return held(h, id) || give_up(h, docid, id);
}

bool evict_may_go_on(const struct writer_catalog *c)
{
    return c->visible >= c->evict->open[0]; /* the older of the records under way is applied */
}

static uint32_t allowance(struct evict *e, const struct evict_limits *l, int64_t now_ms)
{
    double burst = (double)l->per_second * BURST_MS / 1000;
    e->tokens += (double)(now_ms - e->tokens_ms) * (double)l->per_second / 1000;
    e->tokens = e->tokens > burst ? burst : e->tokens;
    e->tokens_ms = now_ms;
    if (now_ms - e->expired_ms < EVICT_PAUSE_MS)
        return 0;
    return e->tokens < 1 ? 0 : e->tokens < EVICT_MOST ? (uint32_t)e->tokens : EVICT_MOST;
}

enum status evict_expired(struct writer_catalog *c, const struct evict_limits *l, int64_t now_ms,
                          uint64_t sequence, struct buf *items, uint32_t *count)
{
    struct choice h = {.c = c, .sequence = sequence, .items = items};
    *count = c->evict->own = 0;
    if (!(h.most = allowance(c->evict, l, now_ms)))
        return STATUS_OK;
    enum status st = snapshot_begin(c->snapshot);
    if (st)
        return st;
    st = snapshot_expired(c->snapshot, -1, now_ms - l->keep_ms, expired_each, &h, NULL);
    snapshot_end(c->snapshot);
    buf_fini(&h.document);
    *count = h.count;
    if (h.count)
        c->evict->expired_ms = now_ms;
    return st ? st : h.status;
}

/* --- surplus ---------------------------------------------------------------------------------- */

static bool docid_gone(void *ctx, uint32_t docid)
{
    return !snapshot_is_live(((struct choice *)ctx)->c->snapshot, docid);
}

static bool docid_held(void *ctx, uint32_t docid)
{
    struct choice *h = ctx;
    struct slice id;
    return snapshot_id(h->c->snapshot, docid, &id) || held(h, id);
}

static uint8_t docid_hits(void *ctx, uint32_t docid)
{
    return shared_pages_hits(&((struct choice *)ctx)->c->evict->pages, docid);
}

static void docid_set_hits(void *ctx, uint32_t docid, uint8_t hits)
{
    shared_pages_set_hits(&((struct choice *)ctx)->c->evict->pages, docid, hits);
}

static uint64_t docid_hash(void *ctx, uint32_t docid)
{
    return hash_of(((struct choice *)ctx)->c->snapshot, docid);
}

/* Has the catalog too much with the group of decisions at hand? */
static bool surplus(const struct writer_catalog *c, int percent)
{
    const struct schema *s = snapshot_schema(c->snapshot);
    int64_t counted = c->evict->counted + pending_growth(c->pending);
    return (s->max_products && counted > (int64_t)s->max_products) || beyond(c, percent) > 0;
}

static bool remember(struct chosen *m, uint32_t docid)
{
    if (m->count == m->cap) {
        uint32_t cap = m->cap ? m->cap * 2 : EVICT_BATCH;
        uint32_t *p = realloc(m->docids, cap * sizeof *p);
        if (!p)
            return false;
        m->docids = p;
        m->cap = cap;
    }
    m->docids[m->count++] = docid;
    return true;
}

void evict_undo(struct writer_catalog *c)
{
    struct evict *e = c->evict;
    for (uint32_t i = 0; e->queue && i < e->chosen.count; i++)
        s3fifo_place(e->queue, e->chosen.docids[i], S3FIFO_SMALL);
    e->chosen.count = 0;
}

enum status evict_surplus(struct writer_catalog *c, uint64_t sequence, int percent, uint32_t most,
                          struct buf *items, uint32_t *count)
{
    struct choice h = {.c = c, .sequence = sequence, .items = items, .most = UINT32_MAX};
    struct s3fifo_source source = {&h,         docid_gone,     docid_held,
                                   docid_hits, docid_set_hits, docid_hash};
    *count = 0;
    c->evict->chosen.count = 0;
    if (!c->evict->queue || !surplus(c, percent))
        return STATUS_OK;
    enum status st = snapshot_begin(c->snapshot);
    if (st)
        return st;
    while (!st && h.count < most && surplus(c, percent)) {
        uint32_t docid;
        struct slice id;
        if (s3fifo_evict(c->evict->queue, &source, &docid))
            break; /* the rest is held by changes under way */
        st = remember(&c->evict->chosen, docid) ? snapshot_id(c->snapshot, docid, &id)
                                                : STATUS_NO_MEMORY;
        if (!st)
            give_up(&h, docid, id);
        st = st ? st : h.status;
    }
    snapshot_end(c->snapshot);
    buf_fini(&h.document);
    *count = h.count;
    return st;
}

uint32_t evict_own(const struct writer_catalog *c)
{
    return c->evict->own;
}

void evict_logged(struct writer_catalog *c, uint64_t sequence, uint32_t count)
{
    struct evict *e = c->evict;
    e->open[0] = e->open[1];
    e->open[1] = sequence;
    e->tokens -= count;
}
