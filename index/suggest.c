#include "index/suggest.h"

#include <stdlib.h>
#include <xxhash.h>

#include "index/suggest_keys.h"
#include "protocol/wire.h"

struct entry {
    struct slice text, folded;
    double weight;
};

struct suggest {
    struct entry *entries;
    uint32_t count, cap;
    uint32_t *slots; /* hash of the folded text -> entry + 1, while adding */
    uint32_t slot_count;
    struct suggest_keys starts, words; /* whole texts; texts from a later word on */
    struct arena texts;
};

enum { NEAR_RANGES = 128, FIRST_SLOTS = 1024 };

enum status suggest_create(struct suggest **out)
{
    struct suggest *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return STATUS_NO_MEMORY;
    arena_init(&s->texts, 0);
    s->slot_count = FIRST_SLOTS;
    s->slots = calloc(s->slot_count, sizeof *s->slots);
    if (s->slots)
        return STATUS_OK;
    suggest_destroy(out);
    return STATUS_NO_MEMORY;
}

void suggest_destroy(struct suggest **s)
{
    if (!*s)
        return;
    arena_fini(&(*s)->texts);
    suggest_keys_fini(&(*s)->starts);
    suggest_keys_fini(&(*s)->words);
    free((*s)->slots);
    free((*s)->entries);
    free(*s);
    *s = NULL;
}

uint32_t suggest_count(const struct suggest *s)
{
    return s->count;
}

/* --- adding ----------------------------------------------------------------------------------- */

static uint32_t *probe(const struct suggest *s, struct slice folded)
{
    uint32_t mask = s->slot_count - 1, i = (uint32_t)XXH3_64bits(folded.ptr, folded.len) & mask;
    while (s->slots[i] && !slice_equal(s->entries[s->slots[i] - 1].folded, folded))
        i = (i + 1) & mask;
    return &s->slots[i];
}

static enum status grow(struct suggest *s)
{
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 256;
        struct entry *p = realloc(s->entries, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        s->entries = p;
        s->cap = cap;
    }
    if (s->count * 2 < s->slot_count)
        return STATUS_OK;
    uint32_t wanted = s->slot_count ? s->slot_count * 2 : 2;
    uint32_t *slots = calloc(wanted, sizeof *slots);
    if (!slots)
        return STATUS_NO_MEMORY;
    free(s->slots);
    s->slots = slots;
    s->slot_count = wanted;
    for (uint32_t i = 0; i < s->count; i++)
        *probe(s, s->entries[i].folded) = i + 1;
    return STATUS_OK;
}

static struct slice trimmed(struct slice s)
{
    while (s.len && (unsigned char)s.ptr[0] <= ' ') {
        s.ptr++;
        s.len--;
    }
    while (s.len && (unsigned char)s.ptr[s.len - 1] <= ' ')
        s.len--;
    return s;
}

enum status suggest_add(struct suggest *s, struct folder *f, struct slice text, double weight)
{
    struct slice folded;
    text = trimmed(text);
    if (!text.len || text.len > SUGGEST_TEXT_MAX || !(weight > 0) ||
        wire_utf8_valid(text) != text.len)
        return STATUS_OK;
    enum status st = folder_run(f, text, true, &folded);
    folded = trimmed(folded);
    if (st || !folded.len)
        return st;
    if ((st = grow(s)))
        return st;
    uint32_t *slot = probe(s, folded);
    if (*slot) {
        s->entries[*slot - 1].weight += weight;
        return STATUS_OK;
    }
    struct entry e = {arena_copy(&s->texts, text), arena_copy(&s->texts, folded), weight};
    if (!e.text.ptr || !e.folded.ptr)
        return STATUS_NO_MEMORY;
    s->entries[s->count++] = e;
    *slot = s->count;
    return STATUS_OK;
}

enum status suggest_add_lines(struct suggest *s, struct folder *f, struct slice lines)
{
    const char *at = lines.ptr, *end = lines.ptr + lines.len;
    enum status st = STATUS_OK;
    while (!st && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        const char *tab = memchr(at, '\t', (size_t)(stop - at));
        double weight = 0;
        for (const char *p = tab ? tab + 1 : stop; p < stop && *p >= '0' && *p <= '9'; p++)
            weight = weight * 10 + (*p - '0');
        st = suggest_add(s, f, slice_make(at, (size_t)((tab ? tab : stop) - at)),
                         weight > 0 ? weight : 1);
        at = stop + 1;
    }
    return st;
}

