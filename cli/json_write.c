#include "cli/json.h"

#include <stdio.h>
#include <stdlib.h>

void json_put_text(struct buf *b, struct slice s)
{
    static const char plain[] = "\b\f\n\r\t", names[] = "bfnrt";
    size_t from = 0;
    buf_put_u8(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        buf_put(b, s.ptr + from, i - from);
        from = i + 1;
        const char *short_form = c ? strchr(plain, c) : NULL;
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (short_form)
            buf_printf(b, "\\%c", names[short_form - plain]);
        else
            buf_printf(b, "\\u%04x", c);
    }
    buf_put(b, s.ptr ? s.ptr + from : NULL, s.len - from);
    buf_put_u8(b, '"');
}

/* The shortest digits that read back as the same number. */
void json_put_float(struct buf *b, double v)
{
    char text[40];
    if (!(v - v == 0)) {
        buf_put(b, "null", 4);
        return;
    }
    for (int digits = 6; digits <= 17; digits += digits == 6 ? 9 : 1) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_put_slice(b, slice_str(text));
}

static void put_list(struct buf *b, const struct value *v)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    buf_put_u8(b, '[');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            buf_put_u8(b, ',');
        json_put_text(b, value_next_item(&r));
    }
    buf_put_u8(b, ']');
}

static void put_pairs(struct buf *b, const struct value *v)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    struct slice path;
    struct value inner;
    buf_put_u8(b, '{');
    for (uint32_t i = 0; i < v->count; i++) {
        if (value_next_pair(&r, &path, &inner))
            break;
        if (i)
            buf_put_u8(b, ',');
        json_put_text(b, path);
        buf_put_u8(b, ':');
        json_put_value(b, &inner);
    }
    buf_put_u8(b, '}');
}

void json_put_value(struct buf *b, const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL:
        buf_put(b, "null", 4);
        break;
    case VALUE_FALSE:
        buf_put(b, "false", 5);
        break;
    case VALUE_TRUE:
        buf_put(b, "true", 4);
        break;
    case VALUE_INT:
        buf_printf(b, "%lld", (long long)v->i);
        break;
    case VALUE_FLOAT:
        json_put_float(b, v->f);
        break;
    case VALUE_TEXT:
        json_put_text(b, v->bytes);
        break;
    case VALUE_LIST:
        put_list(b, v);
        break;
    case VALUE_PAIRS:
        put_pairs(b, v);
        break;
    }
}

enum status json_put_document(struct buf *b, struct slice document, const struct slice *names,
                              uint32_t name_count)
{
    struct document d;
    struct value v;
    uint32_t number;
    enum status s = document_begin(&d, document);
    if (s)
        return s;
    buf_put(b, "{\"id\":", 6);
    json_put_text(b, d.id);
    while ((s = document_next(&d, &number, &v)) == STATUS_OK) {
        if (number >= name_count)
            return STATUS_INVALID;
        if (slice_equal(names[number], SLICE_LIT("id")))
            continue;
        buf_put_u8(b, ',');
        json_put_text(b, names[number]);
        buf_put_u8(b, ':');
        json_put_value(b, &v);
    }
    buf_put_u8(b, '}');
    return s == STATUS_END ? STATUS_OK : s;
}
