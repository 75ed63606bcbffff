/* batch_private - the batch, between batch.c (changes), batch_freshness.c and batch_rows.c (parts
 * of them) and batch_commit.c (writing them). */
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
/* Windows and stamps of a product, in its system columns and its expiry row. */
enum status batch_freshness_read(struct batch *b, uint32_t docid, struct windows *f);
/* What a change says; -1 = nothing. */
struct windows batch_freshness_of(const struct change *c);
/* Of a docid that has no expiry row (any more). */
enum status batch_freshness_write(struct batch *b, struct slice id, uint32_t docid,
                                  const struct change *c, const struct windows *f);
/* Confirmed anew; `keep_windows`: those stay of which the change says nothing. */
enum status batch_freshness_renew(struct batch *b, struct slice id, uint32_t docid,
                                  const struct change *c, bool keep_windows);
/* A product that ends moves nothing for those who know it. */
enum status batch_freshness_drop(struct batch *b, struct slice id, uint32_t docid);

/* Gives back what the batch holds. */
void batch_end(struct batch **b, bool committed);

#endif
