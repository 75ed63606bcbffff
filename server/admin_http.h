/*
 * admin_http - the pages of the operator: /metrics /status /status.json /live /ready /version.
 *
 * The only door to libmicrohttpd, driven by the supervisor's loop: no thread, no file, nothing that
 * changes the server. It answers from the shared pages, so however busy or dead the others are.
 * Bind it to loopback: it has no login.
 */
#ifndef SOUK_SERVER_ADMIN_HTTP_H
#define SOUK_SERVER_ADMIN_HTTP_H

#include "server/loop.h"
#include "server/shared.h"

struct admin_http;

/* Takes over the listening socket. */
enum status admin_http_create(struct loop *loop, int fd, const struct shared *shared,
                              struct admin_http **out);
void admin_http_destroy(struct admin_http **h);

#endif
