#include "server/ship.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/follow.h"
#include "protocol/labels.h"
#include "server/build.h"
#include "server/catalogs.h"
#include "server/say.h"
#include "server/ship_copy.h"
#include "server/ship_list.h"
#include "server/stream.h"
#include "server/writer_link.h"

enum {
    POLLS = 64,
    REPLY_BYTES = 1 << 20, /* of records, at most */
    ASK_BYTES = 1 << 16,   /* of a question about as many catalogs as there may be */
    READER_IDLE_MS = 60000,
    REFUSED_MS = 60000,
    AGAIN_MS = 20,
    TELL_MS = 1000,
    POLL_MS = 1000 /* an answer without news comes so late, or at half of the deadline */
};

struct poll {
    struct poll *next;
    uint64_t conn, tide; /* what there was when it was looked at */
    struct frame to;
    struct buf body;
    int64_t came_ms, until_ms;
};

struct ship {
    struct role_context *role;
    struct shared *shared;
    struct writer_conns *conns;
    struct writer_link *writer;
    struct ship_copies *copies;
    uint8_t store[STORE_NAME];
    struct ship_list list;
    uint32_t turn; /* the catalog whose records come first in the next answer */
    struct poll *polls, **polls_end;
    uint32_t poll_count;
    struct arena arena;
    struct buf reply, pieces;
    int64_t tokens, filled_ms, tidied_ms; /* bytes that may be sent now */
    char build[BUILD_NAME];
    int64_t refused_ms; /* when a follower of another build was told of last; 0 = never */
};

static void refuse(struct ship *s, uint64_t conn, const struct frame *f, enum status st,
                   const char *text)
{
    struct fault fault = {0};
    fault_set(&fault, st, NULL, "%s", text);
    if (st == STATUS_OVERLOADED)
        fault.retry_after_ms = AGAIN_MS;
    writer_conns_error(s->conns, conn, f, &fault);
}

/* --- reading logs ----------------------------------------------------------------------------- */

/* Pieces of what follows, as long as there is room. */
static void put_pieces(struct ship *s, struct log_reader *r, uint32_t place, uint64_t last,
                       uint64_t offset, uint64_t most)
{
    struct log_record record;
    while (s->pieces.len < most && !log_reader_peek(r, last, &record)) {
        struct log_piece p = {.catalog = place,
                              .previous = log_reader_at(r),
                              .sequence = record.sequence,
                              .type = record.type,
                              .size = record.payload.len,
                              .offset = offset < record.payload.len ? offset : 0};
        size_t len = record.payload.len - p.offset, room = most - s->pieces.len;
        bool whole = len <= room;
        size_t at = log_piece_begin(&p, TAG_LOG_READ_RECORD, &s->pieces);
        buf_put(&s->pieces, record.payload.ptr + p.offset, whole ? len : room);
        log_piece_end(&s->pieces, at);
        offset = 0;
        if (!whole)
            return;
        log_reader_skip(r);
        atomic_fetch_add(&s->shared->follow.sent_records, 1);
    }
}

/* Who has all there is, and the last record as it was read last, needs no log to be read: else many
 * catalogs would be many logs for each question. */
static bool is_level(const struct shipped *c, const struct log_have *have, uint64_t last)
{
    return have->after == last &&
           (!have->hash || (c->level == last && c->hash && c->hash == have->hash));
}

/* What becomes of a catalog, the answer's at `place`, whose follower has `have` (NULL = nothing).
 */
static enum log_verdict judge(struct ship *s, struct shipped *c, uint32_t place,
                              const struct log_have *have, uint64_t last, uint64_t most)
{
    struct log_reader *r = NULL;
    if (stream_id_none(&c->stream))
        return LOG_COME_AGAIN;
    if (!have || !stream_id_equal(&c->stream, &have->stream) || have->after > last)
        return LOG_TAKE_COPY;
    if (is_level(c, have, last))
        return LOG_FOLLOWS;
    enum status st = log_readers_get(&s->list.readers, s->role->data_dir, c->name, have->after, &r);
    if (st == STATUS_NOT_FOUND || st == STATUS_MOVED)
        return LOG_TAKE_COPY;
    if (st)
        return st == STATUS_AGAIN && have->after == last ? LOG_FOLLOWS : LOG_COME_AGAIN;
    uint64_t hash = log_reader_hash(r);
    if (hash && have->hash && hash != have->hash)
        return LOG_TAKE_COPY;
    put_pieces(s, r, place, last, have->offset, most);
    if (log_reader_at(r) >= c->level) {
        c->level = log_reader_at(r);
        c->hash = log_reader_hash(r);
    }
    return LOG_FOLLOWS;
}

