/*
 * status - the one enum of outcomes, used by every library and program of Souk.
 *
 * A function that can fail returns `enum status`; 0 is OK, STATUS_END ends an iteration,
 * results come through a last `out` parameter. Codes of LMDB, ICU, the C library and others
 * become one of these at the border. Rows are declared in status.def.
 */
#ifndef SOUK_PROTOCOL_STATUS_H
#define SOUK_PROTOCOL_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum status {
#define STATUS(name, code, class, retryable, text) STATUS_##name = (code),
#include "protocol/status.def"
#undef STATUS
};

enum status_class {
    STATUS_CLASS_NONE,
    STATUS_CLASS_CLIENT,    /* the request must change */
    STATUS_CLASS_SERVER,    /* our fault */
    STATUS_CLASS_TRANSIENT, /* the same request may succeed later */
    STATUS_CLASS_OVERLOAD   /* back off; do not retry here at once */
};

/* Stable upper-case name ("NOT_FOUND"), or "UNKNOWN" for a code of a newer peer. */
const char *status_name(enum status s);
/* One sentence for people, without full stop. */
const char *status_text(enum status s);
enum status_class status_class(enum status s);
/* Lower-case word of a class ("client"). */
const char *status_class_name(enum status_class c);
/* True when the same request may be sent again (after retry_after_ms, if given). */
bool status_retryable(enum status s);
/* The status that belongs to an errno value: ENOSPC -> NO_SPACE, ENOMEM -> NO_MEMORY, else IO. */
enum status status_from_errno(int err);

/*
 * fault - what went wrong and where, for people; filled by whoever rejects outside input.
 * Lives in the caller's memory; `text` is a sentence without full stop. Unused parts stay 0.
 */
struct fault {
    enum status status;
    uint32_t item;   /* index of the rejected item of a bulk, from 0 */
    uint32_t line;   /* line of a text input, from 1; 0 = not a text input */
    uint32_t column; /* column (bytes, from 1) or byte position of a filter text */
    uint32_t retry_after_ms;
    char field[64]; /* field or option at fault, "" if none */
    char text[200]; /* sentence */
};

/* Fills `f` (may be NULL) with printf-formatted text and returns `s`, so that it can be returned.
 */
enum status fault_set(struct fault *f, enum status s, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
