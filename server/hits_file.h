/*
 * hits_file - how often products were read (shared_pages.h), kept over a restart of the server.
 *
 *   DIR/catalogs/<name>/e-NNNNNN/hits: "soukhit1", docids u32, a byte for each, XXH3-64 of all that
 *
 * Written by the writer as it ends, taken away as it is read: what lives in the shared memory is
 * newer when only the writer began anew. A file that is damaged or missing changes nothing but
 * which products a full catalog takes for read.
 */
#ifndef SOUK_SERVER_HITS_FILE_H
#define SOUK_SERVER_HITS_FILE_H

#include "server/catalogs.h"
#include "server/shared_pages.h"

bool hits_path(const char *data_dir, struct slice name, uint64_t edition, char path[PATH_MAX]);
/* The hits of docids below `count`. */
enum status hits_save(const char *path, const struct shared_pages *p, uint32_t count);
/* Those of the file below `count` that are more than what was counted since. NOT_FOUND, CORRUPT. */
enum status hits_load(const char *path, const struct shared_pages *p, uint32_t count);

#endif
