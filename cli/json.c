#include "cli/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct parser {
    const char *at, *end, *line_start;
    uint32_t line, depth;
    struct arena *arena;
    struct fault *fault;
};

static enum status parse_value(struct parser *p, struct json **out);

static enum status bad(struct parser *p, enum status s, const char *what)
{
    fault_set(p->fault, s, "", "%s", what);
    if (p->fault) {
        p->fault->line = p->line;
        p->fault->column = (uint32_t)(p->at - p->line_start) + 1;
    }
    return s;
}

static void skip_space(struct parser *p)
{
    for (; p->at < p->end; p->at++) {
        if (*p->at == '\n') {
            p->line++;
            p->line_start = p->at + 1;
        } else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r') {
            return;
        }
    }
}

static bool hex4(const char *s, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        uint32_t d = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                            : 16;
        if (d == 16)
            return false;
        *out = *out << 4 | d;
    }
    return true;
}

static char *put_utf8(char *o, uint32_t c)
{
    if (c < 0x80) {
        *o++ = (char)c;
    } else if (c < 0x800) {
        *o++ = (char)(0xc0 | c >> 6);
        *o++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *o++ = (char)(0xe0 | c >> 12);
        *o++ = (char)(0x80 | (c >> 6 & 63));
        *o++ = (char)(0x80 | (c & 63));
    } else {
        *o++ = (char)(0xf0 | c >> 18);
        *o++ = (char)(0x80 | (c >> 12 & 63));
        *o++ = (char)(0x80 | (c >> 6 & 63));
        *o++ = (char)(0x80 | (c & 63));
    }
    return o;
}

/* \uXXXX behind the backslash, surrogate pairs included; moves p->at behind it. */
static bool unicode_escape(struct parser *p, char **o)
{
    uint32_t c, low;
    if (p->end - p->at < 5 || !hex4(p->at + 1, &c))
        return false;
    p->at += 5;
    if (c >= 0xdc00 && c <= 0xdfff)
        return false;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u' || !hex4(p->at + 2, &low) ||
            low < 0xdc00 || low > 0xdfff)
            return false;
        p->at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *o = put_utf8(*o, c);
    return true;
}

static enum status unescape(struct parser *p, const char *start, struct slice *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *close = p->at;
    while (close < p->end && *close != '"')
        close += *close == '\\' && close + 1 < p->end ? 2 : 1;
    char *text = arena_alloc(p->arena, (size_t)(close - start) + 1), *o = text;
    if (!text)
        return bad(p, STATUS_NO_MEMORY, "out of memory");
    memcpy(o, start, (size_t)(p->at - start));
    o += p->at - start;
    while (p->at < p->end && *p->at != '"') {
        if ((unsigned char)*p->at < 0x20)
            return bad(p, STATUS_SYNTAX, "a control character inside a text");
        if (*p->at != '\\') {
            *o++ = *p->at++;
            continue;
        }
        p->at++;
        const char *which = p->at < p->end && *p->at ? strchr(from, *p->at) : NULL;
        if (which) {
            *o++ = to[which - from];
            p->at++;
        } else if (p->at >= p->end || *p->at != 'u' || !unicode_escape(p, &o)) {
            return bad(p, STATUS_SYNTAX, "an escape that JSON does not know");
        }
    }
    *out = slice_make(text, (size_t)(o - text));
    return STATUS_OK;
}

static enum status parse_text(struct parser *p, struct slice *out)
{
    const char *start = ++p->at;
    while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20)
        p->at++;
    *out = slice_make(start, (size_t)(p->at - start));
    if (p->at < p->end && *p->at != '"') {
        enum status s = unescape(p, start, out);
        if (s)
            return s;
    }
    if (p->at >= p->end)
        return bad(p, STATUS_SYNTAX, "a text without its closing quote");
    p->at++;
    return STATUS_OK;
}

bool json_number(struct slice t, struct json *out)
{
    const char *s = t.ptr, *end = t.ptr + t.len;
    bool whole = true;
    char copy[64];
    if (s < end && *s == '-')
        s++;
    const char *digits = s;
    while (s < end && *s >= '0' && *s <= '9')
        s++;
    if (s == digits || (*digits == '0' && s - digits > 1))
        return false;
    if (s < end && *s == '.') {
        const char *f = ++s;
        whole = false;
        while (s < end && *s >= '0' && *s <= '9')
            s++;
        if (s == f)
            return false;
    }
    if (s < end && (*s == 'e' || *s == 'E')) {
        whole = false;
        if (++s < end && (*s == '+' || *s == '-'))
            s++;
        const char *e = s;
        while (s < end && *s >= '0' && *s <= '9')
            s++;
        if (s == e)
            return false;
    }
    if (s != end || t.len >= sizeof copy)
        return false;
    memcpy(copy, t.ptr, t.len);
    copy[t.len] = 0;
    errno = 0;
    if (whole) {
        out->type = JSON_INT;
        out->i = strtoll(copy, NULL, 10);
        if (errno == 0)
            return true;
    }
    out->type = JSON_FLOAT;
    out->written = t.ptr;
    out->count = (uint32_t)t.len;
    out->f = strtod(copy, NULL);
    return isfinite(out->f);
}

