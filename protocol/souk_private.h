/*
 * souk_private - the inside of a libsouk handle, shared by souk.c (requests), souk_io.c
 * (connection), souk_tls.c (its TLS) and souk_calls.c (blocking calls).
 */
#ifndef SOUK_PROTOCOL_SOUK_PRIVATE_H
#define SOUK_PROTOCOL_SOUK_PRIVATE_H

#include "protocol/api_key.h"
#include "protocol/souk.h"
#include "protocol/tls.h"

enum souk_state { SOUK_IDLE, SOUK_CONNECTING, SOUK_READY, SOUK_PAUSING };

/* Request ids are generation << 16 | slot; generation is never 0, so 0 is left for HELLO. */
struct souk_slot {
    bool used, sent, safe;
    uint8_t opcode;
    uint16_t flags, generation; /* of the frame: class, trace */
    uint32_t tries;
    uint64_t expires_us, resend_us; /* resend_us: not before; 0 = at once */
    souk_callback *callback;
    void *ctx;
    struct buf request, body; /* body: parts of a reply in several frames */
};

struct souk {
    struct souk_options options;
    char *address;
    char *name;
    char *host;                      /* of the address: whose certificate it must be */
    struct tls_context *tls_context; /* NULL = in the clear */
    struct tls_link *tls;            /* of this connection; while CONNECTING: its handshake */
    char key[KEY_TEXT + 1];          /* "" = none */
    int fd;
    enum souk_state state;
    struct buf in, out;
    size_t out_at;
    struct souk_slot *slots;
    uint32_t slot_count, in_flight, search_from;
    uint64_t connect_by_us, resume_us;
    uint32_t failures;      /* connections that failed in a row */
    double budget;          /* retries that may still be made */
    double asked, accepted; /* recent answers, and those that were no refusal for overload */
    uint64_t counted_us;    /* when the two faded last */
    uint64_t random;
    struct trace_context trace; /* of requests handed in; zeroes = none */
    bool draining, greeted;     /* GOAWAY came; HELLO was answered */
    bool resending;             /* a slot waits for its resend_us */
    struct hello server;
    struct buf server_text; /* what the slices of `server` point to */
    struct fault last;      /* why the last connection ended */
};

uint64_t souk_now_us(void);
/* A random number below `bound` (0 when bound is 0). */
uint64_t souk_random(struct souk *s, uint64_t bound);
/* A pause with full jitter for the n-th failure in a row. */
uint64_t souk_pause_us(struct souk *s, uint32_t failures);

/* souk.c */
struct souk_slot *souk_slot_of(struct souk *s, uint32_t id);
uint32_t souk_slot_id(const struct souk *s, const struct souk_slot *slot);
void souk_slot_finish(struct souk *s, struct souk_slot *slot, const struct souk_answer *answer);
void souk_slot_fail(struct souk *s, struct souk_slot *slot, enum status status, const char *text);
/* Puts every request that is due on the wire. */
void souk_flush(struct souk *s);
/* True, and one retry is taken from the budget, when the request may be sent again. */
bool souk_may_retry(struct souk *s, const struct souk_slot *slot);
/* For the throttle: one more outcome is known. PING does not count. */
void souk_counted(struct souk *s, uint8_t opcode, bool accepted);

/* souk_io.c */
void souk_connect(struct souk *s);
/* The connection stands: says hello, and what waits is sent. */
void souk_ready(struct souk *s);
/* The host of HOST:PORT, [V6]:PORT or HOST; the caller's to free. NULL when memory is refused. */
char *souk_host_of(const char *address);
/* HOST:PORT, [V6]:PORT, HOST or unix:PATH? */
bool souk_address_good(const char *address);
/* Ends the connection; requests go on, wait or fail as souk.h says. */
void souk_disconnect(struct souk *s, enum status why, const char *text);

/* souk_tls.c: files of the options, once. */
enum status souk_tls_create(struct souk *s, struct fault *fault);
/* The TCP connection stands; ends in souk_ready(), or tells why not. */
void souk_tls_begin(struct souk *s);
/* The next step of the handshake. */
void souk_tls_shake(struct souk *s);
/* True when TLS says why bytes do not come or go; it was told, and the connection ended. */
bool souk_tls_lost(struct souk *s);
/* True when the frame says that the port speaks TLS only; the same. */
bool souk_tls_wanted(struct souk *s, const struct frame *f);

#endif
