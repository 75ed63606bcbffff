/*
 * decide - what becomes of each change, judged before it is logged.
 *
 * The truth about a product is the committed index plus the changes that are logged and not yet
 * applied; the latter are kept in `struct pending`, by the 128-bit hash of the id. One thread.
 */
#ifndef SOUK_SERVER_DECIDE_H
#define SOUK_SERVER_DECIDE_H

#include "index/index.h"
#include "index/snapshot.h"
#include "protocol/request.h"

struct pending;

enum status pending_create(struct pending **out);
void pending_destroy(struct pending **p);
/* Counts from now on how many products the decisions of a group add (pending_growth), and with
 * `weighs` how much heavier they make them (pending_weight). */
void pending_watch(struct pending *p, bool on, bool weighs);
/* Starts a group of decisions that pending_undo() can take back together, behind the sequence
 * `last`. */
void pending_mark(struct pending *p, uint64_t last);
void pending_undo(struct pending *p);
/* Products more (or fewer) by the decisions since the mark; 0 unless watched. */
int64_t pending_growth(const struct pending *p);
/* Bytes more (or fewer) that the products weigh by them (index/weight.h); 0 unless weighed. What is
 * new counts as its document came. */
int64_t pending_weight(const struct pending *p);
/* Is a change of the product logged and not yet in the snapshot? */
bool pending_touches(const struct pending *p, const struct snapshot *s, struct slice id);
/* False when no change of the product is under way. *bytes: what it has with them at most,
 * UINT32_MAX when that is not known; *earlier: there are some from before the mark. */
bool pending_bytes(const struct pending *p, const struct snapshot *s, struct slice id,
                   uint32_t *bytes, bool *earlier);
/* Notes a change that the log decided before a restart. */
enum status pending_replay(struct pending *p, const struct put_item *item, uint64_t sequence);
/* Forgets what the index knows by now. */
void pending_forget(struct pending *p, uint64_t visible);

/*
 * `bytes` bounds what a PATCH leaves of its product (size.h), UINT32_MAX = not known.
 * OK: the item counts and takes `sequence`. AGAIN: older than what is stored, ignored (for what is
 * older than a delete that is applied: deleted.h). END: a delete with a version of what is not
 * there: told as NOT_FOUND, and taken like an OK, so that its version is remembered. NOT_FOUND,
 * INVALID: refused. `s` is a begun snapshot. Other statuses end the whole request.
 */
enum status decide(struct pending *p, struct snapshot *s, const struct put_item *item,
                   uint32_t bytes, uint64_t sequence);
/* The delete of a product that is in the index, and that pending_touches() does not know of. */
enum status decide_delete(struct pending *p, struct snapshot *s, uint32_t docid, struct slice id,
                          uint64_t sequence);

#endif
