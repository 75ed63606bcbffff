/*
 * apply - the thread that brings what is logged into the indexes, in batches, in order.
 *
 * Jobs are records that are durable in the log. A batch commits its last sequence in the same
 * transaction, so that replay after a crash starts exactly behind it. A full disk is waited out;
 * any other failure stops the catalog's changes for good (reads go on). Merged segments are built
 * by a thread beside (merger.h) and written here, a part after each batch.
 */
#ifndef SOUK_SERVER_APPLY_H
#define SOUK_SERVER_APPLY_H

#include "server/loop.h"
#include "server/writer_catalog.h"

struct apply;
struct floor;
struct job;

/* `loop` is woken after every step forward. The threads join the floor. */
enum status apply_create(struct loop *loop, struct floor *floor, struct apply **out);
/* Ends the thread after its batch; what waits stays in the log for the next start. */
void apply_destroy(struct apply **a);
/* Copies the record. */
enum status job_create(struct writer_catalog *c, const struct log_record *r, uint64_t items,
                       struct job **out);
void job_destroy(struct job **j);
/* Takes the job over. */
void apply_push(struct apply *a, struct job *j);
/* Forgets the jobs of a catalog and waits until the thread is not at it. */
void apply_leave(struct apply *a, struct writer_catalog *c);

/* After a commit: what the shared row tells and who waits for it. */
void apply_publish(struct writer_catalog *c, uint64_t sequence);
/* A failure that is final: the catalog takes no more changes, reads go on. */
void apply_stop(struct writer_catalog *c, enum status st);

#endif
