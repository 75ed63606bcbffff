/*
 * The bytes of an edition: a few products with every kind of field, row by row as they lie in the
 * tables, against tests/index/golden/edition.txt. The same changes must write the same bytes, and
 * the bytes of the file must read as the same products. A wrong byte behind good checksums is found
 * by index_check().
 *
 * One row a line: table, key, value in hex, with the checksums. What differs from edition to
 * edition (uuid) and from one ICU to the next (analyser, and the checksum over both) is zeros in
 * the row `meta`. When the format is meant to change, write the file anew and look at the
 * difference:
 *
 *     SOUK_GOLDEN=write build/tests/test_index_golden
 */
#include "index/index.h"
#include "index/merge.h"
#include "index/meta.h"
#include "index/segment_format.h"
#include "tests/index/support_index.h"
#include "tests/index/support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/schema_spec.h"

enum { META_UUID = 12, META_CHECKSUM = 8, MAP = 64 << 20 };
enum { TITLE, BRAND, STOCK, PRICE, ACTIVE, SINCE, TAGS, CATEGORY, ATTRS, KINDS };
_Static_assert((int)KINDS == FIELD_TYPE_COUNT, "a product of the golden edition has every kind");

static const char *const table_names[STORE_TABLES] = {"meta", "segments", "columns",  "facets",
                                                      "live", "expiry",   "settings", "rows"};

/* --- the edition -------------------------------------------------------------------------------
 */

static struct schema *golden_schema(void)
{
    enum { ANY = FIELD_FILTER | FIELD_STORED };
    static const struct field_spec fields[KINDS] = {
        {.name = {"title", 5}, .type = FIELD_TEXT, .flags = FIELD_SEARCHABLE | FIELD_STORED},
        {.name = {"brand", 5},
         .type = FIELD_KEYWORD,
         .flags = ANY | FIELD_SEARCHABLE | FIELD_FACET,
         .weight_class = 1},
        {.name = {"stock", 5}, .type = FIELD_INTEGER, .flags = ANY},
        {.name = {"price", 5}, .type = FIELD_FLOAT, .flags = ANY | FIELD_SORT},
        {.name = {"active", 6}, .type = FIELD_BOOLEAN, .flags = ANY},
        {.name = {"since", 5}, .type = FIELD_TIMESTAMP, .flags = ANY},
        {.name = {"tags", 4}, .type = FIELD_KEYWORD_LIST, .flags = ANY | FIELD_FACET},
        {.name = {"category", 8}, .type = FIELD_PATH, .flags = ANY | FIELD_FACET},
        {.name = {"attrs", 5}, .type = FIELD_ATTRIBUTES, .flags = ANY | FIELD_FACET}};
    struct schema_spec *spec = calloc(1, sizeof *spec);
    struct buf b = BUF_INIT;
    struct schema *s = NULL;
    struct fault fault = {0};
    spec->version = 1;
    spec->field_count = KINDS;
    for (int i = 0; i < KINDS; i++) {
        spec->fields[i] = fields[i];
        spec->fields[i].weight = 1;
    }
    schema_spec_encode(spec, &b);
    assert_int_equal(schema_decode(buf_slice(&b), &s, &fault), STATUS_OK);
    buf_fini(&b);
    free(spec);
    return s;
}

static void lamp(struct buf *b, const char *id, const char *title, int64_t stock)
{
    document_put_header(b, slice_str(id), KINDS);
    wire_put_varint(b, TITLE);
    value_put_text(b, slice_str(title));
    wire_put_varint(b, BRAND);
    value_put_text(b, SLICE_LIT("Lumen"));
    wire_put_varint(b, STOCK);
    value_put_int(b, stock);
    wire_put_varint(b, PRICE);
    value_put_float(b, 19.95);
    wire_put_varint(b, ACTIVE);
    value_put_bool(b, stock > 0);
    wire_put_varint(b, SINCE);
    value_put_int(b, 1700000000000);
    wire_put_varint(b, TAGS);
    value_put_list(b, 2);
    wire_put_bytes(b, SLICE_LIT("new"));
    wire_put_bytes(b, SLICE_LIT("warm white"));
    wire_put_varint(b, CATEGORY);
    value_put_list(b, 2);
    wire_put_bytes(b, SLICE_LIT("home"));
    wire_put_bytes(b, SLICE_LIT("lamps"));
    wire_put_varint(b, ATTRS);
    value_put_pairs(b, 2);
    wire_put_bytes(b, SLICE_LIT("socket"));
    value_put_text(b, SLICE_LIT("E27"));
    wire_put_bytes(b, SLICE_LIT("watts"));
    value_put_int(b, 9);
}

