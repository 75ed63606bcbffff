/*
 * front - the process that speaks the protocol: one loop, its connections, its open catalogs.
 *
 * One pass: read what is there into the queues of admission, run requests for about a millisecond,
 * send. Handlers write replies straight into the connection's output. Everything here belongs to
 * the one thread of the front.
 */
#ifndef SOUK_SERVER_FRONT_H
#define SOUK_SERVER_FRONT_H

#include "index/fold.h"
#include "index/query.h"
#include "protocol/request.h"
#include "server/access.h"
#include "server/admission.h"
#include "server/catalogs.h"
#include "server/clients.h"
#include "server/conn.h"
#include "server/crowd.h"
#include "server/key_sources.h"
#include "server/ladder.h"
#include "server/loop.h"
#include "server/memory.h"
#include "server/park.h"
#include "server/peer_note.h"
#include "server/read_through.h"
#include "server/role.h"
#include "server/spin.h"
#include "server/tracer.h"
#include "server/writer_link.h"

struct front {
    struct role_context *role;
    struct loop *loop;
    struct catalogs *catalogs;
    struct searcher *searcher;
    struct folder *folder;
    struct arena arena;      /* of the request being run */
    struct buf scratch, key; /* key: of a search, for the result cache */
    struct admission admission;
    struct conn_table conns;
    struct clients clients;
    struct keys keys;
    struct key_sources *key_sources;
    uint32_t held; /* connections; see front_keys.h */
    int64_t keys_told_ms;
    struct refusing refusing;
    struct ladder ladder;
    struct result_cache *cache; /* NULL = off */
    struct cache_counts *cache_counts;
    struct writer_link *writer, *fetcher, *replica;
    struct through *through;
    struct park park;
    struct put_job *putting;    /* a bulk that is being checked, slice by slice */
    struct push_canary *canary; /* of the operators' front */
    struct loop_watch *listeners[ROLE_MAX_LISTEN];
    struct tls_accept *tls; /* NULL = no tls.listen */
    struct peer_notes notes;
    struct loop_timer *beat, *accept_again;
    bool accept_paused;         /* no descriptor was left a moment ago */
    int reserve_fd;             /* given up for a moment when descriptors run out */
    int64_t now_us;             /* of this pass: read again whenever a request ended */
    int64_t asleep_us, woke_us; /* when it went to wait (0 = it does not), and came back */
    int64_t idle_us, window_us; /* waited in this window, and since when that is */
    int64_t sent_us;            /* the last time answers left in this pass */
    struct spin spin;
    struct crowd crowd;
    int64_t ran_us, ran_count; /* requests run in this window */
    uint32_t busy_percent;
    uint32_t beats; /* the first of its life, see front_warm.h */
    enum memory_state memory;
    size_t memory_used;
    int64_t drain_until_ms, drain_hard_ms, swept_ms;
    bool draining; /* GOAWAY was said; those who still send are served a moment longer */
    bool closing;  /* requests are answered GOING_AWAY */
    struct request *running;
    struct tracer tracer;
    int64_t trace_slow_us, trace_second; /* of a request that is told in the log; see front_trace */
    uint32_t trace_told;
    /* Options, as numbers that are looked at per request. */
    uint32_t in_flight_most, frame_most, default_deadline_ms;
    size_t output_most;
    uint8_t listen_queue; /* enum admission_id: the highest class of the TCP listener */
    uint64_t connection_rate;
    struct client_limits client_limits;
    int64_t cache_fresh_ms, cache_stale_ms, cache_old_ms;
    uint64_t cache_cost_us;
    /* Counted here, published with the beat (pass_publish). */
    uint64_t requests, errors, refused, bytes_in, bytes_out;
    uint64_t unauthenticated;                /* requests of nobody who is known */
    uint64_t cancelled, cut_slow, cut_idle;  /* clients gone; closed as slow, as idle */
    uint64_t limited_conns, limited_clients; /* requests beyond the limits of one, of a name */
};

/* A request being run. */
struct request {
    struct conn *conn;
    struct frame frame;
    int64_t received_us, deadline_us;
    struct request_trace *trace; /* NULL = it is not traced; see front_trace.h */
    bool looked;                 /* whether it is was decided: it may be run again */
};

/* OK: the reply is in the output. AGAIN: it will be answered later. Else the error to answer. */
typedef enum status (*handler_fn)(struct front *f, struct request *rq, struct fault *fault);

struct operation {
    handler_fn handler;
    enum admission_id queue; /* the highest it may run in; QUEUE_INGEST: always that one */
    bool at_once;            /* not worth a queue */
    uint32_t needs;          /* bits of ladder features: refused while one of them is off */
    uint32_t scopes;         /* the key has one of these */
    enum access access;      /* what of the body decides the rest */
};
/* Never NULL. */
const struct operation *operation_of(uint8_t opcode);
/* Where a request waits: the lower of its flag, its operation and its listener. */
enum admission_id front_queue_of(const struct conn *c, const struct frame *f);

