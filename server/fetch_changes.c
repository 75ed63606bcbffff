#include "server/fetch_changes.h"

#include <stdlib.h>

#include "server/fetch_call.h"
#include "server/fetch_refresh.h"
#include "server/fetch_write.h"
#include "server/provider_row.h"

enum phase { IDLE, ASKING, WRITING };
enum { AFTER_FAILURE_MS = 1000, AFTER_FAILURE_MOST_MS = 30000, CURSOR_MAX = 4096 };

struct changes {
    struct fetch_catalog *catalog;
    struct fetch_provider *provider;
    enum phase phase;
    struct fetch_call *call;
    struct page *writing;
    struct buf cursor; /* the last one that was written */
    bool known;        /* the cursor was looked up */
    int64_t next_ms;   /* monotonic */
    uint32_t failures; /* in a row */
    uint64_t lease;
    struct changes_figures figures;
};

/* One answer on its way through the writer; outlives its `changes`. */
struct page {
    struct changes *changes; /* NULL when that is gone */
    struct fetch_catalog *catalog;
    struct buf cursor, ids; /* ids: length and bytes of each item in order */
    bool more;
};

static void pause_for(struct changes *h, int64_t ms)
{
    h->phase = IDLE;
    h->next_ms = clock_mono_ms() + ms;
}

