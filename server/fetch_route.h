/*
 * fetch_route - which provider of a catalog a question goes to just now.
 *
 * They are taken in order: the first that has the kind of URL, whose breaker lets calls through and
 * that has room. By its weight a provider gives calls to the next one. A background call leaves
 * half of a provider's places to calls somebody waits for.
 */
#ifndef SOUK_SERVER_FETCH_ROUTE_H
#define SOUK_SERVER_FETCH_ROUTE_H

#include "server/fetch_catalog.h"

/* A PROBE is a background call to one provider that is made once. */
enum call_kind { CALL_FOREGROUND, CALL_BACKGROUND, CALL_CHANGES, CALL_PROBE, CALL_CANARY };
enum call_what { CALL_ONE, CALL_MANY, CALL_FEED };

/* The URL template a provider has for it; empty without one. */
struct slice fetch_route_url(const struct provider *p, enum call_what what);
/* Does a call of this kind count among those nobody waits for? */
bool fetch_route_background(enum call_kind kind);

/* May the provider be called now, and is there a place? */
bool fetch_route_usable(struct fetch_catalog *c, struct fetch_provider *p, enum call_kind kind,
                        enum call_what what);
/* The provider for such a call, NULL = none. `tried` holds a bit for each place in the order; those
 * are left out as long as another is there. *at: its place; NULL when that is not wanted. */
struct fetch_provider *fetch_route_choose(struct fetch_catalog *c, enum call_kind kind,
                                          enum call_what what, uint32_t tried, uint32_t *at);
/* Is it only room that such a call lacks, should none go out now? */
bool fetch_route_full(struct fetch_catalog *c, enum call_kind kind, enum call_what what);

#endif
