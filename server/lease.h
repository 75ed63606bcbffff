/*
 * lease - which products changed since somebody asked the upstream about them.
 *
 * A fetch notes the last sequence before it asks (its lease). When its answer comes back, it counts
 * only while no change of the product has a higher sequence, so that a late answer never overwrites
 * a newer push. The table starts empty with the first lease and forgets its older half when it is
 * full; a lease from before what it remembers is refused: the product is simply asked for again.
 * One thread (the writer's loop).
 */
#ifndef SOUK_SERVER_LEASE_H
#define SOUK_SERVER_LEASE_H

#include "protocol/slice.h"
#include "protocol/status.h"

struct lease_table;

/* `cap` changes are remembered at least half of the time (a power of two); `sequence` is the last
 * one before. */
enum status lease_create(uint32_t cap, uint64_t sequence, struct lease_table **out);
void lease_destroy(struct lease_table **t);
/* The product changes with `sequence`; sequences grow. */
void lease_note(struct lease_table *t, struct slice id, uint64_t sequence);
/* True when no change of the product is above `sequence`. */
bool lease_holds(const struct lease_table *t, struct slice id, uint64_t sequence);

#endif
