#include "server/check_data.h"

#include <inttypes.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "index/index.h"
#include "index/snapshot.h"
#include "server/catalogs.h"

struct checking {
    const char *data_dir;
    FILE *out;
    uint32_t failed;
};

static enum status check_index(const char *path, struct fault *fault, uint64_t *sequence,
                               uint32_t *products)
{
    struct index_options o = {.read_only = true};
    struct index *ix = NULL;
    struct snapshot *s = NULL;
    bool stale;
    enum status st = index_open(path, &o, &ix, &stale, fault);
    st = st ? st : index_check(ix, fault);
    st = st ? st : snapshot_create(ix, &s);
    st = st ? st : snapshot_begin(s);
    if (!st) {
        *sequence = snapshot_sequence(s);
        *products = snapshot_live_count(s);
        snapshot_end(s);
    }
    snapshot_destroy(&s);
    index_close(&ix);
    return st;
}

static void check_catalog(void *ctx, struct slice name)
{
    struct checking *c = ctx;
    struct fault fault = {0};
    char path[PATH_MAX];
    uint64_t edition = 0, sequence = 0;
    uint32_t products = 0;
    enum status st = catalog_current_read(c->data_dir, name, &edition);
    if (!st && !catalog_edition_path(path, sizeof path, c->data_dir, name, edition))
        st = STATUS_TOO_LARGE;
    st = st ? st : check_index(path, &fault, &sequence, &products);
    if (st) {
        c->failed++;
        fprintf(c->out, "catalog %.*s: edition %" PRIu64 ": %s: %s\n", (int)name.len, name.ptr,
                edition, status_name(st), fault.text[0] ? fault.text : status_text(st));
        return;
    }
    fprintf(c->out, "catalog %.*s: edition %" PRIu64 ": sound, %u products, sequence %" PRIu64 "\n",
            (int)name.len, name.ptr, edition, products, sequence);
}

bool check_data(const char *data_dir, FILE *out)
{
    struct checking c = {data_dir, out, 0};
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/catalogs", data_dir);
    if (n < 0 || (size_t)n >= sizeof path || access(path, R_OK | X_OK)) {
        fprintf(out, "%s: no data directory of a server: %s\n", data_dir, strerror(errno));
        return false;
    }
    enum status st = catalogs_list(data_dir, check_catalog, &c);
    if (st)
        fprintf(out, "%s: %s\n", data_dir, status_text(st));
    return !st && !c.failed;
}
