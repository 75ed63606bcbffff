/*
 * conn_io - bytes of a connection in and out: its socket's, or through TLS. As recv() and send().
 */
#ifndef SOUK_SERVER_CONN_IO_H
#define SOUK_SERVER_CONN_IO_H

#include <sys/socket.h>

#include "protocol/tls.h"
#include "server/conn.h"

/* Room for TLS_ROOM bytes at least: see tls.h. */
static inline ssize_t conn_io_recv(struct conn *c, void *to, size_t len)
{
    return __builtin_expect(c->tls != NULL, 0) ? tls_link_recv(c->tls, to, len)
                                               : recv(c->fd, to, len, 0);
}

static inline ssize_t conn_io_send(struct conn *c, const void *bytes, size_t len)
{
    return __builtin_expect(c->tls != NULL, 0) ? tls_link_send(c->tls, bytes, len)
                                               : send(c->fd, bytes, len, MSG_NOSIGNAL);
}

/* Reading needs the socket to be writable first. */
static inline bool conn_io_read_waits(const struct conn *c)
{
    return __builtin_expect(c->tls != NULL, 0) && tls_link_read_wants_write(c->tls);
}

#endif
