#include "server/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { SLACK_PERCENT = 2 };

static const unsigned from_percent[] = {
    [MEMORY_FINE] = 0, [MEMORY_TIGHT] = 85, [MEMORY_SHORT] = 92, [MEMORY_OUT] = 95};

size_t memory_used(void)
{
    char text[128];
    unsigned long size, resident, shared;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%lu %lu %lu", &size, &resident, &shared) != 3 || shared > resident)
        return 0;
    return (resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

enum memory_state memory_step(enum memory_state was, size_t used, size_t limit)
{
    enum memory_state now = MEMORY_FINE;
    if (!limit)
        return MEMORY_FINE;
    for (int s = MEMORY_TIGHT; s <= MEMORY_OUT; s++) {
        unsigned from = from_percent[s] - (s <= (int)was ? SLACK_PERCENT : 0);
        if (used >= limit / 100 * from)
            now = (enum memory_state)s;
    }
    return now;
}
