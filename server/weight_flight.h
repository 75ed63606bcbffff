/*
 * weight_flight - what a catalog's products weigh (index/weight.h), changes under way included.
 *
 * The index knows the sum up to the sequence it has applied; each record that is logged behind it
 * adds what it makes the products heavier. As records are applied the index's own figure takes
 * their place, so that an estimate lasts no longer than its change is under way. Pure, one thread.
 */
#ifndef SOUK_SERVER_WEIGHT_FLIGHT_H
#define SOUK_SERVER_WEIGHT_FLIGHT_H

#include <stdint.h>

enum { FLIGHT_RECORDS = 1024 }; /* told apart; more of them count until the last is applied */

struct weight_flight {
    uint64_t base; /* as applied */
    int64_t bytes; /* of the records below */
    uint32_t first, count;
    struct {
        uint64_t sequence;
        int64_t bytes;
    } records[FLIGHT_RECORDS];
};

/* A record was logged. */
void weight_flight_add(struct weight_flight *f, uint64_t sequence, int64_t bytes);
/* The index weighs `base` with all records up to `applied`. */
void weight_flight_settle(struct weight_flight *f, uint64_t base, uint64_t applied);
int64_t weight_flight_sum(const struct weight_flight *f);

#endif
