#include "cli/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct records {
    struct source *source;
    bool csv;
    char separator; /* of cells; 0 until the header was seen */
    struct arena names;
    struct slice columns[CSV_COLUMNS];
    uint32_t column_count;
    struct buf text; /* a CSV record of several lines */
};

static enum status csv_bad(struct fault *f, const char *what, size_t at)
{
    fault_set(f, STATUS_SYNTAX, "", "%s", what);
    if (f)
        f->column = (uint32_t)at + 1;
    return STATUS_SYNTAX;
}

char csv_separator(struct slice header)
{
    static const char marks[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < header.len; i++) {
        const char *mark = header.ptr[i] ? strchr(marks, header.ptr[i]) : NULL;
        quoted ^= header.ptr[i] == '"';
        if (mark && !quoted)
            counts[mark - marks]++;
    }
    for (size_t i = 1; i < 3; i++)
        best = counts[i] > counts[best] ? i : best;
    return marks[best];
}

enum csv_place csv_pass(enum csv_place place, struct slice line, char separator)
{
    for (size_t i = 0; i < line.len && place != CSV_BROKEN; i++) {
        char c = line.ptr[i];
        if (place == CSV_QUOTED)
            place = c == '"' ? CSV_CLOSED : CSV_QUOTED;
        else if (place != CSV_PLAIN && c == '"')
            place = CSV_QUOTED; /* opens a cell, or is the second of two */
        else if (c == separator)
            place = CSV_CELL;
        else
            place = place == CSV_CLOSED ? CSV_BROKEN : CSV_PLAIN;
    }
    return place;
}

enum status csv_record(struct slice t, char separator, struct arena *a, struct slice *cells,
                       uint32_t *count, struct fault *fault)
{
    char *room = arena_alloc(a, t.len + 1);
    size_t i = 0;
    if (!room)
        return STATUS_NO_MEMORY;
    *count = 0;
    for (;;) {
        char *start = room;
        if (*count == CSV_COLUMNS)
            return csv_bad(fault, "more than 1024 columns", *count);
        if (i < t.len && t.ptr[i] == '"') {
            for (i++; i < t.len && (t.ptr[i] != '"' || (i + 1 < t.len && t.ptr[i + 1] == '"'));
                 i++) {
                i += t.ptr[i] == '"';
                *room++ = t.ptr[i];
            }
            if (i >= t.len)
                return STATUS_AGAIN;
            if (++i < t.len && t.ptr[i] != separator)
                return csv_bad(fault, "expected the separator behind the closing quote", *count);
        } else {
            while (i < t.len && t.ptr[i] != separator)
                *room++ = t.ptr[i++];
        }
        cells[(*count)++] = slice_make(start, (size_t)(room - start));
        if (i >= t.len)
            return STATUS_OK;
        i++;
    }
}

void csv_value(struct slice cell, struct json *out)
{
    out->type = JSON_TEXT;
    if (slice_equal(cell, SLICE_LIT("true")))
        out->type = JSON_TRUE;
    else if (slice_equal(cell, SLICE_LIT("false")))
        out->type = JSON_FALSE;
    else if (!json_number(cell, out)) {
        out->type = JSON_TEXT;
        out->text = cell;
    }
}

/* A record of several lines took lines with it that may have been others: where it ends is told. */
static enum status tell_lines(const struct records *r, enum status st, uint32_t first,
                              struct fault *fault)
{
    uint32_t last = source_line_number(r->source);
    size_t len = fault ? strlen(fault->text) : 0;
    if (fault && last > first)
        snprintf(fault->text + len, sizeof fault->text - len, " (the record is lines %u to %u)",
                 first, last);
    return st;
}

