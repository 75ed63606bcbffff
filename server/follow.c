#include "server/follow_private.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/catalogs.h"
#include "server/log_record.h"
#include "server/say.h"
#include "server/stream.h"

enum {
    ASK_MS = 3000, /* a leader that is silent so long is connected to anew */
    WRITE_MS = 10000,
    NEAR_MS = 3000,   /* an answer so old still says how far the leader is */
    ABSENT_LISTS = 2, /* a catalog is gone when the leader says so twice */
    REFUSED_MOST = 3,
    REFUSED_MS = 1000,
    ASK_BYTES = 1 << 20,
    BUSY_MS = 20,
    COPYING_MS = 100
};

/* --- small things ----------------------------------------------------------------------------- */

struct followed *follow_find(struct follow *f, struct slice name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (slice_equal(slice_str(f->catalogs[i].name), name))
            return &f->catalogs[i];
    return NULL;
}

static void want_copy(struct followed *c, bool resync, const char *why)
{
    if (c->state != FOLLOWED)
        return;
    say("info", "replica", c->name, "it is copied from the leader: %s", why);
    c->state = COPY_WANTED;
    c->resync = resync;
    c->failed = 0;
    c->again_ms = 0;
}

/* --- the writer ------------------------------------------------------------------------------- */

struct talk {
    struct follow *f;
    struct souk *leader, *writer;
    struct souk_reply reply, written;
    struct buf body;
    uint64_t seen; /* the leader's list */
    uint32_t failures;
};

static enum status tell_writer(struct talk *t, const struct follow_request *q,
                               struct follow_reply *r)
{
    struct souk_request request = {.opcode = OP_FOLLOW, .deadline_ms = WRITE_MS};
    buf_clear(&t->body);
    follow_request_encode(q, &t->body);
    if (t->body.failed)
        return STATUS_NO_MEMORY;
    request.body = buf_slice(&t->body);
    enum status st = souk_call(t->writer, &request, &t->written);
    return st ? st : follow_reply_decode(t->written.body, &t->written.arena, r);
}

static void take_row(struct follow *f, const struct follow_row *row)
{
    struct followed *c = follow_find(f, row->name);
    if (row->name.len > SHARED_NAME || (!c && f->count == SHARED_CATALOGS))
        return;
    if (!c) {
        c = &f->catalogs[f->count++];
        *c = (struct followed){0};
        memcpy(c->name, row->name.ptr, row->name.len);
    }
    c->stream = row->stream;
    if (row->store.len)
        memcpy(c->store, row->store.ptr, STORE_NAME);
    c->after = row->last;
    c->hash = row->hash;
    c->offset = 0;
}

static bool listed_there(const struct follow_reply *r, const char *name)
{
    for (uint32_t i = 0; i < r->row_count; i++)
        if (slice_equal(r->rows[i].name, slice_str(name)))
            return true;
    return false;
}

/* The table anew from what the writer has; what is being copied stays in it. */
static enum status list(struct talk *t)
{
    struct follow *f = t->f;
    struct follow_reply r;
    const struct follow_request q = {.action = FOLLOW_LIST};
    f->listed = true; /* before it is asked for: what changes meanwhile makes it be asked anew */
    enum status st = tell_writer(t, &q, &r);
    if (st) {
        f->listed = false;
        return st;
    }
    pthread_mutex_lock(&f->lock);
    for (uint32_t i = 0; i < f->count;) {
        struct followed *c = &f->catalogs[i];
        if (c->state == FOLLOWED && !listed_there(&r, c->name))
            *c = f->catalogs[--f->count];
        else
            i++;
    }
    for (uint32_t i = 0; i < r.row_count; i++)
        take_row(f, &r.rows[i]);
    pthread_mutex_unlock(&f->lock);
    return STATUS_OK;
}

/* --- records ---------------------------------------------------------------------------------- */

/* Notes how far the writer came; how many of the pieces it has for good. */
static uint32_t note_taken(struct followed *c, const struct follow_reply *r,
                           const struct log_piece *p, uint32_t count)
{
    uint32_t done = 0;
    while (done < count &&
           (p[done].sequence <= r->sequence ||
            (p[done].previous == r->sequence && p[done].offset + p[done].bytes.len <= r->offset)))
        done++;
    for (uint32_t i = 0; i < done && p[i].sequence <= r->sequence; i++) {
        const struct log_record record = {p[i].sequence, p[i].type, p[i].bytes};
        bool whole = !p[i].offset && p[i].bytes.len == p[i].size;
        if (p[i].sequence <= c->after)
            continue;
        c->hash = whole ? log_record_hash(p[i].previous == c->after ? c->hash : 0, &record) : 0;
        if (p[i].offset + p[i].bytes.len == p[i].size)
            c->after = p[i].sequence;
    }
    if (c->after != r->sequence)
        c->hash = 0;
    c->after = r->sequence;
    c->offset = r->offset;
    c->refused = 0;
    return done;
}

