/*
 * query_log - what was searched: popular, slow and fruitless queries, in the shared pages.
 *
 * Each front writes a table of its own and every front reads all of them, so a list is the sum over
 * fronts and a front that is replaced goes on with the table of the one before; they end with the
 * supervisor. Tables do not grow: a query falls into a set of QUERY_WAYS places, and a new one
 * takes the place with the least weight. Weights halve every day, so that yesterday's fashion
 * makes room. Records are written under a version that is odd meanwhile; a reader that meets one
 * leaves it out.
 */
#ifndef SOUK_SERVER_QUERY_LOG_H
#define SOUK_SERVER_QUERY_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/suggest.h"

enum {
    QUERY_LOGS = 64, /* fronts */
    QUERY_WAYS = 8,
    QUERY_TEXT_MAX = 100,
    QUERY_POPULAR = 4096,
    QUERY_SLOW = 256,
    QUERY_NO_HITS = 1024,
    QUERY_RECORDS = QUERY_POPULAR + QUERY_SLOW + QUERY_NO_HITS
};

struct query_record {
    _Atomic uint32_t version; /* odd while it is written; 0 = never used */
    uint32_t catalog;         /* hash of its name */
    uint64_t hash;            /* of the folded text */
    int64_t last_ms;
    float weight; /* at last_ms: how often; of the slow ones the microseconds */
    float count;  /* at last_ms: how often */
    uint32_t found, slowest_us;
    uint8_t len;
    char text[QUERY_TEXT_MAX + 3];
};

struct query_log {
    _Atomic uint32_t used; /* a log that never was is not touched by readers: its pages are holes */
    struct query_record records[QUERY_RECORDS]; /* popular, then slow, then without hits */
};

struct query_note {
    struct slice catalog, text, folded;
    uint64_t found;
    uint32_t took_us;
    int64_t now_ms;
    uint32_t times; /* it came so often with this answer */
};

/* One writer per log. Texts longer than QUERY_TEXT_MAX bytes are not kept. */
void query_log_note(struct query_log *log, const struct query_note *n);
/* The heaviest `limit` queries of a kind, summed over `log_count` logs; rows in the arena. */
enum status query_log_read(struct query_log *logs, uint32_t log_count, struct slice catalog,
                           enum queries_kind kind, uint32_t limit, int64_t now_ms,
                           struct arena *arena, struct queries_row **rows, uint32_t *count);

#endif
