/*
 * labels - freshness on the command line: bounds from options, and what replies say of it as JSON.
 */
#ifndef SOUK_CLI_LABELS_H
#define SOUK_CLI_LABELS_H

#include "cli/command.h"
#include "cli/json.h"

enum { LABELS_MAX = 32 };

/* --max-age FIELD:MS into `out`; NULL, or a sentence about what is wrong. */
const char *labels_ages(const struct options *o, struct field_age *out, uint32_t *count);
/* --max-stale; -1 = not given. */
const char *labels_max_stale(const struct options *o, int64_t *out);

/* --ttl, --swr, --sie into a change; -1 = the catalog's default. */
void labels_windows(const struct options *o, struct put_item *item);

/* ,"freshness":"stale","age_ms":5 and what else is said of one product. */
void labels_put(struct buf *b, enum freshness state, uint64_t age_ms, bool future,
                const struct withheld *w);
/* ,"upstream":"ok","safe_mode":"off" */
void labels_put_state(struct buf *b, enum upstream_state upstream, uint32_t safe_mode);

#endif
