/*
 * json - a strict reader of one JSON text, and the writer of texts, numbers and products.
 *
 * The reader accepts RFC 8259 and nothing else: valid UTF-8, no comments, no trailing commas,
 * nesting of at most JSON_DEPTH. Faults carry line and column. Values live in the arena; texts
 * without escapes point into the input.
 */
#ifndef SOUK_CLI_JSON_H
#define SOUK_CLI_JSON_H

#include "protocol/arena.h"
#include "protocol/document.h"

enum { JSON_DEPTH = 32 };

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_INT,
    JSON_FLOAT,
    JSON_TEXT,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_type type;
    uint32_t count;    /* ARRAY, OBJECT; FLOAT: bytes of `written` */
    uint32_t column;   /* where it begins, in bytes from 1; of a .csv the number of the cell */
    struct slice name; /* of a member of an object */
    struct json *next; /* sibling */
    /* FLOAT: how it stands in the text, for fields of text: "1.50", whole numbers of any length. */
    const char *written;
    union {
        int64_t i;
        double f;
        struct slice text;
        struct json *first; /* ARRAY, OBJECT: first child */
    };
};

/* Reads the whole of `text`, whose first line is number `line` of its file. */
enum status json_parse(struct slice text, uint32_t line, struct arena *a, struct json **out,
                       struct fault *fault);
/* A number by JSON's grammar, to its end: INT when it has no fraction and fits, else FLOAT. */
bool json_number(struct slice text, struct json *out);
/* The member of an object; NULL when there is none or `v` is no object. */
const struct json *json_get(const struct json *v, const char *name);

void json_put_text(struct buf *b, struct slice s);
void json_put_float(struct buf *b, double v);
/* A number as it stands, anything else as text. */
void json_put_number_or_text(struct buf *b, struct slice s);
void json_put_value(struct buf *b, const struct value *v);
/* {"id":...,fields by the names of their numbers}; INVALID when the document is damaged. */
enum status json_put_document(struct buf *b, struct slice document, const struct slice *names,
                              uint32_t name_count);

#endif
