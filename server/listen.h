/* listen - the sockets that requests come in by; not blocking, closed on exec. */
#ifndef SOUK_SERVER_LISTEN_H
#define SOUK_SERVER_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

/* At HOST:PORT, [HOST]:PORT or *:PORT. `several`: further sockets of ours will share the address.
 * -1 with errno; errno is left alone when that is no HOST:PORT. */
int listen_tcp(const char *where, bool several);
/* Takes no connections any more, so that further sockets of the address get them; those that wait
 * in it are reset. It keeps the address. */
bool listen_park(int fd);
bool listen_again(int fd);
/* At dir/name, in place of what is there. -1: it cannot be made, or the path is too long. */
int listen_unix(const char *dir, const char *name, mode_t mode);

#endif
