/* writer_private - the writer's loop, between the files server/writer*.c that are it. */
#ifndef SOUK_SERVER_WRITER_PRIVATE_H
#define SOUK_SERVER_WRITER_PRIVATE_H

#include "index/product.h"
#include "protocol/reply.h"
#include "server/apply.h"
#include "server/floor.h"
#include "server/role.h"
#include "server/size.h"
#include "server/tracer.h"
#include "server/writer_conn.h"

enum { QUEUE_BYTES = 64 << 20 }; /* of changes that wait to be applied, a catalog */

/* An answer that waits for the log (then `job` is set) or for the index. */
struct answer {
    struct answer *next;
    struct writer_catalog *catalog;
    struct job *job;
    uint64_t conn, sequence;
    int64_t until_ms; /* of one that waits for followers */
    struct frame to;
    enum put_ack ack;
    bool control, frees; /* frees: gives room back, and may spend the log's reserve */
    struct buf body;
    struct span *span; /* of a traced change, until it is durable; see writer_trace.h */
    int64_t decided_us;
};

struct writer_trace;

struct writer {
    struct role_context *role;
    struct loop *loop;
    struct writer_conns *conns;
    struct apply *apply;
    struct floor *floor;
    struct floor_thread *me; /* the loop */
    struct writer_catalog *catalogs[SHARED_CATALOGS];
    uint32_t count;
    struct answer *unsynced, **unsynced_end; /* in order */
    struct answer *unseen, *unreplicated;
    struct arena arena;
    struct buf items, payload, reply;
    struct size size;
    struct product parsed;
    uint32_t accepted; /* items of the request at hand that are to be logged */
    bool *taken;       /* of the request at hand: the items that count */
    int64_t pruned_ms;
    struct tracer tracer;
    struct span *span; /* of the request at hand; NULL = it is not traced */
    struct writer_trace *traces;
    uint32_t trace_count;
};

/* --- answers and the log (writer_answers.c) --------------------------------------------------- */

void writer_refuse(struct writer *w, uint64_t conn, const struct frame *to, enum status st,
                   const char *text);
void writer_refuse_full(struct writer *w, uint64_t conn, const struct frame *to,
                        const struct writer_catalog *c);
void answer_free(struct answer *a);
void writer_tell_seen(struct writer *w);
/* Answers that wait for followers: those they have by now, and those that waited too long. */
void writer_wait_replicated(struct writer *w, struct answer *a);
void writer_tell_replicated(struct writer *w);
void writer_stop_catalog(struct writer_catalog *c, enum status st);
void writer_settle(struct writer *w);
/* NULL: no memory; nobody was told. */
struct answer *answer_create(uint64_t conn, const struct frame *to, struct writer_catalog *c,
                             struct slice body);
enum status writer_log(struct writer *w, struct answer *a, uint32_t type, struct slice payload,
                       uint64_t sequence, uint64_t items);

/* --- PUT and evictions (writer_put.c) --------------------------------------------------------- */

struct writer_catalog *writer_find(struct writer *w, struct slice name);
/* Do they give room back? Then they are taken with a full disk, too. */
bool writer_only_deletes(const struct put_item *items, uint32_t count);
enum status writer_may_write(struct writer *w, struct writer_catalog *c);
void writer_on_put(struct writer *w, uint64_t conn, const struct frame *f);
void writer_evict_turn(struct writer *w, struct writer_catalog *c);

/* --- catalogs as a whole (writer_control.c) --------------------------------------------------- */

void writer_catalog_body(struct buf *out, const struct writer_catalog *c, uint64_t sequence);
enum status writer_open_catalog(struct writer *w, struct slice name, struct fault *fault);
void writer_wait_replayed(struct writer *w);
void writer_on_catalog(struct writer *w, uint64_t conn, const struct frame *f);

/* What was decided and is not applied counts for the next decisions, also while a full disk keeps
 * it from being applied. */
enum status writer_note_decided(struct writer *w, struct writer_catalog *c,
                                const struct log_record *r);
/* Takes the catalog off: ends what waits for it, closes it; its files stay. */
void writer_let_go(struct writer *w, struct writer_catalog **c);
/* Drops a catalog, open or not; `c` NULL = its files cannot be opened. */
void writer_drop(struct writer *w, uint64_t conn, const struct frame *f, struct writer_catalog *c,
                 struct slice name);

/* --- replication (writer_follow.c) ------------------------------------------------------------ */

/* True: the change was refused, for its leader takes it. */
bool writer_follower_refuses(struct writer *w, uint64_t conn, const struct frame *f);
void writer_on_follow(struct writer *w, uint64_t conn, const struct frame *f);
void writer_on_promote(struct writer *w, uint64_t conn, const struct frame *f);
/* Who decides by himself from now on does so under a stream of his own. */
void writer_own_streams(struct writer *w);
/* An alteration ended here by something that is no part of its record (the disk is full), or there
 * are records that do not fit: at the other side it may have ended otherwise. The leader goes on
 * under another epoch, a follower forgets its stream; both ways the catalog is copied anew. */
void writer_part(struct writer *w, struct writer_catalog *c);
/* Stops following. */
void writer_promote(struct writer *w, const char *why);

/* --- safe mode (writer_safe_mode.c) ----------------------------------------------------------- */

void writer_on_safe_mode(struct writer *w, uint64_t conn, const struct frame *f);
void writer_safe_mode_follow(struct writer *w, struct writer_catalog *c);
void writer_safe_mode_turn(struct writer *w, struct writer_catalog *c);

#endif