/* True when the same may succeed a moment later. */
static bool passes(enum status st)
{
    return st == STATUS_OVERLOADED || st == STATUS_NO_SPACE || st == STATUS_NO_MEMORY;
}

/* The writer did not take what comes next. It is not asked for again before a while has passed, so
 * that one catalog does not hold up the others. Under the lock. */
static void note_refused(struct follow *f, struct followed *c, enum status st, uint32_t retry_ms)
{
    bool away = st == STATUS_UNAVAILABLE || st == STATUS_DEADLINE || st == STATUS_CANCELLED;
    c->again_ms = clock_mono_ms() + (retry_ms ? retry_ms : passes(st) ? BUSY_MS : REFUSED_MS);
    if (passes(st))
        return;
    f->listed = false; /* the writer says where it stands */
    if (away || st == STATUS_CONFLICT)
        return;
    if (!c->refused++)
        say("warning", "replica", c->name, "the writer did not take a change: %s", status_text(st));
    if (c->refused >= REFUSED_MOST && st != STATUS_OLD_FORMAT)
        want_copy(c, true, "changes could not be taken");
}

/* The pieces of one catalog to the writer, until it has them or takes no more. */
static void deliver(struct talk *t, const char *name, struct log_piece *p, uint32_t count)
{
    struct follow *f = t->f;
    struct follow_reply r;
    for (uint32_t i = 0; i < count; i++)
        p[i].catalog = 0;
    while (count && shared_follows(f->shared)) {
        const struct follow_request q = {slice_str(name), FOLLOW_APPEND, 0, p, count};
        enum status st = tell_writer(t, &q, &r);
        pthread_mutex_lock(&f->lock);
        struct followed *c = follow_find(f, slice_str(name));
        uint32_t done = !st && c ? note_taken(c, &r, p, count) : 0;
        atomic_fetch_add(&f->shared->follow.records, done);
        for (uint32_t i = 0; i < done; i++)
            atomic_fetch_add(&f->shared->follow.bytes, p[i].bytes.len);
        if (!done && c)
            note_refused(f, c, st ? st : STATUS_CONFLICT, t->written.fault.retry_after_ms);
        bool more = done && c && c->state == FOLLOWED;
        pthread_mutex_unlock(&f->lock);
        if (!more)
            return;
        p += done;
        count -= done;
    }
}

/* --- the leader's answer ---------------------------------------------------------------------- */

static void note_leader(struct follow *f, const struct log_catalog *c)
{
    struct shared_catalog *row = shared_catalog_find(f->shared, c->name);
    if (!row)
        return;
    atomic_store(&row->leader_last, c->last);
    atomic_store(&row->upstream.state, c->upstream);
}

/* Under the lock. */
static void judge(struct follow *f, const struct log_catalog *there)
{
    struct followed *c = follow_find(f, there->name);
    if (there->verdict != LOG_TAKE_COPY || !catalog_name_valid(there->name))
        return;
    if (!c && f->count < SHARED_CATALOGS) {
        c = &f->catalogs[f->count++];
        *c = (struct followed){0};
        memcpy(c->name, there->name.ptr, there->name.len);
        want_copy(c, false, "the leader has it");
    } else if (c && c->asked) { /* else the answer knows less of it than we */
        want_copy(c, true,
                  !stream_id_equal(&c->stream, &there->stream) ? "its stream is another one"
                  : c->after > there->last                     ? "the leader's log ends before ours"
                                           : "the leader's log does not go on where ours ends");
    }
}

static const struct log_catalog *there_of(const struct log_read_reply *r, const char *name)
{
    for (uint32_t i = 0; i < r->catalog_count; i++)
        if (slice_equal(r->catalogs[i].name, slice_str(name)))
            return &r->catalogs[i];
    return NULL;
}

static void drop(struct talk *t, const char *name)
{
    struct follow_reply r;
    const struct follow_request q = {.catalog = slice_str(name), .action = FOLLOW_DROP};
    say("info", "replica", name, "the leader has dropped it");
    tell_writer(t, &q, &r);
}

/* Catalogs the leader has no more. Only the data directory that decided a catalog can say that it
 * is gone: a leader that lost its disk is no reason to lose ours. */
