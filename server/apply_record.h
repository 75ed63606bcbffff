/*
 * apply_record - one record of the log into a batch of the index: what the apply thread does with
 * what is new, and who makes another edition with what came meanwhile. It asks nothing and decides
 * nothing but which items the index refuses by their content: today and at every replay alike.
 */
#ifndef SOUK_SERVER_APPLY_RECORD_H
#define SOUK_SERVER_APPLY_RECORD_H

#include "index/index.h"
#include "server/idempotency.h"
#include "server/log_record.h"

/* What the records of one batch came to; begins as zeros. */
struct applied {
    uint64_t skipped; /* items that the index refused */
    uint64_t misfits; /* those of them that do not fit the schema */
    struct key_counts keys;
    uint64_t deleted;    /* with a version (deleted.h) */
    int64_t accepted_ms; /* of the last changes: what the window counts from */
    bool seen;           /* something was changed that users can see */
};

/* `arena` is reset, `scratch` used; both are the caller's for as long as he applies records.
 * OLD_FORMAT: a record of a kind that is not known. */
enum status apply_record(struct batch *b, const struct log_record *r, struct arena *arena,
                         struct buf *scratch, struct applied *sum);

#endif
