/*
 * ship - a leader's part of replication, in the replica process: LOG_READ and COPY_READ.
 *
 * A LOG_READ that finds nothing new is kept until there is, or until its deadline; whoever asks
 * gets the list of all catalogs with every answer. What streams there are is known from the writer
 * and asked anew whenever a catalog or an edition comes or goes: an answer never mixes a catalog
 * with an older one of its name. All followers together get replication.rate.
 */
#ifndef SOUK_SERVER_SHIP_H
#define SOUK_SERVER_SHIP_H

#include "server/role.h"
#include "server/writer_conn.h"

struct ship;

/* `conns` is where answers go; it is borrowed. */
enum status ship_create(struct role_context *role, struct loop *loop, struct writer_conns *conns,
                        struct ship **out);
void ship_on_frame(struct ship *s, uint64_t conn, const struct frame *f);
/* Now and then, and every few milliseconds while somebody waits: answers what waited. */
void ship_tick(struct ship *s);
bool ship_waits(const struct ship *s);

#endif
