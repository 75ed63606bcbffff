#include "server/push_canary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/reply.h"
#include "server/canary_id.h"
#include "server/freshness.h"
#include "server/front.h"
#include "server/say.h"

enum { TICK_MS = 20, LATE_MS = 1000, TTL_MS = 500, WORD = 24 };

enum step { IDLE, PUSHED, ACKED, FOUND, STEPS };

struct push_canary {
    struct front *front;
    struct loop_timer *timer;
    enum step step;
    uint64_t run; /* numbers the runs, for answers that come after the end of theirs */
    int64_t pushed_us, step_us, next_ms;
    char names[SHARED_CATALOGS][SHARED_NAME + 1]; /* of this round */
    uint32_t count, at;
    char word[WORD];
};

struct answer { /* of the writer; outlives the canary's interest in it */
    struct push_canary *canary;
    uint64_t run;
};

bool push_canary_lives(struct snapshot *s)
{
    uint32_t docid;
    return snapshot_find(s, SLICE_LIT(CANARY_ID), &docid) == STATUS_OK;
}

static int64_t limit_ms(const struct push_canary *c)
{
    return (int64_t)config_number(c->front->role->config, OPTION_CANARY_LIMIT);
}

static struct shared_canary *told(struct push_canary *c)
{
    struct shared_catalog *row =
        shared_catalog_find(c->front->role->shared, slice_str(c->names[c->at]));
    return row ? &row->freshness.push : NULL;
}

static void enter(struct push_canary *c, enum step step)
{
    c->step = step;
    c->step_us = clock_mono_us();
}

/* Ends the run of the catalog at hand and turns to the next one. */
static void end(struct push_canary *c, enum canary_state state)
{
    static const char *const steps[STEPS] = {"sent", "acknowledged", "found", "gone when expired"};
    struct shared_canary *s = told(c);
    if (s) {
        if (state != CANARY_FAILED && s->state == CANARY_FAILED)
            say("info", "canary", c->names[c->at], "well again");
        atomic_store(&s->state, state);
        atomic_store(&s->step, c->step);
        atomic_store(&s->at_ms, shared_now_ms(c->front->role->shared));
        atomic_fetch_add(&s->runs, 1);
        atomic_fetch_add(&s->failures, state == CANARY_FAILED);
    }
    if (state == CANARY_FAILED)
        say("error", "canary", c->names[c->at], "a pushed product was not %s within %" PRId64 " ms",
            steps[c->step], limit_ms(c));
    c->run++;
    c->at++;
    enter(c, IDLE);
}

/* --- push ------------------------------------------------------------------------------------- */

static void on_ack(void *ctx, const struct frame *reply)
{
    struct answer *a = ctx;
    struct push_canary *c = a->canary;
    struct put_reply r;
    struct arena arena;
    arena_init(&arena, 0);
    if (c->front->canary == c && a->run == c->run && c->step == PUSHED && reply && !reply->status &&
        !put_reply_decode(reply->body, &arena, &r) && r.applied)
        enter(c, ACKED);
    arena_fini(&arena);
    free(a);
}

/* The first field words are searched in, NULL without one. */
static const struct field *text_field(const struct schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].type == FIELD_TEXT && schema->fields[i].searchable)
            return &schema->fields[i];
    return NULL;
}

static void new_word(struct push_canary *c)
{
    uint64_t n = (uint64_t)clock_mono_us() * 2654435761u;
    int at = snprintf(c->word, sizeof c->word, "canary");
    for (; at < WORD - 1; n /= 26)
        c->word[at++] = (char)('a' + n % 26);
    c->word[at] = '\0';
}

static void push_body(struct push_canary *c, const struct schema *schema, struct buf *body)
{
    const struct field *text = text_field(schema);
    struct buf document = BUF_INIT;
    struct put_request p = {.catalog = slice_str(c->names[c->at]),
                            .ack = ACK_LOGGED,
                            .schema_version = schema->version};
    struct put_item item = {.op = PUT_UPSERT, .ttl_ms = TTL_MS};
    document_put_header(&document, SLICE_LIT(CANARY_ID), text != NULL);
    if (text) {
        wire_put_varint(&document, text->id);
        value_put_text(&document, slice_str(c->word));
    }
    item.document = buf_slice(&document);
    put_request_header(&p, body);
    put_item_encode(&item, body);
    body->failed |= document.failed;
    buf_fini(&document);
}

