#include "server/weight_flight.h"

void weight_flight_add(struct weight_flight *f, uint64_t sequence, int64_t bytes)
{
    f->bytes += bytes;
    if (f->count == FLIGHT_RECORDS) { /* joins the one before: both count until it is applied */
        uint32_t last = (f->first + f->count - 1) % FLIGHT_RECORDS;
        f->records[last].sequence = sequence;
        f->records[last].bytes += bytes;
        return;
    }
    uint32_t at = (f->first + f->count++) % FLIGHT_RECORDS;
    f->records[at].sequence = sequence;
    f->records[at].bytes = bytes;
}

void weight_flight_settle(struct weight_flight *f, uint64_t base, uint64_t applied)
{
    f->base = base;
    while (f->count && f->records[f->first].sequence <= applied) {
        f->bytes -= f->records[f->first].bytes;
        f->first = (f->first + 1) % FLIGHT_RECORDS;
        f->count--;
    }
}

int64_t weight_flight_sum(const struct weight_flight *f)
{
    return (int64_t)f->base + f->bytes;
}
