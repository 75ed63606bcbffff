/*
 * Replay of a damaged event log. The input is a script over a log of a few records: each 4 bytes
 * overwrite one byte of the file (3 bytes of place, 1 of value); an odd length cuts the file there.
 * Replay must give a prefix of what was written, or refuse.
 */
#include "server/event_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 20, FILE_BYTES = 8192 };

static char dir[] = "/tmp/souk-fuzz-log-XXXXXX", path[96], good[FILE_BYTES * 2];
static size_t good_len;

static void write_good(void)
{
    struct event_log_options o = {.segment_bytes = FILE_BYTES, .small_bytes = FILE_BYTES};
    struct event_log *log;
    uint64_t cut;
    char payload[200];
    if (!mkdtemp(dir) || event_log_open(dir, &o, &log, &cut, NULL))
        abort();
    for (uint64_t i = 1; i <= RECORDS; i++) {
        memset(payload, (int)('a' + i), sizeof payload);
        if (event_log_append(log, i, 1, slice_make(payload, i * 7), false) || event_log_sync(log))
            abort();
    }
    event_log_close(&log);
    snprintf(path, sizeof path, "%s/%020d.log", dir, 1);
    FILE *f = fopen(path, "rb");
    if (!f)
        abort();
    good_len = fread(good, 1, sizeof good, f);
    fclose(f);
}

static enum status in_order(void *ctx, const struct log_record *r)
{
    uint64_t *last = ctx;
    if (r->sequence != *last + 1 || r->payload.len != r->sequence * 7)
        abort();
    for (size_t i = 0; i < r->payload.len; i++)
        if (r->payload.ptr[i] != (char)('a' + r->sequence))
            abort();
    *last = r->sequence;
    return STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bad[sizeof good];
    struct event_log_options o = {.segment_bytes = FILE_BYTES, .small_bytes = FILE_BYTES};
    struct event_log *log;
    struct fault fault = {0};
    uint64_t last = 0, cut;
    if (!good_len)
        write_good();
    memcpy(bad, good, good_len);
    size_t len = good_len;
    for (; size >= 4; data += 4, size -= 4)
        bad[(data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % good_len] = (char)data[3];
    if (size)
        len = good_len * data[0] / 256;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bad, len) != (ssize_t)len)
        abort();
    close(fd);
    event_log_replay(dir, 0, in_order, &last, &fault);
    if (event_log_open(dir, &o, &log, &cut, &fault) == STATUS_OK) {
        if (event_log_last(log) > RECORDS)
            abort();
        event_log_close(&log);
    }
    return 0;
}
