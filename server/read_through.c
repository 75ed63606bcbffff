#include "server/read_through.h"

#include <stdlib.h>

#include "protocol/upstream.h"
#include "server/front_trace.h"

enum {
    GETS_MOST = 10000,
    GETS_BYTES = 64 << 20, /* of their bodies */
    IDS_MOST = 256,        /* of one GET */
    LOOK_MS = 5,
    MARGIN_US = 10000, /* for the answer to get home within the deadline */
    STALE_WAIT_US = 300000
};

struct through_get { /* a GET that waits */
    struct through_get *next, *prev;
    struct request *request; /* own copy, body behind it */
    uint64_t conn_id;
    size_t bytes; /* of the body */
    int64_t until_us, began_us;
    uint32_t left; /* answers still due; the memory stays until they came */
    bool ran;
    struct get_item_reply *answers; /* one for each id that was asked for: DEADLINE until it came */
    uint32_t answer_count;
    struct arena arena;
};

struct through_wait {
    struct through_wait *next;
    struct through_get *get;
};

struct through_job { /* a question about one product under way */
    struct through_job *next, *prev;
    struct through *through;
    struct through_wait *waits;
    char catalog[SHARED_NAME + 1];
    size_t id_len;
    char id[];
};

struct through {
    struct front *front;
    struct writer_link *waits, *hints;
    struct through_job *jobs;
    struct through_get *gets;
    uint32_t get_count;
    size_t get_bytes;
    struct loop_timer *timer;
    struct through_get *running;
    struct buf hint; /* body of the REFRESH being collected */
    char hint_catalog[SHARED_NAME + 1];
    bool closing;
};

/* --- a GET's end -------------------------------------------------------------------------------
 */

static void get_free(struct through *t, struct through_get *g)
{
    *(g->prev ? &g->prev->next : &t->gets) = g->next;
    if (g->next)
        g->next->prev = g->prev;
    t->get_count--;
    t->get_bytes -= g->bytes;
    front_trace_forget(&g->request->trace);
    arena_fini(&g->arena);
    free(g->answers);
    free(g->request);
    free(g);
}

static void get_run(struct through *t, struct through_get *g)
{
    g->ran = true;
    g->request->conn = conn_find(t->front, g->conn_id);
    if (g->request->conn) {
        if (front_trace_span(g->request->trace))
            span_stage(g->request->trace->span, SPAN_UPSTREAM, g->began_us, clock_mono_us());
        t->running = g;
        dispatch(t->front, g->request);
        t->running = NULL;
    }
    if (!g->left)
        get_free(t, g);
}

static void get_answered(struct through *t, struct through_get *g,
                         const struct get_item_reply *item)
{
    g->left--;
    for (uint32_t i = 0; i < g->answer_count && !g->ran; i++) {
        struct get_item_reply *to = &g->answers[i];
        struct slice id = to->id;
        if (!slice_equal(id, item->id))
            continue;
        *to = *item;
        to->id = id;
        to->document = item->document.len ? arena_copy(&g->arena, item->document) : SLICE_NULL;
    }
    if (g->left)
        return;
    if (g->ran)
        get_free(t, g);
    else
        get_run(t, g);
}

static void on_look(void *ctx)
{
    struct through *t = ctx;
    int64_t now = clock_mono_us();
    for (struct through_get *g = t->gets, *next; g; g = next) {
        next = g->next;
        if (g->ran && !g->left)
            get_free(t, g);
        else if (!g->ran && now >= g->until_us)
            get_run(t, g);
    }
    conn_flush_touched(t->front, true);
    if (t->gets)
        loop_timer_set(t->timer, LOOK_MS);
}

/* --- questions ---------------------------------------------------------------------------------
 */

static bool join(struct through *t, struct through_get *g, const char *catalog, struct slice id);

/* The question's time was that of the GET which began it; another may have more. */
static bool asks_again(struct through_job *j, struct through_get *g,
                       const struct get_item_reply *item)
{
    bool time = !g->ran && g->until_us - clock_mono_us() > MARGIN_US;
    if (item->status != STATUS_DEADLINE || !time ||
        !join(j->through, g, j->catalog, slice_make(j->id, j->id_len)))
        return false;
    g->left--; /* joined once more, of what it waited for already */
    return true;
}

static void job_end(struct through_job *j, const struct get_item_reply *item)
{
    struct through *t = j->through;
    struct through_wait *w = j->waits;
    *(j->prev ? &j->prev->next : &t->jobs) = j->next;
    if (j->next)
        j->next->prev = j->prev;
    while (w) {
        struct through_wait *next = w->next;
        if (!asks_again(j, w->get, item))
            get_answered(t, w->get, item);
        free(w);
        w = next;
    }
    free(j);
}

