/*
 * labels - what requests ask and replies say of freshness: bounds on the age of fields, fields that
 * were withheld, the state of the upstream, safe mode. Shared by SEARCH and GET.
 */
#ifndef SOUK_PROTOCOL_LABELS_H
#define SOUK_PROTOCOL_LABELS_H

#include "protocol/arena.h"
#include "protocol/frame.h"

enum freshness { FRESH, STALE, STALE_IF_ERROR, EXPIRED, FRESHNESS_COUNT };

/* The freshness byte of a hit: the state in its low bits, and these. */
enum freshness_flag { FRESHNESS_STATE = 3, FRESHNESS_WITHHELD = 4, FRESHNESS_FUTURE = 8 };

enum upstream_state {
    UPSTREAM_NONE,    /* the catalog has none: its products are pushed */
    UPSTREAM_OK,      /* the last tries succeeded */
    UPSTREAM_FAILING, /* the last try failed, or a breaker is not closed */
    UPSTREAM_DOWN     /* every provider's breaker is open */
};

enum safe_mode { /* bits: several reasons may hold at once */
                 SAFE_BY_HAND = 1,
                 SAFE_UPSTREAM = 2, /* every provider has been open for a while */
                 SAFE_STORAGE = 4   /* the log or the disk failed: read-only */
};

/* "fresh", "stale", "stale_if_error", "expired". */
const char *freshness_name(enum freshness f);
/* "none", "ok", "failing", "down". */
const char *upstream_state_name(enum upstream_state u);
/* "off", "by_hand", "upstream", "storage": the gravest of the bits. */
const char *safe_mode_name(uint32_t bits);

/* SAFE_MODE: what is asked and what is told. */
enum safe_mode_action { SAFE_MODE_STATUS = 1, SAFE_MODE_ON, SAFE_MODE_OFF };
struct safe_mode_request {
    struct slice catalog, reason;
    enum safe_mode_action action;
};
void safe_mode_request_encode(const struct safe_mode_request *q, struct buf *out);
enum status safe_mode_request_decode(struct slice body, struct safe_mode_request *q,
                                     struct fault *fault);
struct safe_mode_reply {
    uint32_t mode; /* bits of enum safe_mode */
    uint64_t for_ms, sequence;
    struct slice reason;
    enum upstream_state upstream;
};
enum status safe_mode_reply_decode(struct slice body, struct safe_mode_reply *out);

/* A request's own bound for a volatile field; 0 = any age will do. */
struct field_age {
    struct slice field;
    int64_t max_age_ms;
};
void field_age_encode(struct buf *b, uint32_t tag, const struct field_age *f);
enum status field_age_decode(struct slice v, struct field_age *f);

/* What one hit or item goes without: fields that were confirmed too long ago, words it lacks. */
struct withheld {
    uint32_t place; /* of the hit or item in its reply, from 0 */
    const struct slice *names;
    uint32_t name_count;
};
void withheld_encode(struct buf *b, uint32_t tag, const struct withheld *w);
enum status withheld_decode(struct slice v, struct arena *a, struct withheld *w);
/* Those of a place, NULL without any. */
const struct withheld *withheld_of(const struct withheld *all, uint32_t count, uint32_t place);

#endif
