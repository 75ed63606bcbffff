#include "protocol/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* --- words ------------------------------------------------------------------------------------ */

/* A zero byte is none of them, whatever strchr() says. */
static bool one_of(char c, const char *letters)
{
    return c && strchr(letters, c);
}

/* The bytes up to one of `ends` (or all), taken off the front with it. */
static struct slice take_until(struct slice *rest, const char *ends)
{
    size_t n = 0;
    while (n < rest->len && !one_of(rest->ptr[n], ends))
        n++;
    struct slice word = slice_make(rest->ptr, n);
    n += n < rest->len;
    *rest = slice_make(rest->ptr + n, rest->len - n);
    return word;
}

static bool name_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool letters_only(struct slice word, char also)
{
    for (size_t i = 0; i < word.len; i++)
        if (!name_letter(word.ptr[i]) && word.ptr[i] != also)
            return false;
    return word.len > 0 && word.len <= KEY_NAME;
}

static bool number_of(struct slice text, size_t digits, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *out = *out * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    return text.len > 0 && text.len <= digits;
}

/* --- times ------------------------------------------------------------------------------------ */

bool key_time_parse(struct slice text, int64_t *out_ms)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    uint32_t parts[6] = {0}, at = 0;
    if (text.len != 10 && text.len != sizeof form - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (form[i] != 'd' && text.ptr[i] != form[i])
            return false;
        if (form[i] == 'd' && (text.ptr[i] < '0' || text.ptr[i] > '9'))
            return false;
        if (form[i] == 'd')
            parts[at] = parts[at] * 10 + (uint32_t)(text.ptr[i] - '0');
        else
            at++;
    }
    struct tm t = {.tm_year = (int)parts[0] - 1900,
                   .tm_mon = (int)parts[1] - 1,
                   .tm_mday = (int)parts[2],
                   .tm_hour = (int)parts[3],
                   .tm_min = (int)parts[4],
                   .tm_sec = (int)parts[5]};
    struct tm given = t;
    int64_t seconds = timegm(&t);
    /* what is no day of the calendar was carried over into another one */
    if (t.tm_mon != given.tm_mon || t.tm_mday != given.tm_mday || t.tm_hour != given.tm_hour ||
        t.tm_min != given.tm_min || t.tm_sec != given.tm_sec)
        return false;
    *out_ms = seconds * 1000;
    return seconds >= 0;
}

