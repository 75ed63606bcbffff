/* Bodies of replies as a client reads them. */
#include "protocol/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    struct search_reply search;
    struct get_reply get;
    struct put_reply put;
    struct scan_reply scan;
    struct stats_row *rows;
    uint32_t count;
    struct arena a;
    arena_init(&a, 64u << 20);
    search_reply_decode(body, &a, &search);
    get_reply_decode(body, &a, &get);
    put_reply_decode(body, &a, &put);
    scan_reply_decode(body, &a, &scan);
    stats_reply_decode(body, &a, &rows, &count);
    arena_fini(&a);
    return 0;
}
