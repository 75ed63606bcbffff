/*
 * shared - the pages every process of one soukd maps: who lives, what is counted, where catalogs
 * are, and how each catalog and its upstream fare.
 *
 * The supervisor creates them before it starts the others and never writes into a row it does not
 * own: a process writes its own `shared_process`, the supervisor sets pid and starts, the writer
 * writes the `shared_catalog` rows but for `upstream` and `providers`, which are the fetcher's (of
 * a follower the replica's), `leader_last`, `replicated` and `held`, which are the replica's, and
 * `freshness.push`, which is the operators' front's. All members are single atomics, read without
 * order unless said; figures of one row may be a moment apart. Times are wall milliseconds of
 * shared_now_ms() unless said otherwise, 0 = never.
 *
 * Behind these pages the same memory holds a byte or two for each docid: shared_pages.h.
 */
#ifndef SOUK_SERVER_SHARED_H
#define SOUK_SERVER_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/exemplar.h"
#include "server/latency.h"
#include "server/query_log.h"
#include "server/span_ring.h"
#include "protocol/labels.h"
#include "protocol/tls.h"

enum {
    SHARED_PROCESSES = 72,
    SHARED_CATALOGS = 256,
    SHARED_NAME = 64,
    SHARED_PROVIDERS = 8,
    SHARED_QUEUES = 5, /* as many as admission has */
    SHARED_MAP_FAULTS = 16,
    SHARED_LEADER = 255,
    SHARED_KEYS = 256,
    SHARED_SILENCE_MS = 3000 /* a fetcher that did not beat for this long counts as failing */
};

enum role { ROLE_FRONT, ROLE_ADMIN, ROLE_WRITER, ROLE_FETCHER, ROLE_REPLICA, ROLE_COUNT };

enum write_state { /* of a catalog */
                   WRITE_OPEN,
                   WRITE_NO_SPACE,  /* the disk is full; changes are refused until room is back */
                   WRITE_SAFE_MODE, /* the log is damaged or a sync failed; reads go on */
                   WRITE_REBUILDING
};

enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN, BREAKER_PAUSED };

/* How a follower and its leader fare; the names: follow_state_name(). */
enum follow_state {
    FOLLOW_NONE,       /* it follows nobody */
    FOLLOW_CONNECTING, /* since its start it has not reached its leader */
    FOLLOW_COPYING,    /* catalogs are being copied; those that were there are served */
    FOLLOW_FOLLOWING,
    FOLLOW_LEADER_LOST, /* it was reached before */
    FOLLOW_OTHER_BUILD  /* it is answered, and refused: build.h */
};

enum canary_state { CANARY_NONE, CANARY_OK, CANARY_LATE, CANARY_FAILED };

/* A synthetic transaction and how it went the last time. */
struct shared_canary {
    _Atomic uint32_t state;       /* enum canary_state */
    _Atomic uint32_t step;        /* where it stopped when it failed; the owner's numbering */
    _Atomic uint64_t duration_us; /* of the last run that succeeded */
    _Atomic int64_t at_ms;        /* end of the last run */
    _Atomic uint64_t runs, failures;
};

/* One provider of a catalog; written by the fetcher. */
struct shared_provider {
    char name[SHARED_NAME + 1];      /* written before `used` becomes 1 (release) */
    _Atomic uint32_t used;           /* 1 while the slot stands for a provider */
    _Atomic uint32_t enabled, place; /* by hand; 0 = first in the order */
    _Atomic uint32_t breaker;        /* enum breaker_state */
    _Atomic uint32_t opens;          /* how often it opened */
    _Atomic int64_t until_ms;        /* end of the open or paused time */
    _Atomic int64_t success_ms, failure_ms;
    _Atomic uint64_t calls, failures, not_modified, bytes;
    struct shared_canary canary; /* fetch of a known product -> mapped */
};

/* A catalog's upstream as a whole; written by the fetcher. */
struct shared_upstream {
    _Atomic uint32_t state;  /* enum upstream_state; read it by shared_upstream_now() */
    _Atomic uint32_t paused; /* by hand */
    _Atomic int64_t success_ms, failure_ms; /* of the last call of any provider */
    _Atomic uint64_t calls, failures;
    _Atomic uint64_t asked, refreshed;   /* products fronts asked for; products renewed */
    _Atomic uint64_t backlog, in_flight; /* waiting to be fetched; being fetched */
    _Atomic uint64_t negative;           /* "not found" remembered */
};

