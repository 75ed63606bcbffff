#include "loadtest/json_out.h"

#include <inttypes.h>
#include <math.h>

static void quote(struct buf *b, const char *text)
{
    buf_put_u8(b, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_printf(b, "\\%c", *p);
        else if (*p < 0x20 || *p == '<') /* '<': the text may stand inside a page */
            buf_printf(b, "\\u%04x", *p);
        else
            buf_put_u8(b, *p);
    }
    buf_put_u8(b, '"');
}

static void begin(struct json_out *j, const char *key)
{
    if (j->comma)
        buf_put_u8(j->buf, ',');
    j->comma = true;
    if (key) {
        quote(j->buf, key);
        buf_put_u8(j->buf, ':');
    }
}

void json_out_open(struct json_out *j, const char *key, char bracket)
{
    begin(j, key);
    buf_put_u8(j->buf, (uint8_t)bracket);
    j->comma = false;
}

void json_out_close(struct json_out *j, char bracket)
{
    buf_put_u8(j->buf, (uint8_t)bracket);
    j->comma = true;
}

void json_out_text(struct json_out *j, const char *key, const char *text)
{
    begin(j, key);
    quote(j->buf, text);
}

void json_out_count(struct json_out *j, const char *key, uint64_t n)
{
    begin(j, key);
    buf_printf(j->buf, "%" PRIu64, n);
}

void json_out_number(struct json_out *j, const char *key, double n)
{
    if (!isfinite(n)) {
        json_out_null(j, key);
        return;
    }
    begin(j, key);
    if (fabs(n) >= 1e6)
        buf_printf(j->buf, "%.1f", n);
    else
        buf_printf(j->buf, "%.6g", n);
}

void json_out_bool(struct json_out *j, const char *key, bool b)
{
    begin(j, key);
    buf_printf(j->buf, "%s", b ? "true" : "false");
}

void json_out_null(struct json_out *j, const char *key)
{
    begin(j, key);
    buf_printf(j->buf, "null");
}
