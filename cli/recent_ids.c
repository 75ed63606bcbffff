#include "cli/recent_ids.h"

#include <stdlib.h>
#include <xxhash.h>

enum { RECENT_MOST = RECENT_SLOTS / 2 };

static uint32_t place_of(const struct recent_ids *r, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (RECENT_SLOTS - 1);
    while (r->slots[at].serial && r->slots[at].hash != hash)
        at = (at + 1) & (RECENT_SLOTS - 1);
    return at;
}

/* Drops what has ended. When nothing has, all is forgotten: the window is far smaller than that. */
static void sweep(struct recent_ids *r, uint64_t oldest)
{
    struct recent_ids *kept = calloc(1, sizeof *kept);
    for (uint32_t i = 0; kept && i < RECENT_SLOTS; i++)
        if (r->slots[i].serial >= oldest && kept->used < RECENT_MOST) {
            kept->slots[place_of(kept, r->slots[i].hash)] = r->slots[i];
            kept->used++;
        }
    if (kept && kept->used < RECENT_MOST)
        memcpy(r, kept, sizeof *r);
    else
        memset(r, 0, sizeof *r);
    free(kept);
}

uint64_t recent_ids_note(struct recent_ids *r, struct slice id, uint64_t serial, uint64_t oldest)
{
    if (r->used >= RECENT_MOST)
        sweep(r, oldest);
    uint64_t hash = XXH64(id.ptr, id.len, 0);
    uint32_t at = place_of(r, hash);
    uint64_t before = r->slots[at].serial;
    r->used += before == 0;
    r->slots[at].hash = hash;
    r->slots[at].serial = serial;
    return before >= oldest && before != serial ? before : 0;
}
