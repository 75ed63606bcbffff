/*
 * compact - a smaller edition of a catalog, made in a thread of its own while changes go on.
 *
 * Two ways: a copy without free pages, and a rebuild, which also gives back docids that changes of
 * text have spent. The new edition then catches up with the log; the last step is taken in the
 * apply thread, which switches to it. Searches see one edition, then the other.
 */
#ifndef SOUK_SERVER_COMPACT_H
#define SOUK_SERVER_COMPACT_H

#include "server/writer_catalog.h"

struct compact;

/* Is there enough to win? `idle`: nothing else is to be done. Looks at c->applied. */
bool compact_due(struct writer_catalog *c, bool idle);
/* Begins; `ready` is called in the other thread when the edition is built. */
enum status compact_start(struct writer_catalog *c, void (*ready)(void *ctx), void *ctx,
                          struct compact **out);
bool compact_ready(const struct compact *k);
/* The rest of the log, then the switch; the compaction ends. Waits when it is not ready. Failures
 * leave the catalog as it is. */
enum status compact_finish(struct compact **k);
/* Gives it up; waits for the thread. */
void compact_cancel(struct compact **k);

#endif
