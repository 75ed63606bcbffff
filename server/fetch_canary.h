/*
 * fetch_canary - a synthetic fetch of a known product from one provider, on a timer: it tells that
 * the provider answers and that its answer still maps, whether or not anybody asks.
 *
 * It goes past the breaker (one call each canary_ms is all a sick provider gets from it), counts in
 * no figures of users, and its success lets an open breaker try again.
 *
 * The same product is what a half-open breaker is tried with while nobody asks: a real call at a
 * time, min_refetch_ms apart, through the breaker and counted like any other. So it is with a
 * provider whose last call failed and whose canary has been well since.
 */
#ifndef SOUK_SERVER_FETCH_CANARY_H
#define SOUK_SERVER_FETCH_CANARY_H

#include "server/fetch_catalog.h"

struct canary;

enum canary_step { CANARY_STEP_FETCH = 1, CANARY_STEP_MAP };

enum status canary_create(struct fetch_catalog *c, struct fetch_provider *p, struct canary **out);
void canary_destroy(struct canary **k);
void canary_tick(struct canary *k);

#endif
