#include "server/admission.h"

#include <stdlib.h>

void admission_init(struct admission *a, uint32_t limit)
{
    *a = (struct admission){.limit = limit};
    for (int i = 0; i < FRAME_CLASS_COUNT; i++)
        a->queues[i].last = &a->queues[i].first;
}

static struct waiting *take(struct admission_queue *q, struct waiting **at)
{
    struct waiting *w = *at;
    *at = w->next;
    if (q->last == &w->next)
        q->last = at;
    q->count--;
    return w;
}

void admission_fini(struct admission *a)
{
    for (int i = 0; i < FRAME_CLASS_COUNT; i++)
        while (a->queues[i].first)
            free(take(&a->queues[i], &a->queues[i].first));
}

enum status admission_add(struct admission *a, uint64_t conn_id, const struct frame *f,
                          int64_t now_us, int64_t deadline_us)
{
    struct admission_queue *q = &a->queues[frame_class_of(f)];
    if (q->count >= a->limit) {
        q->refused++;
        return STATUS_OVERLOADED;
    }
    struct waiting *w = malloc(sizeof *w + f->body.len);
    if (!w)
        return STATUS_NO_MEMORY;
    *w = (struct waiting){
        .conn_id = conn_id, .frame = *f, .received_us = now_us, .deadline_us = deadline_us};
    if (f->body.len)
        memcpy(w + 1, f->body.ptr, f->body.len);
    w->frame.body.ptr = (char *)(w + 1);
    *q->last = w;
    q->last = &w->next;
    q->count++;
    q->taken++;
    return STATUS_OK;
}

struct waiting *admission_next(struct admission *a)
{
    bool lowest = ++a->turn % 8 == 0;
    for (int i = 0; i < FRAME_CLASS_COUNT; i++) {
        struct admission_queue *q = &a->queues[lowest ? FRAME_CLASS_COUNT - 1 - i : i];
        if (q->first)
            return take(q, &q->first);
    }
    return NULL;
}

bool admission_cancel(struct admission *a, uint64_t conn_id, uint32_t request_id)
{
    for (int i = 0; i < FRAME_CLASS_COUNT; i++) {
        struct admission_queue *q = &a->queues[i];
        for (struct waiting **at = &q->first; *at; at = &(*at)->next)
            if ((*at)->conn_id == conn_id && (*at)->frame.request_id == request_id) {
                free(take(q, at));
                return true;
            }
    }
    return false;
}

bool admission_idle(const struct admission *a)
{
    for (int i = 0; i < FRAME_CLASS_COUNT; i++)
        if (a->queues[i].first)
            return false;
    return true;
}
