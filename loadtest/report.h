/*
 * report - one run, told: as JSON (docs/load-report.schema.json), as a table for people, as .hgrm
 * and as an interval log. The page is report_html.h.
 */
#ifndef SOUK_LOADTEST_REPORT_H
#define SOUK_LOADTEST_REPORT_H

#include "loadtest/intrinsic.h"
#include "loadtest/run.h"
#include "loadtest/threshold.h"

enum { WARNINGS_MAX = 8, WARNING_LEN = 200 };

struct report {
    const struct run *run;
    struct intrinsic intrinsic;
    struct threshold *thresholds;
    uint32_t threshold_count;
    char server_version[64];
    const struct server_info *server; /* at the start; NULL = not asked */
    char warnings[WARNINGS_MAX][WARNING_LEN];
    uint32_t warning_count;
};

/* What a reader must know before believing the figures: fills in the warnings. */
void report_warn(struct report *r);
/* The first complaint of --verify, "" when there is none. */
const char *report_wrong(const struct report *r);
void report_json(const struct report *r, struct buf *out);
void report_table(const struct report *r, FILE *f);
void report_hgrm(const struct report *r, FILE *f);
void report_interval_log(const struct report *r, FILE *f);

/* The percentiles every report tells. */
enum { REPORT_PERCENTILES = 8 };
extern const struct report_percentile {
    double p;
    const char *name, *key; /* "p99.9", "p99_9_us" */
} report_percentiles[REPORT_PERCENTILES];

#endif
