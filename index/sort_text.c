#include "index/sort_text.h"

#include <stdlib.h>

#include "index/fold.h"
#include "protocol/arena.h"

struct entry {
    struct slice folded, text;
    uint32_t ordinal;
};

struct sort_text {
    struct edition edition;
    uint32_t field, count; /* ordinals 1 .. count are in */
    uint64_t used;         /* larger = later */
    struct entry *entries; /* in order */
    uint32_t *ranks;       /* by ordinal */
    struct arena texts;
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

static void forget(struct sort_text *t)
{
    free(t->entries);
    free(t->ranks);
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

/* Reads the values behind t->count into `fresh`, sorted. */
static enum status read_fresh(struct sort_texts *all, struct sort_text *t, struct snapshot *snap,
                              uint32_t upto, struct entry *fresh)
{
    for (uint32_t o = t->count + 1; o <= upto; o++) {
        struct slice text, folded;
        struct entry *e = &fresh[o - t->count - 1];
        enum status st = facet_value_text(snap, t->field, o, &text, NULL);
        if (!st)
            st = folder_run(all->folder, text, false, &folded);
        if (st)
            return st;
        e->ordinal = o;
        e->text = arena_copy(&t->texts, text);
        e->folded = slice_equal(folded, text) ? e->text : arena_copy(&t->texts, folded);
        if (!e->text.ptr || !e->folded.ptr)
            return STATUS_NO_MEMORY;
    }
    qsort(fresh, upto - t->count, sizeof *fresh, by_text);
    return STATUS_OK;
}

static enum status take_in(struct sort_texts *all, struct sort_text *t, struct snapshot *snap,
                           uint32_t upto)
{
    uint32_t more = upto - t->count, a = 0, b = 0;
    struct entry *fresh = malloc((more + 1) * sizeof *fresh),
                 *merged = malloc((upto + 1) * sizeof *merged);
    uint32_t *ranks = malloc((upto + 1) * sizeof *ranks);
    enum status st = fresh && merged && ranks ? STATUS_OK : STATUS_NO_MEMORY;
    if (!st)
        st = read_fresh(all, t, snap, upto, fresh);
    for (uint32_t i = 0; !st && i < upto; i++) {
        bool old = a < t->count && (b == more || by_text(&t->entries[a], &fresh[b]) <= 0);
        merged[i] = old ? t->entries[a++] : fresh[b++];
        ranks[merged[i].ordinal] = i;
    }
    free(fresh);
    if (st) {
        free(merged);
        free(ranks);
        return st;
    }
    free(t->entries);
    free(t->ranks);
    t->entries = merged;
    t->ranks = ranks;
    t->count = upto;
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
    enum status st = count > t->count || !t->ranks ? take_in(all, t, snap, count) : STATUS_OK;
    if (st)
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
