#include "index/unspaced.h"
#include "index/begun.h"
#include "index/parts.h"
#include "index/script.h"

#include <stdlib.h>

enum {
    APART_WORDS = 3,       /* one word is cut in so many at most */
    APART_TERMS = 64,      /* beginnings looked up for one cut: the first of the dictionary */
    APART_LOOKED_UP = 256, /* runs of words looked up for one word, all cuts together */
    APART_READ = 8192,     /* products of the rarest words of these runs */
    APART_DOCS = 4096,     /* products of one cut */
    APART_CUTS = 16        /* cuts that find any */
};

struct cut {
    struct slice name; /* "desk to": the last one is a beginning */
    struct slice docs; /* ascending docids */
};

struct found {
    uint32_t docs[APART_DOCS], count; /* of the cut at hand */
    struct cut cuts[APART_CUTS];
    uint32_t cut_count, looked_up;
    uint64_t read, fields; /* `fields`: where the word may stand, 0 = anywhere */
    bool capped;
};

static int by_docid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Products of one run of words. What is read is bounded by the rarest word of each. */
static enum status find_run(const struct expansion_request *r, const struct slice *words,
                            uint32_t count, struct found *f)
{
    uint64_t rarest = UINT64_MAX;
    uint32_t *docs, n;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t df = expand_live_df(r->snap, words[i]);
        rarest = df < rarest ? df : rarest;
    }
    if (f->looked_up == APART_LOOKED_UP || f->read + rarest > APART_READ) {
        f->capped = true;
        return STATUS_OK;
    }
    f->looked_up++;
    f->read += rarest;
    enum status st = parts_side_by_side(r->snap, words, count, f->fields, r->arena, &docs, &n);
    for (uint32_t i = 0; !st && i < n; i++) {
        f->capped |= f->count == APART_DOCS;
        if (f->count < APART_DOCS)
            f->docs[f->count++] = docs[i];
    }
    return st;
}

/* What was found for a cut, put away. */
static enum status keep_cut(const struct expansion_request *r, const struct slice *words,
                            uint32_t count, struct found *f)
{
    struct slice name = SLICE_NULL;
    uint32_t kept = 0;
    f->capped |= f->count && f->cut_count == APART_CUTS;
    if (!f->count || f->cut_count == APART_CUTS)
        return STATUS_OK;
    qsort(f->docs, f->count, sizeof *f->docs, by_docid);
    for (uint32_t i = 0; i < f->count; i++)
        if (!i || f->docs[i] != f->docs[kept - 1])
            f->docs[kept++] = f->docs[i];
    for (uint32_t i = 0; i < count; i++)
        name = arena_printf(r->arena, "%.*s%s%.*s", (int)name.len, i ? name.ptr : "", i ? " " : "",
                            (int)words[i].len, words[i].ptr);
    struct cut *c = &f->cuts[f->cut_count++];
    *c = (struct cut){
        name, arena_copy(r->arena, slice_make((const char *)f->docs, kept * sizeof *f->docs))};
    return name.ptr && c->docs.ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

/* Behind `count` words, what begins with the rest. */
static enum status find_rest(const struct expansion_request *r, struct slice *words, uint32_t count,
                             struct slice rest, struct found *f)
{
    struct slice terms[APART_TERMS];
    uint32_t n;
    enum status st = begun_by(r, rest, terms, APART_TERMS, &n);
    f->count = 0;
    f->capped |= n == APART_TERMS;
    words[count] = rest;
    if (!st && expand_live_df(r->snap, rest))
        st = find_run(r, words, count + 1, f);
    for (uint32_t i = 0; !st && i < n; i++) {
        words[count] = terms[i];
        st = find_run(r, words, count + 1, f);
    }
    words[count] = rest;
    return st ? st : keep_cut(r, words, count + 1, f);
}

/* The text behind `count` words, cut wherever a word of the catalog ends. */
static enum status find_cuts(const struct expansion_request *r, struct slice *words, uint32_t count,
                             struct slice text, struct found *f)
{
    enum status st = STATUS_OK;
    for (size_t at = 1; !st && at < text.len; at++) {
        if (((unsigned char)text.ptr[at] & 0xc0) == 0x80)
            continue;
        struct slice word = slice_make(text.ptr, at),
                     rest = slice_make(text.ptr + at, text.len - at);
        if (!expand_live_df(r->snap, word))
            continue;
        words[count] = word;
        st = find_rest(r, words, count + 1, rest, f);
        words[count] = word;
        if (!st && count + 2 < APART_WORDS)
            st = find_cuts(r, words, count + 1, rest, f);
    }
    return st;
}

static enum status add(struct group *g, const struct found *f, const struct expansion_request *r)
{
    struct alternative *items = arena_calloc(r->arena, g->count + f->cut_count, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    for (uint32_t i = 0; i < f->cut_count; i++) {
        struct alternative *a = &items[g->count++];
        *a = (struct alternative){.term = f->cuts[i].name,
                                  .docs = (const uint32_t *)(const void *)f->cuts[i].docs.ptr,
                                  .doc_count = (uint32_t)(f->cuts[i].docs.len / sizeof(uint32_t)),
                                  .kind = ALT_JOINED,
                                  .tier = true,
                                  .idf =
                                      expand_scaled(g->idf, r->profile->n[PROFILE_prefix_factor])};
        g->df += a->doc_count;
    }
    g->items = items;
    return STATUS_OK;
}

/* `way` is the last word, or the last words as one: then what is found is so in each of them. */
static enum status expand_way(struct plan *plan, struct slice way, struct found *f,
                              const struct expansion_request *r)
{
    struct slice words[APART_WORDS];
    uint32_t last = plan->group_count - 1;
    f->cut_count = f->looked_up = 0;
    f->read = 0;
    f->fields = plan->groups[last].fields;
    f->capped = false;
    enum status st = find_cuts(r, words, 0, way, f);
    plan->expanded += f->looked_up;
    plan->capped |= f->capped;
    for (uint32_t i = 0; !st && f->cut_count && i <= last; i++) {
        struct group *g = &plan->groups[i];
        bool part = i == last;
        for (uint32_t k = 0; !part && k < g->same_count; k++)
            part = slice_equal(g->same[k], way);
        if (part)
            st = add(g, f, r);
    }
    return st;
}

enum status unspaced_apart(struct plan *plan, const struct expansion_request *r)
{
    const struct group *last = &plan->groups[plan->group_count - 1];
    struct slice word = last->items[0].term;
    enum status st = STATUS_OK;
    if (!script_unspaced(word))
        return STATUS_OK;
    struct found *f = arena_alloc(r->arena, sizeof *f);
    if (!f)
        return STATUS_NO_MEMORY;
    st = expand_way(plan, word, f, r);
    for (uint32_t i = 0; !st && i < last->same_count; i++) {
        struct slice way = last->same[i];
        if (way.len > word.len && memcmp(way.ptr + way.len - word.len, word.ptr, word.len) == 0)
            st = expand_way(plan, way, f, r);
    }
    return st;
}
