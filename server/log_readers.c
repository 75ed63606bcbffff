#include "server/log_readers.h"

#include <limits.h>
#include <stdio.h>

#include "server/catalogs.h"

enum status log_readers_get(struct log_readers *l, const char *data_dir, const char *name,
                            uint64_t after, struct log_reader **out)
{
    char path[PATH_MAX];
    uint32_t place = 0;
    *out = NULL;
    for (uint32_t i = 0; i < LOG_READERS; i++) {
        struct log_reader *r = l->slots[i].r;
        if (r && log_reader_at(r) == after && !strcmp(l->slots[i].name, name)) {
            l->slots[i].used_ms = clock_mono_ms();
            *out = r;
            return STATUS_OK;
        }
        if (l->slots[place].r && (!r || l->slots[i].used_ms < l->slots[place].used_ms))
            place = i;
    }
    log_reader_close(&l->slots[place].r);
    if (!catalog_log_path(path, sizeof path, data_dir, slice_str(name)))
        return STATUS_TOO_LARGE;
    enum status st = log_reader_open(path, after, &l->slots[place].r);
    snprintf(l->slots[place].name, sizeof l->slots[place].name, "%s", name);
    l->slots[place].used_ms = clock_mono_ms();
    *out = l->slots[place].r;
    return st;
}

void log_readers_tidy(struct log_readers *l, int64_t since_ms)
{
    for (uint32_t i = 0; i < LOG_READERS; i++)
        if (l->slots[i].used_ms < since_ms)
            log_reader_close(&l->slots[i].r);
}

void log_readers_close(struct log_readers *l)
{
    for (uint32_t i = 0; i < LOG_READERS; i++)
        log_reader_close(&l->slots[i].r);
}
