/* Frames from outside: any bytes, and the bodies of replies a client would read. */
#include "protocol/hello.h"
#include "protocol/multi.h"
#include "protocol/reply.h"
#include "protocol/schema_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void bodies(struct slice body, struct arena *a)
{
    struct search_reply search;
    struct get_reply get;
    struct put_reply put;
    struct scan_reply scan;
    struct hello hello;
    struct stats_row *rows;
    struct schema_spec schema;
    struct catalog_entry entry;
    uint32_t count;
    enum status part;
    struct slice v;
    search_reply_decode(body, a, &search);
    get_reply_decode(body, a, &get);
    put_reply_decode(body, a, &put);
    scan_reply_decode(body, a, &scan);
    stats_reply_decode(body, a, &rows, &count);
    hello_decode(body, &hello);
    schema_spec_decode(body, &schema, NULL);
    struct wire_reader r = wire_reader_of(body);
    while (catalog_entry_next(&r, &entry) == STATUS_OK)
        ;
    r = wire_reader_of(body);
    while (multi_reply_next(&r, &part, &v) == STATUS_OK)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame f;
    struct fault fault;
    size_t used, need;
    struct slice line, all = slice_make(data, size);
    struct arena a;
    arena_init(&a, 64u << 20);
    if (frame_decode(all, FRAME_MAX_BODY, &f, &used, &need) == STATUS_OK)
        frame_error_decode(&f, &fault);
    frame_stranger(all, &line);
    bodies(all, &a);
    arena_fini(&a);
    return 0;
}
