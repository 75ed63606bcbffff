#include "protocol/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 64 * 1024, ARENA_KEEP = 8 * 1024 * 1024, ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t cap)
{
    *a = (struct arena){.cap = cap};
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_fini(struct arena *a)
{
    free_blocks(a->first);
    *a = (struct arena){.cap = a->cap};
}

static struct arena_block *add_block(struct arena *a, size_t size)
{
    struct arena_block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    *b = (struct arena_block){.size = size};
    if (a->current)
        a->current->next = b;
    else
        a->first = b;
    a->current = b;
    a->grown++;
    return b;
}

/* Several blocks become one of what they held: allocations of any sizes then fit into it, where of
 * a chain some would pass over the rest of a block and find nothing large enough behind it. */
void arena_reset(struct arena *a)
{
    size_t want = (a->used + ARENA_BLOCK - 1) / ARENA_BLOCK * ARENA_BLOCK;
    want = want < ARENA_KEEP ? want : ARENA_KEEP;
    a->used = 0;
    if (!a->first)
        return;
    if (!a->first->next || a->first->size >= want) { /* the rest is beyond what is kept */
        free_blocks(a->first->next);
        a->first->next = NULL;
        a->first->used = 0;
        a->current = a->first;
        return;
    }
    free_blocks(a->first);
    a->first = a->current = NULL;
    add_block(a, want); /* refused: begins empty */
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (a->cap && (need > a->cap || a->used > a->cap - need))
        return NULL;
    struct arena_block *b = a->current;
    if (!b || b->size - b->used < need)
        b = add_block(a, need > ARENA_BLOCK ? need : ARENA_BLOCK);
    if (!b)
        return NULL;
    void *p = b->bytes + b->used;
    b->used += need;
    a->used += need;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / 2 / size)
        return NULL;
    void *p = arena_alloc(a, count * size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (!p)
        return SLICE_NULL;
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return slice_make(p, s.len);
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p ? slice_make(p, (size_t)n) : SLICE_NULL;
}
