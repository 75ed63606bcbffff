/*
 * admission - requests that wait in a front: who may wait, who runs next, who is told no.
 *
 * One queue per class, and one for changes, whose order must be kept. Time is an argument; nothing
 * here reads a clock, writes a socket or allocates per request once warm.
 *
 *   admission_add()  ── queue full ──> OVERLOADED, before anything is copied
 *        │ OK
 *        v
 *   [critical][default][ingest][sheddable][background]      each first in, first out
 *        │ admission_next(): the most important class first; 5 % of the time belongs to the lowest
 *        v                   class that waits, 10 % to ingest
 *   OK = run it, DEADLINE = what is left of its deadline is less than such a request takes,
 *   OVERLOADED = it waited too long in a queue that does not get empty
 *
 * A queue is overloaded when its oldest request was older than the class's target all through a
 * window of 100 ms (never empty, never short: not a burst). Then the newest goes first and what is
 * older than twice the target is dropped (critical requests wait for their deadline instead): some
 * are served quickly instead of all too late. It stays so while it refuses or gives out more than a
 * twentieth, which makes it look young; a full critical queue whose oldest is too old turns at
 * once, without a window. At the same time its limit shrinks by a tenth per window, not below what
 * is served within the target (critical: four times the target, for those go by their deadlines),
 * and grows again while it is used and the wait is short (AIMD). A queue of cheap requests may be
 * longer than the limit of all: as long as what is served within twice the target, for a burst that
 * is answered that soon is not to be refused. Ingest is only limited in length.
 *
 * A waiting request borrows its body from the buffer it was read into until admission_keep() copies
 * what still waits at the end of the pass; most never are copied.
 */
#ifndef SOUK_SERVER_ADMISSION_H
#define SOUK_SERVER_ADMISSION_H

#include "protocol/frame.h"

enum admission_id {
    QUEUE_CRITICAL,
    QUEUE_DEFAULT,
    QUEUE_INGEST,
    QUEUE_SHEDDABLE,
    QUEUE_BACKGROUND,
    QUEUE_COUNT
};

enum { ADMISSION_WINDOW_US = 100000, ADMISSION_COSTS = 256 };

struct waiting {
    struct waiting *next, *prev;
    uint64_t conn_id;
    struct frame frame;
    int64_t received_us, deadline_us;
    struct buf own; /* the body, once it is kept */
    uint8_t queue;  /* enum admission_id */
    bool borrowed;  /* the body still lies in the buffer of the pass */
};

struct admission_queue {
    struct waiting *oldest, *newest;
    uint32_t count, peak;       /* now; most in this window */
    uint32_t limit, limit_most; /* now; of the last window when it is not shrunk */
    int64_t least_age_us;       /* of the oldest, in this window */
    bool overloaded;
    uint32_t pressure;                       /* of the last window, see admission_pressure() */
    uint64_t served, refused, late, dropped; /* ever */
    uint64_t served_before, shed_before;     /* at the start of this window */
    uint32_t served_window;                  /* in the last one */
};

struct admission {
    struct admission_queue queues[QUEUE_COUNT];
    uint32_t limit_max;
    size_t bytes, bytes_max;
    int64_t ingest_credit_us, lowest_credit_us; /* time owed to the floors */
    int64_t upper_us, lower_us; /* run in this window: critical and default; the lower classes */
    uint32_t upper_percent, lower_percent; /* of the last window */
    uint64_t lost_before, lost_seen; /* critical ones refused: then; when asked if it is urgent */
    bool loses;                      /* in the last window */
    bool ingest_held;                /* a request of that class is under way */
    uint32_t cost_us16[ADMISSION_COSTS]; /* moving average, 1/16 us */
    struct waiting *spare;
};

/* Requests a queue takes where they are not cheap. */
enum { ADMISSION_QUEUE = 2000 };
/* At most `limit` requests per queue and `bytes` of bodies in all. */
void admission_init(struct admission *a, uint32_t limit, size_t bytes);
void admission_fini(struct admission *a);

