/* Any bytes as a file of API keys: taken, and then printed and read again as the same; or refused
 * with a sentence. The same bytes as a key and as the HELLO that brings one. */
#include "protocol/hello.h"
#include "protocol/key_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_file f, again;
    struct fault fault = {0};
    struct hello hello;
    uint8_t id[KEY_ID];
    enum status st = key_file_parse(slice_make(data, size), &f, &fault);
    if (st && !fault.text[0])
        abort();
    struct buf printed = BUF_INIT;
    for (uint32_t i = 0; i < f.count; i++)
        key_row_print(&f.rows[i], &printed);
    if (f.count && (key_file_parse(buf_slice(&printed), &again, NULL) || again.count != f.count))
        abort();
    for (uint32_t i = 0; i < f.count; i++) {
        const struct key_row *a = &f.rows[i], *b = &again.rows[i];
        if (strcmp(a->name, b->name) != 0 ||
            memcmp(a->digests, b->digests, sizeof a->digests) != 0 || a->scopes != b->scopes ||
            memcmp(a->patterns, b->patterns, sizeof a->patterns) != 0 || a->rate != b->rate ||
            a->highest != b->highest || a->expires_ms != b->expires_ms)
            abort();
    }
    if (f.count)
        key_file_fini(&again);
    buf_fini(&printed);
    key_file_fini(&f);
    if (api_key_parse(slice_make(data, size), id) && size != KEY_TEXT)
        abort();
    hello_decode(slice_make(data, size), &hello);
    return 0;
}
