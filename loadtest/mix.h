/*
 * mix - what is asked: weighted operations, each with its source of words, ids or changes.
 *
 * Built once before the workers start (from the command line, or from a file: mix_file.h), then
 * read-only. A player draws from it: one per worker, seeded, so that the same seed asks the same
 * things in the same order. All memory is the arena's of whoever builds, but for the pickers.
 *
 * A body is the operation's fixed part, encoded once, and what varies behind it: fields of a body
 * may come in any order, so nothing is encoded twice.
 */
#ifndef SOUK_LOADTEST_MIX_H
#define SOUK_LOADTEST_MIX_H

#include "loadtest/lines.h"
#include "loadtest/picker.h"
#include "loadtest/tally.h"
#include "protocol/frame.h"

enum mix_kind { MIX_SEARCH, MIX_GET, MIX_SUGGEST, MIX_MULTI, MIX_PUT, MIX_PING, MIX_KIND_COUNT };

struct mix_op {
    char name[32];
    enum mix_kind kind;
    double weight;
    enum frame_class frame_class;
    uint32_t deadline_ms; /* 0 = none said */
    struct slice head;    /* encoded part of every body */
    /* search, suggest, multi: words */
    struct query_log queries;
    struct picker query_pick;
    double misspelt, unseen; /* shares of the queries */
    bool typing;             /* each query letter by letter */
    const struct slice *filters;
    uint32_t filter_count, k;
    bool sorted, no_cache; /* for --verify: an order other than the score's; must be of now */
    /* multi: one part for each, head and filters of their own */
    const struct mix_op *parts;
    uint32_t part_count;
    /* get, put: ids */
    const struct slice *ids;
    uint32_t id_count, batch;
    struct picker id_pick;
    double missing; /* share of ids that do not exist */
    /* put: patches of one number, drawn from [low, high] */
    struct slice field;
    int64_t low, high;
    bool integer;
};

struct mix {
    struct mix_op ops[TALLY_OPS];
    uint32_t op_count;
    struct picker op_pick; /* over the weights */
    double trace;          /* share of requests with a sampled trace context */
};

/* "search", "get", ...; MIX_KIND_COUNT for another word. */
enum mix_kind mix_kind_of(struct slice word);
const char *mix_kind_name(enum mix_kind k);
uint8_t mix_opcode(enum mix_kind k);
bool mix_class_of(struct slice word, enum frame_class *out);
const char *mix_class_name(enum frame_class c);
/* After the operations are filled in: pickers. */
enum status mix_finish(struct mix *m);
void mix_fini(struct mix *m);

struct player {
    const struct mix *mix;
    uint64_t random, op_counter;
    uint64_t counters[TALLY_OPS];
    struct {
        uint32_t query;
        uint32_t length; /* letters of it typed so far; 0 = take the next query */
    } typing[TALLY_OPS];
    struct buf body, text;
    const struct slice *given; /* words or id of a replayed request; NULL = draw them */
};

void player_init(struct player *p, const struct mix *m, uint64_t seed);
void player_fini(struct player *p);
/* Draws the operation of the next request: its number. player_make() makes it. */
uint32_t player_pick(struct player *p);
/* A request of operation `number`; `given` (may be NULL): its words or its only id. `f`'s body is
 * valid until the next call. */
void player_make(struct player *p, uint32_t number, const struct slice *given, struct frame *f);

#endif