static enum status parse_children(struct parser *p, struct json *v)
{
    char close = v->type == JSON_OBJECT ? '}' : ']';
    struct json **tail = &v->first;
    enum status s;
    if (++p->depth > JSON_DEPTH)
        return bad(p, STATUS_TOO_DEEP, "nests deeper than 32 levels");
    p->at++;
    skip_space(p);
    *tail = NULL;
    while (p->at < p->end && (*p->at != close || v->count)) {
        struct slice name = SLICE_NULL;
        if (v->type == JSON_OBJECT) {
            if (*p->at != '"')
                return bad(p, STATUS_SYNTAX, "expected a name in quotes");
            if ((s = parse_text(p, &name)))
                return s;
            skip_space(p);
            if (p->at >= p->end || *p->at != ':')
                return bad(p, STATUS_SYNTAX, "expected ':' behind the name");
            p->at++;
        }
        if ((s = parse_value(p, tail)))
            return s;
        (*tail)->name = name;
        tail = &(*tail)->next;
        v->count++;
        skip_space(p);
        if (p->at < p->end && *p->at == ',') {
            p->at++;
            skip_space(p);
        } else {
            break;
        }
    }
    if (p->at >= p->end || *p->at != close)
        return bad(p, STATUS_SYNTAX, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    p->at++;
    p->depth--;
    return STATUS_OK;
}

static enum status parse_word(struct parser *p, struct json *v)
{
    static const char *const words[] = {"null", "false", "true"};
    for (int i = 0; i < 3; i++) {
        struct slice w = slice_str(words[i]);
        if (slice_starts(slice_make(p->at, (size_t)(p->end - p->at)), w)) {
            v->type = (enum json_type)i;
            p->at += w.len;
            return STATUS_OK;
        }
    }
    const char *s = p->at;
    while (s < p->end && (strchr("+-.eE", *s) || (*s >= '0' && *s <= '9')) && *s)
        s++;
    if (!json_number(slice_make(p->at, (size_t)(s - p->at)), v))
        return bad(p, STATUS_SYNTAX,
                   s > p->at ? "no number of JSON, or one too large" : "expected a value");
    p->at = s;
    return STATUS_OK;
}

static enum status parse_value(struct parser *p, struct json **out)
{
    skip_space(p);
    struct json *v = arena_calloc(p->arena, 1, sizeof *v);
    if (!v)
        return bad(p, STATUS_NO_MEMORY, "out of memory");
    *out = v;
    v->column = (uint32_t)(p->at - p->line_start) + 1;
    if (p->at >= p->end)
        return bad(p, STATUS_SYNTAX, "the input ends where a value is expected");
    switch (*p->at) {
    case '{':
        v->type = JSON_OBJECT;
        return parse_children(p, v);
    case '[':
        v->type = JSON_ARRAY;
        return parse_children(p, v);
    case '"':
        v->type = JSON_TEXT;
        return parse_text(p, &v->text);
    default:
        return parse_word(p, v);
    }
}

enum status json_parse(struct slice text, uint32_t line, struct arena *a, struct json **out,
                       struct fault *fault)
{
    struct parser p = {text.ptr, text.ptr + text.len, text.ptr, line, 0, a, fault};
    size_t valid = wire_utf8_valid(text);
    if (valid != text.len) {
        p.at = text.ptr + valid;
        return bad(&p, STATUS_BAD_UTF8, "not valid UTF-8");
    }
    enum status s = parse_value(&p, out);
    if (s)
        return s;
    skip_space(&p);
    return p.at == p.end ? STATUS_OK : bad(&p, STATUS_SYNTAX, "something follows the value");
}

const struct json *json_get(const struct json *v, const char *name)
{
    if (!v || v->type != JSON_OBJECT)
        return NULL;
    for (const struct json *m = v->first; m; m = m->next)
        if (slice_equal(m->name, slice_str(name)))
            return m;
    return NULL;
}
