/*
 * otlp - spans as OpenTelemetry's collectors take them: the JSON of OTLP over HTTP, and what they
 * answer.
 *
 *   {"resourceSpans":[{"resource":{"attributes":[..]},"scopeSpans":[{"scope":{..},"spans":[..]}]}]}
 *
 * Ids are hexadecimal, enumerations numbers, whole numbers of 64 bits decimal texts. One resource
 * is one process of ours. A span's stages become child spans, whose ids follow from that of the
 * span, so that encoding the same spans again gives the same bytes. Pure.
 */
#ifndef SOUK_SERVER_OTLP_H
#define SOUK_SERVER_OTLP_H

#include "protocol/buf.h"
#include "server/span.h"

struct otlp_process { /* whose spans they are */
    const char *role;
    uint32_t slot, pid;
    const struct span *spans;
    uint32_t count;
};

/* Appends the body of a call. `offset_us`: from monotonic to wall time. Processes without spans are
 * left out. */
void otlp_encode(struct buf *out, const struct otlp_process *processes, uint32_t count,
                 int64_t offset_us);
/* The spans that an answer says were taken and cannot be used (partialSuccess); 0 for whatever
 * cannot be read. */
uint64_t otlp_rejected(struct slice answer);

#endif
