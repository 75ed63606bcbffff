/*
 * begun - what the log of a copied catalog goes on from: catalogs/NAME/BEGUN.
 *
 *   sequence u64, hash u64 (log_record_hash() of the record that ends there), XXH3-64 of the two
 *
 * Such a log is empty at first, and whether it and the leader's have the same past is told by the
 * hash of the last record: without this it would not be known until the first record came.
 */
#ifndef SOUK_SERVER_BEGUN_H
#define SOUK_SERVER_BEGUN_H

#include "protocol/slice.h"
#include "protocol/status.h"

/* Into the home of a catalog that is put together; synced, the caller syncs the directory. */
enum status begun_write(const char *home, uint64_t sequence, uint64_t hash);
/* The hash of the record that ends at `sequence`; 0 = it is not told. */
uint64_t begun_read(const char *home, uint64_t sequence);

#endif
