/*
 * loop - the event loop: the one file that meets libev.
 *
 * One loop per process. Callbacks are short. A watch lives in its owner's memory as an opaque
 * pointer; stopping it frees it. After every pass of the loop the `idle` callback runs (group
 * commit).
 */
#ifndef SOUK_SERVER_LOOP_H
#define SOUK_SERVER_LOOP_H

#include <stdbool.h>

struct loop;
struct watch;

enum loop_direction { LOOP_READ = 1, LOOP_WRITE = 2 };

/* NULL without memory. */
struct loop *loop_create(void);
void loop_destroy(struct loop **l);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

typedef void (*loop_ready)(void *ctx, int directions);
typedef void (*loop_tick)(void *ctx);

struct watch *loop_watch(struct loop *l, int fd, int directions, loop_ready ready, void *ctx);
void loop_watch_set(struct watch *w, int directions);
void loop_unwatch(struct watch **w);
/* Repeats every `seconds`. */
struct watch *loop_timer(struct loop *l, double seconds, loop_tick tick, void *ctx);
struct watch *loop_signal(struct loop *l, int signal, loop_tick tick, void *ctx);
/* Called after the callbacks of each pass. */
void loop_after_pass(struct loop *l, loop_tick tick, void *ctx);

#endif
