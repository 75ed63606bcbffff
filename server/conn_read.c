#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "protocol/wire.h"
#include "server/clients.h"
#include "server/conn_io.h"
#include "server/front.h"
#include "server/front_keys.h"

enum { CONN_BYTES = 256 * 1024, CONN_READ = 16384, INBOX = 1024 * 1024 };
enum { GAP_MOST_US = 1000000, READ_MOST_US = 5, NEWEST_LEAST = 2 };

/* --- refusing --------------------------------------------------------------------------------- */

uint32_t conn_retry_ms(struct front *f)
{
    uint64_t *x = &f->refusing.seed;
    *x = *x * UINT64_C(6364136223846793005) + 1442695040888963407;
    return 50 + (uint32_t)(*x >> 33) % 100;
}

void conn_refuse(struct conn *c, const struct frame *f, enum status s, uint32_t retry_ms)
{
    struct frame reply = {.opcode = f->opcode,
                          .flags = FLAG_REPLY,
                          .status = s,
                          .request_id = f->request_id,
                          .time = retry_ms};
    conn_touch(c);
    frame_end(&c->out, frame_begin(&c->out), &reply);
    c->refusals += FRAME_HEADER;
    c->front->refused++;
}

void conn_refusing_tick(struct front *f)
{
    struct refusing *r = &f->refusing;
    r->percent = (uint32_t)(r->spent_us * 100 / ADMISSION_WINDOW_US);
    r->ever_us += r->spent_us;
    r->spent_us = 0;
}

static void set_refused(struct conn *c, bool refused)
{
    c->front->refusing.conns += refused - c->refused;
    c->refused = refused;
}

/* What the read of a connection cost that brought refusals; each such connection is read so rarely
 * that all of them together take REFUSING_PERCENT of the time. */
static void refusing_paid(struct refusing *r, int64_t us)
{
    r->spent_us += us;
    r->cost_us16 += us - r->cost_us16 / 16;
    r->gap_us = r->cost_us16 / 16 * r->conns * 100 / REFUSING_PERCENT;
    if (r->gap_us > GAP_MOST_US)
        r->gap_us = GAP_MOST_US;
}

/* Its next frames would most likely be refused too: they wait in the socket, then at the client,
 * and the more of them come at once the less each costs. Never while nothing waits here. */
static bool held_off(struct conn *c, int64_t now)
{
    struct refusing *r = &c->front->refusing;
    if (!c->refused || now - c->read_us >= r->gap_us || admission_idle(&c->front->admission))
        return false;
    arrival_stands(&c->arrival, now);
    r->held_off++;
    return true;
}

void conn_refusing_forget(struct conn *c)
{
    set_refused(c, false);
}

/* --- frames ----------------------------------------------------------------------------------- */

static void refuse_with_text(struct conn *c, const struct frame *f, enum status s)
{
    struct fault fault = {0};
    fault_set(&fault, s, NULL, "%s", status_text(s));
    frame_put_error(&c->out, f, &fault);
    c->front->refused++;
    conn_touch(c);
}

static void cancel(struct conn *c, const struct frame *f)
{
    struct front *front = c->front;
    struct waiting *w = admission_cancel(&front->admission, c->id, f->request_id);
    if (w) {
        c->waiting--;
        admission_return(&front->admission, w);
    } else if (!park_cancel(front, c->id, f->request_id) &&
               !through_cancel(front, c->id, f->request_id)) {
        return;
    }
    refuse_with_text(c, f, STATUS_CANCELLED);
    conn_answered(c);
}

/* Milliseconds after which to come again, 0 = within its limits. */
static uint32_t over_limits(struct conn *c, int64_t now_us)
{
    struct front *f = c->front;
    uint32_t wait_ms = 0;
    if (f->role->role == ROLE_ADMIN)
        return 0;
    if (f->connection_rate && (wait_ms = bucket_take(&c->full_us, now_us, f->connection_rate)))
        f->limited_conns++;
    else if ((wait_ms = client_take(c->client, now_us, f->client_limits)))
        f->limited_clients++;
    else if (c->key->rate && (wait_ms = bucket_take(&c->key->full_us, now_us, c->key->rate)))
        c->key->limited++;
    return wait_ms;
}

