#include "index/sort_text.h"

#include <stdlib.h>

#include "index/fold.h"
#include "protocol/arena.h"

struct entry {
    struct slice folded, text;
    uint32_t ordinal;
};

/* Values on their way in, see take_in(). */
struct intake {
    uint32_t upto;        /* values when it began */
    struct entry *fresh;  /* by ordinal, then sorted run by run */
    uint32_t read;        /* of them */
    uint32_t *at, *heap;  /* of each run its next entry; run 0 are those that were in */
    uint32_t runs, count; /* runs, and those in the heap; 0 runs = not merging yet */
    uint32_t loose;       /* places of the heap that are not in order yet */
    struct entry *merged;
    uint32_t *ranks, done;
};

struct sort_text {
    struct edition edition;
    uint32_t field, count; /* ordinals 1 .. count are in */
    uint64_t used;         /* larger = later */
    struct entry *entries; /* in order */
    uint32_t *ranks;       /* by ordinal */
    struct arena texts;
    struct intake intake; /* at work while `fresh` is there */
};

struct sort_texts {
    struct folder *folder;
    uint64_t clock;
    struct sort_text tables[SORT_TEXTS_KEPT];
};

enum status sort_texts_create(struct sort_texts **out)
{
    struct sort_texts *t = calloc(1, sizeof *t);
    *out = t;
    if (!t)
        return STATUS_NO_MEMORY;
    enum status st = folder_create(&t->folder);
    if (st)
        sort_texts_destroy(out);
    return st;
}

static void intake_free(struct intake *n)
{
    free(n->fresh);
    free(n->at);
    free(n->heap);
    free(n->merged);
    free(n->ranks);
    *n = (struct intake){0};
}

static void forget(struct sort_text *t)
{
    free(t->entries);
    free(t->ranks);
    intake_free(&t->intake);
    if (t->used)
        arena_fini(&t->texts);
    *t = (struct sort_text){0};
}

void sort_texts_destroy(struct sort_texts **t)
{
    if (!*t)
        return;
    for (uint32_t i = 0; i < SORT_TEXTS_KEPT; i++)
        forget(&(*t)->tables[i]);
    folder_destroy(&(*t)->folder);
    free(*t);
    *t = NULL;
}

static int by_text(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c = slice_compare(x->folded, y->folded);
    return c ? c : slice_compare(x->text, y->text);
}

/* --- taking values in ------------------------------------------------------------------------- */

/*
 * Values that came since are read in runs of RUN, each sorted by itself, and then merged with those
 * that are in, all runs at once: a heap of runs, the one with the next value on top. A search may
 * end in the middle of it, and the next one goes on there.
 */
enum { RUN = 256 };

