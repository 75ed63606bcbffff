/*
 * arena - memory that lives as long as one request: bump allocation, freed all at once.
 *
 * One owner, one thread. arena_reset() keeps the memory, so that after warm-up a request
 * allocates nothing from the system (arena_grown() counts the times it did). Memory is aligned to
 * 16 bytes and not cleared unless the function says so. With a cap set, an allocation beyond it
 * returns NULL (STATUS_NO_MEMORY for the caller), so that one request cannot take everything.
 */
#ifndef SOUK_PROTOCOL_ARENA_H
#define SOUK_PROTOCOL_ARENA_H

#include "protocol/slice.h"

struct arena_block;

struct arena {
    struct arena_block *first, *current;
    size_t used;    /* bytes handed out since the last reset */
    size_t cap;     /* most bytes between two resets; 0 = no cap */
    uint64_t grown; /* blocks ever taken from the system */
};

/* Starts empty; `cap` in bytes, 0 = none. Takes nothing from the system yet. */
void arena_init(struct arena *a, size_t cap);
/* Gives every block back; the arena may be used again. */
void arena_fini(struct arena *a);
/* Forgets what was handed out; keeps as much memory, in one piece, up to 8 MiB. */
void arena_reset(struct arena *a);
/* `size` bytes, or NULL when the cap or the system refuses. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* The same, cleared; NULL also when count * size overflows. */
void *arena_calloc(struct arena *a, size_t count, size_t size);
/* A copy of the bytes with a NUL behind them (not counted in len); ptr NULL when refused. */
struct slice arena_copy(struct arena *a, struct slice s);
/* printf into the arena; ptr NULL when refused. */
struct slice arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline uint64_t arena_grown(const struct arena *a)
{
    return a->grown;
}

#endif