static void push(struct push_canary *c)
{
    struct catalog *catalog;
    struct buf body = BUF_INIT;
    struct answer *a = malloc(sizeof *a);
    enum status s = catalogs_get(c->front->catalogs, slice_str(c->names[c->at]), &catalog, NULL);
    new_word(c);
    if (!s && !(s = snapshot_begin(catalog->snapshot))) {
        push_body(c, snapshot_schema(catalog->snapshot), &body);
        snapshot_end(catalog->snapshot);
    }
    c->pushed_us = clock_mono_us();
    if (s || !a || body.failed) {
        free(a);
        c->at++; /* it was dropped meanwhile */
    } else {
        *a = (struct answer){c, c->run};
        enter(c, PUSHED);
        if (writer_link_send(c->front->writer, OP_PUT, FLAG_CANONICAL | FLAG_CLASS_BACKGROUND,
                             (uint32_t)limit_ms(c), buf_slice(&body), on_ack, a)) {
            free(a);
            end(c, CANARY_FAILED);
        }
    }
    buf_fini(&body);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Searches as a client would, but for what clients do not see. */
static enum status search(struct push_canary *c, struct catalog *catalog, uint32_t *docid)
{
    struct front *f = c->front;
    struct query_result r;
    struct fault fault = {0};
    struct query q = {.text = slice_str(c->word),
                      .match = QUERY_ALL,
                      .k = 1,
                      .count_to = 1,
                      .now_ms = shared_now_ms(f->role->shared),
                      .max_stale_ms = -1};
    enum status s;
    if (!text_field(snapshot_schema(catalog->snapshot)))
        return snapshot_find(catalog->snapshot, SLICE_LIT(CANARY_ID), docid);
    s = search_run(f->searcher, catalog->snapshot, &q, &f->arena, &r, &fault);
    if (!s && (!r.hit_count || !slice_equal(r.hits[0].id, SLICE_LIT(CANARY_ID))))
        s = STATUS_NOT_FOUND;
    if (!s)
        *docid = r.hits[0].docid;
    return s;
}

static void look(struct push_canary *c)
{
    struct catalog *catalog;
    struct label l = {.state = EXPIRED};
    struct front *f = c->front;
    uint32_t docid;
    enum status s = catalogs_get(f->catalogs, slice_str(c->names[c->at]), &catalog, NULL);
    if (s || snapshot_begin(catalog->snapshot))
        return;
    struct moment m = moment_now(f->role->shared, catalog->row);
    s = search(c, catalog, &docid);
    if (!s)
        s = freshness_of(catalog->snapshot, docid, SLICE_LIT(CANARY_ID), &m, &l);
    snapshot_end(catalog->snapshot);
    arena_reset(&f->arena);
    struct shared_canary *told_at = told(c);
    if (c->step == ACKED && !s) {
        uint64_t took = (uint64_t)(clock_mono_us() - c->pushed_us);
        if (told_at)
            atomic_store(&told_at->duration_us, took);
        enter(c, FOUND);
    } else if (c->step == FOUND && (s == STATUS_NOT_FOUND || (!s && l.state == EXPIRED))) {
        bool late = told_at && atomic_load(&told_at->duration_us) > LATE_MS * UINT64_C(1000);
        end(c, late ? CANARY_LATE : CANARY_OK);
    }
}

/* --- the timer -------------------------------------------------------------------------------- */

static void note_name(void *ctx, struct slice name)
{
    struct push_canary *c = ctx;
    if (c->count == SHARED_CATALOGS)
        return;
    memcpy(c->names[c->count], name.ptr, name.len);
    c->names[c->count++][name.len] = '\0';
}

static void on_tick(void *ctx)
{
    struct push_canary *c = ctx;
    int64_t interval = (int64_t)config_number(c->front->role->config, OPTION_CANARY);
    if (c->at == c->count) { /* between rounds */
        int64_t now = clock_mono_ms();
        if (!interval || now < c->next_ms || c->front->draining ||
            shared_follows(c->front->role->shared))
            return;
        c->next_ms = now + interval;
        c->at = c->count = 0;
        catalogs_list(c->front->role->data_dir, note_name, c);
    } else if (c->step == IDLE) {
        push(c);
    } else {
        if (c->step != PUSHED)
            look(c);
        if (c->step != IDLE && clock_mono_us() - c->step_us > limit_ms(c) * 1000)
            end(c, CANARY_FAILED);
    }
}

enum status push_canary_create(struct front *f, struct push_canary **out)
{
    struct push_canary *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return STATUS_NO_MEMORY;
    c->front = f;
    c->next_ms = clock_mono_ms() + (int64_t)config_number(f->role->config, OPTION_CANARY);
    c->timer = loop_timer_create(f->loop, TICK_MS, TICK_MS, on_tick, c);
    if (c->timer)
        return STATUS_OK;
    free(c);
    *out = NULL;
    return STATUS_NO_MEMORY;
}

void push_canary_destroy(struct push_canary **c)
{
    if (!*c)
        return;
    loop_timer_destroy(&(*c)->timer);
    free(*c);
    *c = NULL;
}
