#include "server/admission.h"

#include <stdlib.h>

enum {
    LIMIT_LEAST = 64,
    EXPIRED_LOOK = 16, /* deadlines differ: not only the oldest may be over */
    CREDIT_MAX_US = 50000,
    OWN_KEPT = 4096, /* bytes of body memory a spare entry may keep */
    INGEST_PERCENT = 10,
    LOWEST_PERCENT = 5,
    OVERLOADED_SHED_PERCENT = 5
};

/* Importance, highest first, is the order of the enum. */
static const struct {
    const char *name;
    int64_t target_us; /* 0 = never overloaded by age */
    int64_t least_us;  /* its limit never goes below what is served in that time */
    bool drops;        /* what is twice as old is dropped; else only its deadline ends it */
} queue_rows[QUEUE_COUNT] = {{"critical", 20000, 80000, false},
                             {"default", 10000, 10000, true},
                             {"ingest", 0, 0, false},
                             {"sheddable", 5000, 5000, true},
                             {"background", 5000, 5000, true}};

const char *admission_name(enum admission_id q)
{
    return queue_rows[q].name;
}

int64_t admission_target_us(enum admission_id q)
{
    return queue_rows[q].target_us;
}

static uint32_t at_least(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t at_most(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void admission_init(struct admission *a, uint32_t limit, size_t bytes)
{
    *a = (struct admission){.limit_max = limit, .bytes_max = bytes};
    for (int i = 0; i < QUEUE_COUNT; i++)
        a->queues[i] = (struct admission_queue){.limit = at_most(limit, ADMISSION_QUEUE),
                                                .limit_most = at_most(limit, ADMISSION_QUEUE),
                                                .least_age_us = INT64_MAX};
}

static void waiting_free(struct waiting *w)
{
    buf_fini(&w->own);
    free(w);
}

void admission_fini(struct admission *a)
{
    struct waiting *w;
    for (int i = 0; i < QUEUE_COUNT; i++)
        while ((w = a->queues[i].oldest)) {
            a->queues[i].oldest = w->next;
            waiting_free(w);
        }
    while ((w = a->spare)) {
        a->spare = w->next;
        waiting_free(w);
    }
}

/* --- the lists -------------------------------------------------------------------------------- */

static struct waiting *waiting_borrow(struct admission *a)
{
    struct waiting *w = a->spare;
    if (!w)
        return calloc(1, sizeof *w);
    a->spare = w->next;
    return w;
}

void admission_return(struct admission *a, struct waiting *w)
{
    if (w->own.cap > OWN_KEPT)
        buf_fini(&w->own);
    w->next = a->spare;
    a->spare = w;
}

static void append(struct admission_queue *q, struct waiting *w)
{
    w->next = NULL;
    w->prev = q->newest;
    if (q->newest)
        q->newest->next = w;
    else
        q->oldest = w;
    q->newest = w;
    if (++q->count > q->peak)
        q->peak = q->count;
}

static struct waiting *take_out(struct admission *a, struct waiting *w)
{
    struct admission_queue *q = &a->queues[w->queue];
    *(w->prev ? &w->prev->next : &q->oldest) = w->next;
    *(w->next ? &w->next->prev : &q->newest) = w->prev;
    q->count--;
    a->bytes -= w->frame.body.len;
    return w;
}

static bool too_old(const struct admission_queue *q, enum admission_id id, int64_t now_us)
{
    int64_t target = queue_rows[id].target_us;
    return target && q->oldest && now_us - q->oldest->received_us > target;
}

enum status admission_add(struct admission *a, enum admission_id id, uint64_t conn_id,
                          const struct frame *f, int64_t now_us, int64_t deadline_us,
                          struct waiting **evicted)
{
    struct admission_queue *q = &a->queues[id];
    *evicted = NULL;
    bool full = q->count >= q->limit;
    if (full && !queue_rows[id].drops && too_old(q, id, now_us))
        q->overloaded = true;
    if ((full && !q->overloaded) || a->bytes + f->body.len > a->bytes_max) {
        q->refused++;
        return STATUS_OVERLOADED;
    }
    if (full) {
        q->dropped++;
        *evicted = take_out(a, q->oldest);
    }
    struct waiting *w = waiting_borrow(a);
    if (!w)
        return STATUS_NO_MEMORY;
    w->conn_id = conn_id;
    w->frame = *f;
    w->received_us = now_us;
    w->deadline_us = deadline_us;
    w->queue = (uint8_t)id;
    w->borrowed = true;
    append(q, w);
    a->bytes += f->body.len;
    return STATUS_OK;
}

void admission_refused(struct admission *a, enum admission_id id)
{
    a->queues[id].refused++;
}

/* Those of this pass are the newest of each queue, so the walk ends at the first that was kept. */
void admission_keep(struct admission *a)
{
    for (int i = 0; i < QUEUE_COUNT; i++)
        for (struct waiting *w = a->queues[i].newest; w && w->borrowed; w = w->prev) {
            buf_clear(&w->own);
            buf_put_slice(&w->own, w->frame.body);
            if (w->own.failed) { /* runs into its deadline instead of into foreign bytes */
                w->deadline_us = 0;
                a->bytes -= w->frame.body.len;
                w->frame.body = SLICE_NULL;
            } else {
                w->frame.body = buf_slice(&w->own);
            }
            w->borrowed = false;
        }
}

struct waiting *admission_cancel(struct admission *a, uint64_t conn_id, uint32_t request_id)
{
    for (int i = 0; i < QUEUE_COUNT; i++)
        for (struct waiting *w = a->queues[i].oldest; w; w = w->next)
            if (w->conn_id == conn_id && w->frame.request_id == request_id)
                return take_out(a, w);
    return NULL;
}

uint32_t admission_forget(struct admission *a, uint64_t conn_id)
{
    uint32_t count = 0;
    for (int i = 0; i < QUEUE_COUNT; i++)
        for (struct waiting *w = a->queues[i].oldest, *next; w; w = next) {
            next = w->next;
            if (w->conn_id != conn_id)
                continue;
            admission_return(a, take_out(a, w));
            count++;
        }
    return count;
}

uint32_t admission_count(const struct admission *a)
{
    uint32_t n = 0;
    for (int i = 0; i < QUEUE_COUNT; i++)
        n += a->queues[i].count;
    return n;
}

/* --- cost ------------------------------------------------------------------------------------- */

/* Requests of one shape cost alike: the operation, and how long the request is. */
static uint32_t cost_class(const struct frame *f)
{
    size_t size = f->body.len / 32;
    return (uint32_t)((f->opcode & 31) << 3 | (size > 7 ? 7 : size));
}

uint32_t admission_cost_us(const struct admission *a, const struct frame *f)
{
    return a->cost_us16[cost_class(f)] / 16;
}

/* Time that was run pays into the floors of the others and out of its own. */
static void note_floors(struct admission *a, int64_t us, bool lowest, bool ingest)
{
    *(lowest ? &a->lower_us : &a->upper_us) += ingest ? 0 : us;
    a->lowest_credit_us += us * LOWEST_PERCENT / 100 - (lowest ? us : 0);
    a->ingest_credit_us += us * INGEST_PERCENT / 100 - (ingest ? us : 0);
    int64_t *credits[] = {&a->lowest_credit_us, &a->ingest_credit_us};
    for (int i = 0; i < 2; i++) {
        if (*credits[i] > CREDIT_MAX_US)
            *credits[i] = CREDIT_MAX_US;
        if (*credits[i] < -CREDIT_MAX_US)
            *credits[i] = -CREDIT_MAX_US;
    }
}

void admission_ran(struct admission *a, const struct waiting *w, int64_t us)
{
    uint32_t *cost = &a->cost_us16[cost_class(&w->frame)];
    int64_t now16 = us > 1000000 ? 16000000 : us * 16;
    *cost = *cost ? (uint32_t)((int64_t)*cost + (now16 - (int64_t)*cost) / 16) : (uint32_t)now16;
    note_floors(a, us, w->queue >= QUEUE_SHEDDABLE, w->queue == QUEUE_INGEST);
}

void admission_ran_ingest(struct admission *a, int64_t us)
{
    note_floors(a, us, false, true);
}

/* --- who is next ------------------------------------------------------------------------------ */

static struct admission_queue *lowest_waiting(struct admission *a)
{
    return a->queues[QUEUE_BACKGROUND].count ? &a->queues[QUEUE_BACKGROUND]
                                             : &a->queues[QUEUE_SHEDDABLE];
}

static struct admission_queue *pick(struct admission *a)
{
    struct admission_queue *ingest = &a->queues[QUEUE_INGEST], *lowest = lowest_waiting(a);
    if (ingest->count && !a->ingest_held && a->ingest_credit_us > 0)
        return ingest;
    if (lowest->count && a->lowest_credit_us > 0)
        return lowest;
    for (int i = 0; i < QUEUE_COUNT; i++)
        if (a->queues[i].count && !(i == QUEUE_INGEST && a->ingest_held))
            return &a->queues[i];
    return NULL;
}

void admission_hold_ingest(struct admission *a, bool held)
{
    a->ingest_held = held;
}

bool admission_ingest_turn(const struct admission *a)
{
    return a->ingest_credit_us > 0 ||
           !(a->queues[QUEUE_CRITICAL].count || a->queues[QUEUE_DEFAULT].count);
}

struct waiting *admission_next(struct admission *a, int64_t now_us, enum status *verdict)
{
    struct admission_queue *q = pick(a);
    if (!q)
        return NULL;
    int64_t target = queue_rows[q - a->queues].target_us;
    if (q->overloaded && queue_rows[q - a->queues].drops &&
        now_us - q->oldest->received_us > 2 * target) {
        q->dropped++;
        *verdict = STATUS_OVERLOADED;
        return take_out(a, q->oldest);
    }
    struct waiting *w = take_out(a, q->overloaded ? q->newest : q->oldest);
    uint32_t *cost = &a->cost_us16[cost_class(&w->frame)];
    *verdict = STATUS_OK;
    q->served++;
    if (w->deadline_us - now_us < *cost / 16) {
        /* A cost that refuses everybody would never be measured again: it fades. */
        *cost -= *cost / 16;
        q->served--;
        q->late++;
        *verdict = STATUS_DEADLINE;
    }
    return w;
}

struct waiting *admission_expired(struct admission *a, int64_t now_us)
{
    for (int i = 0; i < QUEUE_COUNT; i++) {
        struct waiting *w = a->queues[i].oldest;
        for (int k = 0; w && k < EXPIRED_LOOK; k++, w = w->next)
            if (w->deadline_us < now_us) {
                a->queues[i].late++;
                return take_out(a, w);
            }
    }
    return NULL;
}

/* --- overload --------------------------------------------------------------------------------- */

void admission_look(struct admission *a, int64_t now_us)
{
    for (int i = 0; i < QUEUE_COUNT; i++) {
        struct admission_queue *q = &a->queues[i];
        int64_t age = q->oldest ? now_us - q->oldest->received_us : 0;
        if (age < q->least_age_us)
            q->least_age_us = age;
    }
}

/* As many as are served within the target: they do not wait too long, so that refusing them would
 * save nothing, and cheap requests would be refused for less than refusing takes. */
static uint32_t enough(const struct admission_queue *q, int64_t target)
{
    uint64_t served = q->served - q->served_before;
    uint64_t in_time = served * (uint64_t)target / ADMISSION_WINDOW_US;
    return in_time > LIMIT_LEAST ? (uint32_t)in_time : LIMIT_LEAST;
}

static uint32_t limit_of(const struct admission_queue *q, int64_t target, uint32_t limit_max)
{
    return at_most(at_least(ADMISSION_QUEUE, enough(q, 2 * target)), limit_max);
}

static uint64_t shed_ever(const struct admission_queue *q)
{
    return q->refused + q->dropped + q->late;
}

uint64_t admission_shed(const struct admission *a, enum admission_id q)
{
    return shed_ever(&a->queues[q]);
}

static uint32_t pressure_of(struct admission_queue *q, int64_t target)
{
    uint64_t shed = shed_ever(q) - q->shed_before;
    uint64_t served = q->served - q->served_before;
    int64_t age = q->least_age_us == INT64_MAX ? 0 : q->least_age_us;
    uint64_t p = target ? (uint64_t)(age * 100 / target) : 0;
    if (p > 200)
        p = 200; /* how much more than enough comes is told by what is shed */
    uint64_t came = (served + shed) * 100 / (served ? served : 1);
    if (shed && came > p)
        p = came;
    q->served_window = (uint32_t)served;
    q->served_before = q->served;
    q->shed_before += shed;
    return p > ADMISSION_PRESSURE_MAX ? ADMISSION_PRESSURE_MAX : (uint32_t)p;
}

/* What is given out for newer ones is what makes a queue look young: no sign that it got short. */
static bool gives_out(const struct admission_queue *q)
{
    uint64_t served = q->served - q->served_before, shed = shed_ever(q) - q->shed_before;
    return shed * 100 > (served + shed) * OVERLOADED_SHED_PERCENT;
}

static void window_end(struct admission_queue *q, enum admission_id id, uint32_t limit_max)
{
    int64_t target = queue_rows[id].target_us;
    bool long_wait = q->count && q->least_age_us != INT64_MAX && q->least_age_us > target;
    uint32_t least = enough(q, queue_rows[id].least_us), most = limit_of(q, target, limit_max);
    bool gave_out = gives_out(q);
    q->pressure = pressure_of(q, target);
    if (target) {
        q->overloaded = long_wait || (q->overloaded && gave_out);
        if (long_wait)
            q->limit = at_least(q->limit * 9 / 10, least);
        else if (!q->overloaded && q->peak >= q->limit / 2)
            q->limit += 1 + q->limit / 16;
        if (q->limit > most || q->limit == q->limit_most)
            q->limit = most; /* it was not shrunk */
        q->limit_most = most;
    }
    q->peak = q->count;
    q->least_age_us = INT64_MAX;
}

static uint64_t lost_of(const struct admission_queue *q)
{
    return q->refused + q->dropped;
}

static bool loses(struct admission *a)
{
    const struct admission_queue *q = &a->queues[QUEUE_CRITICAL];
    uint64_t lost = lost_of(q) - a->lost_before, served = q->served - q->served_before;
    a->lost_before += lost;
    return lost * 100 > (lost + served) * ADMISSION_LOST_PERCENT;
}

bool admission_urgent(struct admission *a, int64_t now_us)
{
    const struct admission_queue *q = &a->queues[QUEUE_CRITICAL];
    const struct waiting *w = q->oldest;
    bool lost = lost_of(q) != a->lost_seen;
    a->lost_seen = lost_of(q);
    if (lost || !w)
        return lost;
    int64_t age = now_us - w->received_us, had = w->deadline_us - w->received_us;
    return age > queue_rows[QUEUE_CRITICAL].target_us && age * 100 > had * ADMISSION_URGENT_PERCENT;
}

static uint32_t percent_of_window(int64_t *us)
{
    int64_t percent = *us * 100 / ADMISSION_WINDOW_US;
    *us = 0;
    return percent > 100 ? 100 : (uint32_t)percent;
}

void admission_tick(struct admission *a)
{
    a->upper_percent = percent_of_window(&a->upper_us);
    a->lower_percent = percent_of_window(&a->lower_us);
    a->loses = loses(a);
    for (int i = 0; i < QUEUE_COUNT; i++)
        window_end(&a->queues[i], (enum admission_id)i, a->limit_max);
}

uint32_t admission_pressure(const struct admission *a)
{
    uint32_t p = a->queues[QUEUE_SHEDDABLE].pressure;
    if (p > ADMISSION_LOWER_PRESSURE && a->upper_percent < ADMISSION_UPPER_PERCENT)
        p = ADMISSION_LOWER_PRESSURE;
    for (int i = QUEUE_CRITICAL; i <= QUEUE_DEFAULT; i++)
        if (a->queues[i].pressure > p)
            p = a->queues[i].pressure;
    return a->loses && p < ADMISSION_LOST_PRESSURE ? ADMISSION_LOST_PRESSURE : p;
}
