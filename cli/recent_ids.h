/*
 * recent_ids - which ids are on their way, so that two changes of one product never overtake.
 *
 * Bulks may be refused and sent again one by one; a later line of the same id must then wait for
 * the bulk with the earlier one. Ids are remembered by their hash with the serial of their bulk;
 * two ids of one hash only wait without need.
 */
#ifndef SOUK_CLI_RECENT_IDS_H
#define SOUK_CLI_RECENT_IDS_H

#include "protocol/slice.h"

enum { RECENT_SLOTS = 1 << 16 };

struct recent_ids {
    struct {
        uint64_t hash, serial; /* serial 0 = free */
    } slots[RECENT_SLOTS];
    uint32_t used;
};

/*
 * Notes that `id` goes into bulk `serial` (ascending, from 1). Bulks below `oldest` have ended.
 * Returns the serial of another bulk that holds the id and has not ended, 0 when there is none.
 */
uint64_t recent_ids_note(struct recent_ids *r, struct slice id, uint64_t serial, uint64_t oldest);

#endif
