/* column_private - what column.c, column_edit.c and snapshot.c share about chunks. */
#ifndef SOUK_INDEX_COLUMN_PRIVATE_H
#define SOUK_INDEX_COLUMN_PRIVATE_H

#include "index/column.h"
#include "index/store.h"

enum { COLUMN_KEY_LEN = 6, COLUMN_PRESENT_WORDS = COLUMN_CHUNK / 64, COLUMN_RAW_SCALE = 255 };
/* Widths above this are bits; zeros behind values that lie in bits. */
enum { COLUMN_PACKED = 128, COLUMN_BEHIND = 7 };

/* One looked-up chunk. `epoch` says for which state of the snapshot it holds. */
struct column_slot {
    uint64_t epoch;
    uint64_t verified; /* generation of the bytes whose checksum was seen to match */
    enum status status;
    struct column_chunk chunk;
    uint64_t *present_copy; /* when the bytes in the map are not aligned to words */
};

struct column {
    uint32_t id;
    enum column_kind kind;
    struct store_txn *const *txn; /* of the snapshot */
    const uint64_t *epoch;        /* of the snapshot */
    enum status *trouble;         /* of the snapshot; NULL = nobody asks */
    struct column_slot *slots;
    uint32_t slot_count;
};

void column_key(uint8_t key[COLUMN_KEY_LEN], uint32_t column, uint32_t chunk_idx);
/* Reads a chunk's bytes (behind the checksum); every count and offset is checked. */
enum status column_parse(struct slice bytes, enum column_kind kind, struct column_slot *s);
/* Offset of list `i` and of its end, in items. */
uint32_t column_list_start(const struct column_chunk *c, uint32_t i);
double column_power_of_ten(uint8_t scale);
void column_fini(struct column *c);

#endif
