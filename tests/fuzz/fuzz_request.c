/* Bodies of requests as a server reads them, and the documents inside a PUT. */
#include "protocol/labels.h"
#include "protocol/multi.h"
#include "protocol/request.h"
#include "protocol/traceparent.h"
#include "protocol/upstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void documents(const struct put_request *p)
{
    for (uint32_t i = 0; i < p->item_count; i++) {
        struct document d;
        if (document_begin(&d, p->items[i].document) == STATUS_OK)
            document_end(&d);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size), part, behind = body;
    struct trace_context trace;
    char text[TRACEPARENT_LEN + 1];
    struct arena a;
    struct fault fault;
    struct search_request search;
    struct get_request get;
    struct put_request put;
    struct catalog_request catalog;
    struct wait_request wait;
    struct scan_request scan;
    struct upstream_request upstream;
    struct refresh_request refresh;
    struct safe_mode_request safe;
    struct safe_mode_reply told;
    if (traceparent_parse(body, &trace) == STATUS_OK)
        traceparent_format(&trace, text);
    trace_context_take(&behind, &trace);
    arena_init(&a, 64u << 20);
    search_request_decode(behind, &a, &search, &fault);
    search_request_decode(body, &a, &search, &fault);
    get_request_decode(body, &a, &get, &fault);
    if (put_request_decode(body, &a, &put, &fault) == STATUS_OK)
        documents(&put);
    catalog_request_decode(body, &catalog, &fault);
    wait_request_decode(body, &wait, &fault);
    scan_request_decode(body, &scan, &fault);
    struct wire_reader r = wire_reader_of(body);
    while (multi_request_next(&r, &part) == STATUS_OK)
        search_request_decode(part, &a, &search, &fault);
    arena_reset(&a);
    upstream_request_decode(body, &a, &upstream, &fault);
    refresh_request_decode(body, &a, &refresh);
    safe_mode_request_decode(body, &safe, &fault);
    safe_mode_reply_decode(body, &told);
    arena_fini(&a);
    return 0;
}
