/* batch_private - the batch, between batch.c (changes) and batch_commit.c (writing them). */
#ifndef SOUK_INDEX_BATCH_PRIVATE_H
#define SOUK_INDEX_BATCH_PRIVATE_H

#include "index/expiry_moves.h"
#include "index/index_private.h"
#include "protocol/arena.h"

/* A row to put or delete at commit; the last of a key wins. */
struct row_change {
    enum store_table table;
    uint32_t order;
    bool remove;
    struct slice key, value; /* in the batch's arena */
};

struct row_changes {
    struct row_change *items;
    uint32_t count, cap;
};

struct batch {
    struct index *ix;
    struct writer *w;
    struct snapshot *base;
    struct meta meta;
    struct column_edits *edits;
    struct segment_builder *builder;
    struct row_changes rows;
    struct arena arena; /* keys and values of rows */
    uint32_t doc_base;
    struct schema *schema; /* set by alter */
    bool settings_changed;
    bool unseen; /* batch_unseen() */
    void (*moved)(void *ctx, uint32_t from, uint32_t to);
    void *moved_ctx;
    struct expiry_move expiry; /* rows of living products that were put or removed */
    enum status failed;        /* a change stopped half-way: only abort is left */
    struct product parsed, old;
    struct column_value values[SCHEMA_MAX_FIELDS + 1];
    struct buf items, record, document, merged, scratch;
};

enum status batch_note_row(struct batch *b, enum store_table table, struct slice key,
                           struct slice value, bool remove);
/* Gives back what the batch holds. */
void batch_end(struct batch **b, bool committed);

#endif
