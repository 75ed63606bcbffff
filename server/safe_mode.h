/*
 * safe_mode - when a catalog holds on to what it has.
 *
 * In safe mode nothing that expires is removed (it still is not shown) and every reply says so. It
 * is entered by hand, by the writer when every provider of the catalog has been open for a while,
 * and on storage errors, which also stop changes. Left with hysteresis: by hand again, when the
 * upstream has been well for long enough, when the storage works.
 *
 * Both first reasons are settings of the catalog (kind "safe_mode", names "by_hand" and
 * "upstream"), so that they outlive restarts and rebuilds and a copy of a catalog has them too;
 * storage errors are found again by looking.
 */
#ifndef SOUK_SERVER_SAFE_MODE_H
#define SOUK_SERVER_SAFE_MODE_H

#include "index/snapshot.h"
#include "protocol/labels.h"

#define SAFE_MODE_KIND "safe_mode"

struct safe_mode_times {
    int64_t enter_ms, leave_ms; /* down for so long: on; well for so long: off */
};

/* The automaton of one catalog; begins zeroed, `on` as stored. Times are monotonic. */
struct safe_guard {
    bool on;
    int64_t down_since, well_since; /* 0 = it is not */
};
/* True when `on` changed. */
bool safe_mode_step(struct safe_guard *m, enum upstream_state state, int64_t now_ms,
                    const struct safe_mode_times *t);

/* Names of the settings; bits SAFE_BY_HAND and SAFE_UPSTREAM only. */
struct slice safe_mode_key(uint32_t bit);
void safe_mode_encode(struct buf *out, int64_t since_ms, struct slice reason);

/* What is stored. */
struct safe_mode_stored {
    uint32_t bits;
    int64_t since_ms;               /* of the first that holds; 0 = none does */
    struct slice by_hand, upstream; /* reasons; in the snapshot */
};
enum status safe_mode_read(struct snapshot *s, struct safe_mode_stored *out);

#endif
