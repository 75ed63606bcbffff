#include "loadtest/live.h"

#include <stdlib.h>

#include "loadtest/clock.h"

void live_init(struct live *l)
{
    *l = (struct live){.last = calloc(1, sizeof *l->last)};
}

static void wipe(struct live *l)
{
    if (l->lines)
        fprintf(stderr, "\033[%uA\r\033[J", l->lines);
    l->lines = 0;
}

void live_fini(struct live *l)
{
    wipe(l);
    fflush(stderr);
    free(l->last);
}

static void add_rate(struct live *l, double rate)
{
    if (l->rate_count == LIVE_SPARKS)
        memmove(l->rates, l->rates + 1, --l->rate_count * sizeof l->rates[0]);
    l->rates[l->rate_count++] = rate;
}

/* Intervals of one start from all workers are summed; a later start begins anew. */
static void read_logs(struct live *l, const struct run *r)
{
    struct interval *one = malloc(sizeof *one);
    bool fresh = false;
    for (uint32_t w = 0; one && w < r->spec.workers; w++)
        while (tally_log_next(r->tallies[w], &l->at[w], one) == STATUS_OK) {
            if (!l->last->length_us || one->start_us > l->last_start_us) {
                *l->last = *one;
                l->last_start_us = one->start_us;
                fresh = true;
            } else if (one->start_us == l->last_start_us) {
                counts_add(&l->last->counts, &one->counts);
                histogram_add(&l->last->response, &one->response);
            }
        }
    if (fresh && l->last->length_us)
        add_rate(l, (double)l->last->counts.ok * 1e6 / (double)l->last->length_us);
    free(one);
}

static uint32_t draw_sparks(const struct live *l)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double most = 1;
    for (uint32_t i = 0; i < l->rate_count; i++)
        most = l->rates[i] > most ? l->rates[i] : most;
    for (uint32_t i = 0; i < l->rate_count; i++)
        fprintf(stderr, "%s", bars[(int)(l->rates[i] / most * 7.49)]);
    fprintf(stderr, "  at most %.0f/s\n", most);
    return 1;
}

static uint32_t draw_interval(const struct interval *i)
{
    const struct counts *c = &i->counts;
    const struct histogram *h = &i->response;
    double s = (double)i->length_us / 1e6;
    uint64_t hits = c->fresh + c->stale + c->stale_if_error;
    fprintf(stderr,
            "offered %.0f/s  sent %.0f/s  answered %.0f/s  in time %.0f/s\n"
            "p50 %.2f ms  p99 %.2f ms  p99.9 %.2f ms  max %.2f ms\n"
            "stale %.2f %%  stale_if_error %.2f %%  degraded %.2f %%  level %.2f  cached %.2f "
            "%%\nfailed",
            (double)c->offered / s, (double)c->sent / s, (double)c->ok / s, (double)c->good / s,
            (double)histogram_percentile(h, 50) / 1000, (double)histogram_percentile(h, 99) / 1000,
            (double)histogram_percentile(h, 99.9) / 1000, (double)h->max / 1000,
            hits ? 100.0 * (double)c->stale / (double)hits : 0,
            hits ? 100.0 * (double)c->stale_if_error / (double)hits : 0,
            c->ok ? 100.0 * (double)c->degraded / (double)c->ok : 0,
            c->ok ? (double)c->level_sum / (double)c->ok : 0,
            c->ok ? 100.0 * (double)c->cached / (double)c->ok : 0);
    for (uint32_t k = 0; k < FAILURE_SLOTS; k++)
        if (c->failed[k])
            fprintf(stderr, "  %s %.0f/s", failure_name(k), (double)c->failed[k] / s);
    fprintf(stderr, "%s\n", counts_failed(c) ? "" : "  nothing");
    return 4;
}

void live_draw(void *ctx, const struct run *r)
{
    struct live *l = ctx;
    uint64_t now = clock_ns();
    if (!l->last || now < r->start_ns)
        return;
    read_logs(l, r);
    wipe(l);
    fprintf(stderr, "%s  %.0f of %.0f s%s\n", r->spec.address, (double)(now - r->start_ns) / 1e9,
            r->spec.duration_s, r->spec.closed ? "  CLOSED LOOP" : "");
    l->lines = 1;
    if (l->last->length_us)
        l->lines += draw_interval(l->last) + draw_sparks(l);
    fflush(stderr);
}
