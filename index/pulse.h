/*
 * pulse - a search looks at its deadline while it works.
 *
 * What may run for long beats once for every bit of work, told in tenths of a microsecond, more or
 * less; every now and then that asks whoever set the deadline. Once it has passed, every beat says
 * so: loops end by it as by any other failure. A snapshot has one, which its segments share.
 */
#ifndef SOUK_INDEX_PULSE_H
#define SOUK_INDEX_PULSE_H

#include "protocol/status.h"

#include <stddef.h>
#include <stdint.h>

enum { PULSE_WORK = 512 }; /* between two questions */

struct pulse {
    enum status (*check)(void *ctx); /* NULL = nobody asks for an end */
    void *ctx;
    int32_t work, left; /* between two questions, before the next one */
    enum status stopped;
};

/* `work` between two questions; 0 = PULSE_WORK. */
void pulse_begin(struct pulse *p, enum status (*check)(void *ctx), void *ctx, int32_t work);
/* Asks now. */
enum status pulse_ask(struct pulse *p);

/* `p` NULL: there is none. */
static inline enum status pulse_beat(struct pulse *p, int32_t work)
{
    return !p || (p->left -= work) > 0 ? STATUS_OK : pulse_ask(p);
}

/* Large memory piece by piece. */
enum status pulse_zero(struct pulse *p, void *to, size_t len);
enum status pulse_copy(struct pulse *p, void *to, const void *from, size_t len);

#endif
