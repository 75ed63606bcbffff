/*
 * follow - a follower's part of replication, in threads of the replica process.
 *
 *            reached                 catalogs to copy              none left
 *   CONNECTING ──────> FOLLOWING <────────────────────> COPYING ──────────────> FOLLOWING
 *                          │  no answer                    │
 *                          └──────────> LEADER_LOST <──────┘   reached again: as before
 *
 * One thread asks the leader for what is new (LOG_READ, again and again, of all catalogs at once)
 * and hands it to the writer; another fetches copies of catalogs that cannot be followed from where
 * they stand: unknown here, of another stream, or with a gap. Meanwhile what was there is served.
 * Where each catalog stands is told by the writer, which has it from its log; nothing is kept here.
 *
 * A leader that does not answer is tried again after a random time below a bound that doubles, up
 * to FOLLOW_PAUSE_MOST_MS. The threads end when the server follows no longer.
 */
#ifndef SOUK_SERVER_FOLLOW_H
#define SOUK_SERVER_FOLLOW_H

#include "server/role.h"

enum { FOLLOW_PAUSE_MS = 100, FOLLOW_PAUSE_MOST_MS = 5000 };

struct follow;

/* Starts the threads; they end with the process. */
enum status follow_create(struct role_context *role, struct follow **out);
/* What an ended process left of copies goes. */
void follow_copies_clean(const char *data_dir);
/* From the loop, every now and then: how far behind, into the shared pages. */
void follow_publish(struct follow *f);

#endif
