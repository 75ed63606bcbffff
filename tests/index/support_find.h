/* support_find - small catalogs written down in a test, and what searches find in them. */
#ifndef SOUK_TESTS_INDEX_SUPPORT_FIND_H
#define SOUK_TESTS_INDEX_SUPPORT_FIND_H

#include "index/index.h"
#include "index/query.h"

struct find_product {
    const char *id, *title, *brand; /* brand may be NULL */
    int64_t popularity;             /* 0 = none */
};

struct find {
    char dir[64];
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    uint64_t sequence;
    struct query query;         /* what the next search asks beside the words; reset by find_open */
    struct query_result result; /* of the last search */
    struct fault fault;
    char ids[4096];
};

/* Fields title (text of that language, "" = none), brand (keyword), popularity (integer); products
 * end with an id of NULL. */
void find_open(struct find *f, const char *language, const struct find_product *products);
void find_close(struct find *f);
/* Closed and opened again, as a server that starts anew does. */
void find_reopen(struct find *f);
void find_put(struct find *f, const struct find_product *p);
/* All in one commit. */
void find_put_all(struct find *f, const struct find_product *products, uint32_t count);
/* An empty text removes it. */
void find_setting(struct find *f, const char *kind, const char *name, const char *text);
/* Ids of the hits, best first, with blanks between. */
const char *find_ids(struct find *f, const char *words);
/* The same, sorted. */
const char *find_set(struct find *f, const char *words);
/* Words the last reply named as dropped, with blanks between. */
const char *find_dropped(struct find *f);
/* `n` products "fill0" ...: title `title` and a word of their own. */
void find_fill(struct find *f, const char *title, int n);

#endif