/* What the writer counts of a catalog's freshness and eviction. */
struct shared_freshness {
    _Atomic uint32_t safe_mode;  /* bits of enum safe_mode; read it by shared_safe_mode_now() */
    _Atomic uint32_t safe_known; /* 1 once the writer has read what is stored of it */
    _Atomic int64_t safe_since;  /* when the first of them was set */
    _Atomic int64_t counted_ms;  /* when the next five were taken */
    _Atomic uint64_t fresh, stale, stale_if_error, expired;
    _Atomic uint64_t oldest_stale_ms; /* age of the oldest product that is stale and served */
    _Atomic uint64_t evicted_ttl, evicted_size, evicted_negative;
    _Atomic uint64_t ghost_hits;    /* evicted for size and pushed again soon after */
    _Atomic uint64_t evict_paused;  /* expired products kept because of safe mode, now */
    _Atomic uint64_t future_stamps; /* accepted with a time ahead of the clock */
    struct shared_canary push;      /* push -> acked -> found -> expires */
};

/* Replication (docs/replication.md). `following` is set by the supervisor before it starts the
 * others, and cleared by the writer at a promotion; the rest is the replica process's. */
struct shared_follow {
    _Atomic uint32_t following; /* changes come from the leader alone */
    char leader[SHARED_LEADER + 1];
    _Atomic uint32_t state;          /* enum follow_state */
    _Atomic uint64_t behind;         /* changes the leader has and searches here do not */
    _Atomic int64_t behind_ms;       /* how long ago there were none; 0 = there are none */
    _Atomic int64_t contact_ms;      /* last answer of the leader */
    _Atomic uint64_t connects;       /* connections to the leader */
    _Atomic uint64_t records, bytes; /* taken over */
    _Atomic uint64_t copies;         /* catalogs copied whole */
    _Atomic uint64_t resyncs;        /* of these: because the stream was another or had a gap */
    /* as a leader */
    _Atomic uint64_t followers; /* that asked in the last seconds */
    _Atomic uint64_t sent_records, sent_bytes, sent_copies;
};

/* Of a front with tls.listen. */
struct shared_tls {
    _Atomic uint32_t on;                       /* the rest means something */
    _Atomic int64_t not_after_s;               /* when the certificate ends, in Unix seconds */
    _Atomic uint64_t handshakes;               /* that went well */
    _Atomic uint64_t connections, handshaking; /* now */
    _Atomic uint64_t failures[TLS_FAILURE_COUNT];
};

struct shared_process {
    _Atomic uint32_t pid;  /* 0 = not running */
    _Atomic uint32_t role; /* enum role */
    _Atomic uint64_t beat; /* monotonic ms of its last sign of life */
    _Atomic uint64_t starts;
    _Atomic uint64_t connections, accepted; /* open now; ever */
    _Atomic uint64_t requests, errors, refused;
    _Atomic uint64_t unauthenticated;     /* requests of nobody who is known */
    _Atomic uint32_t keys_wrong;          /* keys.file as it stands is not taken */
    _Atomic uint64_t shed[SHARED_QUEUES]; /* of `refused`: what the queue let go */
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t search_us, search_count; /* time inside the library */
    _Atomic uint64_t awake_us;                /* of a front: awake without work, see spin.h */
    _Atomic uint32_t draining;
    _Atomic uint32_t degrade, pressure; /* level of the ladder; percent, see admission.h */
    struct shared_tls tls;
    struct latency latency[LATENCY_OPS];           /* by opcode, of requests answered well */
    struct shared_exemplar exemplars[LATENCY_OPS]; /* the last of them that was traced */
} __attribute__((aligned(64)));

struct shared_catalog {
    /* The name is written before `state` becomes 1 (release) and stays until it is 0 again. */
    _Atomic uint32_t state; /* 0 free, 1 in use, 2 dropped: close what you have open */
    char name[SHARED_NAME + 1];
    _Atomic uint64_t edition; /* the number in CURRENT; fronts read CURRENT again when it moves */
    _Atomic uint64_t generation; /* commits seen; moves with every visible batch */
    _Atomic uint64_t logged;     /* last sequence that is durable in the log */
    _Atomic uint64_t visible;    /* last sequence applied and committed */
    _Atomic uint64_t products;
    _Atomic uint64_t log_bytes;   /* on disk */
    _Atomic uint64_t queued;      /* items taken in and not yet visible */
    _Atomic uint32_t write_state; /* enum write_state */
    _Atomic uint64_t leader_last; /* of a follower: last sequence the leader has */
    _Atomic uint64_t replicated;  /* up to here replication.acks followers have the log */
    _Atomic uint64_t held;        /* the log behind this sequence - 1 is waited for; 0 = none is */
    struct shared_freshness freshness;
    struct shared_upstream upstream;
    struct shared_provider providers[SHARED_PROVIDERS];
} __attribute__((aligned(64)));

/* An edition with a file that could not be read through its map; written by map_fault.h. */
struct shared_map_fault {
    _Atomic uint32_t state; /* 0 free, 1 being written, 2 the next three stand */
    uint32_t name_len;
    char name[SHARED_NAME];
    uint64_t edition;
    _Atomic uint32_t count; /* processes that ended of it */
};

/* What became of spans; written by the fetcher. What fronts and writer dropped is in their rings.
 */
