#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/index/support_index.h"

/*
 * Random changes against a plain array of what each product should read as. After each round the
 * index is checked and every product compared.
 */
enum { PRODUCTS = 60, TEXT_CAP = 512, ROUNDS = 60 };

struct shadow {
    bool exists;
    uint32_t title, brand;
    int64_t stock;
    double price;
    int number;
};

struct world {
    struct shop shop;
    struct shadow shadow[PRODUCTS], pending[PRODUCTS];
    uint64_t seed, sequence;
};

static uint32_t draw(struct world *w, uint32_t below)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % below;
}

static const char *const words[] = {"red", "steel", "kettle", "55in", "tv", "shoe", "xps-15"};
static const char *const brands[] = {"Acme", "Zeta", "Été", "Foo Bar"};

static void title_of(const struct shadow *s, char out[64])
{
    snprintf(out, 64, "%s %s %u", words[s->title % 7], words[s->title / 7 % 7], s->title % 13);
}

static void expected(uint32_t i, const struct shadow *s, char out[TEXT_CAP])
{
    char title[64];
    out[0] = 0;
    (void)i;
    if (!s->exists)
        return;
    title_of(s, title);
    int n = snprintf(out, TEXT_CAP, "0=%s;2=%s;3=%g;", title, brands[s->brand], s->price);
    if (s->stock >= 0)
        n += snprintf(out + n, TEXT_CAP - (size_t)n, "4=%lld;", (long long)s->stock);
    if (s->number > 0)
        snprintf(out + n, TEXT_CAP - (size_t)n, "6=size:%d,;", s->number);
}

static void upsert(struct world *w, struct batch *b, uint32_t i)
{
    struct shadow *s = &w->pending[i];
    bool same_title = s->exists && draw(w, 3) == 0;
    *s = (struct shadow){true,
                         same_title ? s->title : draw(w, 200),
                         same_title ? s->brand : draw(w, 4),
                         (int64_t)draw(w, 10) - 1,
                         draw(w, 4000) / 4.0,
                         (int)draw(w, 5)};
    char id[16], title[64];
    struct buf doc = BUF_INIT;
    snprintf(id, sizeof id, "p%u", i);
    title_of(s, title);
    struct shop_product p = {.id = id,
                             .title = title,
                             .brand = brands[s->brand],
                             .price = s->price,
                             .stock = s->stock,
                             .attr_number = s->number};
    struct change c = shop_change(draw(w, 100), 1000 + draw(w, 1000));
    c.ttl_ms = draw(w, 2) ? (int64_t)draw(w, 5000) : -1;
    shop_document(&doc, &p);
    assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
    buf_fini(&doc);
}

static void patch(struct world *w, struct batch *b, uint32_t i)
{
    struct shadow *s = &w->pending[i], next = *s;
    char id[16], title[64];
    struct buf doc = BUF_INIT;
    snprintf(id, sizeof id, "p%u", i);
    struct shop_product p = {.id = id, .price = -1, .stock = -1};
    next.price = p.price = draw(w, 800) / 8.0;
    if (draw(w, 2)) {
        next.title = draw(w, 200);
        title_of(&next, title);
        p.title = title;
    }
    struct change c = shop_change(draw(w, 100), 3000);
    shop_document(&doc, &p);
    assert_int_equal(batch_patch(b, buf_slice(&doc), &c), s->exists ? STATUS_OK : STATUS_NOT_FOUND);
    if (s->exists)
        *s = next;
    buf_fini(&doc);
}

static void change_one(struct world *w, struct batch *b)
{
    uint32_t i = draw(w, PRODUCTS);
    char id[16];
    snprintf(id, sizeof id, "p%u", i);
    struct change c = shop_change(1, 5000 + draw(w, 100));
    switch (draw(w, 8)) {
    case 0:
        assert_int_equal(batch_delete(b, slice_str(id)),
                         w->pending[i].exists ? STATUS_OK : STATUS_NOT_FOUND);
        w->pending[i].exists = false;
        break;
    case 1:
        assert_int_equal(batch_validate(b, slice_str(id), &c),
                         w->pending[i].exists ? STATUS_OK : STATUS_NOT_FOUND);
        break;
    case 2:
    case 3:
        patch(w, b, i);
        break;
    default:
        upsert(w, b, i);
    }
}

static void compare(struct world *w)
{
    struct snapshot *snap;
    struct fault fault = {0};
    uint32_t live = 0;
    if (index_check(w->shop.ix, &fault))
        fail_msg("index_check: %s", fault.text);
    assert_int_equal(snapshot_create(w->shop.ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    assert_int_equal(snapshot_sequence(snap), w->sequence);
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        char id[16], want[TEXT_CAP], have[TEXT_CAP];
        snprintf(id, sizeof id, "p%u", i);
        expected(i, &w->shadow[i], want);
        shop_text(snap, id, have, sizeof have);
        assert_string_equal(have, want);
        live += w->shadow[i].exists;
    }
    assert_int_equal(snapshot_live_count(snap), live);
    snapshot_destroy(&snap);
}

static void rebuild(struct world *w)
{
    struct shop fresh = {.ix = NULL};
    struct fault fault = {0};
    strcpy(fresh.dir, "/tmp/souk-index-XXXXXX");
    assert_non_null(mkdtemp(fresh.dir));
    assert_int_equal(
        index_rebuild_into(w->shop.ix, fresh.dir, index_schema(w->shop.ix), NULL, &fault),
        STATUS_OK);
    shop_close(&w->shop);
    shop_reopen(&fresh);
    w->shop = fresh;
}

static void round_of_changes(struct world *w)
{
    struct batch *b;
    memcpy(w->pending, w->shadow, sizeof w->shadow);
    assert_int_equal(batch_begin(w->shop.ix, &b), STATUS_OK);
    for (uint32_t n = draw(w, 30); n; n--)
        change_one(w, b);
    if (draw(w, 6) == 0) {
        batch_abort(&b);
        return;
    }
    assert_int_equal(batch_commit(&b, ++w->sequence), STATUS_OK);
    memcpy(w->shadow, w->pending, sizeof w->shadow);
}

static void random_changes_leave_what_a_plain_array_holds(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    bool worked;
    w->seed = 7;
    shop_open(&w->shop);
    for (int i = 0; i < ROUNDS; i++) {
        round_of_changes(w);
        switch (draw(w, 12)) {
        case 0:
            shop_reopen(&w->shop);
            break;
        case 1:
            assert_int_equal(index_merge_all(w->shop.ix), STATUS_OK);
            break;
        case 2:
            assert_int_equal(index_merge_step(w->shop.ix, 0, &worked), STATUS_OK);
            break;
        case 3:
            rebuild(w);
            break;
        default:
            break;
        }
        compare(w);
    }
    shop_close(&w->shop);
    free(w);
}

static void creating_twice_is_refused_and_opening_nothing_is_not_found(void **state)
{
    (void)state;
    struct shop s;
    struct fault fault = {0};
    struct index *ix;
    bool stale;
    shop_open(&s);
    index_close(&s.ix);
    struct schema *schema = shop_schema();
    assert_int_equal(index_create(s.dir, schema, NULL, &fault), STATUS_EXISTS);
    schema_destroy(&schema);
    assert_int_equal(index_open("/tmp/souk-no-such-dir", NULL, &ix, &stale, &fault),
                     STATUS_NOT_FOUND);
    assert_null(ix);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creating_twice_is_refused_and_opening_nothing_is_not_found),
        cmocka_unit_test(random_changes_leave_what_a_plain_array_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
