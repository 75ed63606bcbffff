/*
 * column_edit - columns as one batch changes them: chunks opened into plain arrays, written back
 * once at commit.
 *
 * A chunk is read from the committed state on its first touch; further reads and writes are array
 * accesses, so that a bulk load costs a store per value and random price updates cost one decode
 * and encode per chunk and batch. Used by the batch only, from its thread.
 */
#ifndef SOUK_INDEX_COLUMN_EDIT_H
#define SOUK_INDEX_COLUMN_EDIT_H

#include "index/column.h"
#include "index/store.h"

struct column_edits;

/* One value as batches pass it: by the column's kind. */
struct column_value {
    bool present;
    int64_t i;             /* INT */
    double f;              /* FLOAT */
    uint32_t ordinal;      /* ORDINAL */
    const uint32_t *items; /* ORDINALS; valid until the next edit of the column */
    uint32_t count;
};

/* `read` sees the committed state and must outlive the edits. */
enum status column_edits_create(struct store_txn *read, struct column_edits **out);
void column_edits_destroy(struct column_edits **e);

/* Absent values have present == false. */
enum status column_edits_get(struct column_edits *e, uint32_t column, enum column_kind kind,
                             uint32_t docid, struct column_value *out);
enum status column_edits_set(struct column_edits *e, uint32_t column, enum column_kind kind,
                             uint32_t docid, const struct column_value *v);
/* Bytes held by open chunks. */
uint64_t column_edits_bytes(const struct column_edits *e);
/* Writes every changed chunk, stamped with `generation`, in key order. Values of docids for which
 * live() is false are left out. */
enum status column_edits_write(struct column_edits *e, struct store_txn *write, uint64_t generation,
                               bool (*live)(void *ctx, uint32_t docid), void *ctx);

#endif
