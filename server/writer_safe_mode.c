/* Safe mode by hand and by upstream, as the writer logs and follows it. */
#include <stdio.h>
#include <stdlib.h>

#include "server/say.h"
#include "server/writer_private.h"

/* --- safe mode -------------------------------------------------------------------------------- */

/* Logs one of the settings of safe mode; `on` with its reason, else it is removed. */
static void log_safe_mode(struct writer *w, uint64_t conn, const struct frame *f,
                          struct writer_catalog *c, uint32_t bit, bool on, struct slice reason)
{
    struct buf value = BUF_INIT;
    uint64_t sequence = event_log_last(c->log) + 1;
    if (on)
        safe_mode_encode(&value, shared_now_ms(w->role->shared), reason);
    struct log_setting setting = {SLICE_LIT(SAFE_MODE_KIND), safe_mode_key(bit), buf_slice(&value)};
    buf_clear(&w->payload);
    log_setting_encode(&w->payload, &setting);
    buf_clear(&w->reply);
    tlv_put_u64(&w->reply, TAG_SAFE_MODE_SEQUENCE, sequence);
    struct answer *a = answer_create(conn, f, c, buf_slice(&w->reply));
    enum status st = value.failed || w->payload.failed || !a
                         ? STATUS_NO_MEMORY
                         : writer_log(w, a, LOG_SETTING, buf_slice(&w->payload), sequence, 1);
    buf_fini(&value);
    if (!st) {
        a->ack = ACK_VISIBLE;
    } else {
        writer_refuse(w, conn, f, st, NULL);
        if (a)
            answer_free(a);
    }
}

void writer_on_safe_mode(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct safe_mode_request q;
    struct fault fault = {0};
    if (safe_mode_request_decode(f->body, &q, &fault)) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    struct writer_catalog *c = writer_find(w, q.catalog);
    enum status st = q.action == SAFE_MODE_STATUS ? STATUS_UNSUPPORTED : writer_may_write(w, c);
    if (st)
        writer_refuse(w, conn, f, st, NULL);
    else
        log_safe_mode(w, conn, f, c, SAFE_BY_HAND, q.action == SAFE_MODE_ON, q.reason);
}

/* The settings as they are now, into what every process sees. */
void writer_safe_mode_follow(struct writer *w, struct writer_catalog *c)
{
    struct safe_mode_stored stored;
    bool follows = shared_follows(w->role->shared);
    if (snapshot_begin(c->snapshot))
        return;
    uint64_t settings = snapshot_settings_sequence(c->snapshot) + 1;
    if (settings != c->safe_settings && safe_mode_read(c->snapshot, &stored) == STATUS_OK) {
        if (!c->safe_settings || follows) /* as it was before the writer came, or as it comes */
            c->safe.on = stored.bits & SAFE_UPSTREAM;
        c->safe_settings = settings;
        c->safe_stored = stored.bits;
        c->row->freshness.safe_since = stored.since_ms;
    }
    snapshot_end(c->snapshot);
    c->row->freshness.safe_known = c->safe_settings != 0;
    /* the upstream's state counts at once, its setting is on its way */
    c->row->freshness.safe_mode =
        (c->safe_stored & SAFE_BY_HAND) | (c->safe.on ? SAFE_UPSTREAM : 0);
}

void writer_safe_mode_turn(struct writer *w, struct writer_catalog *c)
{
    const struct config *config = w->role->config;
    const struct safe_mode_times t = {(int64_t)config_number(config, OPTION_SAFE_ENTER),
                                      (int64_t)config_number(config, OPTION_SAFE_LEAVE)};
    const struct frame nobody = {0};
    enum upstream_state state = shared_upstream_now(w->role->shared, c->row);
    if (!c->safe_settings)
        writer_safe_mode_follow(w, c);
    if (!safe_mode_step(&c->safe, state, clock_mono_ms(), &t))
        return;
    say("warning", "writer", c->name, "safe mode %s: the upstream is %s", c->safe.on ? "on" : "off",
        upstream_state_name(state));
    writer_safe_mode_follow(w, c);
    if (!writer_may_write(w, c))
        log_safe_mode(w, 0, &nobody, c, SAFE_UPSTREAM, c->safe.on,
                      SLICE_LIT("every provider is open"));
}
