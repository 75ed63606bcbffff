/*
 * run - one measurement: workers started, watched, merged into one result.
 *
 * Each worker is a process of its own with a part of the rate, of the connections and of the
 * in-flight bound. They connect first; the schedule begins for all at one moment. The parent
 * only watches: it samples the server's figures, calls `live` four times a second, and merges.
 */
#ifndef SOUK_LOADTEST_RUN_H
#define SOUK_LOADTEST_RUN_H

#include "loadtest/engine.h"
#include "loadtest/process_cost.h"
#include "loadtest/server_info.h"

enum { RUN_MAX_WORKERS = 64 };

struct run;

struct run_spec {
    const char *address;
    const struct souk_options *client; /* TLS and API key; NULL = neither */
    const struct mix *mix;
    const struct replay *replay;
    const char *arrivals; /* schedule_parse()'s text */
    double rate, duration_s;
    uint32_t closed; /* in flight of a closed loop; 0 = open */
    uint32_t workers, connections, max_in_flight;
    uint64_t seed;
    uint32_t timeout_ms, drain_ms, connect_ms, interval_ms, late_after_ms;
    bool verify, spin, split, sample_server;
    void (*live)(void *ctx, const struct run *r); /* NULL = none */
    void *live_ctx;
};

struct server_sample {
    double at_s; /* from the start of the run */
    struct process_cost cost;
};

struct run {
    struct run_spec spec;
    struct tally *tallies[RUN_MAX_WORKERS];
    int pids[RUN_MAX_WORKERS];
    uint64_t start_ns, end_ns; /* end: the last request was over */
    double start_wall_s;
    struct server_sample *samples;
    uint32_t sample_count, sample_cap;
    /* merged, valid after run_execute() */
    struct op_tally *ops; /* mix->op_count of them */
    struct counts total;
    struct histogram response; /* good replies, and what was waited for in vain */
    struct histogram accepted; /* good replies alone */
    struct histogram service;
};

/* Runs to the end. UNAVAILABLE: no connection; fault says. run_fini() in any case. */
enum status run_execute(const struct run_spec *spec, struct run *r, struct fault *fault);
void run_fini(struct run *r);

/* Seconds the schedule lasted, and until the last request was over. */
double run_scheduled_s(const struct run *r);
double run_lasted_s(const struct run *r);
/* Replies a second over the time the run lasted (never less than was scheduled). */
double run_rate(const struct run *r, uint64_t count);
/*
 * Response time at a percentile of everything offered, what failed counting as infinitely late:
 * UINT64_MAX when the percentile falls among the failures.
 */
uint64_t run_offered_percentile(const struct histogram *h, const struct counts *c, double p);
/* Intervals in order, workers merged; one at a time, valid during the call. */
void run_each_interval(const struct run *r, void (*each)(void *ctx, const struct interval *i),
                       void *ctx);
/* The highest share of a core any worker used. */
double run_tester_cpu(const struct run *r);
uint64_t run_send_lag_max_us(const struct run *r);

#endif
