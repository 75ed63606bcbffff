/*
 * bench_expired - what the products that are past their limit and not yet removed cost the request
 * that meets them: the bitmap of the expired (server/expired.h) from nothing, as behind an opened
 * edition; after time went on; after commits that evict, push anew, and renew.
 *
 *   bench_expired [EXPIRED] [ROUNDS]     one JSON line
 *
 * As many fresh products stand between the expired ones. Times are of the wall, medians and worst.
 */
#include "bench_corpus.h"
#include "bench_must.h"
#include "index/index.h"
#include "index/snapshot.h"
#include "server/expired.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 20000, MINUTE = 60000, TOUCHED = 50 };

static struct schema *make_schema(void)
{
    static struct schema_spec spec = {.field_count = 1};
    spec.fields[0] = (struct field_spec){
        .name = SLICE_LIT("title"), .type = FIELD_TEXT, .flags = FIELD_SEARCHABLE | FIELD_STORED};
    struct buf b = BUF_INIT;
    struct schema *schema;
    schema_spec_encode(&spec, &b);
    must(schema_decode(buf_slice(&b), &schema, NULL), "schema", NULL);
    buf_fini(&b);
    return schema;
}

static void id_of(char out[24], uint64_t i)
{
    snprintf(out, 24, "p%llu", (unsigned long long)i);
}

static void put(struct batch *b, uint64_t i, const struct change *c)
{
    struct buf d = BUF_INIT;
    char id[24], title[40];
    id_of(id, i);
    snprintf(title, sizeof title, "word%llu", (unsigned long long)(i % 1000));
    document_put_header(&d, slice_str(id), 1);
    wire_put_varint(&d, 0);
    value_put_text(&d, slice_str(title));
    must(batch_upsert(b, buf_slice(&d), c), "upsert", NULL);
    buf_fini(&d);
}

/* Even ones ran out one after the other within the last minute. */
static void fill(struct index *ix, uint64_t products, int64_t now, uint64_t *sequence)
{
    struct batch *b = NULL;
    for (uint64_t i = 0; i < products; i++) {
        struct change c = {.validated_ms = now - MINUTE - 10 + (int64_t)(i * MINUTE / products),
                           .ttl_ms = i % 2 ? 1000 * MINUTE : 1};
        if (!b)
            must(batch_begin(ix, &b), "begin", NULL);
        put(b, i, &c);
        if (i % BATCH == BATCH - 1 || i == products - 1)
            must(batch_commit(&b, ++*sequence), "commit", NULL);
    }
    must(index_merge_all(ix), "merge", NULL);
}

static double look(struct expired *e, struct snapshot *snap, int64_t now)
{
    const uint64_t *bits;
    uint32_t count;
    must(snapshot_begin(snap), "snapshot", NULL);
    double t = bench_now_us();
    must(expired_at(e, snap, now, &bits, &count), "expired", NULL);
    t = bench_now_us() - t;
    snapshot_end(snap);
    return t;
}

static int by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *name, double *took, int rounds)
{
    qsort(took, (size_t)rounds, sizeof *took, by_double);
    printf(",\"%s_us\":%.1f,\"%s_worst_us\":%.1f", name, took[rounds / 2], name, took[rounds - 1]);
}

enum kind { EVICTED, PUSHED, RENEWED };

/* Fifty of the expired are touched by a commit, which the next request follows. */
static double after(struct index *ix, struct expired *e, struct snapshot *snap, enum kind kind,
                    uint64_t *next, uint64_t *sequence, int64_t now)
{
    struct batch *b;
    const struct change c = {.validated_ms = now, .ttl_ms = INT64_C(1000) * MINUTE};
    must(batch_begin(ix, &b), "begin", NULL);
    for (int i = 0; i < TOUCHED; i++, *next += 2) {
        char id[24];
        id_of(id, *next);
        if (kind == PUSHED)
            put(b, *next, &c);
        else
            must(kind == EVICTED ? batch_delete(b, slice_str(id))
                                 : batch_validate(b, slice_str(id), &c),
                 "change", NULL);
    }
    must(batch_commit(&b, ++*sequence), "commit", NULL);
    return look(e, snap, now);
}

int main(int argc, char **argv)
{
    enum { ROUNDS = 1000 };
    static double took[ROUNDS];
    uint64_t expired = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000, sequence = 0, next = 0;
    int rounds = argc > 2 ? atoi(argv[2]) : 20;
    char dir[] = "/tmp/souk-bench-XXXXXX", command[64];
    struct schema *schema = make_schema();
    struct index *ix;
    struct snapshot *snap;
    struct expired e = {0};
    bool stale;
    int64_t now = INT64_C(1700000000000);
    if (rounds < 1 || rounds > ROUNDS || expired < (uint64_t)rounds * TOUCHED * 4 || !mkdtemp(dir))
        return 2;
    must(index_create(dir, schema, NULL, NULL), "create", NULL);
    must(index_open(dir, NULL, &ix, &stale, NULL), "open", NULL);
    fill(ix, expired * 2, now, &sequence);
    must(snapshot_create(ix, &snap), "snapshot", NULL);
    printf("{\"bench\":\"expired\",\"expired\":%llu", (unsigned long long)expired);
    for (int i = 0; i < rounds; i++) {
        expired_fini(&e);
        took[i] = look(&e, snap, now);
    }
    tell("opened", took, rounds);
    for (int i = 0; i < rounds; i++)
        took[i] = look(&e, snap, ++now);
    tell("a_millisecond", took, rounds);
    const char *names[] = {"evicted", "pushed", "renewed"};
    for (enum kind k = EVICTED; k <= RENEWED; k++) {
        for (int i = 0; i < rounds; i++)
            took[i] = after(ix, &e, snap, k, &next, &sequence, ++now);
        tell(names[k], took, rounds);
    }
    printf("}\n");
    expired_fini(&e);
    snapshot_destroy(&snap);
    index_close(&ix);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) != 0;
}