struct shared_traces {
    _Atomic uint64_t exported; /* taken by the collector */
    _Atomic uint64_t rejected; /* of those: it said that it cannot use them */
    _Atomic uint64_t failed;   /* given up: refused, or sent again too often */
    _Atomic uint64_t calls, retries;
};

/* What came with an API key, of all fronts. The row at 0 takes those for whom there was none left.
 */
struct shared_key {
    _Atomic uint64_t hash;  /* of the name; 0 = free */
    _Atomic uint32_t named; /* 1: the name stands */
    char name[SHARED_NAME + 1];
    _Atomic uint64_t requests;
    _Atomic uint64_t forbidden; /* of these: beyond what the key may */
    _Atomic uint64_t limited;   /* of these: beyond its rate */
};

struct shared {
    uint32_t magic;
    uint32_t process_count;
    int64_t wall_anchor_ms; /* wall time at monotonic time mono_anchor_ms; set once */
    int64_t mono_anchor_ms;
    _Atomic int64_t clock_skew_ms;  /* how far the machine's clock has gone from ours */
    _Atomic uint64_t clock_steps;   /* how often it jumped by more than a second */
    _Atomic uint64_t edition_floor; /* highest edition of a catalog that was dropped: a new one of
                                       its name begins above, or nobody would notice */
    _Atomic uint64_t catalog_epoch; /* the writer adds 1 whenever a row changes state or edition */
    _Atomic uint64_t readers_to_free; /* the supervisor adds 1 when a process died; the writer then
                                         runs the reader check of its environments */
    _Atomic uint32_t writer_ready;    /* 1 while the writer's socket accepts */
    _Atomic uint32_t draining;
    _Atomic uint32_t degrade_pin; /* 0 = fronts follow their load, n + 1 = all are at level n */
    _Atomic uint32_t fetcher;     /* its place in `processes` */
    struct shared_follow follow;
    struct shared_process processes[SHARED_PROCESSES];
    struct shared_catalog catalogs[SHARED_CATALOGS];
    struct shared_map_fault map_faults[SHARED_MAP_FAULTS];
    struct query_log query_logs[QUERY_LOGS]; /* by number of the front */
    struct shared_traces traces;
    struct shared_key keys[SHARED_KEYS];
    struct span_ring rings[SHARED_PROCESSES]; /* by place in `processes` */
};

/* Makes the pages in a memfd (kept open without close-on-exec handling: *fd is the caller's). */
enum status shared_create(struct shared **out, int *fd);
/* Maps the pages of an inherited descriptor. CORRUPT when it holds something else. */
enum status shared_open(int fd, struct shared **out);

/* Monotonic milliseconds and microseconds. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Wall time that no clock step moves: the anchor plus monotonic time. */
int64_t shared_now_ms(const struct shared *s);
int64_t shared_ms_at(const struct shared *s, int64_t mono_us); /* of a monotonic time */
/* The supervisor only: looks at the machine's clock. The milliseconds by which it jumped since the
 * last look when that is more than a second, else 0. Nobody's time moves with it: it is counted and
 * told. */
int64_t shared_clock_look(struct shared *s);
/* Signs of life: call at least every 100 ms. */
void shared_beat(struct shared_process *p);

/* The row of a catalog in use, NULL when the writer has published none. */
struct shared_catalog *shared_catalog_find(struct shared *s, struct slice name);
/* The writer only: a row for the name, made when there is none; NULL when all are taken. */
struct shared_catalog *shared_catalog_claim(struct shared *s, struct slice name);
/* The row of an API key by its name, made when there is none. Never NULL. Any front. */
struct shared_key *shared_key_claim(struct shared *s, const char *name);
/* TOO_LARGE, with the sentence: every row is taken. */
enum status shared_catalogs_full(struct fault *fault);
/* The writer only: after a drop. */
void shared_catalog_release(struct shared *s, struct shared_catalog *c);

/* The state of a catalog's upstream as fronts and writer must see it: OK of a fetcher that has been
 * silent for SHARED_SILENCE_MS counts as FAILING. */
enum upstream_state shared_upstream_now(const struct shared *s, const struct shared_catalog *c);
/* Bits of enum safe_mode in force: those the writer set, and storage by the write state, so that
 * it is told even when the writer cannot say so. */
uint32_t shared_safe_mode_now(const struct shared_catalog *c);

/* "closed", "half_open", "open", "paused". */
const char *breaker_state_name(enum breaker_state b);
/* "none", "ok", "late", "failed". */
const char *canary_state_name(enum canary_state c);

/* "none", "connecting", "copying", "following", "leader_lost",
 * "other_build". */
const char *follow_state_name(enum follow_state s);
/* Does this soukd follow another one? Then it changes nothing by itself. */
static inline bool shared_follows(const struct shared *s)
{
    return atomic_load_explicit(&s->follow.following, memory_order_acquire);
}

/* "front", "admin", "writer", "fetcher", "replica". */
const char *role_name(enum role r);

#endif
