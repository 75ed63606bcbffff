/*
 * loop - the event loop: descriptors, timers, signals, wake-ups from other threads.
 *
 * The only door to libev. One loop belongs to one thread; only loop_wake() may be called from
 * others. Callbacks should take less than a millisecond. Watches and timers are owned by the caller
 * and given back with their _destroy function, also from inside their own callback.
 */
#ifndef SOUK_SERVER_LOOP_H
#define SOUK_SERVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/status.h"

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop;
struct loop_watch;
struct loop_timer;
typedef void (*loop_watch_fn)(void *ctx, int fd, int events);
typedef void (*loop_fn)(void *ctx);

enum status loop_create(struct loop **out);
void loop_destroy(struct loop **l);
/* Until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* NULL when memory is refused. Does not own the descriptor: destroy the watch before closing it. */
struct loop_watch *loop_watch_create(struct loop *l, int fd, int events, loop_watch_fn fn,
                                     void *ctx);
void loop_watch_set(struct loop_watch *w, int events); /* 0 = rest */
void loop_watch_destroy(struct loop_watch **w);

/* First after `after_ms`, then every `every_ms` (0 = once; start it again with loop_timer_set). */
struct loop_timer *loop_timer_create(struct loop *l, int64_t after_ms, int64_t every_ms, loop_fn fn,
                                     void *ctx);
void loop_timer_set(struct loop_timer *t, int64_t after_ms); /* < 0 = rest */
void loop_timer_destroy(struct loop_timer **t);

/* Called in the loop when the signal came; for the life of the loop. */
enum status loop_signal(struct loop *l, int signo, loop_fn fn, void *ctx);
/* Called before the loop waits; for the life of the loop; one per loop. */
enum status loop_before_wait(struct loop *l, loop_fn fn, void *ctx);
/* loop_wake() from any thread makes `fn` run soon in the loop; wake-ups coalesce. */
enum status loop_on_wake(struct loop *l, loop_fn fn, void *ctx);
void loop_wake(struct loop *l);
/* True: run without waiting (there is work left); false: wait again. */
void loop_busy(struct loop *l, bool busy);

#endif
