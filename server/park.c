#include "server/park.h"

#include <stdlib.h>

#include "server/front_trace.h"

enum { PARK_MAX = 10000, PARK_BYTES = 64 << 20, PARK_LOOK_MS = 1 };

static void on_time(void *ctx)
{
    park_look(ctx);
    conn_flush_touched(ctx, true);
}

enum status park_add(struct front *f, const struct request *rq, struct shared_catalog *row,
                     uint64_t sequence)
{
    if (!row)
        return STATUS_UNAVAILABLE;
    size_t bytes = rq->frame.body.len;
    if (f->park.count >= PARK_MAX || f->park.bytes + bytes > PARK_BYTES)
        return STATUS_OVERLOADED;
    if (!f->park.timer && !(f->park.timer = loop_timer_create(f->loop, -1, 0, on_time, f)))
        return STATUS_NO_MEMORY;
    struct parked *p = calloc(1, sizeof *p);
    struct request *copy = malloc(sizeof *copy + rq->frame.body.len);
    if (!p || !copy) {
        free(p);
        free(copy);
        return STATUS_NO_MEMORY;
    }
    *copy = *rq;
    copy->frame.body.ptr = (char *)(copy + 1);
    if (rq->frame.body.len)
        memcpy(copy + 1, rq->frame.body.ptr, rq->frame.body.len);
    *p = (struct parked){
        f->park.first,        row,  sequence, rq->conn->id, rq->received_us, rq->deadline_us,
        rq->frame.request_id, copy, bytes};
    f->park.first = p;
    f->park.bytes += bytes;
    if (!f->park.count++)
        loop_timer_set(f->park.timer, PARK_LOOK_MS);
    return STATUS_AGAIN;
}

static void parked_free(struct park *park, struct parked *p)
{
    park->count--;
    park->bytes -= p->bytes;
    free(p->request);
    free(p);
}

void park_look(struct front *f)
{
    int64_t now = f->now_us = clock_mono_us();
    struct parked *due = NULL;
    for (struct parked **at = &f->park.first; *at;) {
        struct parked *p = *at;
        bool there = atomic_load(&p->row->visible) >= p->sequence;
        if (!there && now < p->deadline_us && atomic_load(&p->row->state) == 1 &&
            conn_find(f, p->conn_id)) { /* who is gone waits no longer, whatever his deadline */
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->next = due;
        due = p;
    }
    while (due) {
        struct parked *p = due;
        due = p->next;
        p->request->conn = conn_find(f, p->conn_id);
        if (p->request->conn)
            dispatch(f, p->request);
        else
            front_trace_forget(&p->request->trace);
        parked_free(&f->park, p);
    }
    if (f->park.count)
        loop_timer_set(f->park.timer, PARK_LOOK_MS);
}

bool park_cancel(struct front *f, uint64_t conn_id, uint32_t request_id)
{
    for (struct parked **at = &f->park.first; *at; at = &(*at)->next)
        if ((*at)->conn_id == conn_id && (*at)->request_id == request_id) {
            struct parked *p = *at;
            *at = p->next;
            front_trace_forget(&p->request->trace);
            parked_free(&f->park, p);
            return true;
        }
    return false;
}

void park_fini(struct front *f)
{
    while (f->park.first) {
        struct parked *p = f->park.first;
        f->park.first = p->next;
        front_trace_forget(&p->request->trace);
        parked_free(&f->park, p);
    }
    loop_timer_destroy(&f->park.timer);
}
