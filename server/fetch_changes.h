/*
 * fetch_changes - keeps a catalog in step with a provider's feed of changes: asks behind the
 * cursor, writes what came and the new cursor as one change, asks again; a pause once nothing is
 * new.
 *
 *   IDLE ──time──> ASKING ──answer──> WRITING ──acked──> IDLE, at once while there is more
 *
 * From no cursor the feed is the initial sync. A cursor moves only with the changes it brought, so
 * a kill at any moment repeats a part and loses none. Only the first usable provider in order with
 * a feed is followed.
 */
#ifndef SOUK_SERVER_FETCH_CHANGES_H
#define SOUK_SERVER_FETCH_CHANGES_H

#include "server/fetch_catalog.h"

struct changes;

struct changes_figures {
    uint64_t products, deleted, pages, failures;
    bool in_step;
};

enum status changes_create(struct fetch_catalog *c, struct fetch_provider *p, struct changes **out);
void changes_destroy(struct changes **h);
/* Looks whether it is time. */
void changes_tick(struct changes *h);
/* From the first cursor again. */
void changes_restart(struct changes *h);
/* The index is another one (rebuilt, or dropped and made again): the cursor is looked up anew. */
void changes_forget(struct changes *h);
struct changes_figures changes_figures(const struct changes *h);

#endif
