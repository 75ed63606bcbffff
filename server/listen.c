#include "server/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { TCP_QUEUE = 4096 };

int listen_tcp(const char *where, bool several)
{
    char host[256];
    const char *colon = strrchr(where, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    if (!colon || (size_t)(colon - where) >= sizeof host)
        return -1;
    const char *start = where;
    size_t len = (size_t)(colon - where);
    if (len > 1 && where[0] == '[' && colon[-1] == ']') {
        start++;
        len -= 2;
    }
    memcpy(host, start, len);
    host[len] = '\0';
    if (getaddrinfo(*host && strcmp(host, "*") != 0 ? host : NULL, colon + 1, &hints, &found))
        return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (several)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        if (bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, TCP_QUEUE)) {
            int why = errno;
            close(fd);
            errno = why;
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

bool listen_park(int fd)
{
    return shutdown(fd, SHUT_RD) == 0;
}

bool listen_again(int fd)
{
    return listen(fd, TCP_QUEUE) == 0;
}

int listen_unix(const char *dir, const char *name, mode_t mode)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof a.sun_path)
        return -1;
    unlink(a.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* before it has a name: else whoever is quick could connect in between */
    if (fd < 0 || fchmod(fd, mode) || bind(fd, (struct sockaddr *)&a, sizeof a) ||
        chmod(a.sun_path, mode) || listen(fd, 1024)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}
