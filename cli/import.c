/* souk import: a file into a catalog, in pipelined bulks that survive lost connections. */
#include "cli/bulks.h"
#include "cli/command.h"
#include "cli/labels.h"
#include "cli/infer.h"
#include "cli/product.h"
#include "cli/records.h"
#include "cli/schema_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

struct import {
    struct command *c;
    const char *catalog, *path;
    enum {
        FORMAT_UNKNOWN,
        FORMAT_JSON,
        FORMAT_CSV
    } format;      /* by the name; else the first byte tells */
    int fd;        /* the file, or a copy of standard input */
    uint64_t hash; /* of its packed bytes */
    struct arena arena, names_arena;
    struct schema_spec schema;
    struct buf schema_bytes;
    struct infer infer;
    struct product_names names;
    struct bulks bulks;
    struct put_item items[BULK_ITEMS];
    struct buf docs;
    struct bulk *slot;
    enum put_ack ack;
    uint64_t batch, lines, errors;
    size_t frame;  /* the longest body the server takes */
    uint32_t most; /* items of a bulk */
    bool nothing;  /* no catalog was created: there is nothing to infer a schema from */
    uint64_t started_us, sending_us, shown_us;
    FILE *side;
    struct fault fault;
    enum status unread; /* why the rest of the file could not be read; what came before is sent */
    struct fault unread_fault;
};

static void write_error(struct import *im, uint32_t line, uint32_t column, enum status s,
                        struct slice field, struct slice text)
{
    struct buf b = BUF_INIT;
    im->errors++;
    if (!im->side) {
        const char *given = options_value(&im->c->options, OPT_ERRORS);
        char path[4096];
        snprintf(path, sizeof path, "%s.errors.jsonl",
                 strcmp(im->path, "-") == 0 ? "import" : im->path);
        im->side = fopen(given ? given : path, "w");
        if (!im->side)
            im->side = stderr;
    }
    buf_printf(&b, "{\"line\":%u,", line);
    if (column)
        buf_printf(&b, "\"column\":%u,", column);
    buf_printf(&b, "\"error\":\"%s\",\"field\":", status_name(s));
    json_put_text(&b, field);
    buf_printf(&b, ",\"message\":");
    json_put_text(&b, text);
    fprintf(im->side, "%.*s}\n", (int)b.len, b.ptr ? b.ptr : "");
    buf_fini(&b);
}

/* What the server refused: the line is known, the column is not. */
static void tell_error(void *ctx, uint32_t line, enum status s, struct slice field,
                       struct slice text)
{
    write_error(ctx, line, 0, s, field, text);
}

