/*
 * idempotency - the first answer to a request with a key, told again within the window.
 *
 * Keys that are applied live in rows of the index (written with the change itself); keys of changes
 * that are logged and not yet applied live in this table.
 *   row "idem/" key            -> XXH3-128 of the request, accepted_ms u64, reply bytes
 *   row "idemt/" sequence BE   -> accepted_ms u64, key: the same in order of time, for pruning
 *   row "idemn"                -> how many there are, u64
 */
#ifndef SOUK_SERVER_IDEMPOTENCY_H
#define SOUK_SERVER_IDEMPOTENCY_H

#include "index/index.h"
#include "server/log_record.h"

struct idempotency;

enum { IDEMPOTENCY_ROW_KEY = 5 + 64, IDEMPOTENCY_MOST = 10000000 };

enum status idempotency_create(struct idempotency **out);
void idempotency_destroy(struct idempotency **t);
void idempotency_hash(struct slice body, uint8_t hash[BODY_HASH]);

/* NOT_FOUND: new. OK: seen with this body, the reply is appended to *reply. CONFLICT: seen with
 * another. */
enum status idempotency_find(struct idempotency *t, struct index *ix, struct slice key,
                             struct slice hash, int64_t oldest_ms, struct buf *reply);
enum status idempotency_note(struct idempotency *t, const struct log_changes *c, uint64_t sequence);
void idempotency_forget(struct idempotency *t, uint64_t visible);
/* The rows of an applied change. */
enum status idempotency_apply(struct batch *b, const struct log_changes *c, uint64_t sequence,
                              struct buf *scratch);
/* Once in a batch that holds `added` changes with keys: removes rows accepted before oldest_ms, the
 * oldest first, and those beyond IDEMPOTENCY_MOST; about twice as many as were added. */
enum status idempotency_prune(struct batch *b, int64_t oldest_ms, uint64_t added);

#endif
