/*
 * live - the bitmap of docids that stand for a product: one row per chunk of 4096 docids.
 *
 *   LMDB `live`: key = chunk u32 BE -> generation u64 + 512 bytes (64 words, little-endian)
 *                                      or 8 bytes: no docid of the chunk is live
 *   no row: every docid of the chunk below docid_end is live
 *
 * struct live is the whole bitmap in memory, loaded from a transaction: a snapshot keeps one and
 * brings it up to date when the generation moves; a batch changes a copy and writes back the chunks
 * it touched.
 */
#ifndef SOUK_INDEX_LIVE_H
#define SOUK_INDEX_LIVE_H

#include "index/column.h"
#include "index/store.h"

enum { LIVE_WORDS = COLUMN_CHUNK / 64 };

struct live_chunk {
    uint64_t generation; /* of the stored row; 0 = none yet */
    bool dirty;
    uint64_t words[LIVE_WORDS];
};

struct live {
    struct live_chunk **chunks; /* NULL = wholly live */
    uint32_t chunk_count, chunk_cap;
    uint32_t docid_end;
};

void live_fini(struct live *l);
/* Brings `l` to what the transaction sees. */
enum status live_load(struct live *l, struct store_txn *t, uint32_t docid_end);
bool live_get(const struct live *l, uint32_t docid);
const uint64_t *live_words(const struct live *l, uint32_t chunk_idx);
/* Clears a docid below docid_end. */
enum status live_kill(struct live *l, uint32_t docid);
/* New docids up to `docid_end` become live. */
void live_extend(struct live *l, uint32_t docid_end);
/* Live docids of [from, to). */
uint32_t live_count(const struct live *l, uint32_t from, uint32_t to);
enum status live_write(struct live *l, struct store_txn *write, uint64_t generation);

#endif
