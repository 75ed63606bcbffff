/*
 * admission - requests that wait: a bounded queue per class, the more important class first.
 *
 * A request that finds its queue full is refused at once; one whose deadline passed while it waited
 * is answered DEADLINE without being run. Every eighth turn goes to the lowest class that waits, so
 * that none starves.
 */
#ifndef SOUK_SERVER_ADMISSION_H
#define SOUK_SERVER_ADMISSION_H

#include "protocol/frame.h"

struct waiting {
    struct waiting *next;
    uint64_t conn_id;
    struct frame frame; /* body points behind this struct */
    int64_t received_us, deadline_us;
};

struct admission_queue {
    struct waiting *first, **last;
    uint32_t count;
    uint64_t taken, refused, late;
};

struct admission {
    struct admission_queue queues[FRAME_CLASS_COUNT];
    uint32_t limit, turn;
};

void admission_init(struct admission *a, uint32_t limit);
void admission_fini(struct admission *a);
/* Copies the frame. OVERLOADED when the queue is full. */
enum status admission_add(struct admission *a, uint64_t conn_id, const struct frame *f,
                          int64_t now_us, int64_t deadline_us);
/* The next one to run, owned by the caller (free); NULL when none waits. */
struct waiting *admission_next(struct admission *a);
/* Takes a request out (CANCEL). False when it does not wait any more. */
bool admission_cancel(struct admission *a, uint64_t conn_id, uint32_t request_id);
bool admission_idle(const struct admission *a);

#endif
