/*
 * arrival - when the requests of a connection came, which is not when they were read.
 *
 * Under overload a front leaves connections unread for a while (conn_read.c): what stands in the
 * socket ages there, and a deadline that counted from the read would be met here and missed at the
 * client. (Whether a queue is overloaded goes by the time spent in the queue: admission.h.) The
 * socket does not tell times. But it is known since when it was not looked into; what is found in
 * it then came evenly since.
 *
 *   nothing stands there ──arrival_stands()──> it was not read from that moment on
 *                        <──arrival_read()──── all of it was read
 *
 * A single request is taken for one that came just now: doubt is for the client.
 */
#ifndef SOUK_SERVER_ARRIVAL_H
#define SOUK_SERVER_ARRIVAL_H

#include <stddef.h>
#include <stdint.h>

struct arrival {
    int64_t unread_us;      /* since when bytes may stand in the socket; 0 = none do */
    int64_t from_us, to_us; /* when the first and the last byte came of those that were read */
};

/* The socket is not read from here on, whether something stands there or not. */
void arrival_stands(struct arrival *a, int64_t now_us);
/* It was not, but it is empty. */
void arrival_empty(struct arrival *a);
/* `got` bytes were read, `left` still stand there. */
void arrival_read(struct arrival *a, size_t got, size_t left, int64_t now_us);
/* When the byte before `end` of `len` bytes came. */
int64_t arrival_of(const struct arrival *a, size_t end, size_t len);
/* The bytes before `end` of `len` are done with. */
void arrival_taken(struct arrival *a, size_t end, size_t len);

#endif