/* How many of a read may enter a queue that runs the newest first and gives out the oldest: twice
 * its share of those that are served until it is read again. More would only be pushed out again.
 * A queue that would run empty takes what comes, so that it does not stay overloaded by refusing.
 */
static uint32_t newest_most(const struct front *f, enum admission_id q)
{
    const struct admission_queue *queue = &f->admission.queues[q];
    if (!queue->overloaded || !f->refusing.conns)
        return UINT32_MAX;
    int64_t soon = 2 * (int64_t)queue->served_window * f->refusing.gap_us / ADMISSION_WINDOW_US;
    if (queue->count < soon)
        return UINT32_MAX;
    return soon / f->refusing.conns > NEWEST_LEAST ? (uint32_t)(soon / f->refusing.conns)
                                                   : NEWEST_LEAST;
}

/* Of a read: when, and how many more frames came with it. */
struct place {
    int64_t now_us, came_us;
    uint32_t behind;
};

/* False when it was refused. */
static bool take_frame(struct conn *c, const struct frame *f, const struct place *at)
{
    struct front *front = c->front;
    const struct operation *o = operation_of(f->opcode);
    if (f->flags & FLAG_REPLY)
        return true;
    front->requests++;
    c->key->requests++;
    if (!(c->key->scopes & o->scopes)) {
        front_keys_refuse(c, f, o->scopes);
        return true;
    }
    if (f->opcode == OP_CANCEL) { /* the body is empty: the header's request id names whom */
        cancel(c, f);
        return true;
    }
    if (o->at_once) {
        c->in_flight++;
        c->client->in_flight++;
        dispatch(front, &(struct request){c, *f, at->came_us, INT64_MAX, NULL, false});
        return true;
    }
    if (front->closing) {
        refuse_with_text(c, f, STATUS_GOING_AWAY);
        return true;
    }
    uint32_t wait_ms = over_limits(c, at->now_us);
    if (wait_ms) {
        conn_refuse(c, f, STATUS_RATE_LIMITED, wait_ms);
        return false;
    }
    uint64_t ms = f->time ? f->time : front->default_deadline_ms;
    struct waiting *evicted = NULL;
    enum admission_id queue = front_queue_of(c, f);
    enum status s = STATUS_OVERLOADED;
    if (at->behind >= newest_most(front, queue))
        admission_refused(&front->admission, queue);
    else if (front->memory < MEMORY_SHORT || queue < QUEUE_SHEDDABLE)
        s = admission_add(&front->admission, queue, c->id, f, at->now_us,
                          at->came_us + (int64_t)ms * 1000, &evicted);
    if (evicted)
        pass_refuse(front, evicted, STATUS_OVERLOADED);
    if (s) {
        conn_refuse(c, f, STATUS_OVERLOADED, conn_retry_ms(front));
        return false;
    }
    c->in_flight++;
    c->client->in_flight++;
    c->waiting++;
    return !evicted;
}

/* Somebody who does not speak the protocol, or breaks it: a line or an error frame, then the end.
 */
static void break_off(struct conn *c, enum status s, struct slice rest)
{
    struct slice line;
    if (s == STATUS_TOO_LARGE && !c->known)
        s = STATUS_UNAUTHENTICATED; /* it would be taken from somebody who is known */
    if (!c->framed && frame_stranger(rest, &line)) {
        buf_put_slice(&c->out, line);
        if (rest.ptr[0] == 0x16)
            peer_note(&c->front->notes, c->front->now_us, role_name(c->front->role->role), c->fd,
                      "a peer is turned away", "it speaks TLS, which this port does not");
    } else {
        struct frame none = {0};
        struct fault fault = {0};
        fault_set(&fault, s, NULL, "%s", status_text(s));
        frame_put_error(&c->out, &none, &fault);
    }
    c->front->errors++;
    conn_end(c);
}

static bool may_take(const struct conn *c)
{
    return c->state == CONN_OPEN && c->waiting < CONN_WAITING && !conn_full(c) &&
           !c->held_until_ms && c->in_flight < c->front->in_flight_most;
}

