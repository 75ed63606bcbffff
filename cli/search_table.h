/* search_table - a search reply as lines for people. */
#ifndef SOUK_CLI_SEARCH_TABLE_H
#define SOUK_CLI_SEARCH_TABLE_H

#include "protocol/reply.h"

void search_table_put(struct buf *b, const struct search_reply *r);

#endif
