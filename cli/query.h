/*
 * query - a search request from the options of the command line, and files of queries.
 */
#ifndef SOUK_CLI_QUERY_H
#define SOUK_CLI_QUERY_H

#include "cli/labels.h"

enum { QUERY_MAX = 32, QUERY_FIELDS = 255 };

struct query {
    struct search_request request;
    struct search_facet facets[QUERY_MAX];
    struct search_sort sorts[QUERY_MAX];
    struct slice fields[QUERY_FIELDS], returns[QUERY_FIELDS], highlights[QUERY_FIELDS];
    struct field_age ages[LABELS_MAX];
    char cursor[16384]; /* grows with the alternatives of the words */
};

/* NULL, or a sentence about the option that is wrong. */
const char *query_from_options(const struct options *o, struct query *q);

/* A line "qid TAB query"; false when it has no tab. */
bool query_line(struct slice line, struct slice *qid, struct slice *text);

#endif