static void failed(struct changes *h)
{
    h->failures++;
    h->figures.failures++;
    pause_for(h, AFTER_FAILURE_MS / 2 + retry_pause_ms(h->failures, AFTER_FAILURE_MS,
                                                       AFTER_FAILURE_MOST_MS,
                                                       fetch_random(h->catalog->fetcher)));
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void free_page(struct page *p)
{
    buf_fini(&p->cursor);
    buf_fini(&p->ids);
    free(p);
}

/* What the writer refused because it changed meanwhile is asked for once more. */
static void ask_again(struct page *p, const struct put_reply *r)
{
    struct wire_reader ids = wire_reader_of(buf_slice(&p->ids));
    uint32_t item = 0;
    struct slice id = wire_bytes(&ids);
    for (uint32_t i = 0; i < r->result_count; i++) {
        for (; item < r->results[i].item && !ids.failed; item++)
            id = wire_bytes(&ids);
        if (r->results[i].status == STATUS_MOVED && !ids.failed)
            refresh_ask(p->catalog->refresh, id);
    }
}

static void on_written(void *ctx, enum status s, const struct put_reply *r)
{
    struct page *p = ctx;
    struct changes *h = p->changes;
    if (!s && h)
        ask_again(p, r);
    if (h) {
        h->writing = NULL;
        if (s) {
            fetch_say(h->catalog, "warning", h->provider->definition->name.ptr,
                      "changes could not be written:", status_text(s));
            failed(h);
        } else {
            int64_t poll = h->provider->definition->poll_ms;
            buf_clear(&h->cursor);
            buf_put_slice(&h->cursor, buf_slice(&p->cursor));
            h->failures = 0;
            h->figures.in_step = !p->more;
            h->figures.pages++;
            pause_for(h, p->more ? 0
                                 : poll - poll / 10 +
                                       (int64_t)(fetch_random(h->catalog->fetcher) %
                                                 (uint64_t)(poll / 10 + 1)));
            if (p->more)
                changes_tick(h);
        }
    }
    free_page(p);
}

static void put_item(struct changes *h, const struct call_answer *a, const struct mapped *m,
                     struct buf *body, struct buf *ids)
{
    struct put_item item = {.op = m->deleted ? PUT_DELETE : PUT_UPSERT,
                            .version = m->version,
                            .ttl_ms = a->cache.ttl_ms,
                            .swr_ms = a->cache.swr_ms,
                            .sie_ms = a->cache.sie_ms,
                            .document = m->document,
                            .lease = h->lease,
                            .origin = h->provider->definition->number,
                            .age_ms = a->cache.age_ms};
    put_item_encode(&item, body);
    wire_put_bytes(ids, m->id);
    if (m->deleted)
        h->figures.deleted++;
    else
        h->figures.products++;
}

static void write_page(struct changes *h, const struct call_answer *a)
{
    struct page *p = calloc(1, sizeof *p);
    struct buf body = BUF_INIT;
    if (!p) {
        failed(h);
        return;
    }
    p->changes = h;
    p->catalog = h->catalog;
    buf_put_slice(&p->cursor, a->next);
    p->more = a->item_count && !slice_equal(a->next, buf_slice(&h->cursor));
    put_request_header(
        &(struct put_request){.catalog = slice_str(h->catalog->name), .ack = ACK_LOGGED}, &body);
    for (uint32_t i = 0; i < a->item_count; i++)
        put_item(h, a, &a->items[i], &body, &p->ids);
    put_cursor_encode(h->provider->definition->name, a->next, &body);
    bool failed_memory = p->cursor.failed || p->ids.failed;
    h->phase = WRITING;
    h->writing = p;
    if (failed_memory || fetch_write_put(h->catalog->fetcher->write, &body, on_written, p)) {
        h->writing = NULL;
        buf_fini(&body);
        free_page(p);
        failed(h);
    }
}

/* --- asking ------------------------------------------------------------------------------------
 */

static void on_answer(void *ctx, const struct call_answer *a)
{
    struct changes *h = ctx;
    h->call = NULL;
    if (a->result != RESULT_GOOD || !a->storable || a->next.len > CURSOR_MAX) {
        failed(h);
    } else if (!a->item_count && slice_equal(a->next, buf_slice(&h->cursor))) {
        int64_t poll = h->provider->definition->poll_ms;
        h->failures = 0;
        h->figures.in_step = true;
        pause_for(h,
                  poll - (int64_t)(fetch_random(h->catalog->fetcher) % (uint64_t)(poll / 10 + 1)));
    } else {
        write_page(h, a);
    }
}

static bool find_cursor(struct changes *h)
{
    struct catalog *c;
    if (h->known)
        return true;
    if (catalogs_get(h->catalog->fetcher->catalogs, slice_str(h->catalog->name), &c, NULL))
        return false;
    buf_clear(&h->cursor);
    enum status st = provider_row_cursor(c->index, h->provider->definition->name, &h->cursor);
    if (st == STATUS_NOT_FOUND) {
        buf_clear(&h->cursor);
        buf_put_slice(&h->cursor, h->provider->definition->first_cursor);
    } else if (st) {
        return false;
    }
    h->known = true;
    return true;
}

void changes_tick(struct changes *h)
{
    struct fetch_provider *p = h->provider;
    if (h->phase != IDLE || clock_mono_ms() < h->next_ms || !p->definition->changes.len ||
        fetch_route_choose(h->catalog, CALL_CHANGES, CALL_FEED, 0, NULL) != p || !find_cursor(h))
        return;
    struct call_request q = {
        .kind = CALL_CHANGES, .what = CALL_FEED, .subject = buf_slice(&h->cursor), .provider = p};
    h->lease = atomic_load(&h->catalog->row->logged) + 1;
    if (fetch_call_start(h->catalog, &q, on_answer, h, &h->call) == STATUS_OK)
        h->phase = ASKING;
}

void changes_restart(struct changes *h)
{
    buf_clear(&h->cursor);
    buf_put_slice(&h->cursor, h->provider->definition->first_cursor);
    h->known = true;
    h->next_ms = 0;
    h->figures.in_step = false;
    if (h->call) {
        fetch_call_cancel(h->call);
        h->call = NULL;
        h->phase = IDLE;
    }
    if (h->writing) { /* its cursor no longer counts here */
        h->writing->changes = NULL;
        h->writing = NULL;
        h->phase = IDLE;
    }
}

void changes_forget(struct changes *h)
{
    h->known = false;
}

struct changes_figures changes_figures(const struct changes *h)
{
    return h->figures;
}

enum status changes_create(struct fetch_catalog *c, struct fetch_provider *p, struct changes **out)
{
    struct changes *h = calloc(1, sizeof *h);
    *out = h;
    if (!h)
        return STATUS_NO_MEMORY;
    h->catalog = c;
    h->provider = p;
    return STATUS_OK;
}

void changes_destroy(struct changes **hp)
{
    struct changes *h = *hp;
    if (!h)
        return;
    if (h->call)
        fetch_call_cancel(h->call);
    if (h->writing)
        h->writing->changes = NULL;
    buf_fini(&h->cursor);
    free(h);
    *hp = NULL;
}
