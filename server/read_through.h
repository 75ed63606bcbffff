/*
 * read_through - a front asks the fetcher: hints for stale products it served (nobody waits), and
 * products a GET needs that are missing, expired or too stale (the GET waits, within its deadline).
 *
 * A front has one question about a product under way; further GETs join it. What comes back is
 * looked up by the GET when it runs again; a late or missing answer lets it run with what is
 * stored. Everything belongs to the front's thread.
 */
#ifndef SOUK_SERVER_READ_THROUGH_H
#define SOUK_SERVER_READ_THROUGH_H

#include "protocol/reply.h"
#include "protocol/request.h"
#include "server/catalogs.h"
#include "server/freshness.h"

struct front;
struct request;
struct through;

enum status through_create(struct front *f, const char *fetcher_socket, struct through **out);
void through_destroy(struct through **t);

/* A stale product was served: its refresh is asked for once in a while. */
void through_hint(struct front *f, struct catalog *c, uint32_t docid, struct slice id);
/* Sends the hints of this pass. */
void through_flush(struct front *f);

/* For a GET with its snapshot begun. AGAIN: it waits and will be run again. OK: go on. */
enum status through_begin(struct front *f, const struct request *rq, struct catalog *c,
                          const struct moment *m, const struct get_request *in);
/* While a GET runs: what the upstream said about an id. NULL: nothing was asked. DEADLINE: there
 * was no answer in time. */
const struct get_item_reply *through_answer(struct front *f, struct slice id);
/* The request was cancelled. */
bool through_cancel(struct front *f, uint64_t conn_id, uint32_t request_id);
uint32_t through_waiting(const struct front *f);

#endif