static void look_for_dropped(struct talk *t, const struct log_read_reply *r)
{
    struct follow *f = t->f;
    char gone[SHARED_NAME + 1] = "";
    pthread_mutex_lock(&f->lock);
    for (uint32_t i = 0; i < f->count; i++) {
        struct followed *c = &f->catalogs[i];
        if (c->state != FOLLOWED || there_of(r, c->name)) {
            c->absent = 0;
            continue;
        }
        bool theirs = r->store.len && !memcmp(c->store, r->store.ptr, STORE_NAME);
        if (++c->absent == ABSENT_LISTS && !theirs)
            say("warning", "replica", c->name,
                "the leader has no such catalog and is not who it came from: it is kept");
        if (c->absent >= ABSENT_LISTS && theirs) {
            memcpy(gone, c->name, sizeof gone);
            f->listed = false;
        }
    }
    pthread_mutex_unlock(&f->lock);
    if (*gone)
        drop(t, gone);
}

static void take_answer(struct talk *t, struct log_read_reply *r)
{
    struct follow *f = t->f;
    pthread_mutex_lock(&f->lock);
    for (uint32_t i = 0; i < r->catalog_count; i++) {
        note_leader(f, &r->catalogs[i]);
        judge(f, &r->catalogs[i]);
    }
    f->reached = true;
    pthread_mutex_unlock(&f->lock);
    t->seen = r->seen;
    atomic_store(&f->shared->follow.contact_ms, clock_mono_ms());
    for (uint32_t i = 0, n; i < r->piece_count; i += n) {
        char name[SHARED_NAME + 1] = "";
        const struct log_catalog *c = &r->catalogs[r->pieces[i].catalog];
        uint32_t place = r->pieces[i].catalog;
        for (n = 0; i + n < r->piece_count && r->pieces[i + n].catalog == place; n++)
            ;
        if (c->name.len > SHARED_NAME)
            continue;
        memcpy(name, c->name.ptr, c->name.len);
        deliver(t, name, &r->pieces[i], n);
    }
    look_for_dropped(t, r);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void put_question(struct talk *t)
{
    int64_t now = clock_mono_ms();
    struct follow *f = t->f;
    struct log_read_request q = {.name = slice_str(f->name),
                                 .bytes = ASK_BYTES,
                                 .seen = t->seen,
                                 .build = slice_str(f->build)};
    buf_clear(&t->body);
    pthread_mutex_lock(&f->lock);
    for (uint32_t i = 0; i < f->count; i++) {
        struct followed *c = &f->catalogs[i];
        c->asked = c->state == FOLLOWED && now >= c->again_ms;
        if (!c->asked)
            q.wait_ms = COPYING_MS; /* it will be asked for as soon as it may be */
    }
    log_read_request_encode(&q, &t->body);
    for (uint32_t i = 0; i < f->count; i++) {
        const struct followed *c = &f->catalogs[i];
        struct log_have have = {slice_str(c->name), c->stream, c->after, c->hash, c->offset};
        if (c->asked)
            log_have_encode(&have, &t->body);
    }
    pthread_mutex_unlock(&f->lock);
}

static enum status ask(struct talk *t)
{
    struct log_read_reply r;
    struct souk_request request = {.opcode = OP_LOG_READ, .deadline_ms = ASK_MS};
    put_question(t);
    if (t->body.failed)
        return STATUS_NO_MEMORY;
    request.body = buf_slice(&t->body);
    enum status st = souk_call(t->leader, &request, &t->reply);
    if (st)
        return st;
    st = log_read_reply_decode(t->reply.body, &t->reply.arena, &r);
    if (!st && !slice_equal(r.build, slice_str(t->f->build))) /* it did not look at ours */
        st = fault_set(&t->reply.fault, STATUS_OLD_FORMAT, "build", "leader: %.*s; follower: %s",
                       r.build.len ? (int)(r.build.len < BUILD_NAME ? r.build.len : BUILD_NAME - 1)
                                   : 7,
                       r.build.len ? r.build.ptr : "unknown", t->f->build);
    if (!st)
        take_answer(t, &r);
    return st;
}

/* The connection is made anew, whatever it was. */
static void lose(struct talk *t, enum status st)
{
    struct follow *f = t->f;
    bool busy = st == STATUS_OVERLOADED || st == STATUS_RATE_LIMITED;
    bool other_build = st == STATUS_OLD_FORMAT, told = f->other_build;
    if (!busy)
        f->other_build = other_build;
    if (busy) /* it is there, and has better to do */
        atomic_store(&f->shared->follow.contact_ms, clock_mono_ms());
    else if (other_build && !told) /* also one that was away before: it was updated */
        say("error", "replica", NULL,
            "the leader %s is of another build, it cannot be followed: %s",
            f->shared->follow.leader, t->reply.fault.text);
    else if (!other_build && !t->failures)
        say("warning", "replica", NULL, "the leader %s does not answer: %s",
            f->shared->follow.leader,
            t->reply.fault.text[0] ? t->reply.fault.text : status_text(st));
    if (!busy)
        souk_close(t->leader);
    if (!busy)
        t->leader = NULL;
    follow_pause(t->failures++);
}

static void *reader_main(void *ctx)
{
    struct follow *f = ctx;
    struct talk t = {.f = f};
    souk_reply_init(&t.reply);
    souk_reply_init(&t.written);
    t.writer = follow_writer(f);
    while (t.writer && shared_follows(f->shared)) {
        enum status st = f->listed ? STATUS_OK : list(&t);
        if (st) {
            follow_pause(1);
            continue;
        }
        if (!t.leader && (t.leader = follow_leader(f, &t.reply.fault)))
            atomic_fetch_add(&f->shared->follow.connects, 1);
        st = t.leader ? ask(&t) : t.reply.fault.status;
        if (st) {
            lose(&t, st);
        } else {
            t.failures = 0;
            f->other_build = false;
        }
    }
    souk_close(t.leader);
    souk_close(t.writer);
    souk_reply_fini(&t.reply);
    souk_reply_fini(&t.written);
    buf_fini(&t.body);
    return NULL;
}

/* --- figures ---------------------------------------------------------------------------------- */

static enum follow_state state_of(struct follow *f, bool near)
{
    bool copying = false;
    pthread_mutex_lock(&f->lock);
    for (uint32_t i = 0; i < f->count; i++)
        copying |= f->catalogs[i].state != FOLLOWED;
    bool reached = f->reached;
    pthread_mutex_unlock(&f->lock);
    return f->other_build ? FOLLOW_OTHER_BUILD
           : !reached     ? FOLLOW_CONNECTING
           : !near        ? FOLLOW_LEADER_LOST
           : copying      ? FOLLOW_COPYING
                          : FOLLOW_FOLLOWING;
}

void follow_publish(struct follow *f)
{
    struct shared *s = f->shared;
    int64_t now = clock_mono_ms();
    uint64_t behind = 0;
    if (!shared_follows(s)) {
        atomic_store(&s->follow.state, FOLLOW_NONE);
        atomic_store(&s->follow.behind, 0);
        atomic_store(&s->follow.behind_ms, 0);
        return;
    }
    int64_t contact = atomic_load(&s->follow.contact_ms);
    bool near = contact && now - contact < NEAR_MS;
    enum follow_state state = state_of(f, near);
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++) {
        struct shared_catalog *c = &s->catalogs[i];
        uint64_t last = atomic_load(&c->leader_last), visible = atomic_load(&c->visible);
        if (atomic_load(&c->state) != 1)
            continue;
        behind += last > visible ? last - visible : 0;
        if (!near && atomic_load(&c->upstream.state) == UPSTREAM_OK)
            atomic_store(&c->upstream.state, UPSTREAM_FAILING); /* nobody confirms anything */
    }
    if (!behind && state == FOLLOW_FOLLOWING)
        f->level_ms = now;
    atomic_store(&s->follow.state, state);
    atomic_store(&s->follow.behind, behind);
    atomic_store(&s->follow.behind_ms, now - f->level_ms);
}

/* Two that listen on 0.0.0.0:7685 are two. */
static enum status name_self(struct follow *f)
{
    uint8_t own[STORE_NAME];
    enum status st = store_name(f->role->data_dir, own);
    for (int i = 0; i < 8 && !st; i++)
        snprintf(f->name + 2 * (size_t)i, 3, "%02x", own[i]);
    if (!st)
        snprintf(f->name + 16, sizeof f->name - 16, "@%.40s",
                 config_text(f->role->config, OPTION_LISTEN));
    return st;
}

enum status follow_create(struct role_context *role, struct follow **out)
{
    struct follow *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return STATUS_NO_MEMORY;
    f->role = role;
    f->shared = role->shared;
    f->level_ms = clock_mono_ms();
    pthread_mutex_init(&f->lock, NULL);
    atomic_store(&f->shared->follow.contact_ms, 0);
    build_name(f->build);
    enum status st = name_self(f);
    if (st)
        return st;
    if (pthread_create(&f->reader, NULL, reader_main, f) ||
        pthread_create(&f->copier, NULL, follow_copier, f))
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}