/* The one item of the answer; its slices point into the frame and the arena. */
static enum status item_of(const struct frame *f, struct arena *a, struct get_item_reply *out)
{
    struct wire_reader r = wire_reader_of(f->body);
    struct slice v;
    uint32_t tag;
    struct get_reply reply;
    while (tlv_next(&r, &tag, &v) == STATUS_OK) {
        if (tag != TAG_REFRESH_ITEM)
            continue;
        enum status s = get_reply_decode(v, a, &reply);
        if (s || reply.item_count != 1)
            return s ? s : STATUS_INVALID;
        *out = reply.items[0];
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

static void on_reply(void *ctx, const struct frame *f)
{
    struct through_job *j = ctx;
    struct arena a;
    struct get_item_reply item = {.status = STATUS_UNAVAILABLE, .id = slice_make(j->id, j->id_len)};
    if (j->through->closing) {
        while (j->waits) {
            struct through_wait *w = j->waits;
            j->waits = w->next;
            free(w);
        }
        free(j);
        return;
    }
    arena_init(&a, 0);
    if (f && f->status)
        item.status = f->status;
    else if (f && item_of(f, &a, &item))
        item.status = STATUS_UNAVAILABLE;
    job_end(j, &item);
    arena_fini(&a);
}

static struct through_job *job_find(struct through *t, const char *catalog, struct slice id)
{
    for (struct through_job *j = t->jobs; j; j = j->next)
        if (slice_equal(slice_make(j->id, j->id_len), id) && strcmp(j->catalog, catalog) == 0)
            return j;
    return NULL;
}

/* It is a part of the trace of the GET that begins it. */
static struct through_job *job_new(struct through *t, const char *catalog, struct slice id,
                                   uint32_t deadline_ms, const struct request_trace *trace)
{
    struct through_job *j = calloc(1, sizeof *j + id.len);
    struct buf body = BUF_INIT;
    if (!j)
        return NULL;
    j->through = t;
    j->id_len = id.len;
    memcpy(j->id, id.ptr, id.len);
    memcpy(j->catalog, catalog, sizeof j->catalog);
    uint16_t flags = front_trace_put(trace, &body);
    refresh_request_encode(&(struct refresh_request){slice_str(catalog), &id, 1, true}, &body);
    enum status s = body.failed ? STATUS_NO_MEMORY
                                : writer_link_send(t->waits, OP_REFRESH, flags, deadline_ms,
                                                   buf_slice(&body), on_reply, j);
    buf_fini(&body);
    if (s) {
        free(j);
        return NULL;
    }
    j->next = t->jobs;
    if (j->next)
        j->next->prev = j;
    t->jobs = j;
    return j;
}

/* The GET waits for the id; false when that cannot be. */
static bool join(struct through *t, struct through_get *g, const char *catalog, struct slice id)
{
    int64_t ms = (g->until_us - clock_mono_us()) / 1000;
    struct through_wait *w = malloc(sizeof *w);
    struct through_job *j = w ? job_find(t, catalog, id) : NULL;
    if (w && !j)
        j = job_new(t, catalog, id, ms < 1 ? 1 : (uint32_t)ms, g->request->trace);
    if (!j) {
        free(w);
        return false;
    }
    *w = (struct through_wait){j->waits, g};
    j->waits = w;
    g->left++;
    return true;
}

/* --- a GET's beginning -------------------------------------------------------------------------
 */

enum need { NEED_NOTHING, NEED_SOON, NEED_IT };

static enum need need_of(struct catalog *c, const struct moment *m, const struct get_request *in,
                         struct slice id)
{
    uint32_t docid;
    struct label l;
    enum status s = snapshot_find(c->snapshot, id, &docid);
    if (s)
        return s == STATUS_NOT_FOUND && id.len ? NEED_IT : NEED_NOTHING;
    if (freshness_of(c->snapshot, docid, id, m, &l))
        return NEED_NOTHING;
    if (l.state == EXPIRED ||
        (in->bound_stale && l.stale_ms > 0 && (uint64_t)l.stale_ms > in->max_stale_ms))
        return NEED_IT;
    return l.state == STALE_IF_ERROR && !moment_failing(m) ? NEED_SOON : NEED_NOTHING;
}

static struct through_get *get_new(struct through *t, const struct request *rq, uint32_t ids,
                                   int64_t wait_us)
{
    struct through_get *g = calloc(1, sizeof *g);
    struct request *copy = malloc(sizeof *copy + rq->frame.body.len);
    if (!g || !copy || !(g->answers = calloc(ids, sizeof *g->answers))) {
        free(g);
        free(copy);
        return NULL;
    }
    *copy = *rq;
    copy->frame.body.ptr = (char *)(copy + 1);
    if (rq->frame.body.len)
        memcpy(copy + 1, rq->frame.body.ptr, rq->frame.body.len);
    g->request = copy;
    g->bytes = rq->frame.body.len;
    t->get_bytes += g->bytes;
    g->conn_id = rq->conn->id;
    g->began_us = clock_mono_us();
    g->until_us = rq->deadline_us - MARGIN_US;
    if (g->began_us + wait_us < g->until_us)
        g->until_us = g->began_us + wait_us;
    arena_init(&g->arena, 0);
    g->next = t->gets;
    if (g->next)
        g->next->prev = g;
    t->gets = g;
    if (!t->get_count++)
        loop_timer_set(t->timer, LOOK_MS);
    return g;
}

enum status through_begin(struct front *f, const struct request *rq, struct catalog *c,
                          const struct moment *m, const struct get_request *in)
{
    struct through *t = f->through;
    uint32_t wanted[IDS_MOST], count = 0;
    bool patient = false;
    if (!t || t->running || m->upstream == UPSTREAM_NONE || t->get_count >= GETS_MOST ||
        t->get_bytes + rq->frame.body.len > GETS_BYTES)
        return STATUS_OK;
    for (uint32_t i = 0; i < in->id_count && count < IDS_MOST; i++) {
        enum need n = need_of(c, m, in, in->ids[i]);
        patient |= n == NEED_IT;
        if (n)
            wanted[count++] = i;
    }
    if (!count)
        return STATUS_OK;
    struct through_get *g = get_new(t, rq, count, patient ? INT64_C(60000000) : STALE_WAIT_US);
    if (!g)
        return STATUS_OK;
    for (uint32_t i = 0; i < count; i++)
        g->answers[g->answer_count++] = (struct get_item_reply){
            .status = STATUS_DEADLINE, .id = arena_copy(&g->arena, in->ids[wanted[i]])};
    for (uint32_t i = 0; i < count; i++)
        join(t, g, c->name, in->ids[wanted[i]]);
    if (!g->left)
        g->until_us = 0; /* nobody can be asked: it runs in the next turn */
    return STATUS_AGAIN;
}

const struct get_item_reply *through_answer(struct front *f, struct slice id)
{
    const struct through_get *g = f->through ? f->through->running : NULL;
    for (uint32_t i = 0; g && i < g->answer_count; i++)
        if (slice_equal(g->answers[i].id, id))
            return &g->answers[i];
    return NULL;
}

bool through_cancel(struct front *f, uint64_t conn_id, uint32_t request_id)
{
    for (struct through_get *g = f->through ? f->through->gets : NULL; g; g = g->next)
        if (!g->ran && g->conn_id == conn_id && g->request->frame.request_id == request_id) {
            g->ran = true; /* its memory goes with the last answer */
            front_trace_forget(&g->request->trace);
            return true;
        }
    return false;
}

uint32_t through_waiting(const struct front *f)
{
    return f->through ? f->through->get_count : 0;
}

/* --- hints -------------------------------------------------------------------------------------
 */

static void on_hinted(void *ctx, const struct frame *reply)
{
    (void)ctx;
    (void)reply; /* a hint that was lost is given again in a few seconds */
}

void through_flush(struct front *f)
{
    struct through *t = f->through;
    if (!t || !t->hint.len)
        return;
    if (!t->hint.failed)
        writer_link_send(t->hints, OP_REFRESH, 0, 1000, buf_slice(&t->hint), on_hinted, t);
    buf_clear(&t->hint);
}

void through_hint(struct front *f, struct catalog *c, uint32_t docid, struct slice id)
{
    struct through *t = f->through;
    /* A loaded front asks for what is asked for often only. */
    if (t && ladder_off(&f->ladder, LADDER_REFRESH) &&
        shared_pages_hits(&c->pages, docid) < PAGES_HITS_MOST)
        return;
    if (!t || !shared_pages_ask(&c->pages, docid, clock_mono_ms()))
        return;
    if (t->hint.len && strcmp(t->hint_catalog, c->name) != 0)
        through_flush(f);
    if (!t->hint.len) {
        memcpy(t->hint_catalog, c->name, sizeof t->hint_catalog);
        tlv_put(&t->hint, TAG_REFRESH_CATALOG, slice_str(c->name));
    }
    tlv_put(&t->hint, TAG_REFRESH_ID, id);
}

/* --- life --------------------------------------------------------------------------------------
 */

enum status through_create(struct front *f, const char *socket, struct through **out)
{
    struct through *t = calloc(1, sizeof *t);
    *out = t;
    if (!t)
        return STATUS_NO_MEMORY;
    t->front = f;
    enum status s = writer_link_create(f->loop, socket, &t->waits);
    s = s ? s : writer_link_create(f->loop, socket, &t->hints);
    if (!s && !(t->timer = loop_timer_create(f->loop, -1, 0, on_look, t)))
        s = STATUS_NO_MEMORY;
    if (s)
        through_destroy(out);
    return s;
}

void through_destroy(struct through **tp)
{
    struct through *t = *tp;
    if (!t)
        return;
    t->closing = true;
    writer_link_destroy(&t->waits);
    writer_link_destroy(&t->hints);
    for (struct through_get *g = t->gets, *next; g; g = next) {
        next = g->next;
        get_free(t, g);
    }
    loop_timer_destroy(&t->timer);
    buf_fini(&t->hint);
    free(t);
    *tp = NULL;
}
