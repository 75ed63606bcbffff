#include "server/query_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { HALF_LIFE_MS = 24 * 3600 * 1000 };

static const struct {
    uint32_t from, count;
} tables[QUERIES_KINDS] = {
    [QUERIES_POPULAR] = {0, QUERY_POPULAR},
    [QUERIES_SLOW] = {QUERY_POPULAR, QUERY_SLOW},
    [QUERIES_NO_HITS] = {QUERY_POPULAR + QUERY_SLOW, QUERY_NO_HITS},
};

static float decayed(float weight, int64_t since_ms)
{
    /* within a second nothing is lost; exp2f() is what costs here */
    return since_ms < 1000 ? weight : weight * exp2f(-(float)since_ms / HALF_LIFE_MS);
}

static uint32_t catalog_hash(struct slice name)
{
    return XXH32(name.ptr, name.len, 0);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The place of the query, or the one with the least weight in its set. */
static struct query_record *place_of(struct query_record *table, uint32_t size, uint32_t catalog,
                                     uint64_t hash, int64_t now_ms)
{
    struct query_record *set = table + (hash ^ catalog) % (size / QUERY_WAYS) * QUERY_WAYS;
    struct query_record *least = set;
    float weight = INFINITY;
    for (uint32_t i = 0; i < QUERY_WAYS; i++) {
        if (!atomic_load_explicit(&set[i].version, memory_order_relaxed))
            return &set[i];
        if (set[i].hash == hash && set[i].catalog == catalog)
            return &set[i];
    }
    for (uint32_t i = 0; i < QUERY_WAYS; i++) {
        struct query_record *r = &set[i];
        float w = decayed(r->weight, now_ms - r->last_ms);
        if (w < weight) {
            weight = w;
            least = r;
        }
    }
    return least;
}

static void write_record(struct query_record *r, const struct query_note *n, uint32_t catalog,
                         uint64_t hash, bool slow)
{
    bool known = r->len && r->hash == hash && r->catalog == catalog;
    float weight = known ? decayed(r->weight, n->now_ms - r->last_ms) : 0;
    float count = known ? decayed(r->count, n->now_ms - r->last_ms) : 0;
    uint32_t version = atomic_load_explicit(&r->version, memory_order_relaxed);
    atomic_store_explicit(&r->version, version | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    r->catalog = catalog;
    r->hash = hash;
    r->last_ms = n->now_ms;
    r->count = count + (float)n->times;
    r->weight = !slow ? r->count : (float)n->took_us > weight ? (float)n->took_us : weight;
    r->found = n->found < UINT32_MAX ? (uint32_t)n->found : UINT32_MAX;
    if (!known || n->took_us > r->slowest_us)
        r->slowest_us = n->took_us;
    if (!known) {
        r->len = (uint8_t)n->text.len;
        memcpy(r->text, n->text.ptr, n->text.len);
    }
    /* never 0 again: 0 says that the place was never used */
    uint32_t next = (version | 1) + 1;
    atomic_store_explicit(&r->version, next ? next : 2, memory_order_release);
}

static void note_in(struct query_log *log, enum queries_kind kind, const struct query_note *n,
                    uint32_t catalog, uint64_t hash)
{
    struct query_record *table = log->records + tables[kind].from;
    struct query_record *r = place_of(table, tables[kind].count, catalog, hash, n->now_ms);
    bool same = r->len && r->hash == hash && r->catalog == catalog;
    /* a slow query stays until a slower one comes */
    if (kind == QUERIES_SLOW && r->len && !same &&
        decayed(r->weight, n->now_ms - r->last_ms) >= (float)n->took_us)
        return;
    write_record(r, n, catalog, hash, kind == QUERIES_SLOW);
}

void query_log_note(struct query_log *log, const struct query_note *n)
{
    if (!n->text.len || n->text.len > QUERY_TEXT_MAX || !n->folded.len)
        return;
    if (!atomic_load_explicit(&log->used, memory_order_relaxed))
        atomic_store_explicit(&log->used, 1, memory_order_relaxed);
    uint32_t catalog = catalog_hash(n->catalog);
    uint64_t hash = XXH3_64bits(n->folded.ptr, n->folded.len);
    note_in(log, QUERIES_POPULAR, n, catalog, hash);
    note_in(log, QUERIES_SLOW, n, catalog, hash);
    if (!n->found)
        note_in(log, QUERIES_NO_HITS, n, catalog, hash);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A whole record, or false. */
static bool read_record(struct query_record *r, struct query_record *out)
{
    uint32_t before = atomic_load_explicit(&r->version, memory_order_acquire);
    if (!before || before & 1)
        return false;
    memcpy((char *)out + sizeof out->version, (char *)r + sizeof r->version,
           sizeof *r - sizeof r->version);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&r->version, memory_order_relaxed) == before &&
           out->len <= QUERY_TEXT_MAX;
}

static int by_hash(const void *a, const void *b)
{
    const struct query_record *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->last_ms > y->last_ms ? -1 : x->last_ms < y->last_ms;
}

static int by_weight(const void *a, const void *b)
{
    const struct query_record *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Records of one query become one; the latest gives text and found. */
static uint32_t merge(struct query_record *all, uint32_t n, bool slow)
{
    uint32_t kept = 0;
    qsort(all, n, sizeof *all, by_hash);
    for (uint32_t i = 0; i < n; i++) {
        struct query_record *last = kept ? &all[kept - 1] : NULL;
        if (!last || last->hash != all[i].hash) {
            all[kept++] = all[i];
            continue;
        }
        last->count += all[i].count;
        if (!slow)
            last->weight += all[i].weight;
        else if (all[i].weight > last->weight)
            last->weight = all[i].weight;
        if (all[i].slowest_us > last->slowest_us)
            last->slowest_us = all[i].slowest_us;
    }
    qsort(all, kept, sizeof *all, by_weight);
    return kept;
}

static bool used(struct query_log *log)
{
    return atomic_load_explicit(&log->used, memory_order_relaxed) != 0;
}

static uint32_t gather(struct query_log *logs, uint32_t log_count, uint32_t catalog,
                       enum queries_kind kind, int64_t now_ms, struct query_record *out)
{
    uint32_t n = 0;
    for (uint32_t l = 0; l < log_count; l++)
        for (uint32_t i = 0; used(&logs[l]) && i < tables[kind].count; i++) {
            struct query_record *r = &logs[l].records[tables[kind].from + i];
            if (!read_record(r, &out[n]) || out[n].catalog != catalog)
                continue;
            out[n].weight = decayed(out[n].weight, now_ms - out[n].last_ms);
            out[n].count = decayed(out[n].count, now_ms - out[n].last_ms);
            n++;
        }
    return n;
}

enum status query_log_read(struct query_log *logs, uint32_t log_count, struct slice catalog,
                           enum queries_kind kind, uint32_t limit, int64_t now_ms,
                           struct arena *arena, struct queries_row **rows, uint32_t *count)
{
    size_t room = 1;
    for (uint32_t l = 0; l < log_count; l++)
        room += used(&logs[l]) ? tables[kind].count : 0;
    struct query_record *all = malloc(room * sizeof *all);
    if (!all)
        return STATUS_NO_MEMORY;
    uint32_t n = gather(logs, log_count, catalog_hash(catalog), kind, now_ms, all);
    n = merge(all, n, kind == QUERIES_SLOW);
    n = n < limit ? n : limit;
    *rows = arena_calloc(arena, n + 1, sizeof **rows);
    *count = *rows ? n : 0;
    for (uint32_t i = 0; i < *count; i++)
        (*rows)[i] = (struct queries_row){
            .text = arena_copy(arena, slice_make(all[i].text, all[i].len)),
            .count = all[i].count,
            .age_ms = now_ms > all[i].last_ms ? (uint64_t)(now_ms - all[i].last_ms) : 0,
            .found = all[i].found,
            .slowest_us = all[i].slowest_us};
    free(all);
    for (uint32_t i = 0; i < *count; i++)
        if (!(*rows)[i].text.ptr)
            return STATUS_NO_MEMORY;
    return *rows ? STATUS_OK : STATUS_NO_MEMORY;
}