void key_time_print(int64_t ms, char out[KEY_EXPIRES_TEXT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    out[0] = '\0';
    if (gmtime_r(&seconds, &t))
        strftime(out, KEY_EXPIRES_TEXT, "%Y-%m-%dT%H:%M:%SZ", &t);
}

/* --- one line --------------------------------------------------------------------------------- */

static const char *take_digests(struct key_row *r, struct slice value)
{
    while (value.len) {
        struct slice digest = take_until(&value, ",");
        if (r->digest_count == KEY_SECRETS)
            return "sha256 has at most two digests, the old and the new one";
        if (!key_hex_parse(digest, r->digests[r->digest_count++], KEY_DIGEST))
            return "sha256 is 64 hexadecimal digits in lower case, or two of these and a comma";
    }
    return r->digest_count ? NULL : "sha256 is empty";
}

static const char *take_scopes(struct key_row *r, struct slice value)
{
    while (value.len) {
        uint32_t bit = key_scope_of(take_until(&value, ","));
        if (!bit)
            return "scopes are some of search,get,write,delete,admin,stats,follow";
        r->scopes |= bit;
    }
    return r->scopes ? NULL : "scopes is empty";
}

static const char *take_patterns(struct key_row *r, struct slice value)
{
    while (value.len) {
        struct slice p = take_until(&value, ",");
        if (r->pattern_count == KEY_PATTERNS)
            return "catalogs has at most 16 patterns";
        if (!letters_only(p, '*'))
            return "a pattern of catalogs is 1 to 64 letters, digits, _ and -, and * for any";
        memcpy(r->patterns[r->pattern_count++], p.ptr, p.len);
    }
    return r->pattern_count ? NULL : "catalogs is empty; catalogs=* is all of them";
}

static const char *take_class(struct key_row *r, struct slice value)
{
    static const char *const names[] = {"critical", "default", "sheddable", "background"};
    for (int i = 0; i < FRAME_CLASS_COUNT; i++)
        if (slice_equal(slice_str(names[i]), value)) {
            r->highest = (enum frame_class)i;
            return NULL;
        }
    return "class is critical, default, sheddable or background";
}

enum word { WORD_ID, WORD_SHA256, WORD_SCOPES, WORD_CATALOGS, WORD_CLASS, WORD_RATE, WORD_EXPIRES };
static const char *const words[] = {"id",    "sha256", "scopes", "catalogs",
                                    "class", "rate",   "expires"};
enum { WORDS = sizeof words / sizeof words[0], WANTED = 4 };

static const char *take_word(struct key_row *r, enum word w, struct slice value)
{
    switch (w) {
    case WORD_ID:
        return key_hex_parse(value, r->id, KEY_ID) ? NULL
                                                   : "id is 32 hexadecimal digits in lower case";
    case WORD_SHA256:
        return take_digests(r, value);
    case WORD_SCOPES:
        return take_scopes(r, value);
    case WORD_CATALOGS:
        return take_patterns(r, value);
    case WORD_CLASS:
        return take_class(r, value);
    case WORD_RATE:
        return number_of(value, 8, &r->rate) && r->rate
                   ? NULL
                   : "rate is a number of requests a second, 1 to 99999999";
    case WORD_EXPIRES:
        return key_time_parse(value, &r->expires_ms)
                   ? NULL
                   : "expires is a day or time, 2027-02-28 or 2027-02-28T12:30:00Z";
    }
    return NULL;
}

/* NULL, or what is wrong. */
static const char *take_line(struct key_row *r, struct slice line)
{
    uint32_t seen = 0;
    struct slice name = take_until(&line, " \t");
    if (!letters_only(name, '.'))
        return "a key's name is 1 to 64 letters, digits, _ . and -";
    memcpy(r->name, name.ptr, name.len);
    while (line.len) {
        struct slice value = take_until(&line, " \t"), word;
        if (!value.len)
            continue;
        word = take_until(&value, "=");
        int w = 0;
        while (w < WORDS && !slice_equal(slice_str(words[w]), word))
            w++;
        if (w == WORDS)
            return "behind the name stand id=, sha256=, scopes=, catalogs=, class=, rate=, "
                   "expires=, and nothing else";
        if (seen >> w & 1)
            return "a word stands twice";
        seen |= 1u << w;
        const char *wrong = take_word(r, (enum word)w, value);
        if (wrong)
            return wrong;
    }
    return (seen & ((1u << WANTED) - 1)) == (1u << WANTED) - 1
               ? NULL
               : "id=, sha256=, scopes= and catalogs= are wanted";
}

static const char *comes_twice(const struct key_file *f, const struct key_row *r)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (!strcmp(f->rows[i].name, r->name))
            return "another line has this name";
        if (!memcmp(f->rows[i].id, r->id, KEY_ID))
            return "another line has this id";
    }
    return NULL;
}

/* --- the file --------------------------------------------------------------------------------- */

static struct slice trim(struct slice line)
{
    while (line.len && one_of(line.ptr[0], " \t\r"))
        line = slice_make(line.ptr + 1, line.len - 1);
    while (line.len && one_of(line.ptr[line.len - 1], " \t\r"))
        line.len--;
    return line;
}

static enum status wrong_line(struct fault *fault, uint32_t line, const char *why)
{
    fault_set(fault, STATUS_SYNTAX, "keys", "line %u: %s", line, why);
    if (fault)
        fault->line = line;
    return STATUS_SYNTAX;
}

