/*
 * shared - the pages every process of one soukd maps: beats, counters, sequences by catalog.
 *
 * Made by the supervisor before it starts the others. Each word has one writer process (named
 * beside it); readers use relaxed loads. Nothing here is needed to be correct after a crash.
 */
#ifndef SOUK_SERVER_SHARED_H
#define SOUK_SERVER_SHARED_H

#include "protocol/slice.h"

#include <stdatomic.h>
#include <sys/types.h>

enum { SHARED_PROCESSES = 64, SHARED_CATALOGS = 256, CATALOG_NAME_MAX = 64 };

enum process_kind { PROCESS_FRONT, PROCESS_ADMIN, PROCESS_WRITER, PROCESS_FETCHER };

struct shared_process {
    _Atomic int32_t pid;       /* supervisor; 0 = not running */
    _Atomic uint64_t beat_ms;  /* the process itself, monotonic */
    _Atomic uint32_t restarts; /* supervisor */
    _Atomic uint64_t requests, errors, searches, search_us, connections; /* the process */
    enum process_kind kind;
};

struct shared_catalog {
    char name[CATALOG_NAME_MAX + 1];  /* writer; never changes once set */
    _Atomic uint32_t edition;         /* writer; 0 = dropped */
    _Atomic uint64_t logged, applied; /* writer: sequences */
    _Atomic uint32_t read_only;       /* writer: enum status that stopped writing, 0 = none */
};

struct shared {
    struct shared_process processes[SHARED_PROCESSES];
    uint32_t process_count;
    struct shared_catalog catalogs[SHARED_CATALOGS];
    _Atomic uint32_t catalog_count; /* writer */
    int64_t wall_ms, mono_ms; /* supervisor: wall time at its start and the monotonic time of it */
};

/* NULL without memory. Lives until the process ends. */
struct shared *shared_create(void);
/* NULL when there is none. */
struct shared_catalog *shared_find(struct shared *s, struct slice name);
/* Finds or adds (writer only); NULL when all places are taken. */
struct shared_catalog *shared_add(struct shared *s, struct slice name);

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
/* Wall time that steps of the machine's clock do not touch. */
int64_t shared_now_ms(const struct shared *s);

#endif
