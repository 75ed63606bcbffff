/*
 * A file as `souk import` reads it: the first byte chooses JSON lines or CSV, the rest is the file,
 * plain or packed (its own first bytes say which). Records that are wrong alone are passed over.
 */
#include "cli/records.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct records *open_records(const uint8_t *data, size_t size, bool csv)
{
    struct source *source;
    struct records *r;
    struct fault fault = {0};
    int fd = memfd_create("import", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
        abort();
    if (source_of_fd(fd, &source, &fault))
        return NULL;
    return records_open(source, csv, &r, &fault) ? NULL : r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault fault = {0};
    struct arena arena;
    struct json *v;
    uint32_t line;
    if (!size)
        return 0;
    struct records *r = open_records(data + 1, size - 1, data[0] & 1);
    if (!r)
        return 0;
    arena_init(&arena, 64u << 20);
    for (int i = 0; i < 1000; i++) {
        enum status st = records_next(r, &arena, &v, &line, &fault);
        if (st && !records_may_go_on(st))
            break;
        if (st && !fault.text[0])
            abort(); /* a record is refused with a sentence */
        arena_reset(&arena);
    }
    records_close(r);
    arena_fini(&arena);
    return 0;
}
