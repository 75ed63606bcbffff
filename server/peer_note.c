#include "server/peer_note.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "server/say.h"

/* "127.0.0.1:4711", "unix" */
static void name_peer(int fd, char *out, size_t size)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;
    char host[64], port[8];
    if (getpeername(fd, (struct sockaddr *)&a, &len))
        snprintf(out, size, "a peer that is gone");
    else if (a.ss_family != AF_INET && a.ss_family != AF_INET6)
        snprintf(out, size, "unix");
    else if (getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(out, size, "?");
    else
        snprintf(out, size, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

void peer_note(struct peer_notes *n, int64_t now_us, const char *component, int fd,
               const char *what, const char *why)
{
    char peer[96];
    if (now_us / 1000000 != n->second) {
        n->second = now_us / 1000000;
        n->told = 0;
    }
    if (n->told == PEER_NOTES_A_SECOND) {
        n->left_out++;
        return;
    }
    n->told++;
    name_peer(fd, peer, sizeof peer);
    if (n->left_out)
        say("warning", component, NULL, "%s, %s: %s (%u more of that kind were not told)", what,
            peer, why, n->left_out);
    else
        say("warning", component, NULL, "%s, %s: %s", what, peer, why);
    n->left_out = 0;
}
