#include "server/check_data.h"

#include <inttypes.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "index/index.h"
#include "index/snapshot.h"
#include "server/catalogs.h"
#include "server/event_log.h"

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

static void tell(struct checking *c, struct slice name, const char *part, enum status st,
                 const struct fault *fault)
{
    c->failed++;
    fprintf(c->out, "catalog %.*s: %s: %s: %s\n", (int)name.len, name.ptr, part, status_name(st),
            fault->text[0] ? fault->text : status_text(st));
}

static void check_log(struct checking *c, struct slice name, uint64_t applied)
{
    struct fault fault = {0};
    char path[PATH_MAX];
    uint64_t first = 0, last = 0;
    enum status st = STATUS_TOO_LARGE;
    if (catalog_log_path(path, sizeof path, c->data_dir, name))
        st = event_log_check(path, applied, &first, &last, &fault);
    if (st)
        tell(c, name, "event log", st, &fault);
    else
        fprintf(c->out, "catalog %.*s: event log: sound, sequences %" PRIu64 " to %" PRIu64 "\n",
                (int)name.len, name.ptr, first, last);
}

static void check_catalog(void *ctx, struct slice name)
{
    struct checking *c = ctx;
    struct fault fault = {0};
    char path[PATH_MAX], part[32];
    uint64_t edition = 0, sequence = 0;
    uint32_t products = 0;
    enum status st = catalog_current_read(c->data_dir, name, &edition);
    if (!st && !catalog_edition_path(path, sizeof path, c->data_dir, name, edition))
        st = STATUS_TOO_LARGE;
    st = st ? st : check_index(path, &fault, &sequence, &products);
    if (st) {
        snprintf(part, sizeof part, "edition %" PRIu64, edition);
        tell(c, name, part, st, &fault);
    } else
        fprintf(c->out,
                "catalog %.*s: edition %" PRIu64 ": sound, %u products, sequence %" PRIu64 "\n",
                (int)name.len, name.ptr, edition, products, sequence);
    check_log(c, name, sequence);
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
