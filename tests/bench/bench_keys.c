/*
 * bench_keys - what API keys cost a front, in nanoseconds of the processor.
 *
 *   bench_keys FILE KEY     a file of keys, and the text of one in it (souk key new)
 *
 * hello: the key of a HELLO is found; request: a search is looked at for the key; open: the same
 * without keys. Three rounds.
 */
#include <stdio.h>
#include <time.h>

#include "protocol/request.h"
#include "server/access.h"

enum { HELLOS = 200000, REQUESTS = 2000000 };

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double request_ns(const struct key *key, const struct frame *f)
{
    double start = cpu_ns();
    unsigned refused = 0;
    for (int i = 0; i < REQUESTS; i++) {
        __asm__ volatile("" ::"r"(key), "r"(f) : "memory");
        refused += access_allowed(key, ACCESS_CATALOG, f, NULL) != STATUS_OK;
    }
    __asm__ volatile("" ::"r"(refused));
    return (cpu_ns() - start) / REQUESTS;
}

int main(int argc, char **argv)
{
    struct keys keys;
    struct key *key = NULL;
    struct fault fault = {0};
    struct buf body = BUF_INIT;
    struct search_request q;
    uint8_t digest[KEY_DIGEST];
    keys_init(&keys);
    if (argc != 3 || keys_take(&keys, argv[1], &fault) ||
        keys_find(&keys, slice_str(argv[2]), 0, &key, digest, &fault)) {
        fprintf(stderr, "bench_keys FILE KEY: %s\n", fault.text);
        return 1;
    }
    search_request_init(&q);
    q.catalog = SLICE_LIT("shop_de");
    q.text = SLICE_LIT("red shoes");
    q.filter = SLICE_LIT("price < 10");
    search_request_encode(&q, &body);
    const struct frame f = {.opcode = OP_SEARCH, .body = buf_slice(&body)};
    for (int round = 0; round < 3; round++) {
        double start = cpu_ns();
        for (int i = 0; i < HELLOS; i++)
            keys_find(&keys, slice_str(argv[2]), 0, &key, digest, NULL);
        double hello = (cpu_ns() - start) / HELLOS;
        printf("hello=%.0f request=%.1f open=%.1f\n", hello, request_ns(key, &f),
               request_ns(&keys.open, &f));
    }
    buf_fini(&body);
    keys_fini(&keys);
    return 0;
}
