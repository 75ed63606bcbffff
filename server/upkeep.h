/*
 * upkeep - what keeps indexes small and quick: merges and smaller editions, begun and finished by
 * the apply thread, built in threads beside it (merger.h, compact.h).
 *
 * Between batches only little is done: a part of a merge that is built is written, the next one is
 * begun. A catalog that was quiet for two seconds settles down: what nobody waits for is merged,
 * and a copy without free pages takes its place when that is worth it.
 */
#ifndef SOUK_SERVER_UPKEEP_H
#define SOUK_SERVER_UPKEEP_H

#include "server/edition.h"
#include "server/writer_catalog.h"

struct floor;
struct upkeep;

/* `built` is called in another thread when there is something to write or to switch to. */
enum status upkeep_create(struct floor *floor, void (*built)(void *ctx), void *ctx,
                          struct upkeep **out);
void upkeep_destroy(struct upkeep **u);
void upkeep_after_batch(struct upkeep *u, struct writer_catalog *c);
/* Nothing waits to be applied: does what is due. Returns for how many milliseconds nothing is; -1 =
 * until something comes, 0 = call again. */
int64_t upkeep_idle(struct upkeep *u);
/* Did a catalog get another edition since the last call? */
bool upkeep_moved(struct upkeep *u);
/* Takes over the order of another edition: begun when nothing else is built for the catalog. */
void upkeep_rebuild(struct upkeep *u, struct writer_catalog *c, struct rebuild_order *order);
/* Gives up what is being built for the catalog, whose edition is about to change. */
void upkeep_leave(struct upkeep *u, struct writer_catalog *c);
/* The same, because the disk is full. */
void upkeep_make_room(struct upkeep *u, struct writer_catalog *c);
/* The same, for a catalog that goes. */
void upkeep_forget(struct upkeep *u, struct writer_catalog *c);

#endif