/* pass.c: one turn of the loop, and what happens every 100 ms. */
void pass_run(struct front *f);
void pass_tick(struct front *f);
/* Answers a waiting request with a refusal and gives it back. */
void pass_refuse(struct front *f, struct waiting *w, enum status s);
/* The loop has come back from waiting. */
void pass_woke(struct front *f, int64_t now_us);
/* The counters of this process, for the shared pages. */
void pass_publish(struct front *f);

enum status handle_unknown(struct front *f, struct request *rq, struct fault *fault);
enum status handle_hello(struct front *f, struct request *rq, struct fault *fault);
enum status handle_ping(struct front *f, struct request *rq, struct fault *fault);
enum status handle_catalog(struct front *f, struct request *rq, struct fault *fault);
enum status handle_search(struct front *f, struct request *rq, struct fault *fault);
enum status handle_multi_search(struct front *f, struct request *rq, struct fault *fault);
enum status handle_get(struct front *f, struct request *rq, struct fault *fault);
/* Another slice of the bulk at hand, see handle_put.c. */
void put_go_on(struct front *f);
/* The front ends: what is left of it is given up, unanswered. */
void put_drop(struct front *f);
/* Milliseconds until then, at least 1. */
uint32_t front_deadline_left(int64_t deadline_us);
enum status handle_put(struct front *f, struct request *rq, struct fault *fault);
enum status handle_wait(struct front *f, struct request *rq, struct fault *fault);
enum status handle_stats(struct front *f, struct request *rq, struct fault *fault);
enum status handle_scan(struct front *f, struct request *rq, struct fault *fault);
enum status handle_delete(struct front *f, struct request *rq, struct fault *fault);
enum status handle_degrade(struct front *f, struct request *rq, struct fault *fault);
enum status handle_upstream(struct front *f, struct request *rq, struct fault *fault);
/* CATALOG SET of a provider or of their order: checked before it is logged. */
enum status handle_upstream_setting(struct front *f, struct request *rq,
                                    const struct catalog_request *in, struct fault *fault);
enum status handle_suggest(struct front *f, struct request *rq, struct fault *fault);
enum status handle_queries(struct front *f, struct request *rq, struct fault *fault);
enum status handle_safe_mode(struct front *f, struct request *rq, struct fault *fault);
enum status handle_replica(struct front *f, struct request *rq, struct fault *fault);
enum status handle_promote(struct front *f, struct request *rq, struct fault *fault);
enum status handle_goaway(struct front *f, struct request *rq, struct fault *fault);

/* Runs one request now and answers errors. */
void dispatch(struct front *f, struct request *rq);

/* Starts a reply in the output; append the body, then end it. */
size_t reply_begin(struct request *rq);
void reply_end(struct request *rq, size_t at);
/* An answer that comes later: `to` says whom; nothing happens when the connection is gone. */
struct reply_address {
    uint64_t conn_id;
    uint32_t request_id;
    uint16_t flags;
    uint8_t opcode;
    int64_t received_us;
    struct request_trace *trace; /* ends with the answer */
};
struct reply_address reply_address_of(const struct request *rq);
void reply_later(struct front *f, const struct reply_address *to, enum status s, struct slice body);
void reply_fault_later(struct front *f, const struct reply_address *to, const struct fault *fault);

/* Hands the request to the writer, whose reply becomes ours. */
enum status front_forward(struct front *f, struct request *rq);
/* The same to another process. */
enum status front_forward_to(struct front *f, struct request *rq, struct writer_link *link);
/* For struct query: deadline and signs of life at block boundaries. ctx = struct check. */
struct front_check {
    struct front *front;
    int64_t deadline_us;
    int64_t look_us; /* when to look after the client next; starts 0 */
};
enum status front_check(void *ctx);

/* Notes a search that was answered, from wherever the answer came, in the query log; `n` without
 * what the request says. First pages of
 * shoppers only: not class background (canaries, crawlers), not behind an offset or a cursor. */
void front_note_query(struct front *f, const struct request *rq, const struct search_request *in,
                      struct query_note n);

/* front.c: the listening socket of TLS rests, or listens again when there is room. */
void front_listen_tls(struct front *f);
/* What the state of memory calls for. */
void front_save_memory(struct front *f);

/* Bitmap over field ids from names (NULL = all stored). UNKNOWN_FIELD of what they were `asked`
 * for. */
enum status front_wanted(struct front *f, const struct schema *schema, const struct slice *names,
                         uint32_t count, const char *asked, uint64_t **out, struct fault *fault);
/* Appends the schema's names as the table of documents. */
void front_put_names(struct buf *b, uint32_t tag, const struct schema *schema);

#endif
