#include "index/merge.h"

#include <stdlib.h>

enum { DEAD_PART = 4, IDLE_PART = 8 };

/* --- choosing --------------------------------------------------------------------------------- */

static uint32_t tier_of(uint32_t count)
{
    uint32_t t = 0;
    while (count >= MERGE_FACTOR) {
        count /= MERGE_FACTOR;
        t++;
    }
    return t;
}

bool merge_compatible(const struct segment *a, const struct segment *b)
{
    return segment_field_count(a) == segment_field_count(b);
}

static bool under_way(const struct merge_task *t, const struct segment_row *row)
{
    for (uint32_t i = 0; t && i < t->run.count; i++)
        if (t->numbers[i] == row->number)
            return true;
    return false;
}

static struct merge_run find_in_tier(const struct meta *m, const struct segment *const *segments,
                                     uint32_t tier, uint64_t most, const struct merge_task *busy)
{
    struct merge_run run = {0, 0};
    uint64_t docs = 0;
    for (uint32_t i = m->segment_count; i-- > 0;) {
        uint32_t count = m->segments[i].count;
        bool fits = tier_of(count) <= tier && docs + count < most && run.count < MERGE_INPUTS_MAX &&
                    !under_way(busy, &m->segments[i]) &&
                    (!run.count || merge_compatible(segments[i], segments[run.first]));
        if (fits) {
            run.first = i;
            run.count++;
            docs += count;
            continue;
        }
        if (run.count >= MERGE_FACTOR)
            return run;
        run.count = 0;
        docs = 0;
    }
    return run.count >= MERGE_FACTOR ? run : (struct merge_run){0, 0};
}

struct merge_run merge_find(const struct meta *m, const struct segment *const *segments,
                            uint64_t most, const struct merge_task *busy)
{
    struct merge_run run = {0, 0};
    for (uint32_t t = 0; t < MERGE_TIERS && !run.count; t++)
        run = find_in_tier(m, segments, t, most, busy);
    return run;
}

struct merge_run merge_find_dead(const struct meta *m)
{
    for (uint32_t i = 0; i < m->segment_count; i++) {
        const struct segment_row *s = &m->segments[i];
        /* Ranges do not shrink: what was folded before counts as live from then on. */
        if (s->count >= MERGE_SMALL && s->dead - s->folded > (s->count - s->folded) / DEAD_PART)
            return (struct merge_run){i, 1};
    }
    return (struct merge_run){0, 0};
}

/* Size of what merging the rows from `first` on would write; UINT64_MAX when they do not fit. */
static uint64_t tail_docs(const struct meta *m, const struct segment *const *segments,
                          uint32_t first)
{
    const struct segment_row *last = &m->segments[m->segment_count - 1];
    uint64_t docs = 0, bytes = 0;
    for (uint32_t i = first; i < m->segment_count; i++) {
        docs += m->segments[i].count;
        bytes += m->segments[i].bytes;
        if (!merge_compatible(segments[i], segments[first]))
            return UINT64_MAX;
    }
    bool fits = bytes < MERGE_BYTES_MAX && m->segment_count - first <= MERGE_INPUTS_MAX &&
                last->base + last->count - m->segments[first].base <= SEGMENT_MAX_DOCS;
    return fits ? docs : UINT64_MAX;
}

struct merge_run merge_find_idle(const struct meta *m, const struct segment *const *segments)
{
    for (uint32_t i = 0; i + 1 < m->segment_count; i++) {
        uint64_t docs = tail_docs(m, segments, i), own = m->segments[i].count;
        if (docs != UINT64_MAX && own <= IDLE_PART * (docs - own))
            return (struct merge_run){i, m->segment_count - i};
    }
    return (struct merge_run){0, 0};
}

void merge_replace(struct meta *m, struct merge_run run, struct segment_row row)
{
    m->segments[run.first] = row;
    memmove(&m->segments[run.first + 1], &m->segments[run.first + run.count],
            (m->segment_count - run.first - run.count) * sizeof *m->segments);
    m->segment_count -= run.count - 1;
}

/* --- the steps together ----------------------------------------------------------------------- */

enum status index_merge_step(struct index *ix, uint64_t max_bytes, bool *worked)
{
    struct merge_task *t;
    *worked = false;
    enum status st = index_merge_begin(ix, false, &t);
    if (st || !t)
        return st;
    bool done = max_bytes && merge_task_bytes(t) > max_bytes;
    *worked = !done;
    if (!done)
        st = merge_task_run(t);
    while (!st && !done)
        st = index_merge_write(ix, t, 0, &done);
    merge_task_destroy(&t);
    *worked = *worked && !st;
    return st;
}

/* The first run of at least two neighbours that may stand in one segment. */
static struct merge_run merge_find_any(const struct snapshot *s)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i <= s->segment_count; i++) {
        if (i < s->segment_count && merge_compatible(s->segments[i], s->segments[first]))
            continue;
        if (i - first > MERGE_INPUTS_MAX)
            return (struct merge_run){first, MERGE_INPUTS_MAX};
        if (i - first > 1)
            return (struct merge_run){first, i - first};
        first = i;
    }
    return (struct merge_run){0, 0};
}

enum status index_merge_all(struct index *ix)
{
    enum status st = STATUS_OK;
    for (bool more = true; more && !st;) {
        struct merge_task *t;
        bool done = false;
        if ((st = merge_task_create(ix, merge_find_any, &t)) || !t)
            return st;
        st = merge_task_run(t);
        while (!st && !done)
            st = index_merge_write(ix, t, 0, &done);
        merge_task_destroy(&t);
    }
    return st;
}
