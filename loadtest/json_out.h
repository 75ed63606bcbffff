/*
 * json_out - JSON text, written straight into a buffer: commas and escapes are taken care of, the
 * shape is the caller's. A key of NULL means an element of an array.
 */
#ifndef SOUK_LOADTEST_JSON_OUT_H
#define SOUK_LOADTEST_JSON_OUT_H

#include "protocol/buf.h"

struct json_out {
    struct buf *buf;
    bool comma; /* something stands before on this level */
};

void json_out_open(struct json_out *j, const char *key, char bracket);
void json_out_close(struct json_out *j, char bracket);
void json_out_text(struct json_out *j, const char *key, const char *text);
void json_out_count(struct json_out *j, const char *key, uint64_t n);
/* At most six digits behind the point; null for what is no number. */
void json_out_number(struct json_out *j, const char *key, double n);
void json_out_bool(struct json_out *j, const char *key, bool b);
void json_out_null(struct json_out *j, const char *key);

#endif
