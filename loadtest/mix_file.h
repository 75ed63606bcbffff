/*
 * mix_file - the work mix as a JSON file (docs/load-testing.md, "The mix file").
 */
#ifndef SOUK_LOADTEST_MIX_FILE_H
#define SOUK_LOADTEST_MIX_FILE_H

#include "loadtest/mix.h"
#include "protocol/souk.h"

struct mix_source {
    struct souk *server; /* asked for ids where the file names none; NULL = cannot */
    const char *catalog; /* for operations that name none; NULL = must be named */
    bool no_cache;       /* for every search */
};

/*
 * INVALID or SYNTAX with line and column or the path of the wrong member ("operations[1].weight").
 * Files it names are looked for beside it. mix_finish() is the caller's.
 */
enum status mix_file_read(const char *path, const struct mix_source *source, struct arena *a,
                          struct mix *out, struct fault *fault);

#endif
