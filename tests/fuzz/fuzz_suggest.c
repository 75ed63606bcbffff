/* Bodies of SUGGEST and QUERIES both ways, and any bytes as a list of suggestions and as what was
 * typed. */
#include "index/suggest.h"
#include "protocol/suggest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void complete(struct slice lines, struct slice typed)
{
    static struct folder *folder;
    struct suggestion out[SUGGEST_MAX];
    struct suggest *s;
    uint32_t count;
    if ((!folder && folder_create(&folder)) || suggest_create(&s))
        abort();
    if (suggest_add_lines(s, folder, lines) == STATUS_OK && suggest_build(s) == STATUS_OK)
        suggest_find(s, folder, typed, 20, NULL, NULL, out, &count);
    suggest_destroy(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    struct arena a;
    struct fault fault;
    struct suggest_request suggest;
    struct queries_request queries;
    struct suggest_reply reply;
    struct queries_row *rows;
    uint32_t count;
    arena_init(&a, 64u << 20);
    suggest_request_decode(body, &suggest, &fault);
    queries_request_decode(body, &queries, &fault);
    suggest_reply_decode(body, &a, &reply);
    queries_reply_decode(body, &a, &rows, &count);
    const char *end = size ? memchr(body.ptr, 0, size) : NULL;
    size_t typed = end ? (size_t)(end - body.ptr) : 0;
    struct slice text = slice_make(body.ptr, typed);
    if (wire_utf8_valid(text) == text.len)
        complete(slice_make(body.ptr + typed, size - typed), text);
    arena_fini(&a);
    return 0;
}