/*
 * OVERLOADED when the queue is full, NO_MEMORY. The body is borrowed until admission_keep(). A full
 * queue that is overloaded takes the newest in and gives its oldest out: *evicted is to be refused
 * and given back (NULL when there is none).
 */
enum status admission_add(struct admission *a, enum admission_id id, uint64_t conn_id,
                          const struct frame *f, int64_t now_us, int64_t deadline_us,
                          struct waiting **evicted);
/* One was refused without being looked at. */
void admission_refused(struct admission *a, enum admission_id id);
/* Copies the bodies of those that still wait; the buffers of the pass may be used again. */
void admission_keep(struct admission *a);
/* The next one and what to do with it (see above); NULL when none waits. Give it back with
 * admission_return(). */
struct waiting *admission_next(struct admission *a, int64_t now_us, enum status *verdict);
void admission_return(struct admission *a, struct waiting *w);
/* A request of this shape took so long; pays for the floors and learns the cost. */
void admission_ran(struct admission *a, const struct waiting *w, int64_t us);
/* While one ingest request is worked on in slices no other is handed out: they keep their order. */
void admission_hold_ingest(struct admission *a, bool held);
/* Whether a slice of it goes before all that waits: its floor says so, or nothing waits that is
 * more important. */
bool admission_ingest_turn(const struct admission *a);
/* A slice took so long. */
void admission_ran_ingest(struct admission *a, int64_t us);
/* What such a request takes, in microseconds; 0 = not known yet. */
uint32_t admission_cost_us(const struct admission *a, const struct frame *f);

/* One whose deadline is over, of those that have waited longest in any class; NULL when there is
 * none. Who waits behind more important work is told in time. Refuse it with DEADLINE and give it
 * back. */
struct waiting *admission_expired(struct admission *a, int64_t now_us);

/* Takes a request out (CANCEL); NULL when it does not wait. Give it back. */
struct waiting *admission_cancel(struct admission *a, uint64_t conn_id, uint32_t request_id);
/* Takes out all of a connection that is gone; how many. */
uint32_t admission_forget(struct admission *a, uint64_t conn_id);

/* After each pass: how old the oldest are. */
void admission_look(struct admission *a, int64_t now_us);
/* Every ADMISSION_WINDOW_US: overloaded or not, limits. */
void admission_tick(struct admission *a);
/*
 * How hard the last window was, in percent: how long the oldest waited against the target of its
 * class, or, when requests were shed, what came against what was served. 100 is where overload
 * begins, 300 is three times what can be done. The lower classes alone count for at most
 * ADMISSION_LOWER_PRESSURE: they are there to be shed. Only while critical and default requests
 * take ADMISSION_UPPER_PERCENT of the time, so that a burst of theirs would find no room, the lower
 * ones count in full. Background does not count. Where critical requests are refused it is
 * ADMISSION_LOST_PRESSURE at least. Drives the ladder.
 */
enum { ADMISSION_LOWER_PRESSURE = 150, ADMISSION_PRESSURE_MAX = 1000 };
enum { ADMISSION_UPPER_PERCENT = 66 };
/* Of the critical requests more than so many percent were refused: all else goes first. */
enum { ADMISSION_LOST_PERCENT = 1, ADMISSION_LOST_PRESSURE = 800 };
uint32_t admission_pressure(const struct admission *a);

/*
 * Between two windows: critical requests were refused since this was asked last, or the oldest has
 * waited longer than its target and for more than ADMISSION_URGENT_PERCENT of the time it had.
 */
enum { ADMISSION_URGENT_PERCENT = 25 };
bool admission_urgent(struct admission *a, int64_t now_us);

uint32_t admission_count(const struct admission *a);
static inline bool admission_idle(const struct admission *a)
{
    return !admission_count(a);
}
/* Requests a queue let go, ever: refused, dropped, or too late. */
uint64_t admission_shed(const struct admission *a, enum admission_id q);
const char *admission_name(enum admission_id q);
/* How long a request may wait in a queue before that counts as overload. */
int64_t admission_target_us(enum admission_id q);

#endif
