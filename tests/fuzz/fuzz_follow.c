/* Bodies of LOG_READ, COPY_READ and FOLLOW both ways. */
#include "protocol/follow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    struct arena a;
    struct fault fault;
    struct log_read_request asked;
    struct log_read_reply told;
    struct copy_read copy;
    struct follow_request follow;
    struct follow_reply row;
    arena_init(&a, 64u << 20);
    log_read_request_decode(body, &a, &asked, &fault);
    if (log_read_reply_decode(body, &a, &told) == STATUS_OK)
        for (uint32_t i = 0; i < told.piece_count; i++)
            log_piece_hash(told.pieces[i].sequence, told.pieces[i].type, told.pieces[i].bytes);
    copy_read_decode(body, &copy, &fault);
    follow_request_decode(body, &a, &follow, &fault);
    follow_reply_decode(body, &a, &row);
    arena_fini(&a);
    return 0;
}
