/*
 * check_data - proves a data directory: every catalog's index against itself (index_check).
 *
 * Reads only, so a server may run on the directory meanwhile. One line a catalog on `out`.
 */
#ifndef SOUK_SERVER_CHECK_DATA_H
#define SOUK_SERVER_CHECK_DATA_H

#include <stdbool.h>
#include <stdio.h>

/* True when every catalog is sound. */
bool check_data(const char *data_dir, FILE *out);

#endif
