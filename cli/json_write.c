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

void json_put_number_or_text(struct buf *b, struct slice s)
{
    struct json v;
    if (s.len && json_number(s, &v))
        buf_put_slice(b, s);
    else
        json_put_text(b, s);
}

static void put_items(struct buf *b, const struct value *v)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            buf_put_u8(b, ',');
        json_put_text(b, value_next_item(&r));
    }
}

static void put_list(struct buf *b, const struct value *v)
{
    buf_put_u8(b, '[');
    put_items(b, v);
    buf_put_u8(b, ']');
}

/* The value that was written at `at` becomes the first of an array that stays open. */
static void open_array(struct buf *b, size_t at)
{
    if (b->failed || at >= b->len)
        return;
    if (b->ptr[at] == '[') { /* a list of texts: it goes on */
        b->len--;
        return;
    }
    buf_put_u8(b, ' ');
    if (b->failed)
        return;
    memmove(b->ptr + at + 1, b->ptr + at, b->len - 1 - at);
    b->ptr[at] = '[';
}

static void put_pairs(struct buf *b, const struct value *v)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    struct slice path = SLICE_NULL, before = SLICE_NULL;
    struct value inner;
    size_t value_at = 0;
    bool array = false;
    buf_put_u8(b, '{');
    for (uint32_t i = 0; i < v->count; i++, before = path) {
        if (value_next_pair(&r, &path, &inner))
            break;
        bool more = i && slice_equal(before, path); /* of the same key: an array of both */
        if (more && !array)
            open_array(b, value_at);
        if (!more && array)
            buf_put_u8(b, ']');
        array = more;
        if (i && !b->failed && b->ptr[b->len - 1] != '[') /* behind an empty list */
            buf_put_u8(b, ',');
        if (!more) {
            json_put_text(b, path);
            buf_put_u8(b, ':');
            value_at = b->len;
        }
        if (inner.type == VALUE_LIST && more)
            put_items(b, &inner);
        else
            json_put_value(b, &inner);
    }
    if (array)
        buf_put_u8(b, ']');
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
