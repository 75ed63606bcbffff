/*
 * idempotency - the first answer to a request with a key, told again within the window.
 *
 * Keys that are applied live in rows of the index (written with the change itself); keys of changes
 * that are logged and not yet applied live in this table. Row: hash 16 bytes, accepted_ms u64,
 * reply bytes.
 */
#ifndef SOUK_SERVER_IDEMPOTENCY_H
#define SOUK_SERVER_IDEMPOTENCY_H

#include "index/index.h"
#include "server/log_record.h"

struct idempotency;

enum { IDEMPOTENCY_ROW_KEY = 5 + 64 };

enum status idempotency_create(struct idempotency **out);
void idempotency_destroy(struct idempotency **t);
void idempotency_hash(struct slice body, uint8_t hash[BODY_HASH]);

/* NOT_FOUND: new. OK: seen with this body, the reply is appended to *reply. CONFLICT: seen with
 * another. */
enum status idempotency_find(struct idempotency *t, struct index *ix, struct slice key,
                             struct slice hash, int64_t oldest_ms, struct buf *reply);
enum status idempotency_note(struct idempotency *t, const struct log_changes *c, uint64_t sequence);
void idempotency_forget(struct idempotency *t, uint64_t visible);
/* The row of an applied change. */
enum status idempotency_apply(struct batch *b, const struct log_changes *c, struct buf *scratch);

#endif
