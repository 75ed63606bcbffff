/*
 * merger - the thread that builds merged segments while the apply thread goes on with changes.
 *
 * It only computes: choosing a merge, writing its result and ending it are the apply thread's. One
 * merge at a time, at low priority. `ready` is called in the merger's thread when one was built.
 */
#ifndef SOUK_SERVER_MERGER_H
#define SOUK_SERVER_MERGER_H

#include "index/index.h"

struct floor;
struct merger;

enum status merger_create(struct floor *floor, void (*ready)(void *ctx), void *ctx,
                          struct merger **out);
/* Waits for the merge that is being built; it is given up. */
void merger_destroy(struct merger **m);
/* False while a merge is under way, also while its result is being written. */
bool merger_free(struct merger *m);
/* Takes the task over; merger_free() was true. */
void merger_start(struct merger *m, struct index *ix, struct merge_task *t);
/* The task when it is built (stays the merger's), NULL before; *st says how building went. */
struct merge_task *merger_built(struct merger *m, struct index **ix, enum status *st);
/* Ends the task that merger_built() gave. */
void merger_end(struct merger *m);
/* Gives up a task of this index; waits while it is being built. */
void merger_leave(struct merger *m, struct index *ix);

#endif
