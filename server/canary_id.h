/* canary_id - the ids that are the server's own: no client may use them, no client sees them. */
#ifndef SOUK_SERVER_CANARY_ID_H
#define SOUK_SERVER_CANARY_ID_H

#include "protocol/slice.h"

#define CANARY_RESERVED "\x01souk:"
#define CANARY_ID       CANARY_RESERVED "canary"

static inline bool canary_reserved(struct slice id)
{
    return slice_starts(id, SLICE_LIT(CANARY_RESERVED));
}

#endif
