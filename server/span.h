/*
 * span - one span of a trace while it is made, and as it lies in the shared pages: fixed in size,
 * without a pointer.
 *
 * A span has stages: parts of its time that become child spans when it is told (otlp.h), so that a
 * request is one record however many stages it had. Attributes belong to the span or to one of its
 * stages. What does not fit (stages, attributes, text) is left out; nothing here can fail. Every
 * function takes NULL for a span that is not made and does nothing then, so who says something need
 * not ask whether anybody listens. Times are monotonic microseconds.
 *
 * Pure: no clock, no chance. Names and keys: span.def.
 */
#ifndef SOUK_SERVER_SPAN_H
#define SOUK_SERVER_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/traceparent.h"

enum { SPAN_STAGES = 6, SPAN_ATTRIBUTES = 28, SPAN_TEXT = 240, SPAN_SELF = 255 };
enum { SPAN_OPERATIONS = 64 }; /* names below are opcodes */

enum span_name {
    SPAN_BEFORE_NAMES = SPAN_OPERATIONS - 1,
#define SPAN_NAME(id, text) SPAN_##id,
#include "server/span.def"
    SPAN_NAMES_END
};

enum span_key {
#define SPAN_KEY(id, text) KEY_##id,
#include "server/span.def"
    SPAN_KEYS
};

/* As OTLP numbers them. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };

struct span_stage {
    int64_t start_us, end_us;
    uint8_t name; /* enum span_name */
};

struct span_attribute {
    int64_t number;
    uint16_t text_at; /* in the span's text */
    uint8_t text_len;
    uint8_t key;   /* enum span_key */
    uint8_t stage; /* its number, or SPAN_SELF */
    uint8_t is_text;
};

struct span {
    uint8_t trace_id[TRACE_ID_LEN], id[TRACE_SPAN_LEN];
    uint8_t parent[TRACE_SPAN_LEN]; /* zeroes = it begins the trace */
    int64_t start_us, end_us;
    uint8_t name, kind; /* enum span_name or opcode; enum span_kind */
    uint8_t failed;
    uint8_t stage_count, attribute_count;
    uint16_t text_len;
    struct span_stage stages[SPAN_STAGES];
    struct span_attribute attributes[SPAN_ATTRIBUTES];
    char text[SPAN_TEXT];
};

const char *span_name_text(unsigned name);
const char *span_key_text(enum span_key key);

/* A part of the span's time; its number for attributes. */
uint8_t span_stage(struct span *s, enum span_name name, int64_t start_us, int64_t end_us);
/* `stage`: what span_stage() returned, or SPAN_SELF. Text is cut, never inside a character. */
void span_number(struct span *s, uint8_t stage, enum span_key key, int64_t v);
void span_say(struct span *s, uint8_t stage, enum span_key key, struct slice text);
/* It ended in an error: error.type is the status in lower case. */
void span_fail(struct span *s, enum status st);
/* The same with a word of its own ("timeout", "503"). */
void span_fail_of(struct span *s, const char *type);
/* What is handed on: this span as the parent, sampled. */
void span_context(const struct span *s, struct trace_context *out);
/* True when every number in it is within its bounds: the record may come from a process that died
 * of whatever. */
bool span_sound(const struct span *s);

#endif