/* Hashes what stands in `from`, and copies it to `copy` unless that is NULL. */
static enum status read_all(struct import *im, int from, FILE *copy)
{
    char chunk[65536];
    ssize_t n = 0;
    enum status s = STATUS_OK;
    XXH64_state_t *state = XXH64_createState();
    if (!state)
        return STATUS_NO_MEMORY;
    XXH64_reset(state, 0);
    while (!s && (n = read(from, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || (copy && fwrite(chunk, 1, (size_t)n, copy) != (size_t)n))
            s = fault_set(&im->fault, STATUS_IO, "", "cannot read: %s", strerror(errno));
        else
            XXH64_update(state, chunk, (size_t)n);
    }
    im->hash = XXH64_digest(state);
    XXH64_freeState(state);
    return s;
}

/* Opens the file and hashes its bytes. What cannot be read twice, as standard input and pipes, is
 * copied aside. */
static enum status open_input(struct import *im)
{
    struct stat info;
    bool standard = strcmp(im->path, "-") == 0;
    int from = standard ? dup(STDIN_FILENO) : open(im->path, O_RDONLY | O_CLOEXEC);
    bool twice = from >= 0 && !standard && !fstat(from, &info) && !S_ISFIFO(info.st_mode) &&
                 !S_ISSOCK(info.st_mode) && !S_ISCHR(info.st_mode);
    FILE *copy = from >= 0 && !twice ? tmpfile() : NULL;
    if (from < 0 || (!twice && !copy)) {
        enum status s = fault_set(&im->fault, STATUS_IO, "", "cannot open '%.120s': %s", im->path,
                                  strerror(errno));
        if (from >= 0)
            close(from);
        return s;
    }
    enum status s = read_all(im, from, copy);
    if (!copy) {
        im->fd = from;
        return s;
    }
    close(from);
    if (!s && (fflush(copy) || (im->fd = dup(fileno(copy))) < 0))
        s = fault_set(&im->fault, STATUS_IO, "", "cannot read: %s", strerror(errno));
    fclose(copy);
    return s;
}

static enum status open_records(struct import *im, struct records **out)
{
    struct source *source;
    int fd = dup(im->fd);
    if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return fault_set(&im->fault, STATUS_IO, "", "cannot read the file twice");
    char first = '{';
    enum status s = source_of_fd(fd, &source, &im->fault);
    if (!s && im->format == FORMAT_UNKNOWN && (s = source_peek(source, &first, &im->fault)))
        source_close(source);
    return s ? s : records_open(source, im->format == FORMAT_CSV || first != '{', out, &im->fault);
}

static enum status infer_file(struct import *im)
{
    struct records *r = NULL;
    struct json *v;
    uint32_t line;
    enum status s = open_records(im, &r);
    if (s)
        return s;
    enum status added = STATUS_OK;
    bool any = false;
    while (!added && ((s = records_next(r, &im->arena, &v, &line, &im->fault)) == STATUS_OK ||
                      records_may_go_on(s))) {
        any |= !s;
        added = s ? STATUS_OK : infer_add(&im->infer, v, &im->fault);
        arena_reset(&im->arena);
    }
    records_close(r);
    if (added)
        return added;
    if (s != STATUS_END && !any)
        return im->unread = s; /* else it is told when what the file holds was sent */
    im->nothing = im->infer.products == 0;
    infer_schema(&im->infer, &im->schema);
    return STATUS_OK;
}

/* Waits as long as the server asks for; false when it is no use, or the patience is over. */
static bool wait_out(struct import *im, enum status s, uint64_t until_us)
{
    uint32_t asked = im->c->reply.fault.retry_after_ms;
    uint64_t now = command_now_us(), resume = now + 1000 * (uint64_t)(asked ? asked : 50);
    if ((!status_retryable(s) && status_class(s) != STATUS_CLASS_OVERLOAD) || resume > until_us)
        return false;
    for (; now < resume; now = command_now_us())
        souk_step(im->c->souk, (int)((resume - now) / 1000 + 1));
    return true;
}

/* A catalog's affair is small: a server that is too busy just now is asked again. */
static enum status ask_catalog(struct import *im, const struct catalog_request *q)
{
    uint64_t until = command_now_us() + im->bulks.patience_us;
    enum status s;
    do {
        s = souk_catalog(im->c->souk, q, &im->c->reply);
    } while (s && wait_out(im, s, until));
    return s;
}

/* The catalog's schema; the catalog is created when there is none. */
static enum status prepare_catalog(struct import *im)
{
    struct command *c = im->c;
    const char *path = options_value(&c->options, OPT_SCHEMA);
    struct catalog_request q = {.action = CATALOG_DESCRIBE, .name = slice_str(im->catalog)};
    struct catalog_entry e = {0};
    enum status s = ask_catalog(im, &q);
    im->fault = c->reply.fault;
    if (s == STATUS_OK) {
        struct wire_reader r = wire_reader_of(c->reply.body);
        s = catalog_entry_next(&r, &e);
        if (s)
            return STATUS_BAD_FRAME;
        buf_put_slice(&im->schema_bytes, e.schema);
        return schema_spec_decode(buf_slice(&im->schema_bytes), &im->schema, &im->fault);
    }
    if (s != STATUS_UNKNOWN_CATALOG && s != STATUS_NOT_FOUND)
        return s;
    memset(&im->fault, 0, sizeof im->fault);
    s = path ? command_schema_file(path, &im->names_arena, &im->schema, &im->fault)
             : infer_file(im);
    if (s || im->nothing)
        return s;
    schema_spec_encode(&im->schema, &im->schema_bytes);
    /* From here on its names live in these bytes, not in the file's text. */
    if ((s = schema_spec_decode(buf_slice(&im->schema_bytes), &im->schema, &im->fault)))
        return s;
    q.action = CATALOG_CREATE;
    q.schema = buf_slice(&im->schema_bytes);
    s = ask_catalog(im, &q);
    im->fault = c->reply.fault;
    return s == STATUS_EXISTS ? STATUS_OK : s;
}

/* What makes a bulk of this file the same one when the file is imported again: its place, and what
 * is sent. Under another schema, or with other windows, that may be another. */
static void bulk_key(struct import *im, char out[64])
{
    const struct put_item *first = im->items; /* the windows are those of all */
    int64_t windows[3] = {first->ttl_ms, first->swr_ms, first->sie_ms};
    uint64_t sent = XXH64(im->docs.ptr, im->docs.len, XXH64(windows, sizeof windows, 0));
    snprintf(out, 64, "%016llx-%llu-%016llx", (unsigned long long)im->hash,
             (unsigned long long)im->batch++, (unsigned long long)sent);
}

static void send_bulk(struct import *im)
{
    struct put_request p = {.catalog = slice_str(im->catalog),
                            .ack = im->ack,
                            .names = im->names.names,
                            .name_count = im->names.count,
                            .items = im->items};
    char key[64];
    size_t at = 0;
    bulk_key(im, key);
    p.key = slice_str(key);
    p.item_count = im->slot->count;
    put_request_header(&p, &im->slot->body);
    for (uint32_t i = 0; i < im->slot->count; i++) {
        im->items[i].document.ptr = im->docs.ptr + at;
        at += im->items[i].document.len;
        put_item_encode(&im->items[i], &im->slot->body);
    }
    bulks_send(&im->bulks, im->slot);
    im->slot = NULL;
}

/* Sends what was gathered, if anything was, and begins anew. */
static void flush_bulk(struct import *im)
{
    if (im->slot)
        send_bulk(im);
    buf_clear(&im->docs);
    arena_reset(&im->names_arena);
    product_names_init(&im->names, &im->schema, &im->names_arena);
}

/* What the server takes at once, as it said when the connection began. */
static void learn_limits(struct import *im)
{
    const struct hello *h = souk_server(im->c->souk);
    im->frame = h && h->max_frame ? h->max_frame : FRAME_MAX_BODY;
    im->most = h && h->max_items && h->max_items < BULK_ITEMS ? h->max_items : BULK_ITEMS;
}

/* The body of a bulk of `count` products of `bytes` together, at most. */
static size_t body_of(const struct import *im, uint32_t count, size_t bytes)
{
    enum { HEAD = 512, NAME = 80, ITEM = 64 };
    return HEAD + (size_t)im->names.count * NAME + (size_t)count * ITEM + bytes;
}

/* A product that no bulk can carry. */
static enum status too_large(const struct import *im, size_t bytes, struct fault *fault)
{
    if (bytes > DOCUMENT_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "", "a product has up to 1,000,000 bytes");
    if (body_of(im, 1, bytes) > im->frame)
        return fault_set(fault, STATUS_TOO_LARGE, "",
                         "the product is longer than a request of this server may be, %zu bytes",
                         im->frame);
    return STATUS_OK;
}

static void add_product(struct import *im, const struct json *v, uint32_t line)
{
    size_t from = im->docs.len;
    struct fault fault = {0};
    enum status s = product_encode(v, &im->names, false, &im->docs, &fault);
    s = s ? s : too_large(im, im->docs.len - from, &fault);
    if (!s && im->slot && body_of(im, im->slot->count + 1, im->docs.len) > im->frame) {
        im->docs.len = from;
        flush_bulk(im); /* it begins the next one */
        add_product(im, v, line);
        return;
    }
    if (!s && !im->slot && !(im->slot = bulks_take(&im->bulks)))
        return;
    if (s) {
        im->docs.len = from;
        write_error(im, line, fault.column, s, slice_str(fault.field), slice_str(fault.text));
    } else {
        struct put_item *item = &im->items[im->slot->count];
        *item = (struct put_item){.op = PUT_UPSERT};
        labels_windows(&im->c->options, item);
        item->document.len = im->docs.len - from;
        im->slot->lines[im->slot->count++] = line;
        struct document d;
        if (document_begin(&d, slice_make(im->docs.ptr + from, item->document.len)) == STATUS_OK)
            bulks_note(&im->bulks, im->slot, d.id);
    }
    bool full = im->slot && im->slot->count == im->most;
    if (full || im->docs.len >= BULK_BYTES || s == STATUS_TOO_LARGE)
        flush_bulk(im);
}

/* [=====>    ] 41 %  273,110 products  48,211/s  8 s left */
static void progress(struct import *im, const struct records *r, bool last)
{
    enum { WIDTH = 24 };
    uint64_t now = command_now_us(), passed = now - im->sending_us;
    bool quiet = options_has(&im->c->options, OPT_QUIET) || !isatty(STDERR_FILENO);
    if (quiet || (!last && now - im->shown_us < 100000))
        return;
    im->shown_us = now;
    double part = last ? 1 : records_part(r);
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < (int)(part * WIDTH) ? '=' : i == (int)(part * WIDTH) ? '>' : ' ';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r\x1b[K[%s] %3.0f %%  %llu products  %.0f/s", bar, part * 100,
            (unsigned long long)im->bulks.applied,
            (double)im->bulks.applied * 1e6 / (double)(passed + 1));
    if (im->errors)
        fprintf(stderr, "  %llu errors", (unsigned long long)im->errors);
    if (!last && part > 0.01)
        fprintf(stderr, "  %.0f s left", (double)passed / 1e6 * (1 - part) / part);
    if (last)
        fputc('\n', stderr);
}

static enum status send_file(struct import *im)
{
    struct records *r = NULL;
    struct json *v;
    uint32_t line = 0;
    enum status s = open_records(im, &r);
    if (s)
        return s;
    product_names_init(&im->names, &im->schema, &im->names_arena);
    im->sending_us = command_now_us();
    while (!im->bulks.gave_up) {
        memset(&im->fault, 0, sizeof im->fault);
        arena_reset(&im->arena);
        s = records_next(r, &im->arena, &v, &line, &im->fault);
        if (s && !records_may_go_on(s))
            break;
        im->lines++;
        if (s)
            write_error(im, line, im->fault.column, s, SLICE_NULL, slice_str(im->fault.text));
        else
            add_product(im, v, line);
        progress(im, r, false);
    }
    flush_bulk(im);
    bulks_finish(&im->bulks);
    progress(im, r, true);
    records_close(r);
    if (im->bulks.gave_up) {
        im->fault = im->bulks.fault;
        return im->bulks.gave_up;
    }
    im->unread = s == STATUS_END ? STATUS_OK : s;
    return STATUS_OK;
}

/* Until the last sequence is visible, through restarts, as long as the patience lasts. */
static enum status wait_visible(struct import *im)
{
    struct wait_request w = {slice_str(im->catalog), im->bulks.sequence};
    uint64_t until = command_now_us() + im->bulks.patience_us;
    enum status s = STATUS_OK;
    while (w.sequence && (s = souk_wait(im->c->souk, &w, 5000, &im->c->reply)) != STATUS_OK)
        if (!wait_out(im, s, until))
            break;
    im->fault = im->c->reply.fault;
    return s;
}

static int finish(struct import *im, enum status s)
{
    double seconds = (double)(command_now_us() - im->started_us) / 1e6;
    struct bulks *b = &im->bulks;
    int code = s ? command_fail(im->c, s, &im->fault) : EXIT_OK;
    if (s)
        return im->unread && !im->lines ? EXIT_USAGE : code;
    buf_printf(&im->c->out,
               "{\"catalog\":\"%s\",\"lines\":%llu,\"applied\":%llu,\"ignored\":%llu,"
               "\"failed\":%llu,\"replayed_bulks\":%llu,\"resent_bulks\":%llu,\"sequence\":%llu,"
               "\"seconds\":%.3f,\"per_second\":%.0f}\n",
               im->catalog, (unsigned long long)im->lines, (unsigned long long)b->applied,
               (unsigned long long)b->ignored, (unsigned long long)im->errors,
               (unsigned long long)b->replayed, (unsigned long long)b->resent,
               (unsigned long long)b->sequence, seconds,
               seconds > 0 ? (double)im->lines / seconds : 0);
    code = command_flush(im->c);
    if (im->unread) /* what was read before stays */
        command_fail(im->c, im->unread, &im->unread_fault);
    if (b->replayed && b->replayed == im->batch)
        fprintf(stderr,
                "souk: the same file was imported within a day: nothing was changed by it now; "
                "--again imports it anew\n");
    if (im->nothing && !im->unread)
        fprintf(stderr, "souk: %s holds no product: catalog %s was not created\n",
                strcmp(im->path, "-") == 0 ? "the input" : im->path, im->catalog);
    if ((im->unread || im->nothing) && !im->lines)
        return code ? code : EXIT_USAGE;
    return code ? code : im->errors || im->unread ? EXIT_PARTIAL : EXIT_OK;
}

static bool has_suffix(const char *path, const char *suffix)
{
    const char *at = strcasestr(path, suffix);
    return at && (!at[strlen(suffix)] || at[strlen(suffix)] == '.');
}

static int format_of(const char *path)
{
    if (path && has_suffix(path, ".csv"))
        return FORMAT_CSV;
    return path && (has_suffix(path, ".jsonl") || has_suffix(path, ".ndjson") ||
                    has_suffix(path, ".json"))
               ? FORMAT_JSON
               : FORMAT_UNKNOWN;
}

static int run(struct import *im)
{
    enum status s = open_input(im);
    if (s) {
        command_fail(im->c, s, &im->fault);
        return EXIT_USAGE;
    }
    int code = command_connect(im->c);
    if (code)
        return code;
    if (options_has(&im->c->options, OPT_AGAIN))
        im->hash ^= command_now_us() * 0x9e3779b97f4a7c15u;
    im->bulks.souk = im->c->souk;
    learn_limits(im);
    im->bulks.reject = tell_error;
    im->bulks.ctx = im;
    im->started_us = command_now_us();
    s = prepare_catalog(im);
    if (!s)
        s = send_file(im);
    im->unread_fault = im->fault;
    if (!s)
        s = wait_visible(im);
    code = finish(im, s);
    souk_close(im->c->souk); /* while the bulks its callbacks know are still there */
    im->c->souk = NULL;
    return code;
}

int command_import(struct command *c)
{
    struct import *im = calloc(1, sizeof *im);
    const char *bad = im ? NULL : "out of memory";
    int64_t patience = options_number(&c->options, OPT_PATIENCE, 60);
    if (!bad) {
        im->c = c;
        im->fd = -1;
        im->catalog = options_value(&c->options, OPT_CATALOG);
        im->path = command_word(c, 1);
        im->bulks.patience_us = (uint64_t)patience * 1000000;
        im->format = format_of(im->path);
        if (!im->catalog || !im->path)
            bad = "import needs --catalog NAME and a file ('-' is standard input)";
        else if (!command_ack(c, &im->ack))
            bad = "--ack is queued, logged or visible";
    }
    if (bad) {
        free(im);
        return command_usage(bad);
    }
    arena_init(&im->arena, 0);
    arena_init(&im->names_arena, 0);
    infer_init(&im->infer);
    int code = run(im);
    if (im->side && im->side != stderr)
        fclose(im->side);
    if (im->fd >= 0)
        close(im->fd);
    infer_fini(&im->infer);
    bulks_fini(&im->bulks);
    buf_fini(&im->docs);
    buf_fini(&im->schema_bytes);
    arena_fini(&im->names_arena);
    arena_fini(&im->arena);
    free(im);
    return code;
}
