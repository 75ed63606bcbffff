/* index_private - what snapshot, batch, merge, rebuild and check share. */
#ifndef SOUK_INDEX_INDEX_PRIVATE_H
#define SOUK_INDEX_INDEX_PRIVATE_H

#include "index/column_private.h"
#include "index/expiry.h"
#include "index/facet_intern.h"
#include "index/index.h"
#include "index/live.h"
#include "index/meta.h"
#include "index/product.h"
#include "index/product_tokens.h"
#include "index/segment_build.h"
#include "index/segment_records.h"
#include "index/snapshot.h"
#include "index/value_index.h"

enum { SNAPSHOT_COLUMNS = 512, SYSTEM_COLUMNS = 6 };

struct kept_rows;
struct writer;

struct index {
    struct store *store;
    struct schema *schema;
    bool read_only;
    struct writer *writer; /* NULL when read only */
};

/* What the one writing thread keeps between batches. */
struct writer {
    struct snapshot *base; /* the committed state a batch stands on */
    struct live live;
    struct facet_intern *intern;
    struct product_tokens tokens;
    struct record_writer *records;
    bool busy;               /* a batch is open */
    struct merge_task *task; /* the merge that is under way, NULL = none */
    uint32_t next_segment;   /* no number below is given out: merges reserve theirs */
};

struct snapshot {
    struct index *ix;
    struct store_txn *txn;
    bool active;
    bool has_settings; /* looked at when the generation moved */
    uint64_t number;   /* transaction number the rest belongs to; 0 = none */
    uint64_t epoch;    /* counts refreshes: columns compare it */
    enum status trouble;
    struct pulse pulse;
    struct meta meta;
    uint64_t visible; /* generation, see visible.h */
    struct schema *schema;
    uint32_t schema_version;
    struct live live;
    struct segment *segments[META_MAX_SEGMENTS];
    uint32_t segment_numbers[META_MAX_SEGMENTS];
    uint32_t segment_count;
    uint64_t dictionary;   /* see snapshot_dictionary() */
    uint32_t expected_ids; /* snapshot_expect_ids() since these segments stand here */
    bool ids_learned;
    struct column columns[SNAPSHOT_COLUMNS]; /* without `txn`: not asked for yet */
    struct value_index *values[META_FIELDS]; /* by field, made when asked for */
    struct kept_rows *rows;                  /* values looked up last; made when one is */
    struct record_reader *reader;            /* made when a record is read first */
    struct buf record, items, scratch;
    char id_room[SEGMENT_ID_MAX]; /* of snapshot_id() */
};

enum { SEGMENT_KEY_LEN = 8 };
void segment_key(uint8_t key[SEGMENT_KEY_LEN], uint32_t number, uint32_t extent);
/* segment_lookup over a transaction: ctx = struct store_txn *. */
enum status segment_lookup_txn(void *ctx, uint32_t number, uint32_t extent, struct slice *value);

/* Row of a record dictionary: how many documents there were when it was trained u32, its bytes. */
enum { DICTIONARY_KEY_MAX = 24 };
struct slice dictionary_key(char key[DICTIONARY_KEY_MAX], uint32_t number);
enum status dictionary_read(struct store_txn *t, uint32_t number, uint32_t *docs,
                            struct slice *bytes);
/* Makes the reader know the dictionary. */
enum status dictionary_know(struct record_reader *r, struct store_txn *t, uint32_t number);

/* The row of a value, from those kept or from the store; ends with the snapshot. */
enum status facet_value_row(struct snapshot *s, uint32_t field, uint32_t ordinal,
                            struct facet_row *out);
void facet_values_fini(struct snapshot *s);

enum status schema_load(struct store_txn *t, struct schema **out);
/* Slot 0..511 of a column id; UINT32_MAX for none. */
uint32_t column_slot_of(uint32_t column_id);
/* The raw record of a docid (borrowed until the next call). */
enum status snapshot_record(struct snapshot *s, uint32_t docid, struct slice *record);
/* Whether there is any setting: most catalogs have none, and then nothing is looked up. */
enum status settings_any(struct store_txn *t, bool *yes);
enum { SETTING_KEY_MAX = 500 };
/* Setting rows: key = kind NUL name. INVALID when that is none, or too long. */
enum status setting_key(struct buf *key, struct slice kind, struct slice name);
/* A system column of a product; *value stays as it is where the product has none. */
void snapshot_column_or(struct snapshot *s, uint32_t id, uint32_t docid, int64_t *value);
struct windows snapshot_freshness(struct snapshot *s, uint32_t docid);

enum status writer_create(struct index *ix, struct writer **out);
void writer_destroy(struct writer **w);
/* Renews the committed state and the writer's own bitmap. */
enum status writer_begin(struct writer *w);

/* Removes the extents of a segment. */
enum status segment_remove(struct store_txn *t, uint32_t number);

#endif