static void upsert(struct batch *b, const char *id, const char *title, int64_t stock,
                   const struct change *c)
{
    struct buf doc = BUF_INIT;
    lamp(&doc, id, title, stock);
    assert_int_equal(batch_upsert(b, buf_slice(&doc), c), STATUS_OK);
    buf_fini(&doc);
}

/* Three commits: products, one of them with other words and one deleted, bookkeeping. */
static void fill(struct index *ix)
{
    struct batch *b;
    const struct change lasting = {7, 1000000, -1, -1, -1, 0},
                        expiring = {8, 1000000, 60000, 10000, 20000, 2};
    assert_int_equal(batch_begin(ix, &b), STATUS_OK);
    upsert(b, "lamp-1", "Desk lamp, the lamp for desks", 3, &lasting);
    upsert(b, "lamp-2", "Wall lamp", 0, &expiring);
    upsert(b, "lamp-3",
           "Lampe \xc3\xbc"
           "ber Tisch",
           -5, &lasting);
    upsert(b, "sun", "Floor light", 70000, &lasting);
    assert_int_equal(batch_commit(&b, 4), STATUS_OK);
    assert_int_equal(batch_begin(ix, &b), STATUS_OK);
    upsert(b, "lamp-1", "Desk lamp with a clamp", 4, &lasting);
    assert_int_equal(batch_delete(b, SLICE_LIT("sun")), STATUS_OK);
    assert_int_equal(batch_commit(&b, 6), STATUS_OK);
    assert_int_equal(batch_begin(ix, &b), STATUS_OK);
    assert_int_equal(batch_row_put(b, SLICE_LIT("idem/k"), SLICE_LIT("reply")), STATUS_OK);
    assert_int_equal(
        batch_setting(b, SLICE_LIT("synonyms"), SLICE_LIT("default"), SLICE_LIT("lamp, light\n")),
        STATUS_OK);
    assert_int_equal(batch_commit(&b, 8), STATUS_OK);
}

/* --- rows as text ------------------------------------------------------------------------------
 */

static void put_hex(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_printf(out, "%02x", (unsigned)(uint8_t)s.ptr[i]);
    if (!s.len)
        buf_put(out, "-", 1);
}

static void put_row(struct buf *out, enum store_table table, struct slice key, struct slice value)
{
    char room[4096];
    assert_true(value.len <= sizeof room);
    memcpy(room, value.ptr, value.len);
    if (table == STORE_META && slice_equal(key, SLICE_LIT("meta"))) {
        memset(room, 0, META_CHECKSUM);
        memset(room + META_UUID, 0, 16 + 8);
    }
    buf_printf(out, "%s ", table_names[table]);
    put_hex(out, key);
    buf_put(out, " ", 1);
    put_hex(out, slice_make(room, value.len));
    buf_put(out, "\n", 1);
}

static void dump(const char *dir, struct buf *out)
{
    struct store *store;
    struct store_txn *t;
    assert_int_equal(
        store_open(dir,
                   &(struct store_options){.map_bytes = MAP, .max_readers = 8, .read_only = true},
                   &store),
        STATUS_OK);
    assert_int_equal(store_begin(store, false, &t), STATUS_OK);
    for (int table = 0; table < STORE_TABLES; table++) {
        struct store_cursor *c;
        struct slice key, value;
        assert_int_equal(store_cursor_open(t, (enum store_table)table, &c), STATUS_OK);
        enum status st = store_seek(c, SLICE_NULL, &key, &value);
        for (; !st; st = store_next(c, &key, &value))
            put_row(out, (enum store_table)table, key, value);
        assert_int_equal(st, STATUS_END);
        store_cursor_close(&c);
    }
    store_abort(&t);
    store_close(&store);
}

