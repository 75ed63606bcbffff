/*
 * edition - changes of a catalog as a whole, in the apply thread: another schema, another edition.
 *
 * A schema that fits what is stored is taken over in place. Others, and REBUILD, need another
 * edition, built beside the current one while changes go on (compact.h):
 *
 *   order    the record is applied: a row of the index remembers it in the same transaction, so
 *            that a writer that ended meanwhile begins anew (edition_ordered)
 *   build    products are copied, then the log behind them; changes go to the current edition
 *   switch   in the apply thread; the row is not in the new edition, and CURRENT names that
 *   told     edition_changed(): the outcome, for who waits for it
 *
 * From the order on the writer's loop logs nothing that does not fit both schemas.
 */
#ifndef SOUK_SERVER_EDITION_H
#define SOUK_SERVER_EDITION_H

#include "server/log_record.h"
#include "server/writer_catalog.h"

struct rebuild_order {
    uint64_t sequence;     /* of the record that asks for it */
    struct schema *schema; /* NULL = as it is */
};
void rebuild_order_destroy(struct rebuild_order **o);

/* Makes an index that stands at the catalog's visible sequence, in the directory of the next
 * edition, the current one. On failure the index stays the caller's. */
enum status edition_switch(struct writer_catalog *c, struct index *fresh);
/* Applies a SCHEMA or REBUILD record. *order (owned) when that takes another edition, which is to
 * be begun. A refusal by the content of the record is told by edition_changed() and no failure. */
enum status edition_change(struct writer_catalog *c, const struct log_record *r,
                           struct rebuild_order **order);
/* The record of an order that was not carried out; NOT_FOUND. Borrows from `scratch`. */
enum status edition_ordered(struct writer_catalog *c, struct buf *scratch, struct log_record *out);
/* Takes the order's row out of an index that stands at `sequence`. */
enum status edition_order_forget(struct index *ix, uint64_t sequence);
/* How it ended; after a failure the catalog is as it was. */
void edition_changed(struct writer_catalog *c, const struct rebuild_order *o, enum status st);

#endif
