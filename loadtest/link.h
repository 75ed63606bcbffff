/*
 * link - one connection of a worker: frames out in one write per pass, replies in, requests under
 * way remembered by slot. No libsouk here: that one retries, throttles and counts time from the
 * send; a load tester must do none of it.
 *
 *   DOWN --open--> CONNECTING --writable--> UP --GOAWAY--> DRAINING --nothing under way--> DOWN
 *     ^                |                    |                  |
 *     +---- refused, lost, broken protocol -+------------------+     again after a pause
 *
 * Frames may be put while CONNECTING; they leave when the connection stands, with TLS when its
 * handshake is over. The first frame is
 * HELLO. A request's id is generation << 16 | slot, so a reply to a request given up long ago is
 * told from one to the slot's present user.
 */
#ifndef SOUK_LOADTEST_LINK_H
#define SOUK_LOADTEST_LINK_H

#include "loadtest/tally.h"
#include "protocol/frame.h"
#include "protocol/tls.h"

#include <sys/socket.h>

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP, LINK_DRAINING };

struct pending {
    uint64_t intended_ns, sent_ns, expires_ns;
    uint64_t mark; /* the caller's: what --verify needs to know */
    uint16_t generation, next_free;
    uint8_t op;
    bool used;
};

struct link {
    enum link_state state;
    int fd, epoll;
    struct tls_context *context; /* NULL = in the clear; the owner's, as the host */
    const char *host;
    struct tls_link *tls; /* while CONNECTING: its handshake */
    uint32_t number;
    const char *key; /* API key; NULL = none */
    bool want_write, dirty;
    uint64_t retry_ns; /* DOWN: when to try again */
    struct buf in, out;
    size_t out_at;
    struct pending *slots;
    uint32_t slot_count, high, free_head; /* slots ever used; list of free ones below, 1-based */
    uint32_t in_flight, limit;            /* limit: what the server announced, at most slot_count */
    uint16_t fresh[1024];                 /* slots put since the last write */
    uint32_t fresh_count;
};

struct link_handler {
    void *ctx;
    /* A whole reply to `p`; the slot is free when this returns. */
    void (*reply)(void *ctx, struct link *l, struct pending *p, const struct frame *f,
                  uint64_t now);
    /* The request is over without one: enum failure. */
    void (*fail)(void *ctx, struct link *l, struct pending *p, uint32_t failure, uint64_t now);
    /* Just before the bytes of `p` go to the system; p->sent_ns is set. */
    void (*sent)(void *ctx, struct pending *p);
    void (*goaway)(void *ctx);
};

enum status link_init(struct link *l, uint32_t number, int epoll, uint32_t slots);
void link_fini(struct link *l);
/* Starts to connect; UNAVAILABLE sets retry_ns. */
enum status link_open(struct link *l, const struct sockaddr *address, socklen_t len, uint64_t now);
/* Loses the connection: all under way fail as DISCONNECTED. */
void link_close(struct link *l, const struct link_handler *h, uint64_t now);

static inline bool link_takes(const struct link *l)
{
    return (l->state == LINK_UP || l->state == LINK_CONNECTING) && l->in_flight < l->limit;
}

/* Puts one request; only when link_takes(). */
struct pending *link_put(struct link *l, const struct frame *head, uint64_t intended_ns,
                         uint64_t expires_ns);
/* Writes what was put. */
void link_flush(struct link *l, const struct link_handler *h);
/* epoll's events of this link; `room` is memory to read into, shared by all links. */
void link_ready(struct link *l, uint32_t events, struct buf *room, const struct link_handler *h);
/* Fails what has waited too long. */
void link_expire(struct link *l, const struct link_handler *h, uint64_t now);

#endif
