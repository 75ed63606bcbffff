/*
 * search_json - the reply of a search as one JSON line.
 */
#ifndef SOUK_CLI_SEARCH_JSON_H
#define SOUK_CLI_SEARCH_JSON_H

#include "cli/json.h"
#include "protocol/reply.h"

/* `grouped`: groups were asked for; their number is said, 0 included. */
void search_json_put(struct buf *b, struct slice qid, struct slice query, bool grouped,
                     const struct search_reply *r);

#endif
