/*
 * threshold - rules that a run must keep: "p99<2ms", "errors<0.1%", "search.p99.9<=5ms",
 * "critical.errors<0.1%", "goodput>20000".
 *
 *   rule := [scope "."] figure ("<" | "<=" | ">" | ">=") number [unit]
 *
 * Scope: an operation by its name, or a class. Figures: p50 to p99.999 and max (response time of
 * everything offered, what failed counting as infinitely late), mean, errors, late, sent_late,
 * held_back, timeouts, degraded, stale (shares), offered, sent, achieved, goodput (a second).
 * Units: us, ms (default), s for times; % for shares (without: a fraction).
 */
#ifndef SOUK_LOADTEST_THRESHOLD_H
#define SOUK_LOADTEST_THRESHOLD_H

#include "loadtest/run.h"

enum { THRESHOLDS_MAX = 32 };

struct threshold {
    char text[96], scope[32], figure[32];
    bool above, or_equal; /* the figure must be above the bound */
    double bound;         /* us, share or rate */
    double value;         /* after threshold_check(); INFINITY when the percentile failed */
    bool holds;
};

enum status threshold_parse(const char *text, struct threshold *out, struct fault *fault);
/* UNKNOWN_FIELD when the run has no such operation or class. */
enum status threshold_check(struct threshold *t, const struct run *r, struct fault *fault);

#endif