/* --- who holds what --------------------------------------------------------------------------- */

static void on_told(void *ctx, const struct frame *f)
{
    (void)ctx;
    (void)f;
}

/* Answers at the writer may wait for it. What followers had once they have had, so it only grows,
 * but for another catalog that has the name by now. */
static void note_replicated(struct ship *s, const struct shipped *c, struct shared_catalog *row)
{
    const struct follow_request q = {.action = FOLLOW_CAME};
    uint64_t acks = config_number(s->role->config, OPTION_FOLLOW_ACKS);
    uint64_t reached = followers_reached(&c->followers, acks, clock_mono_ms());
    struct buf body = BUF_INIT;
    if (reached <= atomic_load(&row->replicated) ||
        s->list.epoch != atomic_load(&s->shared->catalog_epoch))
        return;
    atomic_store(&row->replicated, reached);
    follow_request_encode(&q, &body);
    writer_link_send(s->writer, OP_FOLLOW, 0, TELL_MS, buf_slice(&body), on_told, s);
    buf_fini(&body);
}

static void publish_holds(struct ship *s)
{
    int64_t now = clock_mono_ms();
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->list.count; i++) {
        const struct shipped *c = &s->list.catalogs[i];
        struct shared_catalog *row = shared_catalog_find(s->shared, slice_str(c->name));
        uint64_t copy = ship_copies_oldest(s->copies, slice_str(c->name));
        uint64_t least = followers_hold(&c->followers, now);
        uint32_t here = followers_here(&c->followers, now);
        most = here > most ? here : most;
        least = copy < least ? copy : least;
        if (row)
            atomic_store(&row->held, least == UINT64_MAX ? 0 : least + 1);
    }
    atomic_store(&s->shared->follow.followers, most);
}

/* --- LOG_READ --------------------------------------------------------------------------------- */

static const struct log_have *have_of(const struct log_read_request *q, const char *name)
{
    for (uint32_t i = 0; i < q->have_count; i++)
        if (slice_equal(q->have[i].catalog, slice_str(name)))
            return &q->have[i];
    return NULL;
}

/* A catalog the writer cannot open is none that is gone. */
static void put_unlisted(void *ctx, struct slice name)
{
    struct ship *s = ctx;
    struct log_catalog c = {.name = name, .verdict = LOG_COME_AGAIN};
    if (!ship_list_find(&s->list, name))
        log_catalog_encode(&c, &s->reply);
}

/* The reply into s->reply; true when it tells something new. The room for records goes round: the
 * catalog behind the one that filled it comes first in the next reply. */
static bool put_reply(struct ship *s, const struct log_read_request *q)
{
    uint64_t most = s->tokens <= 0                       ? 0 /* a list, and who has what */
                    : q->bytes && q->bytes < REPLY_BYTES ? q->bytes
                                                         : REPLY_BYTES;
    bool news = q->seen != s->list.epoch;
    uint32_t first = s->turn;
    buf_clear(&s->reply);
    buf_clear(&s->pieces);
    log_read_reply_encode(&(struct log_read_reply){.store = slice_make(s->store, STORE_NAME),
                                                   .build = slice_str(s->build),
                                                   .now_ms = (uint64_t)shared_now_ms(s->shared),
                                                   .seen = s->list.epoch},
                          &s->reply);
    for (uint32_t i = 0; i < s->list.count; i++) {
        struct shipped *c = &s->list.catalogs[(first + i) % s->list.count];
        bool room = s->pieces.len < most;
        const struct log_have *have = have_of(q, c->name);
        struct shared_catalog *row = shared_catalog_find(s->shared, slice_str(c->name));
        struct log_catalog out = {.name = slice_str(c->name),
                                  .stream = c->stream,
                                  .last = row ? atomic_load(&row->logged) : 0,
                                  .upstream = row ? shared_upstream_now(s->shared, row) : 0};
        shared_beat(s->role->self); /* many logs may have to be read to where they are asked for */
        out.verdict = row ? judge(s, c, i, have, out.last, most) : LOG_COME_AGAIN;
        if (room && s->pieces.len >= most)
            s->turn = (first + i + 1) % s->list.count;
        news |= have && out.verdict == LOG_TAKE_COPY;
        if (have && out.verdict == LOG_FOLLOWS) {
            followers_note(&c->followers, q->name, have->after, clock_mono_ms());
            note_replicated(s, c, row);
        }
        log_catalog_encode(&out, &s->reply);
    }
    if (s->list.unlisted)
        catalogs_list(s->role->data_dir, put_unlisted, s);
    news |= s->pieces.len != 0;
    buf_put_slice(&s->reply, buf_slice(&s->pieces));
    return news;
}

