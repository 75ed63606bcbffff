#include "cli/labels.h"

#include <stdlib.h>

const char *labels_ages(const struct options *o, struct field_age *out, uint32_t *count)
{
    const char *text;
    *count = 0;
    for (uint32_t i = 0; (text = options_nth(o, OPT_MAX_AGE, i)); i++) {
        char *end;
        const char *colon = strrchr(text, ':');
        if (i == LABELS_MAX)
            return "more than 32 bounds of age";
        if (!colon || colon == text || !colon[1])
            return "--max-age is FIELD:MS";
        out[i].field = slice_make(text, (size_t)(colon - text));
        out[i].max_age_ms = strtoll(colon + 1, &end, 10);
        if (*end || out[i].max_age_ms < 0)
            return "--max-age is FIELD:MS";
        *count = i + 1;
    }
    return NULL;
}

const char *labels_max_stale(const struct options *o, int64_t *out)
{
    *out = options_number(o, OPT_MAX_STALE, -1);
    return options_has(o, OPT_MAX_STALE) && *out < 0 ? "--max-stale is a number of milliseconds"
                                                     : NULL;
}

void labels_windows(const struct options *o, struct put_item *item)
{
    item->ttl_ms = options_number(o, OPT_TTL, -1);
    item->swr_ms = options_number(o, OPT_SWR, -1);
    item->sie_ms = options_number(o, OPT_SIE, -1);
}

void labels_put(struct buf *b, enum freshness state, uint64_t age_ms, bool future,
                const struct withheld *w)
{
    buf_printf(b, ",\"freshness\":\"%s\",\"age_ms\":%llu", freshness_name(state),
               (unsigned long long)age_ms);
    if (future)
        buf_printf(b, ",\"future\":true");
    if (!w)
        return;
    buf_printf(b, ",\"withheld\":[");
    for (uint32_t i = 0; i < w->name_count; i++) {
        if (i)
            buf_put_u8(b, ',');
        json_put_text(b, w->names[i]);
    }
    buf_put_u8(b, ']');
}

void labels_put_state(struct buf *b, enum upstream_state upstream, uint32_t safe_mode)
{
    buf_printf(b, ",\"upstream\":\"%s\",\"safe_mode\":\"%s\"", upstream_state_name(upstream),
               safe_mode_name(safe_mode));
}
