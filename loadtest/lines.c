#include "loadtest/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "protocol/buf.h"

enum { CHUNK = 1 << 16, COLUMNS = 16 };

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

static bool read_zst(FILE *f, struct buf *out)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    char in[CHUNK];
    size_t n, left = 0;
    bool ok = z != NULL;
    while (ok && (n = fread(in, 1, sizeof in, f)) > 0) {
        ZSTD_inBuffer from = {in, n, 0};
        while (ok && from.pos < from.size) {
            ok = buf_reserve(out, CHUNK);
            if (!ok)
                break;
            ZSTD_outBuffer to = {out->ptr, out->cap, out->len};
            left = ZSTD_decompressStream(z, &to, &from);
            out->len = to.pos;
            ok = !ZSTD_isError(left);
        }
    }
    ZSTD_freeDStream(z);
    return ok && left == 0;
}

/* gzread() passes files that are not packed through as they are. */
static bool read_plain(const char *path, struct buf *out)
{
    gzFile g = strcmp(path, "-") == 0 ? gzdopen(0, "rb") : gzopen(path, "rb");
    int n = g ? 0 : -1;
    while (g && buf_reserve(out, CHUNK) && (n = gzread(g, out->ptr + out->len, CHUNK)) > 0)
        out->len += (size_t)n;
    if (g)
        gzclose(g);
    return n == 0 && !out->failed;
}

enum status lines_read(const char *path, struct arena *a, struct slice *out, struct fault *fault)
{
    struct buf b = BUF_INIT;
    FILE *f = NULL;
    bool ok = false;
    errno = 0;
    if (ends_with(path, ".zst")) {
        f = fopen(path, "rb");
        if (f)
            ok = read_zst(f, &b);
    } else {
        ok = read_plain(path, &b);
    }
    if (f)
        fclose(f);
    if (ok) {
        *out = arena_copy(a, buf_slice(&b));
        ok = out->ptr != NULL;
    }
    buf_fini(&b);
    return ok ? STATUS_OK
              : fault_set(fault, STATUS_IO, "file", "cannot read %.120s: %s", path,
                          errno ? strerror(errno) : "damaged");
}

bool lines_next(struct slice *text, struct slice *line)
{
    if (!text->len)
        return false;
    const char *end = memchr(text->ptr, '\n', text->len);
    size_t n = end ? (size_t)(end - text->ptr) : text->len;
    *line = slice_make(text->ptr, n && text->ptr[n - 1] == '\r' ? n - 1 : n);
    n += end != NULL;
    text->ptr += n;
    text->len -= n;
    return true;
}

static bool next_row(struct slice *text, struct slice *columns, uint32_t *count)
{
    struct slice line;
    do {
        if (!lines_next(text, &line))
            return false;
    } while (!line.len || line.ptr[0] == '#');
    *count = 0;
    while (*count < COLUMNS) {
        const char *tab = memchr(line.ptr, '\t', line.len);
        size_t n = tab ? (size_t)(tab - line.ptr) : line.len;
        columns[(*count)++] = slice_make(line.ptr, n);
        if (!tab)
            break;
        line = slice_make(tab + 1, line.len - n - 1);
    }
    return true;
}

static bool number_of(struct slice s, double *out)
{
    char room[40], *end;
    if (!s.len || s.len >= sizeof room)
        return false;
    memcpy(room, s.ptr, s.len);
    room[s.len] = '\0';
    *out = strtod(room, &end);
    return !*end && *out >= 0;
}

struct columns {
    bool header;
    int text, weight; /* -1 = none */
};

static int column_named(const struct slice *columns, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (slice_equal(columns[i], slice_str(name)))
            return (int)i;
    return -1;
}

/* Looks at all rows: what the columns are is the same for the whole file. */
static struct columns find_columns(struct slice text)
{
    struct slice c[COLUMNS];
    struct columns found = {.text = 0, .weight = -1};
    uint32_t n;
    double d;
    struct slice rest = text;
    if (!next_row(&rest, c, &n))
        return found;
    int query = column_named(c, n, "query");
    if (n > 1 && query >= 0) {
        int weight = column_named(c, n, "weight");
        return (struct columns){true, query, weight >= 0 ? weight : column_named(c, n, "count")};
    }
    bool second = n > 1, third = n > 2;
    for (rest = text; next_row(&rest, c, &n) && (second || third);) {
        second &= n > 1 && number_of(c[1], &d);
        third &= n > 2 && number_of(c[2], &d);
    }
    rest = text;
    next_row(&rest, c, &n);
    if (n == 1)
        return found;
    return second ? (struct columns){false, 0, 1} : (struct columns){false, 1, third ? 2 : -1};
}

enum status query_log_parse(struct slice text, struct arena *a, struct query_log *out,
                            struct fault *fault)
{
    struct slice c[COLUMNS], rest = text;
    uint32_t n, rows = 0;
    struct columns at = find_columns(text);
    while (next_row(&rest, c, &n))
        rows++;
    rows -= at.header;
    *out = (struct query_log){.texts = arena_alloc(a, (rows + 1) * sizeof *out->texts),
                              .weights = arena_alloc(a, (rows + 1) * sizeof *out->weights)};
    if (!out->texts || !out->weights)
        return STATUS_NO_MEMORY;
    rest = text;
    if (at.header)
        next_row(&rest, c, &n);
    while (next_row(&rest, c, &n)) {
        double weight = 1;
        if (at.text >= (int)n)
            continue;
        if (at.weight >= 0 && (at.weight >= (int)n || !number_of(c[at.weight], &weight)))
            weight = 1;
        out->texts[out->count] = c[at.text];
        out->weights[out->count++] = weight;
        out->weighted |= weight != 1;
    }
    return out->count ? STATUS_OK
                      : fault_set(fault, STATUS_INVALID, "queries", "the query log is empty");
}

enum status query_log_read(const char *path, struct arena *a, struct query_log *out,
                           struct fault *fault)
{
    struct slice text = SLICE_NULL;
    enum status s = lines_read(path, a, &text, fault);
    return s ? s : query_log_parse(text, a, out, fault);
}