/* Moves with every change that became durable, and with every catalog that comes or goes. */
static uint64_t tide_of(const struct shared *s)
{
    uint64_t sum = atomic_load(&s->catalog_epoch);
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++)
        sum += atomic_load_explicit(&s->catalogs[i].logged, memory_order_relaxed) * (i + 1);
    return sum ? sum : 1;
}

/* Has it waited as long as it wants to? Looked at when it came and every time something moves. */
static bool waited(struct poll *p, const struct log_read_request *q)
{
    int64_t until = p->came_ms + q->wait_ms;
    if (q->wait_ms && until < p->until_ms)
        p->until_ms = until;
    return clock_mono_ms() >= p->until_ms;
}

/* Does it speak of the same formats as we? Else it is told, and here every now and then. */
static bool same_build(struct ship *s, const struct log_read_request *q, struct fault *fault)
{
    int64_t now = clock_mono_ms();
    bool told = q->build.len > 0;
    if (slice_equal(q->build, slice_str(s->build)))
        return true;
    int len = told ? (int)(q->build.len < BUILD_NAME ? q->build.len : BUILD_NAME - 1) : 7;
    const char *theirs = told ? q->build.ptr : "unknown";
    fault_set(fault, STATUS_OLD_FORMAT, "build", "leader: %s; follower: %.*s", s->build, len,
              theirs);
    if (!s->refused_ms || now - s->refused_ms > REFUSED_MS)
        say("error", "replica", NULL,
            "the follower %.*s is refused, it is of another build: %.*s, and this one: %s",
            (int)(q->name.len < SHARED_NAME ? q->name.len : SHARED_NAME), q->name.ptr, len, theirs,
            s->build);
    s->refused_ms = s->refused_ms && now - s->refused_ms <= REFUSED_MS ? s->refused_ms : now;
    return false;
}

/* True when the poll was answered. */
static bool answer(struct ship *s, struct poll *p, uint64_t tide)
{
    struct log_read_request q;
    struct fault fault = {0};
    bool late = clock_mono_ms() >= p->until_ms;
    if (shared_follows(s->shared)) {
        fault_set(&fault, STATUS_FOLLOWER, s->shared->follow.leader,
                  "this server follows %.100s: follow that one", s->shared->follow.leader);
        writer_conns_error(s->conns, p->conn, &p->to, &fault);
        return true;
    }
    if (!ship_list_current(&s->list)) {
        if (late)
            refuse(s, p->conn, &p->to, STATUS_UNAVAILABLE, "the writer is away; come again");
        return late;
    }
    if (!late && (p->tide == tide || s->tokens <= 0))
        return false;
    arena_reset(&s->arena);
    if (log_read_request_decode(buf_slice(&p->body), &s->arena, &q, &fault) ||
        !same_build(s, &q, &fault)) {
        writer_conns_error(s->conns, p->conn, &p->to, &fault);
        return true;
    }
    p->tide = tide;
    bool news = put_reply(s, &q);
    if (!ship_list_current(
            &s->list)) { /* what was read of a catalog may be of another of its name */
        if (late)
            refuse(s, p->conn, &p->to, STATUS_UNAVAILABLE, "catalogs come and go; come again");
        return late;
    }
    if (!news && !late && !waited(p, &q))
        return false;
    s->tokens -= (int64_t)s->pieces.len;
    atomic_fetch_add(&s->shared->follow.sent_bytes, s->pieces.len);
    if (s->reply.failed || s->pieces.failed)
        refuse(s, p->conn, &p->to, STATUS_NO_MEMORY, status_text(STATUS_NO_MEMORY));
    else
        writer_conns_reply(s->conns, p->conn, &p->to, buf_slice(&s->reply));
    return true;
}

static void poll_free(struct poll *p)
{
    buf_fini(&p->body);
    free(p);
}