/* Whole frames, as far as their lengths tell. */
static uint32_t frames_at_hand(struct slice b, uint32_t most)
{
    uint32_t n = 0;
    size_t at = 0;
    while (n < most && b.len - at >= FRAME_HEADER) {
        size_t len = FRAME_HEADER + (size_t)wire_load32(b.ptr + at + 12);
        if (len > b.len - at)
            break;
        at += len;
        n++;
    }
    return n;
}

/* Takes what the pass may take; returns the bytes used. `need`: more than the bytes at hand, when a
 * frame is not whole. */
static size_t take_frames(struct conn *c, struct slice bytes, size_t *need)
{
    struct front *front = c->front;
    int64_t now = front->now_us;
    size_t at = 0, used;
    uint32_t frames = 0, refused = 0, most = c->refused ? CONN_FRAMES_REFUSED : CONN_FRAMES;
    uint32_t at_hand = front->refusing.conns ? frames_at_hand(bytes, most) : 0;
    c->backlog = false;
    *need = 0;
    while (at < bytes.len) {
        struct frame f;
        if (frames == most || !may_take(c)) {
            c->backlog = c->state == CONN_OPEN;
            break;
        }
        enum status s = frame_decode(slice_make(bytes.ptr + at, bytes.len - at),
                                     front_keys_frame_most(c), &f, &used, need);
        if (s == STATUS_AGAIN)
            break;
        if (s && s != STATUS_BAD_CHECKSUM) {
            break_off(c, s, slice_make(bytes.ptr + at, bytes.len - at));
            return bytes.len;
        }
        *need = 0;
        c->framed = true;
        at += used;
        frames++;
        if (s)
            refuse_with_text(c, &f, s);
        else
            refused += !take_frame(c, &f,
                                   &(struct place){now, arrival_of(&c->arrival, at, bytes.len),
                                                   at_hand > frames ? at_hand - frames : 0});
    }
    arrival_taken(&c->arrival, at, bytes.len);
    if (frames)
        c->last_ms = now / 1000;
    refused += c->dropped;
    c->dropped = 0;
    set_refused(c, refused > 0);
    if (refused && frames) {
        front->now_us = clock_mono_us();
        int64_t spent = front->now_us - c->read_us, most = READ_MOST_US + frames;
        if (spent > most) /* somebody else had the processor meanwhile */
            spent = most;
        /* A quarter as much again for the write. */
        refusing_paid(&front->refusing, spent * 5 / 4 * refused / frames);
    }
    return at;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void frame_pace_set(struct conn *c, size_t len, size_t got)
{
    if (!len || c->backlog)
        c->frame_pace.since_ms = 0;
    else if (!c->frame_pace.since_ms)
        c->frame_pace = (struct pace){c->front->now_us / 1000, len};
    else
        c->frame_pace.bytes += got;
}

/* How much more stands in the socket is asked only where it makes a difference. */
static void note_arrival(struct conn *c, size_t got, size_t room)
{
    int left = 0;
    if ((got == room || c->tls) && c->arrival.unread_us)
        ioctl(c->fd, FIONREAD, &left);
    arrival_read(&c->arrival, got, left > 0 ? (size_t)left : 0, c->front->now_us);
}

/* Of what a stranger has sent, which may be a part of a key, no copy stays behind. */
static bool make_room(struct conn *c, size_t room)
{
    struct buf moved = BUF_INIT;
    if (c->known || c->in.cap - c->in.len >= room)
        return buf_reserve(&c->in, room);
    if (!buf_reserve(&moved, c->in.len + room))
        return false;
    buf_put_slice(&moved, buf_slice(&c->in));
    explicit_bzero(c->in.ptr, c->in.cap);
    buf_fini(&c->in);
    c->in = moved;
    return true;
}

/* More of a frame that has begun: behind its beginning. False when the peer is gone. */
static bool read_more(struct conn *c)
{
    size_t room = c->in.cap - c->in.len > CONN_READ ? c->in.cap - c->in.len : CONN_READ;
    if (room > CONN_BYTES)
        room = CONN_BYTES;
    if (!make_room(c, room))
        return false;
    ssize_t n = conn_io_recv(c, c->in.ptr + c->in.len, room);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    c->in.len += (size_t)n;
    c->front->bytes_in += (uint64_t)n;
    note_arrival(c, (size_t)n, room);
    size_t need;
    c->in_at = take_frames(c, buf_slice(&c->in), &need);
    frame_pace_set(c, c->in.len - c->in_at, (size_t)n);
    return true;
}

/* False when the peer is gone. */
static bool read_inbox(struct conn *c)
{
    struct conn_table *t = &c->front->conns;
    size_t room = INBOX - t->inbox_len;
    if (room < CONN_READ) /* the pass has enough; level-triggered: it is told again */
        return true;
    /* Twice what a pass takes of small requests: the rest is better kept by the socket. */
    if (room > CONN_READ)
        room = CONN_READ;
    char *at = t->inbox + t->inbox_len;
    ssize_t n = conn_io_recv(c, at, room);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    t->inbox_len += (size_t)n;
    c->front->bytes_in += (uint64_t)n;
    note_arrival(c, (size_t)n, room);
    size_t need, used = take_frames(c, slice_make(at, (size_t)n), &need);
    if (used < (size_t)n)
        buf_put(&c->in, at + used, (size_t)n - used);
    if (!c->known) /* part of a HELLO may be left in it */
        explicit_bzero(at, (size_t)n);
    frame_pace_set(c, c->in.len, (size_t)n);
    return !c->in.failed;
}

void conn_readable(struct conn *c)
{
    struct front *f = c->front;
    /* What is left from an earlier pass goes first; it is looked at before requests are run. */
    if (c->backlog || c->state != CONN_OPEN)
        return;
    /* Sockets of one turn are read within microseconds; where reads are weighed each has its time.
     */
    if (f->asleep_us || f->refusing.conns)
        f->now_us = clock_mono_us();
    pass_woke(f, f->now_us);
    if (held_off(c, f->now_us))
        return;
    c->read_us = f->now_us;
    if (c->in.len ? read_more(c) : read_inbox(c))
        conn_touch(c);
    else
        conn_destroy(c);
}

void conn_take_backlogs(struct front *f)
{
    struct conn *list = f->conns.again;
    f->conns.again = NULL;
    while (list) {
        struct conn *c = list;
        list = c->next_again;
        if (held_off(c, f->now_us)) {
            c->next_again = f->conns.again;
            f->conns.again = c;
            continue;
        }
        c->again = false;
        size_t need;
        c->read_us = f->now_us = clock_mono_us();
        c->in_at += take_frames(c, slice_make(c->in.ptr + c->in_at, c->in.len - c->in_at), &need);
        frame_pace_set(c, c->in.len - c->in_at, 0);
        conn_touch(c);
    }
}

void conn_watched(struct conn *c, bool watched)
{
    int stands = 0;
    if (!watched)
        arrival_stands(&c->arrival, c->front->now_us);
    else if (c->unwatched && ioctl(c->fd, FIONREAD, &stands) == 0 && !stands)
        arrival_empty(&c->arrival);
    c->unwatched = !watched;
}

/* What a peer says through TLS is read in the next pass; that it has gone shows at once. */
static bool hung_up(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

bool conn_gave_up(struct conn *c, uint32_t request_id)
{
    char peek[4096];
    if (c->tls)
        return hung_up(c);
    ssize_t n = recv(c->fd, peek, sizeof peek, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0)
        return true;
    if (n < 0)
        return errno != EAGAIN && errno != EINTR;
    if (c->in.len > c->in_at) /* begins within a frame: told in the next pass */
        return false;
    struct slice rest = slice_make(peek, (size_t)n);
    struct frame f;
    size_t used, need;
    while (frame_decode(rest, c->front->frame_most, &f, &used, &need) == STATUS_OK) {
        if (f.opcode == OP_CANCEL && f.request_id == request_id)
            return true;
        rest = slice_make(rest.ptr + used, rest.len - used);
    }
    return false;
}