enum status suggest_build(struct suggest *s)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < s->count; i++) {
        struct slice folded = s->entries[i].folded;
        float weight = (float)s->entries[i].weight;
        st = suggest_keys_add(&s->starts, folded, i, weight);
        for (size_t k = 1; !st && k < folded.len; k++)
            if (folded.ptr[k - 1] == ' ')
                st = suggest_keys_add(&s->words, slice_make(folded.ptr + k, folded.len - k), i,
                                      weight);
    }
    if (!st)
        st = suggest_keys_build(&s->starts);
    if (!st)
        st = suggest_keys_build(&s->words);
    free(s->slots);
    s->slots = NULL;
    return st;
}

/* --- asking ----------------------------------------------------------------------------------- */

struct answer {
    const struct suggest *suggest;
    bool (*keep)(void *ctx, struct slice text);
    void *ctx;
    struct suggestion *out;
    uint32_t entries[SUGGEST_MAX];
    uint32_t count, limit;
};

static bool taken(const struct answer *a, uint32_t entry)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (a->entries[i] == entry)
            return true;
    return false;
}

/* Ranges that wait, the heaviest last; one is split in two by its heaviest item. */
struct part {
    uint32_t from, to, best;
};

enum { PARTS = 512, REFUSED_MAX = 64 };

struct parts {
    const struct suggest_keys *keys;
    struct part items[PARTS];
    uint32_t count;
};

static bool lighter(const struct suggest_keys *k, uint32_t a, uint32_t b)
{
    float x = k->items[a].weight, y = k->items[b].weight;
    return x != y ? x < y : a > b;
}

static void push(struct parts *p, uint32_t from, uint32_t to)
{
    if (from >= to || p->count == PARTS)
        return;
    uint32_t best = suggest_keys_heaviest(p->keys, from, to), at = p->count++;
    for (; at && lighter(p->keys, best, p->items[at - 1].best); at--)
        p->items[at] = p->items[at - 1];
    p->items[at] = (struct part){from, to, best};
}

static void take(struct answer *a, uint32_t entry, uint32_t distance, bool inner)
{
    const struct entry *e = &a->suggest->entries[entry];
    a->entries[a->count] = entry;
    a->out[a->count++] = (struct suggestion){e->text, e->weight, distance, inner};
}

/* Takes the heaviest of the parts until the answer is full. */
static void take_heaviest(struct answer *a, struct parts *p, uint32_t distance, bool inner)
{
    uint32_t refused = 0;
    while (p->count && a->count < a->limit && refused < REFUSED_MAX) {
        struct part top = p->items[--p->count];
        uint32_t entry = p->keys->items[top.best].entry;
        push(p, top.from, top.best);
        push(p, top.best + 1, top.to);
        if (taken(a, entry))
            continue;
        if (!a->keep || a->keep(a->ctx, a->suggest->entries[entry].text))
            take(a, entry, distance, inner);
        else
            refused++;
    }
}

static uint32_t edits_for(struct slice folded)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < folded.len; i++) {
        if (folded.ptr[i] >= '0' && folded.ptr[i] <= '9')
            return 0;
        letters += ((unsigned char)folded.ptr[i] & 0xc0) != 0x80;
    }
    return letters < 4 ? 0 : letters < 8 ? 1 : 2;
}

static void take_near(struct answer *a, struct slice folded)
{
    struct suggest_range ranges[NEAR_RANGES];
    uint32_t max = edits_for(folded);
    if (!max)
        return;
    uint32_t n = suggest_keys_near(&a->suggest->starts, folded, max, ranges, NEAR_RANGES);
    for (uint32_t distance = 1; distance <= max; distance++) {
        struct parts p = {.keys = &a->suggest->starts};
        for (uint32_t i = 0; i < n; i++)
            if (ranges[i].distance == distance)
                push(&p, ranges[i].from, ranges[i].to);
        take_heaviest(a, &p, distance, false);
    }
}

enum status suggest_find(const struct suggest *s, struct folder *f, struct slice typed,
                         uint32_t limit, bool (*keep)(void *ctx, struct slice text), void *ctx,
                         struct suggestion *out, uint32_t *count)
{
    struct answer a = {.suggest = s,
                       .keep = keep,
                       .ctx = ctx,
                       .out = out,
                       .limit = limit < SUGGEST_MAX ? limit : SUGGEST_MAX};
    struct slice folded;
    *count = 0;
    enum status st = folder_run(f, typed, true, &folded);
    if (st || !folded.len || folded.len > SUGGEST_TEXT_MAX)
        return st;
    struct parts p = {.keys = &s->starts};
    struct suggest_range r = suggest_keys_range(&s->starts, folded);
    push(&p, r.from, r.to);
    take_heaviest(&a, &p, 0, false);
    if (a.count < a.limit) {
        p = (struct parts){.keys = &s->words};
        r = suggest_keys_range(&s->words, folded);
        push(&p, r.from, r.to);
        take_heaviest(&a, &p, 0, true);
    }
    if (a.count < a.limit)
        take_near(&a, folded);
    *count = a.count;
    return STATUS_OK;
}