static void on_log_read(struct ship *s, uint64_t conn, const struct frame *f)
{
    bool large = f->body.len > ASK_BYTES;
    struct poll *p = s->poll_count < POLLS && !large ? calloc(1, sizeof *p) : NULL;
    if (!p) {
        refuse(s, conn, f, large ? STATUS_TOO_LARGE : STATUS_OVERLOADED,
               large ? "no server has so many catalogs" : "too many followers wait");
        return;
    }
    *p = (struct poll){.conn = conn, .to = *f};
    p->came_ms = clock_mono_ms();
    p->until_ms = p->came_ms + (f->time / 2 < POLL_MS ? f->time / 2 : POLL_MS);
    buf_put_slice(&p->body, f->body);
    p->to.body = SLICE_NULL;
    if (p->body.failed || answer(s, p, tide_of(s->shared))) {
        poll_free(p);
        return;
    }
    *s->polls_end = p;
    s->polls_end = &p->next;
    s->poll_count++;
}

static void fill_tokens(struct ship *s, int64_t now)
{
    int64_t rate = (int64_t)config_number(s->role->config, OPTION_FOLLOW_RATE);
    int64_t most = rate / 10 > REPLY_BYTES ? rate / 10 : REPLY_BYTES;
    s->tokens += rate * (now - s->filled_ms) / 1000;
    s->tokens = s->tokens > most ? most : s->tokens;
    s->filled_ms = now;
}

/* --- COPY_READ -------------------------------------------------------------------------------- */

static void on_copy_read(struct ship *s, uint64_t conn, const struct frame *f)
{
    fill_tokens(s, clock_mono_ms());
    struct copy_read q, a;
    struct fault fault = {0};
    enum status st = copy_read_decode(f->body, &q, &fault);
    if (!st && shared_follows(s->shared))
        st = fault_set(&fault, STATUS_FOLLOWER, s->shared->follow.leader,
                       "this server follows another one");
    if (!st && s->tokens <= 0) {
        refuse(s, conn, f, STATUS_OVERLOADED, "replication.rate is spent for this moment");
        return;
    }
    const struct shipped *of = st ? NULL : ship_list_find(&s->list, q.catalog);
    if (!st)
        st = ship_copies_read(s->copies, &q, of ? &of->stream : NULL, &a, &fault);
    if (st) {
        writer_conns_error(s->conns, conn, f, &fault);
        return;
    }
    s->tokens -= (int64_t)a.data.len;
    atomic_fetch_add(&s->shared->follow.sent_bytes, a.data.len);
    if (a.size && a.from + a.data.len == a.size)
        atomic_fetch_add(&s->shared->follow.sent_copies, 1);
    buf_clear(&s->reply);
    copy_read_encode(&a, &s->reply);
    writer_conns_reply(s->conns, conn, f, buf_slice(&s->reply));
}

/* --- life ------------------------------------------------------------------------------------- */

void ship_on_frame(struct ship *s, uint64_t conn, const struct frame *f)
{
    if (f->opcode == OP_LOG_READ)
        on_log_read(s, conn, f);
    else if (f->opcode == OP_COPY_READ)
        on_copy_read(s, conn, f);
    else
        refuse(s, conn, f, STATUS_UNSUPPORTED, status_text(STATUS_UNSUPPORTED));
}

bool ship_waits(const struct ship *s)
{
    return s->polls != NULL;
}

void ship_tick(struct ship *s)
{
    int64_t now = clock_mono_ms();
    fill_tokens(s, now);
    uint64_t tide = s->polls ? tide_of(s->shared) : 0;
    for (struct poll **at = &s->polls; *at;) {
        struct poll *p = *at;
        if (!answer(s, p, tide)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        if (!*at)
            s->polls_end = at;
        s->poll_count--;
        poll_free(p);
    }
    if (now - s->tidied_ms < 1000)
        return;
    s->tidied_ms = now;
    ship_copies_tidy(s->copies);
    log_readers_tidy(&s->list.readers, now - READER_IDLE_MS);
    publish_holds(s);
}

enum status ship_create(struct role_context *role, struct loop *loop, struct writer_conns *conns,
                        struct ship **out)
{
    char writer[PATH_MAX];
    struct ship *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return STATUS_NO_MEMORY;
    s->role = role;
    s->shared = role->shared;
    s->conns = conns;
    s->polls_end = &s->polls;
    s->filled_ms = clock_mono_ms();
    arena_init(&s->arena, 0);
    if (!role_writer_socket(role, writer, sizeof writer))
        return STATUS_TOO_LARGE;
    build_name(s->build);
    enum status st = store_name(role->data_dir, s->store);
    st = st ? st : writer_link_create(loop, writer, &s->writer);
    ship_list_init(&s->list, role, s->writer);
    return st ? st : ship_copies_create(role, &s->copies);
}
