/* preload - a number that a test gives to what it preloads into soukd: in a file, mapped. */
#ifndef SOUK_TESTS_SYSTEM_PRELOAD_H
#define SOUK_TESTS_SYSTEM_PRELOAD_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The eight bytes of the file that the environment names; 0 without one. *at keeps the place. Takes
 * no memory of the heap. */
static inline int64_t preload_number(const char *variable, const volatile int64_t **at)
{
    static const int64_t none = 0;
    if (!*at) {
        const char *path = getenv(variable);
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
        *at = p == MAP_FAILED ? &none : p; /* the descriptor goes at exec */
    }
    return **at;
}

#endif
