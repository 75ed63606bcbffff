/*
 * expired - the products of a snapshot that are past their limit just now, as a bitmap by docid.
 *
 * One for each catalog a front has open. expired_at() brings it to a time and returns it; what is
 * in it is subtracted from hits, counts and facets. It is exact to the millisecond, follows time by
 * reading only the rows that ran out since the last call, and costs one comparison while none did.
 * A new generation keeps it but for the products that commits name as moved (index/expiry_moves.h),
 * which are looked at one by one; all rows are read only of an edition that was opened, and where
 * commits name nobody. Bits of products that were evicted meanwhile stay and do no harm, for their
 * docids are not live and are never used again. The canary of the server itself is in it while
 * there is one. Once nothing expired is left in the index it is empty and nothing is paid.
 */
#ifndef SOUK_SERVER_EXPIRED_H
#define SOUK_SERVER_EXPIRED_H

#include "index/snapshot.h"

struct expired {
    uint64_t *words;
    uint32_t word_count;
    uint64_t count;      /* bits set; 0 = every word is 0 */
    int64_t until_ms;    /* limits up to here are in it; < 0 = nothing is known */
    int64_t next_ms;     /* the first limit behind that */
    uint64_t version;    /* differs whenever the bits do */
    uint64_t generation; /* of the snapshot it was taken from */
};

/* A zeroed struct is empty. */
void expired_fini(struct expired *e);
/* The bitmap at now_ms of a begun snapshot: *bits NULL when no product is expired. now_ms never
 * goes back between calls. */
enum status expired_at(struct expired *e, struct snapshot *s, int64_t now_ms, const uint64_t **bits,
                       uint32_t *bit_count);

#endif
