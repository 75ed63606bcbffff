#include "protocol/souk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_CHUNK = 65536, TEXT_MAX = 256, OUT_KEEP = 262144 };

/* --- connecting ------------------------------------------------------------------------------- */

static int open_unix(const char *path, char *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        snprintf(why, TEXT_MAX, "the path of the socket is too long");
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) {
        snprintf(why, TEXT_MAX, "cannot connect to %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* Splits "HOST:PORT", "[V6]:PORT", "HOST" in place. */
static void split_address(char *text, char **host, const char **port)
{
    *host = text;
    *port = "7685";
    char *colon = strrchr(text, ':');
    if (*text == '[' && strchr(text, ']')) {
        *host = text + 1;
        char *end = strchr(text, ']');
        colon = end[1] == ':' ? end + 1 : NULL;
        *end = '\0';
    }
    if (colon) {
        *colon = '\0';
        *port = colon + 1;
    }
}

bool souk_address_good(const char *address)
{
    char text[TEXT_MAX], *host, *end;
    const char *port;
    if (strlen(address) >= sizeof text)
        return false;
    if (!strncmp(address, "unix:", 5))
        return address[5] != '\0';
    snprintf(text, sizeof text, "%s", address);
    split_address(text, &host, &port);
    /* the system's resolver would take 99999 for 34463 */
    unsigned long number = *port >= '0' && *port <= '9' ? strtoul(port, &end, 10) : 0;
    return number > 0 && number <= 65535 && !*end;
}

char *souk_host_of(const char *address)
{
    char *text = strdup(address), *host;
    const char *port;
    if (!text)
        return NULL;
    split_address(text, &host, &port);
    char *kept = strdup(*host ? host : "127.0.0.1");
    free(text);
    return kept;
}

static int open_tcp(const char *address, char *why)
{
    char text[TEXT_MAX], *host;
    const char *port;
    snprintf(text, sizeof text, "%s", address);
    split_address(text, &host, &port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int e = getaddrinfo(*host ? host : "127.0.0.1", port, &hints, &list);
    if (e) {
        snprintf(why, TEXT_MAX, "cannot find %.100s: %s", address, gai_strerror(e));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) && errno != EINPROGRESS) {
            snprintf(why, TEXT_MAX, "cannot connect to %.100s: %s", address, strerror(errno));
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

void souk_connect(struct souk *s)
{
    char why[TEXT_MAX] = "";
    s->fd = !strncmp(s->address, "unix:", 5) ? open_unix(s->address + 5, why)
                                             : open_tcp(s->address, why);
    s->state = SOUK_CONNECTING;
    s->connect_by_us = souk_now_us() + (uint64_t)s->options.connect_timeout_ms * 1000;
    if (s->fd < 0)
        souk_disconnect(s, STATUS_UNAVAILABLE, why);
}

/* A server that says goodbye has not failed: another process answers at the same address. */
static void pause_for(struct souk *s, enum status why)
{
    bool goodbye = why == STATUS_GOING_AWAY;
    s->failures += !goodbye;
    s->state = SOUK_PAUSING;
    s->resume_us = souk_now_us() + (goodbye ? 0 : souk_pause_us(s, s->failures));
}

void souk_disconnect(struct souk *s, enum status why, const char *text)
{
    struct fault fault = {0};
    fault_set(&fault, why, NULL, "%s", text);
    s->last = fault;
    tls_link_destroy(&s->tls);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->draining = s->greeted = false;
    buf_clear(&s->in);
    buf_clear(&s->out);
    s->out_at = 0;
    pause_for(s, why);
    for (uint32_t i = 0; i < s->slot_count; i++) {
        struct souk_slot *slot = &s->slots[i];
        if (!slot->used)
            continue;
        buf_clear(&slot->body);
        if (slot->sent && !souk_may_retry(s, slot)) {
            souk_slot_fail(s, slot, why, fault.text);
            continue;
        }
        slot->tries += slot->sent;
        slot->sent = false;
    }
    s->resending = true;
}

static void greet(struct souk *s)
{
    struct hello h = {.min_version = PROTOCOL_VERSION,
                      .max_version = PROTOCOL_VERSION,
                      .features = HELLO_FEATURES,
                      .max_frame = s->options.max_frame,
                      .max_in_flight = s->options.max_in_flight,
                      .name = slice_str(s->options.name),
                      .key = slice_str(s->key)};
    struct frame f = {.opcode = OP_HELLO};
    size_t at = frame_begin(&s->out);
    hello_encode(&h, (uint32_t)souk_random(s, UINT32_MAX) | 1, &s->out);
    frame_end(&s->out, at, &f);
}

void souk_ready(struct souk *s)
{
    s->state = SOUK_READY;
    s->resending = true;
    greet(s);
    souk_flush(s);
}

static bool connected(struct souk *s)
{
    int e = 0;
    if (s->tls) {
        souk_tls_shake(s);
        return s->state == SOUK_READY;
    }
    socklen_t len = sizeof e;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len) || e) {
        char why[TEXT_MAX];
        snprintf(why, sizeof why, "cannot connect to %.100s: %s", s->address, strerror(e));
        souk_disconnect(s, STATUS_UNAVAILABLE, why);
        return false;
    }
    if (s->tls_context)
        souk_tls_begin(s);
    else
        souk_ready(s);
    return s->state == SOUK_READY;
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct slice keep(struct buf *b, size_t at, struct slice v)
{
    return slice_make(b->ptr + at, v.len);
}

static void on_hello(struct souk *s, const struct frame *f)
{
    struct hello h;
    struct fault fault;
    if (f->status) {
        frame_error_decode(f, &fault);
        if (f->status != STATUS_BAD_VERSION && f->status != STATUS_UNAUTHENTICATED)
            return; /* a server that wants no HELLO still serves */
        souk_disconnect(s, f->status, fault.text);
        for (uint32_t i = 0; i < s->slot_count; i++)
            if (s->slots[i].used)
                souk_slot_fail(s, &s->slots[i], f->status, fault.text);
        return;
    }
    if (hello_decode(f->body, &h))
        return;
    buf_clear(&s->server_text);
    buf_put_slice(&s->server_text, h.name);
    buf_put_slice(&s->server_text, h.server_version);
    buf_put_u8(&s->server_text, 0);
    if (s->server_text.failed)
        return;
    s->server = h;
    s->server.name = keep(&s->server_text, 0, h.name);
    s->server.server_version = keep(&s->server_text, h.name.len, h.server_version);
    s->greeted = true;
    s->failures = 0;
}

/* True when the refused request was put back to be sent later. */
static bool sent_again(struct souk *s, struct souk_slot *slot, const struct fault *f)
{
    if (status_class(f->status) != STATUS_CLASS_TRANSIENT || !status_retryable(f->status))
        return false;
    /* Not begun, by a server that goes away: it is no retry, and safe for any request. */
    bool not_begun = f->status == STATUS_GOING_AWAY;
    uint64_t pause = not_begun ? 0 : souk_pause_us(s, slot->tries + 1);
    if (f->retry_after_ms)
        pause += (uint64_t)f->retry_after_ms * 1000;
    uint64_t at = souk_now_us() + pause;
    if (at >= slot->expires_us || (!not_begun && !souk_may_retry(s, slot)))
        return false;
    s->draining |= not_begun;
    slot->tries += !not_begun;
    slot->sent = false;
    slot->resend_us = at;
    buf_clear(&slot->body);
    s->resending = true;
    return true;
}

static void on_reply(struct souk *s, const struct frame *f)
{
    struct souk_slot *slot = souk_slot_of(s, f->request_id);
    if (!slot || !slot->sent)
        return; /* cancelled or too late */
    if (f->flags & FLAG_MORE || slot->body.len) {
        if (slot->body.len + f->body.len > 16 * (size_t)FRAME_MAX_BODY) {
            souk_slot_fail(s, slot, STATUS_TOO_LARGE, "the reply is too large");
            return;
        }
        buf_put_slice(&slot->body, f->body);
    }
    if (slot->body.failed) {
        souk_slot_fail(s, slot, STATUS_NO_MEMORY, NULL);
        return;
    }
    if (f->flags & FLAG_MORE)
        return;
    struct fault fault = {0};
    if (f->status)
        frame_error_decode(f, &fault);
    souk_counted(s, slot->opcode, status_class(fault.status) != STATUS_CLASS_OVERLOAD);
    if (fault.status && sent_again(s, slot, &fault))
        return;
    struct souk_answer answer = {.status = fault.status,
                                 .body = slot->body.len ? buf_slice(&slot->body) : f->body,
                                 .server_us = f->time,
                                 .fault = &fault};
    souk_slot_finish(s, slot, &answer);
}

static void on_frame(struct souk *s, const struct frame *f)
{
    if (f->opcode == OP_GOAWAY)
        s->draining = true;
    else if (souk_tls_wanted(s, f))
        return;
    else if (f->flags & FLAG_REPLY && f->request_id == 0)
        on_hello(s, f);
    else if (f->flags & FLAG_REPLY)
        on_reply(s, f);
}

static bool any_sent(const struct souk *s)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < s->slot_count && seen < s->in_flight; i++) {
        seen += s->slots[i].used;
        if (s->slots[i].used && s->slots[i].sent)
            return true;
    }
    return false;
}

static void take_frames(struct souk *s)
{
    size_t at = 0;
    while (s->state == SOUK_READY) {
        struct frame f;
        size_t used, need;
        enum status st = frame_decode(slice_make(s->in.ptr + at, s->in.len - at),
                                      s->options.max_frame, &f, &used, &need);
        if (st == STATUS_AGAIN) {
            buf_reserve(&s->in, need > s->in.len - at ? need - (s->in.len - at) : 1);
            break;
        }
        struct souk_slot *slot = st == STATUS_BAD_CHECKSUM ? souk_slot_of(s, f.request_id) : NULL;
        if (st == STATUS_BAD_CHECKSUM) {
            if (slot)
                souk_slot_fail(s, slot, st, NULL);
        } else if (st) {
            souk_disconnect(s, st, "the server's bytes break the protocol");
            return;
        } else {
            on_frame(s, &f);
        }
        at += used;
    }
    if (s->state != SOUK_READY)
        return;
    if (at)
        memmove(s->in.ptr, s->in.ptr + at, s->in.len - at);
    s->in.len -= at;
    if (s->draining && !any_sent(s))
        souk_disconnect(s, STATUS_GOING_AWAY, status_text(STATUS_GOING_AWAY));
}

/* --- events ----------------------------------------------------------------------------------- */

int souk_fd(const struct souk *s)
{
    return s->fd;
}

unsigned souk_want(const struct souk *s)
{
    if (s->state == SOUK_CONNECTING)
        return s->tls ? tls_link_wants(s->tls) : SOUK_WRITE;
    if (s->state != SOUK_READY)
        return 0;
    bool writes = s->out_at < s->out.len || (s->tls && tls_link_read_wants_write(s->tls));
    return SOUK_READ | (writes ? SOUK_WRITE : 0);
}

/* As recv() and send(). */
static ssize_t get_bytes(struct souk *s, void *to, size_t room)
{
    return s->tls ? tls_link_recv(s->tls, to, room) : recv(s->fd, to, room, MSG_DONTWAIT);
}

static ssize_t put_bytes(struct souk *s, const void *bytes, size_t len)
{
    return s->tls ? tls_link_send(s->tls, bytes, len)
                  : send(s->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void lost(struct souk *s)
{
    int e = errno;
    if (!souk_tls_lost(s))
        souk_disconnect(s, STATUS_UNAVAILABLE, strerror(e));
}

void souk_on_readable(struct souk *s)
{
    if (s->state == SOUK_CONNECTING && s->tls)
        souk_tls_shake(s);
    while (s->state == SOUK_READY) {
        if (!buf_reserve(&s->in, READ_CHUNK)) {
            souk_disconnect(s, STATUS_NO_MEMORY, "out of memory");
            return;
        }
        size_t room = s->in.cap - s->in.len;
        ssize_t n = get_bytes(s, s->in.ptr + s->in.len, room);
        if (n > 0) {
            s->in.len += (size_t)n;
            take_frames(s);
            if ((size_t)n < room)
                return;
        } else if (n == 0) {
            souk_disconnect(s, STATUS_UNAVAILABLE, "the server closed the connection");
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            lost(s);
        }
    }
}

void souk_on_writable(struct souk *s)
{
    if (s->state == SOUK_CONNECTING && !connected(s))
        return;
    if (s->state == SOUK_READY && s->out.failed) {
        souk_disconnect(s, STATUS_NO_MEMORY, "out of memory");
        return;
    }
    while (s->state == SOUK_READY && s->out_at < s->out.len) {
        ssize_t n = put_bytes(s, s->out.ptr + s->out_at, s->out.len - s->out_at);
        if (n >= 0) {
            s->out_at += (size_t)n;
        } else if (errno == EAGAIN) {
            buf_let_go(&s->out, &s->out_at, OUT_KEEP);
            return;
        } else if (errno != EINTR) {
            lost(s);
            return;
        }
    }
    if (s->state == SOUK_READY && s->tls && tls_link_read_wants_write(s->tls))
        souk_on_readable(s);
    if (s->out_at == s->out.len) {
        buf_clear(&s->out);
        s->out_at = 0;
    }
}

void souk_step(struct souk *s, int timeout_ms)
{
    if (s->state == SOUK_READY && s->out_at < s->out.len)
        souk_on_writable(s);
    int wait = souk_timeout_ms(s);
    if (wait < 0 || (timeout_ms >= 0 && timeout_ms < wait))
        wait = timeout_ms;
    unsigned want = souk_want(s);
    struct pollfd p = {
        .fd = s->fd,
        .events = (short)((want & SOUK_READ ? POLLIN : 0) | (want & SOUK_WRITE ? POLLOUT : 0))};
    int n = poll(&p, s->fd >= 0, wait);
    if (n > 0 && want & SOUK_WRITE && p.revents & (POLLOUT | POLLERR | POLLHUP))
        souk_on_writable(s);
    if (n > 0 && want & SOUK_READ && p.revents & (POLLIN | POLLERR | POLLHUP))
        souk_on_readable(s);
    if (n == 0 || wait == 0)
        souk_on_time(s);
    if (s->state == SOUK_READY && s->out_at < s->out.len)
        souk_on_writable(s);
}