static struct slice take_hex(char **at)
{
    char *from = *at + strspn(*at, " "), *to = from, *p = from;
    unsigned v;
    for (; p[0] != ' ' && p[0] != '\n' && p[0] != '-'; p += 2) {
        assert_int_equal(sscanf(p, "%2x", &v), 1);
        *to++ = (char)v;
    }
    *at = p[0] == '-' ? p + 1 : p;
    return slice_make(from, (size_t)(to - from));
}

static void take_row(struct store_txn *t, char *line)
{
    int table = 0;
    size_t n = strcspn(line, " ");
    while (table < STORE_TABLES &&
           (strlen(table_names[table]) != n || memcmp(table_names[table], line, n) != 0))
        table++;
    assert_true(table < STORE_TABLES);
    line += n;
    struct slice key = take_hex(&line), value = take_hex(&line);
    if (table == STORE_META && slice_equal(key, SLICE_LIT("meta"))) {
        value = slice_make(value.ptr + META_CHECKSUM, value.len - META_CHECKSUM);
        assert_int_equal(store_put(t, STORE_META, key, value), STATUS_OK);
        return;
    }
    assert_int_equal(store_put_raw(t, (enum store_table)table, key, value), STATUS_OK);
}

static void load(const char *dir, const struct buf *text)
{
    struct store *store;
    struct store_txn *t;
    assert_int_equal(
        store_open(dir, &(struct store_options){.map_bytes = MAP, .max_readers = 8, .create = true},
                   &store),
        STATUS_OK);
    assert_int_equal(store_begin(store, true, &t), STATUS_OK);
    for (char *line = text->ptr, *next; line < text->ptr + text->len; line = next) {
        next = strchr(line, '\n') + 1;
        take_row(t, line);
    }
    assert_int_equal(store_commit(&t), STATUS_OK);
    store_close(&store);
}

/* --- tests -------------------------------------------------------------------------------------
 */

#define GOLDEN SOUK_SOURCE_DIR "/tests/index/golden/"

static const char golden_path[] = GOLDEN "edition.txt";
static const char *const older_paths[] = {[4] = GOLDEN "edition-5.txt",
                                          [5] = GOLDEN "edition-5.txt",
                                          [6] = GOLDEN "edition-6.txt",
                                          [7] = GOLDEN "edition-7.txt",
                                          [8] = GOLDEN "edition-8.txt"};

static void read_golden(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "r");
    char room[4096];
    assert_non_null(f);
    for (size_t n; (n = fread(room, 1, sizeof room, f)) > 0;)
        buf_put(out, room, n);
    fclose(f);
    buf_put_u8(out, 0); /* for strchr() */
    out->len--;
}

static void write_golden(const struct buf *text)
{
    FILE *f = fopen(golden_path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text->ptr, 1, text->len, f), text->len);
    fclose(f);
}