static enum status intake_begin(struct intake *n, uint32_t have, uint32_t upto)
{
    uint32_t more = upto - have, runs = more / RUN + 2;
    *n = (struct intake){.upto = upto,
                         .fresh = malloc((more + 1) * sizeof *n->fresh),
                         .at = malloc(runs * sizeof *n->at),
                         .heap = malloc(runs * sizeof *n->heap),
                         .merged = malloc((upto + 1) * sizeof *n->merged),
                         .ranks = malloc((upto + 1) * sizeof *n->ranks)};
    return n->fresh && n->at && n->heap && n->merged && n->ranks ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status read_value(struct sort_texts *all, struct sort_text *t, struct snapshot *snap,
                              uint32_t ordinal, struct entry *e)
{
    struct slice text, folded;
    enum status st = facet_value_text(snap, t->field, ordinal, &text, NULL);
    if (!st)
        st = folder_run(all->folder, text, false, &folded);
    if (st)
        return st;
    e->ordinal = ordinal;
    e->text = arena_copy(&t->texts, text);
    e->folded = slice_equal(folded, text) ? e->text : arena_copy(&t->texts, folded);
    return e->text.ptr && e->folded.ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status read_values(struct sort_texts *all, struct sort_text *t, struct snapshot *snap)
{
    struct intake *n = &t->intake;
    enum status st = STATUS_OK;
    while (!st && t->count + n->read < n->upto) {
        st = pulse_beat(snapshot_pulse(snap), 10);
        if (!st)
            st = read_value(all, t, snap, t->count + n->read + 1, &n->fresh[n->read]);
        n->read += !st;
        bool full = n->read % RUN == 0 || t->count + n->read == n->upto;
        if (!st && full) {
            uint32_t first = (n->read - 1) / RUN * RUN;
            qsort(n->fresh + first, n->read - first, sizeof *n->fresh, by_text);
        }
    }
    return st;
}

static const struct entry *next_of(const struct sort_text *t, uint32_t run)
{
    const struct intake *n = &t->intake;
    return run ? &n->fresh[n->at[run]] : &t->entries[n->at[0]];
}

static bool run_ended(const struct sort_text *t, uint32_t run)
{
    const struct intake *n = &t->intake;
    return run ? n->at[run] == n->read || n->at[run] == run * RUN : n->at[0] == t->count;
}

/* The run at that place of the heap goes down to where it belongs. */
static void sift(const struct sort_text *t, uint32_t at)
{
    const struct intake *n = &t->intake;
    uint32_t run = n->heap[at], child;
    while ((child = at * 2 + 1) < n->count) {
        if (child + 1 < n->count &&
            by_text(next_of(t, n->heap[child + 1]), next_of(t, n->heap[child])) < 0)
            child++;
        if (by_text(next_of(t, run), next_of(t, n->heap[child])) <= 0)
            break;
        n->heap[at] = n->heap[child];
        at = child;
    }
    n->heap[at] = run;
}

static void begin_merging(struct sort_text *t)
{
    struct intake *n = &t->intake;
    n->runs = (n->read + RUN - 1) / RUN + 1;
    n->count = n->done = 0;
    for (uint32_t run = 0; run < n->runs; run++) {
        n->at[run] = run ? (run - 1) * RUN : 0;
        if (!run_ended(t, run))
            n->heap[n->count++] = run;
    }
    n->loose = n->count / 2;
}

static enum status merge_values(struct sort_text *t, struct snapshot *snap)
{
    struct intake *n = &t->intake;
    if (!n->runs)
        begin_merging(t);
    for (; n->loose; sift(t, --n->loose)) {
        enum status st = pulse_beat(snapshot_pulse(snap), 20);
        if (st)
            return st;
    }
    while (n->count) {
        enum status st = pulse_beat(snapshot_pulse(snap), 10);
        if (st)
            return st;
        uint32_t run = n->heap[0];
        n->merged[n->done] = *next_of(t, run);
        n->ranks[n->merged[n->done].ordinal] = n->done;
        n->done++;
        n->at[run]++;
        if (run_ended(t, run))
            n->heap[0] = n->heap[--n->count];
        if (n->count)
            sift(t, 0);
    }
    return STATUS_OK;
}

/* All values there were when it began; there may be more by now. */
static enum status take_in(struct sort_texts *all, struct sort_text *t, struct snapshot *snap,
                           uint32_t upto)
{
    struct intake *n = &t->intake;
    enum status st = n->fresh ? STATUS_OK : intake_begin(n, t->count, upto);
    if (!st)
        st = read_values(all, t, snap);
    if (!st)
        st = merge_values(t, snap);
    if (st)
        return st;
    free(t->entries);
    free(t->ranks);
    t->entries = n->merged;
    t->ranks = n->ranks;
    t->count = n->upto;
    n->merged = NULL;
    n->ranks = NULL;
    intake_free(n);
    return STATUS_OK;
}

enum status sort_texts_get(struct sort_texts *all, struct snapshot *snap, uint32_t field,
                           struct sort_text **out)
{
    struct edition edition = snapshot_edition(snap);
    uint32_t count = facet_value_count(snap, field);
    struct sort_text *t = NULL, *oldest = &all->tables[0];
    for (uint32_t i = 0; i < SORT_TEXTS_KEPT && !t; i++) {
        struct sort_text *x = &all->tables[i];
        if (x->used && edition_same(x->edition, edition) && x->field == field)
            t = x;
        if (x->used < oldest->used)
            oldest = x;
    }
    if (!t) {
        t = oldest;
        forget(t);
        arena_init(&t->texts, 0);
        t->edition = edition;
        t->field = field;
    }
    t->used = ++all->clock;
    *out = t;
    enum status st = STATUS_OK;
    while (!st && (count > t->count || !t->ranks))
        st = take_in(all, t, snap, count);
    if (st &&
        st != snapshot_pulse(snap)->stopped) /* what is read by then is there for the next search */
        forget(t);
    return st;
}

uint32_t sort_text_rank(const struct sort_text *t, uint32_t ordinal)
{
    return ordinal && ordinal <= t->count ? t->ranks[ordinal] : UINT32_MAX;
}

uint32_t sort_text_ordinal(const struct sort_text *t, uint32_t rank)
{
    return rank < t->count ? t->entries[rank].ordinal : 0;
}

enum status sort_text_place(struct sort_texts *all, const struct sort_text *t, struct slice text,
                            uint32_t *rank, bool *same)
{
    struct entry want = {.text = text};
    enum status st = folder_run(all->folder, text, false, &want.folded);
    uint32_t low = 0, high = t->count;
    while (!st && low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (by_text(&t->entries[mid], &want) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *rank = low;
    *same = !st && low < t->count && slice_equal(t->entries[low].text, text);
    return st;
}