static enum status read_csv(struct records *r, struct arena *a, struct slice *cells,
                            uint32_t *count, uint32_t *number, struct fault *fault)
{
    struct slice line;
    enum status s = source_line(r->source, &line, fault);
    *number = source_line_number(r->source);
    if (s)
        return s;
    if (!r->separator)
        r->separator = csv_separator(line);
    enum csv_place place = csv_pass(CSV_CELL, line, r->separator);
    buf_clear(&r->text);
    buf_put_slice(&r->text, line);
    while (place == CSV_QUOTED) {
        if (r->text.len > SOURCE_LINE_MAX)
            return tell_lines(
                r, fault_set(fault, STATUS_TOO_LARGE, "", "a record is longer than 16 MiB"),
                *number, fault);
        s = source_line(r->source, &line, fault);
        if (s == STATUS_END)
            break;
        if (s)
            return s;
        buf_put_u8(&r->text, '\n');
        buf_put_slice(&r->text, line);
        place = csv_pass(place, line, r->separator);
    }
    if (r->text.failed)
        return STATUS_NO_MEMORY;
    s = csv_record(buf_slice(&r->text), r->separator, a, cells, count, fault);
    if (s == STATUS_AGAIN)
        s = csv_bad(fault, "a quoted cell is not closed", *count);
    return s == STATUS_SYNTAX ? tell_lines(r, s, *number, fault) : s;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice trimmed(struct slice s)
{
    for (; s.len && is_blank(s.ptr[0]); s.len--)
        s.ptr++;
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static bool has_control(struct slice s)
{
    size_t i = 0;
    while (i < s.len && (unsigned char)s.ptr[i] >= ' ')
        i++;
    return i < s.len;
}

/* The place of a column; column_count where none has the name. */
static uint32_t column_of(const struct records *r, struct slice name)
{
    uint32_t i = 0;
    while (i < r->column_count && !slice_equal(r->columns[i], name))
        i++;
    return i;
}

/* What makes every line of the file a bad one is told once. */
static enum status check_header(struct records *r, struct fault *fault)
{
    for (uint32_t i = 0; i < r->column_count; i++) {
        struct slice name = r->columns[i] = trimmed(r->columns[i]);
        if (wire_utf8_valid(name) != name.len)
            return csv_bad(fault, "the header is not valid UTF-8", i);
        if (has_control(name))
            return csv_bad(fault, "the header holds a control character; lines end in LF or CR LF",
                           i);
        if (name.len && column_of(r, name) < i)
            return csv_bad(fault, "the header names a column twice", i);
    }
    return r->column_count && column_of(r, SLICE_LIT("id")) == r->column_count
               ? csv_bad(fault, "the header names no column id", 0)
               : STATUS_OK;
}

/* Empty lines may stand before it. */
static enum status read_header(struct records *r, struct fault *fault)
{
    uint32_t line = 0;
    enum status s;
    do {
        r->separator = 0;
        s = read_csv(r, &r->names, r->columns, &r->column_count, &line, fault);
    } while (!s && r->column_count == 1 && !trimmed(r->columns[0]).len);
    if (s == STATUS_END) {
        r->column_count = 0;
        return STATUS_OK;
    }
    s = s ? s : check_header(r, fault);
    if (s && fault)
        fault->line = line;
    return s;
}

static enum status next_csv(struct records *r, struct arena *a, struct json **out, uint32_t *line,
                            struct fault *fault)
{
    struct slice cells[CSV_COLUMNS];
    uint32_t count;
    enum status s = read_csv(r, a, cells, &count, line, fault);
    if (s)
        return s;
    if (count == 1 && cells[0].len == 0)
        return STATUS_AGAIN; /* an empty line */
    if (count > r->column_count)
        return csv_bad(fault, "more cells than the header names", r->column_count);
    struct json *v = arena_calloc(a, (size_t)count + 1, sizeof *v), **tail = &v->first;
    if (!v)
        return STATUS_NO_MEMORY;
    v->type = JSON_OBJECT;
    for (uint32_t i = 0; i < count; i++) {
        struct json *cell = &v[i + 1];
        if (cells[i].len == 0 || r->columns[i].len == 0)
            continue;
        if (wire_utf8_valid(cells[i]) != cells[i].len)
            return fault_set(fault, STATUS_BAD_UTF8, "", "not valid UTF-8");
        csv_value(cells[i], cell);
        cell->column = i + 1;
        cell->name = r->columns[i];
        if (slice_equal(cell->name, SLICE_LIT("id"))) {
            cell->type = JSON_TEXT;
            cell->text = cells[i];
        }
        *tail = cell;
        tail = &cell->next;
        v->count++;
    }
    *out = v;
    return STATUS_OK;
}

static enum status next_json(struct records *r, struct arena *a, struct json **out, uint32_t *line,
                             struct fault *fault)
{
    struct slice text;
    enum status s = source_line(r->source, &text, fault);
    *line = source_line_number(r->source);
    if (s)
        return s;
    if (!trimmed(text).len)
        return STATUS_AGAIN;
    return json_parse(arena_copy(a, text), *line, a, out, fault);
}

enum status records_next(struct records *r, struct arena *a, struct json **out, uint32_t *line,
                         struct fault *fault)
{
    enum status s;
    do
        s = r->csv ? next_csv(r, a, out, line, fault) : next_json(r, a, out, line, fault);
    while (s == STATUS_AGAIN);
    return s;
}

bool records_may_go_on(enum status s)
{
    return s == STATUS_SYNTAX || s == STATUS_BAD_UTF8 || s == STATUS_TOO_DEEP ||
           s == STATUS_TOO_LARGE;
}

enum status records_open(struct source *s, bool csv, struct records **out, struct fault *fault)
{
    struct records *r = calloc(1, sizeof *r);
    if (!r) {
        source_close(s);
        return fault_set(fault, STATUS_NO_MEMORY, "", "out of memory");
    }
    r->source = s;
    r->csv = csv;
    arena_init(&r->names, 0);
    enum status status = csv ? read_header(r, fault) : STATUS_OK;
    if (status) {
        records_close(r);
        return status;
    }
    *out = r;
    return STATUS_OK;
}

double records_part(const struct records *r)
{
    uint64_t size = source_size(r->source);
    return size ? (double)source_read(r->source) / (double)size : 0;
}

void records_close(struct records *r)
{
    if (!r)
        return;
    source_close(r->source);
    arena_fini(&r->names);
    buf_fini(&r->text);
    free(r);
}
