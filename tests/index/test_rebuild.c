#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/index/support_index.h"

enum { BATCH = 3000 };

static void fill(struct shop *s, uint32_t from, uint64_t sequence)
{
    struct batch *b;
    struct buf doc = BUF_INIT;
    struct change c = shop_change(1, 1000);
    assert_int_equal(batch_begin(s->ix, &b), STATUS_OK);
    for (uint32_t i = from; i < from + BATCH; i++) {
        char id[32], title[128];
        snprintf(id, sizeof id, "product-%u", i);
        snprintf(title, sizeof title, "Steel kettle number %u, model %u-%u, in colour %u", i, i % 7,
                 i * 31, i % 13);
        buf_clear(&doc);
        shop_document(&doc, &(struct shop_product){.id = id,
                                                   .title = title,
                                                   .brand = i % 2 ? "Acme" : "Zeta",
                                                   .price = i,
                                                   .stock = i % 5});
        assert_int_equal(batch_upsert(b, buf_slice(&doc), &c), STATUS_OK);
    }
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
    buf_fini(&doc);
}

static void must_hold(struct shop *s, uint32_t id, const char *text)
{
    struct snapshot *snap;
    char name[32], have[512];
    snprintf(name, sizeof name, "product-%u", id);
    assert_int_equal(snapshot_create(s->ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    shop_text(snap, name, have, sizeof have);
    assert_string_equal(have, text);
    snapshot_destroy(&snap);
}

/* The first batch trains the dictionary of the records, the second uses it; both read back. */
static void records_before_and_after_the_dictionary_survive_merge_and_rebuild(void **state)
{
    (void)state;
    struct shop s, fresh = {.ix = NULL};
    struct fault fault = {0};
    shop_open(&s);
    fill(&s, 0, 1);
    fill(&s, BATCH, 2);
    fill(&s, 2 * BATCH, 3);
    assert_int_equal(index_merge_all(s.ix), STATUS_OK);
    strcpy(fresh.dir, "/tmp/souk-index-XXXXXX");
    assert_non_null(mkdtemp(fresh.dir));
    assert_int_equal(index_rebuild_into(s.ix, fresh.dir, index_schema(s.ix), NULL, &fault),
                     STATUS_OK);
    shop_reopen(&fresh);
    for (int i = 0; i < 2; i++) {
        struct shop *x = i ? &fresh : &s;
        must_hold(x, 5, "0=Steel kettle number 5, model 5-155, in colour 5;2=Acme;3=5;4=0;");
        must_hold(x, 7000,
                  "0=Steel kettle number 7000, model 0-217000, in colour 6;2=Zeta;3=7000;4=0;");
        if (index_check(x->ix, &fault))
            fail_msg("index_check: %s", fault.text);
    }
    shop_close(&fresh);
    shop_close(&s);
}

static void a_reader_without_the_right_to_write_sees_the_products(void **state)
{
    (void)state;
    struct shop s;
    struct fault fault = {0};
    struct index_options o = {.read_only = true};
    struct batch *b;
    bool stale, worked;
    shop_open(&s);
    fill(&s, 0, 1);
    index_close(&s.ix);
    assert_int_equal(index_open(s.dir, &o, &s.ix, &stale, &fault), STATUS_OK);
    must_hold(&s, 5, "0=Steel kettle number 5, model 5-155, in colour 5;2=Acme;3=5;4=0;");
    assert_int_equal(batch_begin(s.ix, &b), STATUS_READ_ONLY);
    assert_int_equal(index_merge_step(s.ix, 0, &worked), STATUS_READ_ONLY);
    shop_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_before_and_after_the_dictionary_survive_merge_and_rebuild),
        cmocka_unit_test(a_reader_without_the_right_to_write_sees_the_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
