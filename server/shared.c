#include "server/shared.h"

#include <sys/mman.h>
#include <time.h>

uint64_t clock_mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

struct shared *shared_create(void)
{
    struct shared *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return NULL;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    s->wall_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    s->mono_ms = (int64_t)clock_mono_ms();
    return s;
}

int64_t shared_now_ms(const struct shared *s)
{
    return s->wall_ms + ((int64_t)clock_mono_ms() - s->mono_ms);
}

struct shared_catalog *shared_find(struct shared *s, struct slice name)
{
    uint32_t n = atomic_load_explicit(&s->catalog_count, memory_order_acquire);
    for (uint32_t i = 0; i < n; i++)
        if (slice_equal(slice_str(s->catalogs[i].name), name))
            return &s->catalogs[i];
    return NULL;
}

struct shared_catalog *shared_add(struct shared *s, struct slice name)
{
    struct shared_catalog *c = shared_find(s, name);
    uint32_t n = atomic_load(&s->catalog_count);
    if (c)
        return c;
    if (n == SHARED_CATALOGS || name.len > CATALOG_NAME_MAX)
        return NULL;
    c = &s->catalogs[n];
    memcpy(c->name, name.ptr, name.len);
    c->name[name.len] = '\0';
    atomic_store_explicit(&s->catalog_count, n + 1, memory_order_release);
    return c;
}
