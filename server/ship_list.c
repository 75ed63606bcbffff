#include "server/ship_list.h"

#include <stdlib.h>

#include "server/catalogs.h"

enum { LIST_MS = 1000, AGAIN_MS = 20 };

static struct shipped *find(struct shipped *list, uint32_t count, struct slice name)
{
    for (uint32_t i = 0; i < count; i++)
        if (slice_equal(slice_str(list[i].name), name))
            return &list[i];
    return NULL;
}

struct shipped *ship_list_find(struct ship_list *l, struct slice name)
{
    return find(l->catalogs, l->count, name);
}

static void note_unlisted(void *ctx, struct slice name)
{
    struct ship_list *l = ctx;
    l->unlisted |= !ship_list_find(l, name);
}

static void take(struct ship_list *l, const struct follow_reply *r)
{
    struct shipped *was = malloc(sizeof l->catalogs);
    uint32_t was_count = l->count;
    if (!was)
        return;
    memcpy(was, l->catalogs, sizeof l->catalogs);
    memset(l->catalogs, 0, sizeof l->catalogs);
    l->count = 0;
    for (uint32_t i = 0; i < r->row_count && l->count < SHARED_CATALOGS; i++) {
        struct shipped *c = &l->catalogs[l->count];
        const struct shipped *old = find(was, was_count, r->rows[i].name);
        if (r->rows[i].name.len > SHARED_NAME)
            continue;
        if (old && stream_id_equal(&old->stream, &r->rows[i].stream))
            c->followers = old->followers;
        memcpy(c->name, r->rows[i].name.ptr, r->rows[i].name.len);
        c->stream = r->rows[i].stream;
        l->count++;
    }
    free(was);
    log_readers_close(&l->readers);
    l->unlisted = false;
    catalogs_list(l->role->data_dir, note_unlisted, l);
    l->epoch = l->asked;
    l->has = true;
}

static void on_list(void *ctx, const struct frame *f)
{
    struct ship_list *l = ctx;
    struct follow_reply r;
    l->asking = false;
    l->again_ms = clock_mono_ms() + AGAIN_MS;
    arena_reset(&l->arena);
    if (f && !f->status && follow_reply_decode(f->body, &l->arena, &r) == STATUS_OK)
        take(l, &r);
}

bool ship_list_current(struct ship_list *l)
{
    uint64_t epoch = atomic_load(&l->role->shared->catalog_epoch);
    struct follow_request q = {.action = FOLLOW_LIST};
    struct buf body = BUF_INIT;
    if (l->has && l->epoch == epoch)
        return true;
    if (l->asking || clock_mono_ms() < l->again_ms)
        return false;
    l->asked = epoch;
    follow_request_encode(&q, &body);
    l->asking = !writer_link_send(l->writer, OP_FOLLOW, 0, LIST_MS, buf_slice(&body), on_list, l);
    buf_fini(&body);
    return false;
}

void ship_list_init(struct ship_list *l, struct role_context *role, struct writer_link *writer)
{
    l->role = role;
    l->writer = writer;
    arena_init(&l->arena, 0);
}
