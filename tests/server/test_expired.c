/* The bitmap of expired products against the definition, over random commits and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "index/expiry.h"
#include "index/expiry_moves.h"
#include "server/expired.h"
#include "tests/index/support_index.h"

enum { PRODUCTS = 60, STEPS = 3000 };

static bool has(const uint64_t *bits, uint32_t count, uint32_t docid)
{
    return bits && docid < count && bits[docid / 64] >> docid % 64 & 1;
}

static void put(struct batch *b, const char *id, const char *title, const struct change *c)
{
    struct buf d = BUF_INIT;
    shop_document(&d, &(struct shop_product){.id = id, .title = title, .price = -1, .stock = -1});
    assert_int_equal(batch_upsert(b, buf_slice(&d), c), STATUS_OK);
    buf_fini(&d);
}

/* One commit: pushes (new text or none), validations, evictions. */
static void commit(struct shop *s, uint64_t sequence, int64_t now)
{
    struct batch *b;
    assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
    for (int n = rand() % 6; n-- > 0;) {
        char id[16], title[32];
        struct change c = {0,           now - rand() % 50, rand() % 4 ? rand() % 300 : 0,
                           rand() % 40, rand() % 200,      0};
        snprintf(id, sizeof id, "p%d", rand() % PRODUCTS);
        snprintf(title, sizeof title, "word%d", rand() % 3);
        int what = rand() % 10;
        enum status st = STATUS_OK;
        if (what < 5)
            put(b, id, title, &c);
        else if (what < 8)
            st = batch_validate(b, slice_str(id), &c);
        else
            st = batch_delete(b, slice_str(id));
        assert_true(st == STATUS_OK || st == STATUS_NOT_FOUND);
    }
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
}

