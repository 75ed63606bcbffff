/*
 * idempotency - the first answer to a bulk or an item with a key, told again within the window.
 *
 * Keys that are applied live in rows of the index (written with the change itself); keys of changes
 * that are logged and not yet applied live in this table. Bulks and items have keys of their own.
 *   row "idem/" key            -> XXH3-128 of the bulk, accepted_ms u64, reply bytes
 *   row "idemt/" sequence BE   -> accepted_ms u64, key: the same in order of time, for pruning
 *   row "idemn"                -> how many there are, u64
 *   rows "idei/", "ideit/" sequence BE, place in the record u32 BE, "idein": those of items,
 * without a reply: only what counted is kept
 */
#ifndef SOUK_SERVER_IDEMPOTENCY_H
#define SOUK_SERVER_IDEMPOTENCY_H

#include "index/index.h"
#include "server/log_record.h"

struct idempotency;

enum key_kind { KEY_OF_BULK, KEY_OF_ITEM };
enum { IDEMPOTENCY_ROW_KEY = 5 + 64, IDEMPOTENCY_MOST = 10000000 };

enum status idempotency_create(struct idempotency **out);
void idempotency_destroy(struct idempotency **t);
/*
 * What makes a bulk or an item the same one: what it asks to be changed, its cursor included. The
 * level of its ack, and the schema that was known when it came, do not.
 */
enum status idempotency_hash_bulk(const struct put_request *p, struct buf *scratch,
                                  uint8_t hash[BODY_HASH]);
enum status idempotency_hash_item(const struct put_item *item, struct buf *scratch,
                                  uint8_t hash[BODY_HASH]);

/* NOT_FOUND: new. OK: seen with this hash, the reply is appended to *reply. CONFLICT: seen with
 * another. */
enum status idempotency_find(struct idempotency *t, struct index *ix, enum key_kind kind,
                             struct slice key, const uint8_t hash[BODY_HASH], int64_t oldest_ms,
                             struct buf *reply);
/* Of *c the key, hash, reply and time count. Sequences come in ascending order. */
enum status idempotency_note(struct idempotency *t, enum key_kind kind, const struct log_changes *c,
                             uint64_t sequence);
/* The keys of the record's items, as they were noted when they were decided. */
enum status idempotency_note_items(struct idempotency *t, const struct log_changes *c,
                                   uint64_t sequence, struct buf *scratch);
/* Takes back what was noted since there were `count` of them. */
size_t idempotency_count(const struct idempotency *t);
void idempotency_undo(struct idempotency *t, size_t count);
void idempotency_forget(struct idempotency *t, uint64_t visible);

/* Keys a batch has added. */
struct key_counts {
    uint64_t of[2];
};
/* The rows of an applied change. */
enum status idempotency_apply(struct batch *b, const struct log_changes *c, uint64_t sequence,
                              struct buf *scratch, struct key_counts *added);
/* Once in a batch that holds `added` keys: removes rows accepted before oldest_ms, the oldest
 * first, and those beyond IDEMPOTENCY_MOST; about twice as many as were added. */
enum status idempotency_prune(struct batch *b, int64_t oldest_ms, const struct key_counts *added);

#endif
