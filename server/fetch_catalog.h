/*
 * fetch_catalog - a catalog as the fetcher holds it: its providers in order, what they are doing,
 * and the parts that ask them (refresh, changes, canary).
 *
 * Definitions are settings of the catalog; they are read again when its settings moved. One that
 * cannot be used is reported and the last good one of that name kept. The state of upstream and
 * providers is published in the shared pages ten times a second.
 */
#ifndef SOUK_SERVER_FETCH_CATALOG_H
#define SOUK_SERVER_FETCH_CATALOG_H

#include "server/aimd.h"
#include "server/answer_times.h"
#include "server/catalogs.h"
#include "server/fetch_http.h"
#include "server/provider.h"
#include "server/retry.h"
#include "server/role.h"
#include "server/tracer.h"

enum { FETCH_ID_MAX = 495 };

struct fetch_write;
struct refresh;
struct changes;
struct canary;

struct fetcher {
    struct role_context *role;
    struct loop *loop;
    struct fetch_http *http;
    struct catalogs *catalogs;
    struct fetch_write *write;
    struct fetch_ask *ask; /* what fronts asked for */
    struct fetch_catalog *of_row[SHARED_CATALOGS];
    uint32_t background; /* background calls under way, over all catalogs */
    uint64_t random;
    struct tracer tracer;
    struct trace_export *traces;
};

struct fetch_provider {
    struct provider *definition;
    uint64_t definition_hash;
    struct breaker breaker;
    struct aimd aimd;            /* places for calls */
    struct answer_times times;   /* of questions about one product */
    struct shared_provider *row; /* NULL when all are taken */
    uint32_t in_flight, background;
    bool retired; /* no longer defined; freed when nothing is in flight */
    bool last_failed;
    uint64_t calls, failures, not_modified, bytes;
    int64_t success_ms, failure_ms, took_ms; /* wall; of the last call */
    char error[160];                         /* of the last failure */
    struct changes *changes;
    struct canary *canary;
};

struct fetch_catalog {
    struct fetcher *fetcher;
    char name[SHARED_NAME + 1];
    uint32_t row_idx;
    struct shared_catalog *row;
    struct fetch_provider *providers[SHARED_PROVIDERS]; /* in order */
    uint32_t provider_count;
    struct fetch_provider *retired[SHARED_PROVIDERS];
    struct retry_budget budget;
    uint64_t edition, generation, settings; /* what was read last */
    bool read;
    uint64_t calls, failures, retries; /* calls count every try */
    uint64_t hedges, hedges_won;       /* among the retries; those that answered first */
    int64_t success_ms, failure_ms;
    struct refresh *refresh;
    char asked[FETCH_ID_MAX + 1]; /* the product asked for last */
    bool troubled;                /* the upstream was not well when last looked at */
    uint64_t evicted;             /* products evicted by their ttl when the trouble began */
};

enum status fetch_catalog_create(struct fetcher *f, uint32_t row_idx, struct fetch_catalog **out);
void fetch_catalog_destroy(struct fetch_catalog **c);
/* Reads settings when they moved. */
void fetch_catalog_follow(struct fetch_catalog *c);
/* Writes the shared rows. */
void fetch_catalog_publish(struct fetch_catalog *c);
/* Catalogs come and go with their rows in the shared pages. */
void fetch_catalog_follow_rows(struct fetcher *f);
/* NULL when there is none of this name. */
struct fetch_provider *fetch_catalog_provider(struct fetch_catalog *c, struct slice name);
struct fetch_catalog *fetch_catalog_find(struct fetcher *f, struct slice name);
/* The catalog's index with its snapshot begun; end it with snapshot_end(). */
enum status fetch_catalog_open(struct fetch_catalog *c, struct catalog **out);

uint64_t fetch_random(struct fetcher *f);
int64_t fetch_wall_ms(const struct fetcher *f);
/* One line of the log. */
void fetch_say(const struct fetch_catalog *c, const char *level, const char *provider,
               const char *what, const char *more);

#endif