enum status key_file_parse(struct slice text, struct key_file *out, struct fault *fault)
{
    enum status s = STATUS_OK;
    *out = (struct key_file){0};
    for (uint32_t number = 1; text.len && !s; number++) {
        struct slice line = trim(take_until(&text, "\n"));
        if (!line.len || line.ptr[0] == '#')
            continue;
        if (memchr(line.ptr, '\0', line.len)) {
            s = wrong_line(fault, number, "a zero byte");
            break;
        }
        struct key_row *rows =
            out->count < KEYS_MOST ? realloc(out->rows, (out->count + 1) * sizeof *rows) : NULL;
        if (!rows) {
            s = out->count < KEYS_MOST ? STATUS_NO_MEMORY
                                       : wrong_line(fault, number, "more than 1024 keys");
            break;
        }
        out->rows = rows;
        struct key_row *r = &rows[out->count];
        *r = (struct key_row){.line = number, .expires_ms = INT64_MAX};
        const char *why = take_line(r, line);
        why = why ? why : comes_twice(out, r);
        if (why)
            s = wrong_line(fault, number, why);
        out->count += !why;
    }
    if (!s && !out->count)
        s = fault_set(fault, STATUS_SYNTAX, "keys", "there is no key in it");
    if (s)
        key_file_fini(out);
    return s;
}

static enum status read_all(int fd, struct buf *text)
{
    ssize_t n = 1;
    while (n > 0 && text->len <= KEY_FILE_BYTES) {
        if (!buf_reserve(text, 65536))
            return STATUS_NO_MEMORY;
        n = read(fd, text->ptr + text->len, 65536);
        text->len += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? status_from_errno(errno) : n > 0 ? STATUS_TOO_LARGE : STATUS_OK;
}

enum status key_file_read(const char *path, struct key_file *out, struct fault *fault)
{
    struct buf text = BUF_INIT;
    *out = (struct key_file){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_set(fault, STATUS_IO, "keys", "%s", strerror(errno));
    enum status s = api_key_file_private(path, fd, fault);
    if (!s && (s = read_all(fd, &text)))
        fault_set(fault, s, "keys", "%s", s == STATUS_TOO_LARGE ? "over 4 MiB" : status_text(s));
    close(fd);
    s = s ? s : key_file_parse(buf_slice(&text), out, fault);
    buf_fini(&text);
    return s;
}

void key_file_fini(struct key_file *f)
{
    free(f->rows);
    *f = (struct key_file){0};
}

void key_row_print(const struct key_row *r, struct buf *out)
{
    static const char *const classes[] = {"critical", "default", "sheddable", "background"};
    char hex[2 * KEY_DIGEST + 1], scopes[KEY_SCOPES_TEXT], expires[KEY_EXPIRES_TEXT];
    key_hex_print(r->id, KEY_ID, hex);
    buf_printf(out, "%s id=%s sha256=", r->name, hex);
    for (uint32_t i = 0; i < r->digest_count; i++) {
        key_hex_print(r->digests[i], KEY_DIGEST, hex);
        buf_printf(out, "%s%s", i ? "," : "", hex);
    }
    buf_printf(out, " scopes=%s catalogs=", key_scopes_print(r->scopes, scopes));
    for (uint32_t i = 0; i < r->pattern_count; i++)
        buf_printf(out, "%s%s", i ? "," : "", r->patterns[i]);
    if (r->highest)
        buf_printf(out, " class=%s", classes[r->highest]);
    if (r->rate)
        buf_printf(out, " rate=%u", r->rate);
    if (r->expires_ms != INT64_MAX) {
        key_time_print(r->expires_ms, expires);
        buf_printf(out, " expires=%s", expires);
    }
    buf_put_u8(out, '\n');
}

/* --- patterns --------------------------------------------------------------------------------- */

/* One step back is enough: only the last * needs to take more. */
bool key_pattern_matches(struct slice pattern, struct slice name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, from = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = n;
        } else if (p < pattern.len && pattern.ptr[p] == name.ptr[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

bool key_row_reaches(const struct key_row *r, struct slice catalog)
{
    for (uint32_t i = 0; i < r->pattern_count; i++)
        if (key_pattern_matches(slice_str(r->patterns[i]), catalog))
            return true;
    return false;
}

bool key_row_everywhere(const struct key_row *r)
{
    for (uint32_t i = 0; i < r->pattern_count; i++)
        if (!strcmp(r->patterns[i], "*"))
            return true;
    return false;
}
