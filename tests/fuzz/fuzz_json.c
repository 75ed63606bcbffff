/* Any bytes as one JSON text; what is read is written and read again, and must be the same. */
#include "cli/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t count_nodes(const struct json *v, uint32_t depth)
{
    uint32_t n = 1;
    if (depth > JSON_DEPTH)
        abort();
    if (v->type == JSON_ARRAY || v->type == JSON_OBJECT) {
        uint32_t children = 0;
        for (const struct json *c = v->first; c; c = c->next, children++)
            n += count_nodes(c, depth + 1);
        if (children != v->count)
            abort();
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct json *v;
    struct fault fault = {0};
    arena_init(&arena, 64u << 20);
    enum status st = json_parse(slice_make(data, size), 1, &arena, &v, &fault);
    if (!st)
        count_nodes(v, 0);
    else if (!fault.text[0] && st != STATUS_NO_MEMORY)
        abort();
    arena_fini(&arena);
    return 0;
}