static void edition_create(struct shop *s)
{
    strcpy(s->dir, "/tmp/souk-golden-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->ix = NULL;
}

/* Lines that differ, named by their beginning. */
static void expect_same(char *have, char *want)
{
    while (*have && *want) {
        char *a = strchr(have, '\n') + 1, *b = strchr(want, '\n') + 1;
        if (a - have != b - want || memcmp(have, want, (size_t)(a - have)) != 0)
            fail_msg("written:\n%.*sgolden:\n%.*s", (int)(a - have), have, (int)(b - want), want);
        have = a;
        want = b;
    }
    assert_string_equal(have, want);
}

static void the_same_changes_write_the_same_bytes(void **state)
{
    (void)state;
    struct shop s;
    struct buf have = BUF_INIT, want = BUF_INIT;
    struct fault fault = {0};
    struct schema *schema = golden_schema();
    edition_create(&s);
    assert_int_equal(index_create(s.dir, schema, NULL, &fault), STATUS_OK);
    schema_destroy(&schema);
    shop_reopen(&s);
    fill(s.ix);
    assert_int_equal(index_check(s.ix, &fault), STATUS_OK);
    index_close(&s.ix);
    dump(s.dir, &have);
    const char *mode = getenv("SOUK_GOLDEN");
    if (mode && strcmp(mode, "write") == 0)
        write_golden(&have);
    read_golden(golden_path, &want);
    buf_put_u8(&have, 0);
    expect_same(have.ptr, want.ptr);
    shop_close(&s);
    buf_fini(&have);
    buf_fini(&want);
}

#define REST "5=1700000000000;6=new/warm white/;7=home/lamps/;8=socket:E27,watts:9,;"

static void expect_product(struct snapshot *snap, const char *id, const char *want)
{
    char have[512];
    shop_text(snap, id, have, sizeof have);
    assert_string_equal(have, want);
}

static void expect_products(struct index *ix)
{
    struct snapshot *snap;
    assert_int_equal(snapshot_create(ix, &snap), STATUS_OK);
    assert_int_equal(snapshot_begin(snap), STATUS_OK);
    expect_product(snap, "lamp-1", "0=Desk lamp with a clamp;1=Lumen;2=4;3=19.95;4=2;" REST);
    expect_product(snap, "lamp-2", "0=Wall lamp;1=Lumen;2=0;3=19.95;4=1;" REST);
    expect_product(snap, "lamp-3",
                   "0=Lampe \xc3\xbc"
                   "ber Tisch;1=Lumen;2=-5;3=19.95;4=1;" REST);
    expect_product(snap, "sun", "");
    snapshot_destroy(&snap);
}

static void the_golden_bytes_read_as_the_products(void **state)
{
    (void)state;
    struct shop s;
    struct buf text = BUF_INIT, again = BUF_INIT;
    struct fault fault = {0};
    edition_create(&s);
    read_golden(golden_path, &text);
    struct buf copy = BUF_INIT; /* reading turns the text into bytes in place */
    buf_put(&copy, text.ptr, text.len + 1);
    copy.len--;
    load(s.dir, &copy);
    dump(s.dir, &again);
    buf_put_u8(&again, 0);
    expect_same(again.ptr, text.ptr);
    bool stale = false; /* by an analyser of zeros */
    assert_int_equal(index_open(s.dir, NULL, &s.ix, &stale, &fault), STATUS_OK);
    assert_true(stale);
    assert_int_equal(index_check(s.ix, &fault), STATUS_OK);
    expect_products(s.ix);
    shop_close(&s);
    buf_fini(&text);
    buf_fini(&copy);
    buf_fini(&again);
}

/* The segment says that another document begins its block. */
static void misplace(uint8_t *blob)
{
    struct segment_head head;
    assert_int_equal(segment_head_decode(slice_make(blob, 1 << 16), &head), STATUS_OK);
    uint8_t *begins = blob + head.places + 4;
    assert_int_equal(wire_load32(begins), 1);
    wire_store32(begins, 3);
}

/* As long as an extent is no longer than a cell, nothing else differs. */
static void call_format_4(uint8_t *blob)
{
    assert_int_equal(wire_load32(blob + 4), 5);
    wire_store32(blob + 4, 4);
}

/* Changes the blob of a segment and makes its sums right. */
static void edit_segment(const char *dir, uint8_t number, void (*edit)(uint8_t *blob))
{
    const uint8_t key[] = {0, 0, 0, number, 0, 0, 0, 0};
    struct shelf shelf = {.count = 1, .sums = {1}};
    struct store *store;
    struct store_txn *t;
    struct slice value;
    struct store_options o = {.map_bytes = MAP, .max_readers = 8};
    assert_int_equal(store_open(dir, &o, &store), STATUS_OK);
    assert_int_equal(store_begin(store, true, &t), STATUS_OK);
    assert_int_equal(store_get_raw(t, STORE_SEGMENTS, slice_make(key, sizeof key), &value),
                     STATUS_OK);
    buf_put_slice(&shelf.extents[0], value);
    edit((uint8_t *)shelf.extents[0].ptr);
    shelf_seal(&shelf);
    assert_int_equal(
        store_put_raw(t, STORE_SEGMENTS, slice_make(key, sizeof key), buf_slice(&shelf.extents[0])),
        STATUS_OK);
    assert_int_equal(store_commit(&t), STATUS_OK);
    store_close(&store);
    shelf_fini(&shelf);
}

static void index_check_looks_into_segments(void **state)
{
    (void)state;
    struct shop s;
    struct buf text = BUF_INIT;
    struct fault fault = {0};
    bool stale;
    edition_create(&s);
    read_golden(golden_path, &text);
    load(s.dir, &text);
    edit_segment(s.dir, 1, misplace);
    assert_int_equal(index_open(s.dir, NULL, &s.ix, &stale, &fault), STATUS_OK);
    assert_int_equal(index_check(s.ix, &fault), STATUS_CORRUPT);
    assert_string_equal(fault.text, "segment 1: a block holds more records than places say");
    shop_close(&s);
    buf_fini(&text);
}

static uint32_t format_of(const char *dir, uint8_t number)
{
    const uint8_t key[] = {0, 0, 0, number, 0, 0, 0, 0};
    struct store_options o = {.map_bytes = MAP, .max_readers = 8, .read_only = true};
    struct store *store;
    struct store_txn *t;
    struct slice value;
    assert_int_equal(store_open(dir, &o, &store), STATUS_OK);
    assert_int_equal(store_begin(store, false, &t), STATUS_OK);
    enum status st = store_get_raw(t, STORE_SEGMENTS, slice_make(key, sizeof key), &value);
    uint32_t format = st ? 0 : wire_load32((const uint8_t *)value.ptr + 4);
    store_abort(&t);
    store_close(&store);
    return format;
}

static struct merge_run everything(const struct snapshot *s)
{
    return (struct merge_run){0, s->meta.segment_count};
}

/* Read as they are, and written in today's format by the next merge. */
static void editions_of_older_formats_serve_and_are_taken_over(void **state)
{
    (void)state;
    for (uint32_t format = 4; format < SEGMENT_FORMAT; format++) {
        struct shop s;
        struct buf text = BUF_INIT;
        struct fault fault = {0};
        struct merge_task *t;
        bool stale, done = false;
        edition_create(&s);
        read_golden(older_paths[format], &text);
        load(s.dir, &text);
        for (uint8_t number = 1; format == 4 && number <= 2; number++)
            edit_segment(s.dir, number, call_format_4);
        assert_int_equal(format_of(s.dir, 1), format);
        assert_int_equal(index_open(s.dir, NULL, &s.ix, &stale, &fault), STATUS_OK);
        assert_int_equal(index_check(s.ix, &fault), STATUS_OK);
        expect_products(s.ix);
        assert_int_equal(merge_task_create(s.ix, everything, &t), STATUS_OK);
        assert_non_null(t);
        assert_int_equal(merge_task_run(t), STATUS_OK);
        while (!done)
            assert_int_equal(index_merge_write(s.ix, t, 0, &done), STATUS_OK);
        merge_task_destroy(&t);
        assert_int_equal(index_check(s.ix, &fault), STATUS_OK);
        expect_products(s.ix);
        index_close(&s.ix);
        assert_int_equal(format_of(s.dir, 1), 0);
        assert_int_equal(format_of(s.dir, 3), SEGMENT_FORMAT);
        shop_close(&s);
        buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_changes_write_the_same_bytes),
        cmocka_unit_test(the_golden_bytes_read_as_the_products),
        cmocka_unit_test(index_check_looks_into_segments),
        cmocka_unit_test(editions_of_older_formats_serve_and_are_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
