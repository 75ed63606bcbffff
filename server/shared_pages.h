/*
 * shared_pages - two bytes for each docid of a catalog, in the shared memory: hits and askings.
 *
 *   struct shared | row 0: edition even, edition odd | row 1: ...
 *   one edition = PAGES_DOCIDS bytes of hits, then PAGES_DOCIDS bytes of askings; sparse
 *
 * `hits`: fronts count what they serve, up to PAGES_HITS_MOST; the writer reads them to choose what
 * a full catalog gives up (S3-FIFO) and takes them back as it does so. `asked`: the second in which
 * a front asked for a refresh of the docid, so that one front asks once; an asking ends by itself
 * after PAGES_ASKED_S. Everything is a relaxed load or store: a lost hit changes nothing, a second
 * asking is merged by the fetcher.
 *
 * Docids are numbered anew by each edition, so an edition has its own bytes; two neighbours live
 * side by side while fronts move over. Docids from PAGES_DOCIDS on have no bytes: they count as
 * never hit and never asked. Within an edition docids are never used twice.
 */
#ifndef SOUK_SERVER_SHARED_PAGES_H
#define SOUK_SERVER_SHARED_PAGES_H

#include <stddef.h>

#include "server/shared.h"

enum { PAGES_DOCIDS = 1 << 28, PAGES_HITS_MOST = 3, PAGES_ASKED_S = 5 };

struct shared_pages {
    _Atomic uint8_t *hits, *asked; /* NULL = not mapped: every call below does nothing */
};

/* Bytes of the whole shared memory. */
size_t shared_pages_end(void);
/* Maps the bytes of an edition of the row; `fd` is the shared memory. */
enum status shared_pages_map(int fd, const struct shared *s, const struct shared_catalog *row,
                             uint64_t edition, struct shared_pages *out);
void shared_pages_unmap(struct shared_pages *p);
/* The writer only: all bytes of an edition become 0 again and their memory is given back. Before a
 * new edition is filled, after an old one is removed. */
enum status shared_pages_wipe(int fd, const struct shared *s, const struct shared_catalog *row,
                              uint64_t edition);

/* A product was served. */
static inline void shared_pages_hit(const struct shared_pages *p, uint32_t docid)
{
    if (!p->hits || docid >= PAGES_DOCIDS)
        return;
    uint8_t n = atomic_load_explicit(&p->hits[docid], memory_order_relaxed);
    if (n < PAGES_HITS_MOST) /* a hot product costs a load, its line stays shared */
        atomic_store_explicit(&p->hits[docid], (uint8_t)(n + 1), memory_order_relaxed);
}

/* It will be soon. */
static inline void shared_pages_prefetch(const struct shared_pages *p, uint32_t docid)
{
    if (p->hits && docid < PAGES_DOCIDS)
        __builtin_prefetch((const void *)(uintptr_t)&p->hits[docid], 1);
}

static inline uint8_t shared_pages_hits(const struct shared_pages *p, uint32_t docid)
{
    return p->hits && docid < PAGES_DOCIDS
               ? atomic_load_explicit(&p->hits[docid], memory_order_relaxed)
               : 0;
}

static inline void shared_pages_set_hits(const struct shared_pages *p, uint32_t docid, uint8_t n)
{
    if (p->hits && docid < PAGES_DOCIDS)
        atomic_store_explicit(&p->hits[docid], n, memory_order_relaxed);
}

/* The fetcher only: what was asked for came some time ago, it may be asked for again. */
static inline void shared_pages_answered(const struct shared_pages *p, uint32_t docid)
{
    if (p->asked && docid < PAGES_DOCIDS)
        atomic_store_explicit(&p->asked[docid], 0, memory_order_relaxed);
}

/* True when the caller is the one to ask for a refresh now. */
bool shared_pages_ask(const struct shared_pages *p, uint32_t docid, int64_t mono_ms);

#endif
