/* Any bytes as what a cursor carries, or some bytes of a real one replaced, the question and the
 * check put right, over a small catalog. */
#include "index/index.h"
#include "index/query_cursor.h"

#include <stdlib.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 1 + 8, FRAME = HEAD + 4 }; /* version and question; with the check */

static struct snapshot *snap;
static struct searcher *searcher;

static void fill(struct index *ix)
{
    struct batch *b;
    struct buf doc = BUF_INIT;
    struct change c = {.ttl_ms = -1, .swr_ms = -1, .sie_ms = -1};
    if (batch_begin(ix, &b))
        abort();
    for (uint32_t i = 0; i < 50; i++) {
        char id[3] = {(char)('a' + i / 10), (char)('0' + i % 10), 0};
        buf_clear(&doc);
        document_put_header(&doc, slice_str(id), 2);
        wire_put_varint(&doc, 0);
        static const struct slice titles[] = {{"red shoe", 8},
                                              {"red lamp copper", 15},
                                              {"boot copper sillcock", 20},
                                              {"shoelace sillcock red", 21}};
        value_put_text(&doc, titles[i % 4]);
        wire_put_varint(&doc, 1);
        value_put_text(&doc, slice_make(id, 1));
        if (batch_upsert(b, buf_slice(&doc), &c))
            abort();
    }
    buf_fini(&doc);
    if (batch_commit(&b, 1))
        abort();
}

static void open_catalog(void)
{
    static struct schema_spec spec;
    char dir[] = "/tmp/souk-fuzz-cursor-XXXXXX";
    struct index_options o = {.map_bytes = (uint64_t)1 << 26};
    struct schema *schema = NULL;
    struct index *ix = NULL;
    struct buf b = BUF_INIT;
    bool stale;
    spec.version = 1;
    spec.field_count = 2;
    spec.fields[0] = (struct field_spec){
        .name = SLICE_LIT("title"), .type = FIELD_TEXT, .flags = FIELD_SEARCHABLE | FIELD_STORED};
    spec.fields[1] = (struct field_spec){
        .name = SLICE_LIT("brand"), .type = FIELD_KEYWORD, .flags = FIELD_FILTER | FIELD_SORT};
    schema_spec_encode(&spec, &b);
    if (!mkdtemp(dir) || schema_decode(buf_slice(&b), &schema, NULL) ||
        index_create(dir, schema, &o, NULL) || index_open(dir, &o, &ix, &stale, NULL))
        abort();
    fill(ix);
    if (snapshot_create(ix, &snap) || snapshot_begin(snap) || searcher_create(&searcher))
        abort();
    schema_destroy(&schema);
    buf_fini(&b);
}

/* Bytes of a cursor of the first page, or behind it, replaced as `data` says: place, value. */
static void put_patched(struct buf *cursor, const struct query *q, const uint8_t *data, size_t size)
{
    struct arena arena;
    struct fault fault = {0};
    struct query_result r;
    arena_init(&arena, 64u << 20);
    if (!search_run(searcher, snap, q, &arena, &r, &fault) && r.cursor.len > FRAME)
        buf_put(cursor, r.cursor.ptr + HEAD, r.cursor.len - FRAME);
    arena_fini(&arena);
    for (size_t i = 0; i + 1 < size && cursor->len > HEAD; i += 2)
        cursor->ptr[HEAD + data[i] % (cursor->len - HEAD)] = (char)data[i + 1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sort_request by_brand = {{"brand", 5}, false};
    static const char *const texts[] = {"", "red sho", "red copper shoe boot", "boot shoe lamp"};
    static const char *const profiles[] = {"", "window 0", "bare_below 100", "relax_below 10000"};
    struct arena arena;
    struct fault fault = {0};
    struct query_result r;
    struct buf cursor = BUF_INIT, scratch = BUF_INIT;
    if (!snap)
        open_catalog();
    if (size < 2)
        return 0;
    struct query q = {.text = slice_str(texts[data[0] & 3]),
                      .match = QUERY_RELAXED,
                      .prefix = data[0] & 4,
                      .typos = QUERY_TYPOS_AUTO,
                      .sorts = &by_brand,
                      .sort_count = data[0] >> 3 & 1,
                      .k = 7,
                      .count_to = QUERY_COUNT_ALL,
                      .profile_text = slice_str(profiles[data[1] & 3]),
                      .explain = data[1] & 4,
                      .max_stale_ms = -1};
    if (data[0] & 16)
        q.group_field = SLICE_LIT("brand");
    buf_put_u8(&cursor, CURSOR_VERSION);
    wire_put_u64(&cursor, query_cursor_question(&q, &scratch));
    if (data[0] & 32)
        put_patched(&cursor, &q, data + 2, size - 2);
    else
        buf_put(&cursor, data + 2, size - 2);
    wire_put_u32(&cursor, XXH32(cursor.ptr, cursor.len, 0));
    q.cursor = buf_slice(&cursor);
    arena_init(&arena, 64u << 20);
    enum status st = search_run(searcher, snap, &q, &arena, &r, &fault);
    if (st == STATUS_INVALID && strstr(fault.text, "version"))
        abort(); /* nothing behind the version would be looked at */
    arena_fini(&arena);
    buf_fini(&cursor);
    buf_fini(&scratch);
    return 0;
}
