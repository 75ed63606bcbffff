#include "server/front_warm.h"
#include "server/front.h"
#include "server/shared.h"

enum { OPENING_US = 10000, LATER_BEATS = 10 };

struct warming {
    struct front *front;
    int64_t until_us;
};

static void open_one(void *ctx, struct slice name)
{
    struct warming *w = ctx;
    struct catalog *c;
    struct fault fault = {0};
    if (clock_mono_us() < w->until_us)
        catalogs_get(w->front->catalogs, name, &c, &fault);
}

void front_warm_catalogs(struct front *f)
{
    struct warming w = {f, clock_mono_us() + OPENING_US};
    catalogs_list(f->role->data_dir, open_one, &w);
}

void front_warm_later(struct front *f)
{
    if (f->beats <= LATER_BEATS && f->beats++ == LATER_BEATS)
        searcher_warm(f->searcher);
}
