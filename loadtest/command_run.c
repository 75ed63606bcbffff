#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loadtest/commands.h"
#include "loadtest/live.h"
#include "loadtest/report_html.h"

/* Writes with `put` into the file an option names; nothing when it is not given. */
static bool write_file(const struct setup *s, enum option_id id, const struct report *r,
                       void (*put)(const struct report *, FILE *))
{
    const char *path = options_value(&s->options, id);
    if (!path)
        return true;
    FILE *f = fopen(path, "w");
    bool ok = f != NULL;
    if (f) {
        put(r, f);
        ok = !ferror(f);
        ok &= fclose(f) == 0;
    }
    if (!ok)
        fprintf(stderr, "souk-load: cannot write %s: %s\n", path, strerror(errno));
    return ok;
}

static void put_json(const struct report *r, FILE *f)
{
    struct buf b = BUF_INIT;
    report_json(r, &b);
    fwrite(b.ptr, 1, b.len, f);
    buf_fini(&b);
}

static int verdict(const struct report *r)
{
    if (r->run->total.wrong)
        return EXIT_WRONG;
    for (uint32_t i = 0; i < r->threshold_count; i++)
        if (!r->thresholds[i].holds)
            return EXIT_THRESHOLD;
    return r->run->total.ok || !r->run->total.offered ? EXIT_OK : EXIT_SERVER;
}

static int tell(struct setup *s, struct report *r)
{
    struct fault fault = {0};
    for (uint32_t i = 0; i < s->threshold_count; i++) {
        enum status st = threshold_check(&s->thresholds[i], r->run, &fault);
        if (st)
            return setup_complain(STATUS_INVALID, &fault);
    }
    r->thresholds = s->thresholds;
    r->threshold_count = s->threshold_count;
    report_warn(r);
    if (options_has(&s->options, OPT_JSON))
        put_json(r, stdout);
    else
        report_table(r, stdout);
    bool ok = fflush(stdout) == 0;
    ok &= write_file(s, OPT_OUTPUT, r, put_json);
    ok &= write_file(s, OPT_HTML, r, report_html);
    ok &= write_file(s, OPT_HGRM, r, report_hgrm);
    ok &= write_file(s, OPT_INTERVAL_LOG, r, report_interval_log);
    return ok ? verdict(r) : EXIT_INTERNAL;
}

int command_run(struct setup *s)
{
    struct fault fault = {0};
    struct run run = {0};
    int code = setup_make(s, OPT_THRESHOLD);
    if (code)
        return code;
    struct report r = {.run = &run, .server = &s->info};
    snprintf(r.server_version, sizeof r.server_version, "%s", s->server_version);
    intrinsic_measure(&r.intrinsic);
    if (s->warmup_s > 0) {
        struct run_spec warm = s->spec;
        warm.duration_s = s->warmup_s;
        warm.seed += 1000;
        enum status st = run_execute(&warm, &run, &fault);
        run_fini(&run);
        if (st)
            return setup_complain(st, &fault);
    }
    struct live live;
    live_init(&live);
    if (isatty(STDERR_FILENO) && !options_has(&s->options, OPT_QUIET)) {
        s->spec.live = live_draw;
        s->spec.live_ctx = &live;
    }
    enum status st = run_execute(&s->spec, &run, &fault);
    live_fini(&live);
    code = st ? setup_complain(st, &fault) : tell(s, &r);
    run_fini(&run);
    return code;
}
