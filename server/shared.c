#include "server/shared.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/shared_pages.h"

#define SHARED_MAGIC 0x536b5037u /* changes with the layout */

enum { STEP_MS = 1000 }; /* less is slewing */

int64_t clock_mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

static int64_t clock_wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum status shared_create(struct shared **out, int *fd)
{
    *fd = memfd_create("soukd-shared", MFD_CLOEXEC);
    if (*fd < 0)
        return STATUS_IO;
    if (ftruncate(*fd, (off_t)shared_pages_end())) { /* sparse: only bytes written take memory */
        close(*fd);
        return STATUS_IO;
    }
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (s == MAP_FAILED) {
        close(*fd);
        return STATUS_NO_MEMORY;
    }
    s->mono_anchor_ms = clock_mono_ms();
    s->wall_anchor_ms = clock_wall_ms();
    s->magic = SHARED_MAGIC;
    *out = s;
    return STATUS_OK;
}

enum status shared_open(int fd, struct shared **out)
{
    struct stat st;
    if (fstat(fd, &st) || st.st_size != (off_t)shared_pages_end())
        return STATUS_CORRUPT;
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (s == MAP_FAILED)
        return STATUS_NO_MEMORY;
    if (s->magic != SHARED_MAGIC) {
        munmap(s, sizeof *s);
        return STATUS_CORRUPT;
    }
    *out = s;
    return STATUS_OK;
}

#ifndef SOUK_FAST_TIME
#define SOUK_FAST_TIME 1 /* in a test build products age so many times as fast */
#endif

int64_t shared_ms_at(const struct shared *s, int64_t mono_us)
{
    return s->wall_anchor_ms + (mono_us / 1000 - s->mono_anchor_ms) * SOUK_FAST_TIME;
}

int64_t shared_now_ms(const struct shared *s)
{
    return shared_ms_at(s, clock_mono_us());
}

int64_t shared_clock_look(struct shared *s)
{
    int64_t skew = clock_wall_ms() - s->wall_anchor_ms - (clock_mono_ms() - s->mono_anchor_ms);
    int64_t step = skew - atomic_exchange(&s->clock_skew_ms, skew);
    if (step <= STEP_MS && step >= -STEP_MS)
        return 0;
    atomic_fetch_add(&s->clock_steps, 1);
    return step;
}

void shared_beat(struct shared_process *p)
{
    atomic_store_explicit(&p->beat, (uint64_t)clock_mono_ms(), memory_order_relaxed);
}

struct shared_catalog *shared_catalog_find(struct shared *s, struct slice name)
{
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++) {
        struct shared_catalog *c = &s->catalogs[i];
        if (atomic_load_explicit(&c->state, memory_order_acquire) == 1 &&
            slice_equal(slice_str(c->name), name))
            return c;
    }
    return NULL;
}

/* Rows are told apart by a hash of the name. Who finds a row of its hash without a name writes it,
 * so that none stays nameless when a front dies; others may be writing the same. */
struct shared_key *shared_key_claim(struct shared *s, const char *name)
{
    uint64_t want = XXH3_64bits(name, strlen(name)) | 1;
    for (uint32_t i = 1; i < SHARED_KEYS; i++) {
        struct shared_key *k = &s->keys[i];
        uint64_t is = 0;
        if (!atomic_compare_exchange_strong(&k->hash, &is, want) && is != want)
            continue;
        if (!atomic_load_explicit(&k->named, memory_order_acquire)) {
            memcpy(k->name, name, strlen(name) + 1);
            atomic_store_explicit(&k->named, 1, memory_order_release);
        }
        return k;
    }
    return &s->keys[0];
}

enum status shared_catalogs_full(struct fault *fault)
{
    return fault_set(fault, STATUS_TOO_LARGE, NULL, "a server has at most %d catalogs",
                     SHARED_CATALOGS);
}

struct shared_catalog *shared_catalog_claim(struct shared *s, struct slice name)
{
    struct shared_catalog *c = shared_catalog_find(s, name);
    if (c || name.len > SHARED_NAME)
        return c;
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++) {
        c = &s->catalogs[i];
        if (atomic_load_explicit(&c->state, memory_order_relaxed) == 1)
            continue;
        /* The edition goes on counting over the life of the row, so that a front which had an older
         * catalog of this name open looks at CURRENT again. */
        if (name.len)
            memcpy(c->name, name.ptr, name.len);
        c->name[name.len] = '\0';
        atomic_store(&c->generation, 0);
        atomic_store(&c->logged, 0);
        atomic_store(&c->visible, 0);
        atomic_store(&c->products, 0);
        atomic_store(&c->log_bytes, 0);
        atomic_store(&c->queued, 0);
        atomic_store(&c->leader_last, 0);
        atomic_store(&c->held, 0);
        atomic_store(&c->replicated, 0);
        atomic_store(&c->write_state, WRITE_OPEN);
        memset((void *)&c->freshness, 0, sizeof c->freshness);
        memset((void *)&c->upstream, 0, sizeof c->upstream);
        memset((void *)c->providers, 0, sizeof c->providers);
        atomic_store_explicit(&c->state, 1, memory_order_release);
        atomic_fetch_add(&s->catalog_epoch, 1);
        return c;
    }
    return NULL;
}

void shared_catalog_release(struct shared *s, struct shared_catalog *c)
{
    atomic_store_explicit(&c->state, 2, memory_order_release);
    atomic_fetch_add(&s->catalog_epoch, 1);
}

/* --- what the rows mean -------------------------------------------------------------------------
 */

enum upstream_state shared_upstream_now(const struct shared *s, const struct shared_catalog *c)
{
    uint32_t state = atomic_load_explicit(&c->upstream.state, memory_order_relaxed);
    if (state != UPSTREAM_OK)
        return (enum upstream_state)state;
    uint32_t place = atomic_load_explicit(&s->fetcher, memory_order_relaxed);
    if (place >= SHARED_PROCESSES)
        return UPSTREAM_FAILING;
    int64_t beat = (int64_t)atomic_load_explicit(&s->processes[place].beat, memory_order_relaxed);
    return clock_mono_ms() - beat > SHARED_SILENCE_MS ? UPSTREAM_FAILING : UPSTREAM_OK;
}

uint32_t shared_safe_mode_now(const struct shared_catalog *c)
{
    uint32_t bits = atomic_load_explicit(&c->freshness.safe_mode, memory_order_relaxed);
    uint32_t write = atomic_load_explicit(&c->write_state, memory_order_relaxed);
    return write == WRITE_NO_SPACE || write == WRITE_SAFE_MODE ? bits | SAFE_STORAGE : bits;
}

static const char *name_of(const char *const *names, size_t count, size_t i)
{
    return i < count ? names[i] : "unknown";
}

const char *breaker_state_name(enum breaker_state b)
{
    static const char *const names[] = {"closed", "half_open", "open", "paused"};
    return name_of(names, 4, b);
}

const char *canary_state_name(enum canary_state c)
{
    static const char *const names[] = {"none", "ok", "late", "failed"};
    return name_of(names, 4, c);
}

const char *follow_state_name(enum follow_state s)
{
    static const char *const names[] = {"none",      "connecting",  "copying",
                                        "following", "leader_lost", "other_build"};
    return name_of(names, sizeof names / sizeof names[0], s);
}

const char *role_name(enum role r)
{
    static const char *const names[] = {"front", "admin", "writer", "fetcher", "replica"};
    return r < ROLE_COUNT ? names[r] : "unknown";
}
