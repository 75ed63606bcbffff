/*
 * compact - another edition of a catalog, made in a thread of its own while changes go on.
 *
 * Three ways: a copy without free pages; a rebuild, which also gives back docids that changes of
 * text have spent; a rebuild to another schema. The new edition then catches up with the log; the
 * last step is taken in the apply thread, which switches to it. Searches see one edition, then the
 * other.
 */
#ifndef SOUK_SERVER_COMPACT_H
#define SOUK_SERVER_COMPACT_H

#include "server/writer_catalog.h"

struct compact;
struct floor;

/* Is there enough to win? `idle`: nothing else is to be done. Looks at c->applied. */
bool compact_due(struct writer_catalog *c, bool idle);
/* Begins; `ready` is called in the other thread when the edition is built. With `order` (taken
 * over, also on failure) it is what a change of the catalog asks for, and edition_changed() is told
 * how it ended; else what compact_due() found. */
enum status compact_start(struct writer_catalog *c, struct rebuild_order *order,
                          struct floor *floor, void (*ready)(void *ctx), void *ctx,
                          struct compact **out);
bool compact_ready(const struct compact *k);
/* Does a change of the catalog ask for it? */
bool compact_ordered(const struct compact *k);
/* The rest of the log, then the switch; the compaction ends. Waits when it is not ready. Failures
 * leave the catalog as it is. */
enum status compact_finish(struct compact **k);
/* Gives it up; waits for the thread. An order is told `why`, unless that is OK. */
void compact_cancel(struct compact **k, enum status why);

#endif
