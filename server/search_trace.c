#include "server/search_trace.h"

#include "server/degrade.h"
#include "server/shared.h"

void search_trace_cache(struct span *span, const char *outcome, int64_t start_us, int64_t end_us)
{
    span_stage(span, SPAN_CACHE, start_us, end_us);
    span_say(span, SPAN_SELF, KEY_CACHE, slice_str(outcome));
}

void search_trace_ran(struct span *span, const struct query_result *r, uint32_t left_out,
                      int64_t start_us, int64_t end_us)
{
    const struct query_work *w = &r->work;
    struct slice words[LADDER_FEATURE_COUNT];
    uint8_t stage = span_stage(span, SPAN_SEARCH, start_us, end_us);
    uint32_t count = r->degraded_count + degrade_words(left_out, words);
    span_number(span, stage, KEY_BLOCKS_DECODED, (int64_t)w->blocks_decoded);
    span_number(span, stage, KEY_BLOCKS_SKIPPED, (int64_t)w->blocks_skipped);
    span_number(span, stage, KEY_POSTINGS, (int64_t)w->postings_read);
    span_number(span, stage, KEY_EXPANSIONS, (int64_t)w->terms_expanded);
    span_number(span, stage, KEY_CANDIDATES, (int64_t)w->candidates);
    if (count)
        span_number(span, stage, KEY_LEFT_OUT, count);
}

void search_trace_labels(struct span *span, uint64_t found, const uint64_t counts[FRESHNESS_COUNT],
                         const struct moment *m)
{
    uint64_t rows = counts[FRESH] + counts[STALE] + counts[STALE_IF_ERROR];
    span_number(span, SPAN_SELF, KEY_FOUND, (int64_t)found);
    span_number(span, SPAN_SELF, KEY_RETURNED_ROWS, (int64_t)rows);
    span_number(span, SPAN_SELF, KEY_FRESH, (int64_t)counts[FRESH]);
    span_number(span, SPAN_SELF, KEY_STALE, (int64_t)counts[STALE]);
    span_number(span, SPAN_SELF, KEY_STALE_IF_ERROR, (int64_t)counts[STALE_IF_ERROR]);
    if (m->upstream)
        span_say(span, SPAN_SELF, KEY_UPSTREAM, slice_str(upstream_state_name(m->upstream)));
    if (m->safe_mode)
        span_say(span, SPAN_SELF, KEY_SAFE_MODE, slice_str(safe_mode_name(m->safe_mode)));
}

void search_trace_page(struct span *span, uint64_t found, const uint64_t counts[FRESHNESS_COUNT],
                       const struct moment *m, int64_t searched_us)
{
    span_stage(span, SPAN_ENCODE, searched_us, clock_mono_us());
    search_trace_labels(span, found, counts, m);
}
