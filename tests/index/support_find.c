#include "tests/index/support_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct schema *schema_of(const char *language)
{
    static struct schema_spec spec;
    struct field_spec fields[] = {
        {.name = SLICE_LIT("title"),
         .type = FIELD_TEXT,
         .flags = FIELD_SEARCHABLE | FIELD_STORED,
         .weight = 3,
         .language = slice_str(language)},
        {.name = SLICE_LIT("brand"),
         .type = FIELD_KEYWORD,
         .flags = FIELD_SEARCHABLE | FIELD_FILTER | FIELD_FACET | FIELD_SORT | FIELD_STORED,
         .weight = 1.5,
         .weight_class = 1},
        {.name = SLICE_LIT("popularity"),
         .type = FIELD_INTEGER,
         .flags = FIELD_FILTER | FIELD_SORT | FIELD_STORED}};
    struct buf b = BUF_INIT;
    struct schema *schema;
    struct fault fault = {0};
    spec.field_count = 3;
    memcpy(spec.fields, fields, sizeof fields);
    schema_spec_encode(&spec, &b);
    assert_int_equal(schema_decode(buf_slice(&b), &schema, &fault), STATUS_OK);
    buf_fini(&b);
    return schema;
}

static void upsert(struct batch *batch, const struct find_product *p)
{
    struct buf b = BUF_INIT;
    uint32_t fields = 1 + (p->brand != NULL) + (p->popularity != 0);
    document_put_header(&b, slice_str(p->id), fields);
    wire_put_varint(&b, 0);
    value_put_text(&b, slice_str(p->title));
    if (p->brand) {
        wire_put_varint(&b, 1);
        value_put_text(&b, slice_str(p->brand));
    }
    if (p->popularity) {
        wire_put_varint(&b, 2);
        value_put_int(&b, p->popularity);
    }
    struct change c = {.validated_ms = 1, .ttl_ms = -1, .swr_ms = -1, .sie_ms = -1};
    assert_int_equal(batch_upsert(batch, buf_slice(&b), &c), STATUS_OK);
    buf_fini(&b);
}

static struct batch *begin(struct find *f)
{
    struct batch *b;
    assert_int_equal(batch_begin(f->ix, &b), STATUS_OK);
    return b;
}

static void commit(struct find *f, struct batch *b)
{
    assert_int_equal(batch_commit(&b, ++f->sequence), STATUS_OK);
}

static const struct index_options options = {.map_bytes = 1 << 28};

static void open_index(struct find *f)
{
    bool stale;
    assert_int_equal(index_open(f->dir, &options, &f->ix, &stale, &f->fault), STATUS_OK);
    assert_int_equal(snapshot_create(f->ix, &f->snap), STATUS_OK);
    assert_int_equal(searcher_create(&f->searcher), STATUS_OK);
}

void find_reopen(struct find *f)
{
    searcher_destroy(&f->searcher);
    snapshot_destroy(&f->snap);
    index_close(&f->ix);
    open_index(f);
}

void find_open(struct find *f, const char *language, const struct find_product *products)
{
    memset(f, 0, sizeof *f);
    strcpy(f->dir, "/tmp/souk-find-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    struct schema *schema = schema_of(language);
    assert_int_equal(index_create(f->dir, schema, &options, &f->fault), STATUS_OK);
    schema_destroy(&schema);
    open_index(f);
    struct batch *b = begin(f);
    for (; products && products->id; products++)
        upsert(b, products);
    commit(f, b);
    f->query = (struct query){.match = QUERY_RELAXED,
                              .prefix = true,
                              .typos = QUERY_TYPOS_AUTO,
                              .k = 20,
                              .count_to = 10000,
                              .max_stale_ms = -1};
}

void find_close(struct find *f)
{
    char command[128];
    assert_int_equal(index_check(f->ix, &f->fault), STATUS_OK);
    searcher_destroy(&f->searcher);
    snapshot_destroy(&f->snap);
    index_close(&f->ix);
    arena_fini(&f->arena);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
}

void find_put_all(struct find *f, const struct find_product *products, uint32_t count)
{
    struct batch *b = begin(f);
    for (uint32_t i = 0; i < count; i++)
        upsert(b, &products[i]);
    commit(f, b);
}

void find_put(struct find *f, const struct find_product *p)
{
    find_put_all(f, p, 1);
}

void find_setting(struct find *f, const char *kind, const char *name, const char *text)
{
    struct batch *b = begin(f);
    assert_int_equal(batch_setting(b, slice_str(kind), slice_str(name), slice_str(text)),
                     STATUS_OK);
    commit(f, b);
}

void find_fill(struct find *f, const char *title, int n)
{
    struct batch *b = begin(f);
    for (int i = 0; i < n; i++) {
        char id[32], text[256];
        snprintf(id, sizeof id, "fill%s%d", title, i);
        id[strcspn(id, " ")] = 0;
        snprintf(id + strlen(id), sizeof id - strlen(id), "%d", i);
        snprintf(text, sizeof text, "%s number%dth", title, i);
        upsert(b, &(struct find_product){.id = id, .title = text});
    }
    commit(f, b);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *search(struct find *f, const char *words, bool sorted)
{
    char *ids[256];
    assert_int_equal(snapshot_begin(f->snap), STATUS_OK);
    arena_reset(&f->arena);
    f->query.text = slice_str(words);
    enum status st = search_run(f->searcher, f->snap, &f->query, &f->arena, &f->result, &f->fault);
    if (st)
        print_error("'%s': %s %s\n", words, status_name(st), f->fault.text);
    assert_int_equal(st, STATUS_OK);
    assert_in_range(f->result.hit_count, 0, 256);
    for (uint32_t i = 0; i < f->result.hit_count; i++)
        ids[i] = (char *)(uintptr_t)arena_copy(&f->arena, f->result.hits[i].id).ptr;
    if (sorted && f->result.hit_count)
        qsort(ids, f->result.hit_count, sizeof *ids, by_text);
    f->ids[0] = 0;
    for (uint32_t i = 0; i < f->result.hit_count; i++) {
        size_t len = strlen(f->ids);
        snprintf(f->ids + len, sizeof f->ids - len, "%s%s", i ? " " : "", ids[i]);
    }
    snapshot_end(f->snap);
    return f->ids;
}

const char *find_ids(struct find *f, const char *words)
{
    return search(f, words, false);
}

const char *find_set(struct find *f, const char *words)
{
    return search(f, words, true);
}

const char *find_dropped(struct find *f)
{
    f->ids[0] = 0;
    for (uint32_t i = 0; i < f->result.dropped_count; i++) {
        size_t len = strlen(f->ids);
        snprintf(f->ids + len, sizeof f->ids - len, "%s%.*s", i ? " " : "",
                 (int)f->result.dropped_words[i].len, f->result.dropped_words[i].ptr);
    }
    return f->ids;
}
