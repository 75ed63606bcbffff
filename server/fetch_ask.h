/*
 * fetch_ask - the fetcher's side of its socket: what fronts ask for (REFRESH) and what operators
 * want to know or do (UPSTREAM).
 */
#ifndef SOUK_SERVER_FETCH_ASK_H
#define SOUK_SERVER_FETCH_ASK_H

#include "server/fetch_catalog.h"

struct fetch_ask;

enum status fetch_ask_create(struct fetcher *f, const char *socket, struct fetch_ask **out);
void fetch_ask_destroy(struct fetch_ask **a);
/* Sends what waits; at the end of a turn of the loop. */
void fetch_ask_flush(struct fetch_ask *a);

#endif
