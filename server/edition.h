/* edition - changes of the whole catalog in the apply thread: a new schema, a new edition. */
#ifndef SOUK_SERVER_EDITION_H
#define SOUK_SERVER_EDITION_H

#include "server/writer_catalog.h"

/*
 * Applies a SCHEMA or REBUILD record. Compatible schemas are taken over in place; others, and
 * REBUILD, copy every product into a fresh edition beside the current one, then CURRENT is renamed.
 * Changes that come meanwhile wait in the log. A refusal by the content of the record is in
 * c->control_status and is not a failure.
 */
/* Makes an index that stands at the catalog's visible sequence, in the directory of the next
 * edition, the current one. In the apply thread; on failure the index stays the caller's. */
enum status edition_switch(struct writer_catalog *c, struct index *fresh);
enum status edition_change(struct writer_catalog *c, const struct log_record *r);

#endif
