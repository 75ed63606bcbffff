#include "server/key_sources.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct key_source key_source_of(int fd)
{
    struct key_source s = {0};
    struct sockaddr_storage a = {0};
    struct ucred peer = {0};
    socklen_t len = sizeof a, peer_len = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&a, &len))
        return s;
    s.family = a.ss_family;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)&a)->sin6_addr;
    if (a.ss_family == AF_INET) {
        s.who = ((const struct sockaddr_in *)&a)->sin_addr.s_addr;
    } else if (a.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
        /* at [::]: all of IPv4 would be one /64 */
        uint32_t v4;
        memcpy(&v4, &v6->s6_addr[12], sizeof v4);
        s.family = AF_INET;
        s.who = v4;
    } else if (a.ss_family == AF_INET6)
        memcpy(&s.who, v6, sizeof s.who);
    else if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len))
        s.who = peer.uid;
    return s;
}

bool key_sources_failed(struct key_sources *t, const struct key_source *from, int64_t now_ms)
{
    struct key_source *row = NULL, *oldest = &t->rows[0];
    for (int i = 0; i < KEY_SOURCES && !row; i++) {
        struct key_source *r = &t->rows[i];
        if (r->failures && r->family == from->family && r->who == from->who)
            row = r;
        if (!r->failures || r->last_ms < oldest->last_ms)
            oldest = oldest->failures ? r : oldest;
    }
    if (!row || now_ms - row->first_ms >= KEY_FORGET_MS) {
        row = row ? row : oldest;
        *row = (struct key_source){.family = from->family, .who = from->who, .first_ms = now_ms};
    }
    row->last_ms = now_ms;
    row->failures += row->failures < UINT32_MAX;
    return row->failures >= KEY_FAILURES;
}