static void it_is_exact_at_every_millisecond_and_commit(void **state)
{
    (void)state;
    struct shop s;
    struct snapshot *snap;
    struct expired e = {0};
    int64_t now = 100000;
    uint64_t sequence = 0, seen = 0, empty = 0;
    const char *given = getenv("SOUK_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 7;
    print_message("seed %u\n", seed);
    srand(seed);
    shop_open(&s);
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    for (int step = 0; step < STEPS; step++) {
        const uint64_t *bits;
        uint32_t count;
        if (rand() % 4 == 0)
            commit(&s, ++sequence, now);
        if (rand() % 50 == 0) /* more commits than are remembered */
            for (int i = 0; i < 40; i++)
                commit(&s, ++sequence, now);
        now += rand() % 7;
        assert_int_equal(snapshot_begin(snap), STATUS_OK);
        assert_int_equal(expired_at(&e, snap, now, &bits, &count), STATUS_OK);
        uint64_t expired = 0;
        for (uint32_t d = 0; d < snapshot_docid_end(snap); d++) {
            struct product_times t;
            if (!snapshot_is_live(snap, d))
                continue;
            assert_int_equal(snapshot_times(snap, d, SLICE_NULL, &t), STATUS_OK);
            assert_int_equal(has(bits, count, d), now >= t.limit_ms);
            expired += now >= t.limit_ms;
        }
        if (!expired && e.generation == snapshot_generation(snap))
            empty += bits == NULL;
        seen += expired;
        snapshot_end(snap);
    }
    assert_true(seen > 1000);
    assert_true(empty > 0);
    expired_fini(&e);
    snapshot_destroy(&snap);
    shop_close(&s);
}

/* An edition copied without its free pages goes on with the count of commits: a reader of it keeps
 * what it knows while products are evicted, and no stamp of a chunk comes a second time. */
static void in_a_copy_evictions_move_nothing(void **state)
{
    (void)state;
    struct shop s;
    struct index *copy;
    struct snapshot *snap;
    struct expired e = {0};
    struct batch *b;
    bool stale;
    const uint64_t *bits;
    uint32_t count;
    char dir[] = "/tmp/souk-expired-XXXXXX", command[64];
    int64_t now = 100000;
    const struct change c = {0, now, 10, 0, 0, 0};
    shop_open(&s);
    for (int i = 0; i < 40; i++) { /* more commits than are remembered */
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
        put(b, id, "word", &c);
        assert_int_equal(batch_commit(&b, (uint64_t)i + 1), STATUS_OK);
    }
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    uint64_t generation = snapshot_generation(snap);
    snapshot_destroy(&snap);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(index_copy_into(s.ix, dir), STATUS_OK);
    assert_int_equal(index_open(dir, NULL, &copy, &stale, NULL), STATUS_OK);
    assert_int_equal(snapshot_create(copy, &snap), STATUS_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(snapshot_begin(snap), STATUS_OK);
        assert_int_equal(snapshot_generation(snap), generation + (uint64_t)i);
        assert_int_equal(expired_at(&e, snap, now + 1000, &bits, &count), STATUS_OK);
        assert_int_equal(e.version, 40); /* each bit was set once, and none was cleared */
        snapshot_end(snap);
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        assert_int_equal(batch_begin(copy, &b), STATUS_OK);
        assert_int_equal(batch_delete(b, slice_str(id)), STATUS_OK);
        assert_int_equal(batch_commit(&b, (uint64_t)i + 100), STATUS_OK);
    }
    expired_fini(&e);
    snapshot_destroy(&snap);
    index_close(&copy);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    shop_close(&s);
}

static void look(struct expired *e, struct snapshot *snap, int64_t now, uint64_t want)
{
    const uint64_t *bits;
    uint32_t count;
    uint64_t found = 0;
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(expired_at(e, snap, now, &bits, &count), STATUS_OK);
    for (uint32_t d = 0; d < snapshot_docid_end(snap); d++)
        found += snapshot_is_live(snap, d) && has(bits, count, d);
    assert_int_equal(found, want);
    snapshot_end(snap);
}

static void confirm(struct shop *s, int from, int to, int64_t now, bool anew, uint64_t sequence)
{
    struct batch *b;
    const struct change c = {0, now, 100000, 0, 0, 0};
    assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
    for (int i = from; i < to; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        if (anew)
            put(b, id, "word", &c);
        else
            assert_int_equal(batch_validate(b, slice_str(id), &c), STATUS_OK);
    }
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
}

static struct shop expired_shop(int products, int64_t now)
{
    struct shop s;
    struct batch *b;
    const struct change c = {0, now, 10, 0, 0, 0};
    shop_open(&s);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    for (int i = 0; i < products; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        put(b, id, "word", &c);
    }
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    return s;
}

/* When an upstream is back after products ran out, each commit renews some of very many: a request
 * behind it looks at these, and does not read through all that wait. */
static void who_is_renewed_is_looked_at_alone(void **state)
{
    (void)state;
    enum { MANY = 1000, EACH = 5 };
    int64_t now = 100000;
    struct shop s = expired_shop(MANY, now);
    struct snapshot *snap;
    struct expired e = {0};
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    look(&e, snap, now += 1000, MANY);
    assert_int_equal(e.version, MANY); /* each bit was set once */
    for (int i = 0; i < 40; i++) {
        confirm(&s, i * EACH, i * EACH + EACH, now, i % 2, (uint64_t)i + 2);
        look(&e, snap, now += 100, MANY - (uint64_t)(i + 1) * EACH);
        assert_int_equal(e.version, MANY + (i + 1) * EACH); /* and those renewed were cleared */
    }
    /* several commits at once, then more than are remembered */
    for (int i = 40; i < 60; i++)
        confirm(&s, i * EACH, i * EACH + EACH, now, false, (uint64_t)i + 2);
    look(&e, snap, now += 100, MANY - 60 * EACH);
    assert_int_equal(e.version, MANY + 60 * EACH);
    for (int i = 60; i < 100; i++)
        confirm(&s, i * EACH, i * EACH + EACH, now, false, (uint64_t)i + 2);
    look(&e, snap, now += 100, MANY - 100 * EACH);
    /* nearly all: reading through what is left costs less */
    confirm(&s, 100 * EACH, MANY - 1, now, false, 200);
    look(&e, snap, now += 100, 1);
    expired_fini(&e);
    snapshot_destroy(&snap);
    shop_close(&s);
}

/* A commit names so many and no more; what it does not name is found all the same. */
static void more_than_are_named_are_found_too(void **state)
{
    (void)state;
    enum { MANY = 5 * EXPIRY_NAMED };
    int64_t now = 100000;
    struct shop s = expired_shop(MANY, now);
    struct snapshot *snap;
    struct expired e = {0};
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    look(&e, snap, now += 1000, MANY);
    confirm(&s, 0, EXPIRY_NAMED + 100, now, false, 2);
    look(&e, snap, now += 100, MANY - EXPIRY_NAMED - 100);
    expired_fini(&e);
    snapshot_destroy(&snap);
    shop_close(&s);
}

/* What expires by the settings of its catalog moves when these do. */
static void other_windows_of_the_catalog_are_followed(void **state)
{
    (void)state;
    struct shop s;
    struct snapshot *snap;
    struct expired e = {0};
    struct batch *b;
    int64_t now = 100000;
    const struct change c = {0, now, -1, -1, -1, 0};
    shop_open(&s);
    assert_int_equal(snapshot_create(s.ix, &snap), STATUS_OK);
    assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        put(b, id, "word", &c);
    }
    assert_int_equal(batch_commit(&b, 1), STATUS_OK);
    const struct {
        int64_t ttl_ms;
        uint64_t expired;
    } steps[] = {{0, 0}, {10, 20}, {1 << 30, 0}, {20, 20}, {0, 0}};
    for (uint32_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct schema *schema = shop_schema();
        schema->ttl_ms = steps[i].ttl_ms;
        schema->swr_ms = schema->sie_ms = 0;
        assert_int_equal(batch_begin(s.ix, &b), STATUS_OK);
        assert_int_equal(batch_alter(b, schema), STATUS_OK);
        assert_int_equal(batch_commit(&b, i + 2), STATUS_OK);
        schema_destroy(&schema);
        look(&e, snap, now += 1000, steps[i].expired);
    }
    expired_fini(&e);
    snapshot_destroy(&snap);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_exact_at_every_millisecond_and_commit),
        cmocka_unit_test(in_a_copy_evictions_move_nothing),
        cmocka_unit_test(who_is_renewed_is_looked_at_alone),
        cmocka_unit_test(more_than_are_named_are_found_too),
        cmocka_unit_test(other_windows_of_the_catalog_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
