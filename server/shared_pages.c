#include "server/shared_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_ROOM = 1 << 16 }; /* covers every page size we meet */

static size_t pages_start(void)
{
    return (sizeof(struct shared) + PAGE_ROOM - 1) / PAGE_ROOM * PAGE_ROOM;
}

static size_t edition_len(void)
{
    return (size_t)PAGES_DOCIDS * 2;
}

size_t shared_pages_end(void)
{
    return pages_start() + edition_len() * 2 * SHARED_CATALOGS;
}

static off_t offset_of(const struct shared *s, const struct shared_catalog *row, uint64_t edition)
{
    size_t place = (size_t)(row - s->catalogs) * 2 + edition % 2;
    return (off_t)(pages_start() + place * edition_len());
}

enum status shared_pages_map(int fd, const struct shared *s, const struct shared_catalog *row,
                             uint64_t edition, struct shared_pages *out)
{
    *out = (struct shared_pages){0};
    void *p = mmap(NULL, edition_len(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                   offset_of(s, row, edition));
    if (p == MAP_FAILED)
        return STATUS_NO_MEMORY;
    madvise(p, edition_len(), MADV_DONTDUMP);
    out->hits = p;
    out->asked = out->hits + PAGES_DOCIDS;
    return STATUS_OK;
}

void shared_pages_unmap(struct shared_pages *p)
{
    if (p->hits)
        munmap((void *)(uintptr_t)p->hits, edition_len());
    *p = (struct shared_pages){0};
}

enum status shared_pages_wipe(int fd, const struct shared *s, const struct shared_catalog *row,
                              uint64_t edition)
{
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(s, row, edition),
                     (off_t)edition_len())
               ? STATUS_IO
               : STATUS_OK;
}

/* A byte holds the second of the asking, 1 .. 255, and 0 for none. It comes round after 255 s: an
 * old asking then looks new for PAGES_ASKED_S, which puts a refresh off and loses none. */
bool shared_pages_ask(const struct shared_pages *p, uint32_t docid, int64_t mono_ms)
{
    if (!p->asked || docid >= PAGES_DOCIDS)
        return true;
    uint8_t now = (uint8_t)(mono_ms / 1000 % 255 + 1);
    uint8_t before = atomic_load_explicit(&p->asked[docid], memory_order_relaxed);
    if (before && (now + 255 - before) % 255 < PAGES_ASKED_S)
        return false;
    return atomic_compare_exchange_strong_explicit(&p->asked[docid], &before, now,
                                                   memory_order_relaxed, memory_order_relaxed);
}
