#include "index/typo.h"
#include "index/analyse.h"
#include "index/edits.h"
#include "index/kernels.h"
#include "index/letters.h"
#include "index/order.h"
#include "index/tails.h"

#include <stdlib.h>

struct finding {
    struct typo *items; /* those of earlier segments first, by term */
    uint32_t count, cap, earlier;
    struct arena *arena;
};

static enum status add(struct finding *f, struct slice term, uint32_t distance, uint64_t df)
{
    if (f->count == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 32;
        struct typo *items = arena_alloc(f->arena, cap * sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        if (f->count)
            memcpy(items, f->items, f->count * sizeof *items);
        f->items = items;
        f->cap = cap;
    }
    f->items[f->count++] = (struct typo){term, df, distance};
    return STATUS_OK;
}

static enum status note(struct finding *f, struct slice term, uint32_t distance, uint64_t df)
{
    uint32_t low = 0, high = f->earlier;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (slice_compare(f->items[mid].term, term) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < f->earlier && slice_equal(f->items[low].term, term)) {
        f->items[low].df += df;
        return STATUS_OK;
    }
    return add(f, term, distance, df);
}

/* --- another first letter --------------------------------------------------------------------- */

/*
 * It takes two edits. Where that is all, the rest is the word's own: what ends with it and has one
 * letter before that. Those stand side by side in the order of endings; of short words, and in
 * segments without that order, a few terms are looked up for each letter that any term begins with.
 */
struct first_letter {
    struct finding *f;
    const struct segment *segment;
    struct slice own, rest; /* the word's first letter, and what follows */
    size_t ending;          /* bytes of the ending at hand */
};

static size_t letter_len(struct slice s)
{
    size_t n = s.len > 0;
    while (n < s.len && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* The term of two parts, when the segment has it. */
static enum status note_joined(struct first_letter *x, struct slice a, struct slice b)
{
    char bytes[ANALYSE_TERM_MAX];
    uint32_t ordinal;
    struct slice term;
    if (a.len + b.len > sizeof bytes || a.len + b.len == 0)
        return STATUS_OK;
    if (a.len)
        memcpy(bytes, a.ptr, a.len);
    if (b.len)
        memcpy(bytes + a.len, b.ptr, b.len);
    enum status st = segment_find_term(x->segment, slice_make(bytes, a.len + b.len), &ordinal);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    st = segment_term(x->segment, ordinal, &term); /* where it stays */
    return st ? st : note(x->f, term, 2, segment_term_df(x->segment, ordinal));
}

/* Its first letter dropped, or behind the second: unless that leaves the first letter as it is. */
static enum status note_dropped(struct first_letter *x)
{
    char swapped[ANALYSE_TERM_MAX];
    size_t n = letter_len(x->rest);
    struct slice second = slice_make(x->rest.ptr, n);
    if (!n || slice_equal(second, x->own) || x->own.len + n > sizeof swapped)
        return STATUS_OK;
    enum status st = note_joined(x, SLICE_NULL, x->rest);
    memcpy(swapped, second.ptr, n);
    memcpy(swapped + n, x->own.ptr, x->own.len);
    return st ? st
              : note_joined(x, slice_make(swapped, n + x->own.len),
                            slice_make(x->rest.ptr + n, x->rest.len - n));
}

/* For each letter that a term begins with: before the rest, and before the word. */
static enum status note_each_letter(struct first_letter *x, struct slice word)
{
    enum status st = STATUS_OK;
    uint32_t n = segment_term_count(x->segment);
    for (uint32_t at = 0; !st && at < n;) {
        struct slice term, letter;
        st = pulse_beat(segment_pulse(x->segment), 8);
        if (!st)
            st = segment_term(x->segment, at, &term);
        letter = st ? SLICE_NULL : slice_make(term.ptr, letter_len(term));
        if (!st && !slice_equal(letter, x->own)) {
            st = note_joined(x, letter, x->rest);
            st = st ? st : note_joined(x, letter, word);
        }
        at = letter.len ? segment_step_over(x->segment, at, n, (uint32_t)letter.len) : at + 1;
    }
    return st;
}

static enum status on_ending(void *ctx, struct slice term)
{
    struct first_letter *x = ctx;
    size_t n = letter_len(term);
    if (n + x->ending != term.len || slice_equal(slice_make(term.ptr, n), x->own))
        return STATUS_OK;
    return note_joined(x, term, SLICE_NULL);
}

static enum status note_ending(struct first_letter *x, struct slice ending)
{
    x->ending = ending.len;
    return tails_find(x->segment, ending, on_ending, x);
}

static enum status note_other_firsts(struct finding *f, const struct segment *s, struct slice word)
{
    size_t n = letter_len(word);
    struct first_letter x = {f, s, slice_make(word.ptr, n), slice_make(word.ptr + n, word.len - n),
                             0};
    enum status st = note_dropped(&x);
    if (st || x.rest.len < TAIL_BYTES || !tails_ordered(s))
        return st ? st : note_each_letter(&x, word);
    st = note_ending(&x, x.rest);
    return st ? st : note_ending(&x, word);
}

/* --- the same first letter -------------------------------------------------------------------- */

/* Terms one after the other; those that begin hopelessly are stepped over. */
struct walk {
    struct lev_walk lev;
    struct edits edits;
    bool by_bits;
};

static bool within_reach(struct walk *w, struct slice term, uint32_t *distance, struct slice *skip)
{
    return w->by_bits ? edits_term(&w->edits, term, distance, skip)
                      : lev_walk_term(&w->lev, term, distance, skip);
}

/* Those that their letters do not rule out are held against the word. */
static enum status sift(struct finding *f, const struct segment *s, struct walk *w,
                        const struct letters *l, struct slice word, uint32_t max)
{
    enum { PIECE = 1024 };
    uint32_t places[PIECE + KERNEL_SLACK], set = letters_of(word);
    enum status st = STATUS_OK;
    for (uint32_t from = 0; !st && from < l->count; from += PIECE) {
        uint32_t n = l->count - from < PIECE ? l->count - from : PIECE;
        n = kernels_best()->near_sets(l->sets + from, n, set, max, places);
        st = pulse_beat(segment_pulse(s), 4 + (int32_t)n);
        for (uint32_t i = 0; !st && i < n; i++) {
            uint32_t ordinal = l->first + from + places[i], distance;
            struct slice term, skip;
            st = segment_term(s, ordinal, &term);
            if (!st && edits_term(&w->edits, term, &distance, &skip) && distance > 0)
                st = note(f, term, distance, segment_term_df(s, ordinal));
        }
    }
    return st;
}

static enum status walk(struct finding *f, const struct segment *s, struct walk *w,
                        struct slice word, bool apart)
{
    uint32_t at, end;
    enum status st =
        segment_prefix_range(s, slice_make(word.ptr, apart ? letter_len(word) : 0), &at, &end);
    while (!st && at < end) {
        struct slice term, skip;
        uint32_t distance;
        st = pulse_beat(segment_pulse(s), 1);
        if (!st)
            st = segment_term(s, at, &term);
        if (st)
            break;
        if (within_reach(w, term, &distance, &skip)) {
            if (distance > 0)
                st = note(f, term, distance, segment_term_df(s, at));
            at++;
        } else {
            at = skip.len ? segment_step_over(s, at, end, (uint32_t)skip.len) : at + 1;
        }
    }
    return st;
}

static enum status find(struct finding *f, const struct segment *s, struct slice word, uint32_t max)
{
    struct walk w;
    bool apart = max <= 2; /* more edits than another first letter takes: all terms are walked */
    w.by_bits = edits_init(&w.edits, word, max);
    if (!w.by_bits)
        lev_walk_init(&w.lev, word, max);
    const struct letters *l = w.by_bits && (unsigned char)word.ptr[0] < LETTERS_FIRSTS
                                  ? letters_beginning(s, (unsigned char)word.ptr[0])
                                  : NULL;
    enum status st = l ? sift(f, s, &w, l, word, max) : walk(f, s, &w, word, apart);
    return !st && max == 2 ? note_other_firsts(f, s, word) : st;
}

static int by_term(const void *a, const void *b)
{
    return slice_compare(((const struct typo *)a)->term, ((const struct typo *)b)->term);
}

static int best_first(const void *a, const void *b)
{
    const struct typo *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    if (x->df != y->df)
        return x->df > y->df ? -1 : 1;
    return slice_compare(x->term, y->term);
}

/* Takes off what was killed and drops terms that nothing is left of. */
static void settle(struct finding *f, struct snapshot *snap)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        struct typo t = f->items[i];
        int64_t df = (int64_t)t.df;
        for (uint32_t k = 0; k < snapshot_segment_count(snap); k++)
            df -= segment_dead_df(snapshot_segment(snap, k), t.term);
        if (df <= 0)
            continue;
        t.df = (uint64_t)df;
        f->items[kept++] = t;
    }
    f->count = kept;
}

enum status typo_find(struct snapshot *snap, struct slice word, uint32_t max, struct arena *arena,
                      struct typo_list *out)
{
    struct finding f = {.arena = arena};
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < snapshot_segment_count(snap); i++) {
        if (f.count > f.earlier)
            order_items(f.items, f.count, sizeof *f.items, by_term);
        f.earlier = f.count;
        st = find(&f, snapshot_segment(snap, i), word, max);
    }
    settle(&f, snap);
    if (f.count > 1)
        order_items(f.items, f.count, sizeof *f.items, best_first);
    *out = (struct typo_list){f.items, f.count};
    return st;
}
