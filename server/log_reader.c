#include "server/log_reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/log_record.h"

struct log_reader {
    char dir[LOG_DIR];
    struct slice file;
    uint64_t at, chain; /* byte of the next record; checksum of the one before in the file */
    uint64_t last, hash;
    bool peeked;
    struct log_record record;
    uint64_t next, sum;
};

/* The file that begins with `first` or last before it. */
static enum status find_file(const char *dir, uint64_t first, struct log_file *out)
{
    struct log_file *files;
    size_t count;
    enum status st = log_files_list(dir, &files, &count);
    if (st)
        return st;
    st = count ? STATUS_NOT_FOUND : STATUS_AGAIN;
    for (size_t i = 0; i < count && files[i].first <= first; i++) {
        *out = files[i];
        st = STATUS_OK;
    }
    free(files);
    return st;
}

static enum status open_file(struct log_reader *r, const struct log_file *f)
{
    struct slice bytes;
    enum status st = log_file_map(f->path, &bytes);
    if (!st && !log_file_header_good(bytes, f->first)) {
        log_file_unmap(&bytes);
        st = STATUS_CORRUPT;
    }
    if (st)
        return st;
    log_file_unmap(&r->file);
    r->file = bytes;
    r->at = LOG_HEADER;
    r->chain = 0;
    r->last = f->first - 1;
    r->peeked = false;
    return STATUS_OK;
}

static enum status step(struct log_reader *r)
{
    if (r->peeked)
        return STATUS_OK;
    enum status st = log_record_at(r->file, r->at, r->chain, &r->record, &r->next, &r->sum);
    if (!st && r->record.sequence <= r->last)
        st = STATUS_CORRUPT;
    r->peeked = !st;
    return st;
}

static enum status seek(struct log_reader *r, uint64_t after)
{
    while (r->last < after) {
        enum status st = step(r);
        if (st)
            return st == STATUS_END ? STATUS_AGAIN : st;
        log_reader_skip(r);
    }
    return r->last == after ? STATUS_OK : STATUS_MOVED;
}

enum status log_reader_open(const char *dir, uint64_t after, struct log_reader **out)
{
    struct log_file f;
    struct log_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return STATUS_NO_MEMORY;
    snprintf(r->dir, sizeof r->dir, "%s", dir);
    enum status st = find_file(dir, after, &f); /* with the record that ends there, for its hash */
    st = st ? st : open_file(r, &f);
    if (st == STATUS_NOT_FOUND) { /* it may be pruned, a moment ago or long since */
        st = find_file(dir, after + 1, &f);
        st = st ? st : open_file(r, &f);
    }
    st = st ? st : seek(r, after);
    if (st)
        log_reader_close(&r);
    *out = r;
    return st;
}

void log_reader_close(struct log_reader **r)
{
    if (*r)
        log_file_unmap(&(*r)->file);
    free(*r);
    *r = NULL;
}

uint64_t log_reader_at(const struct log_reader *r)
{
    return r->last;
}

uint64_t log_reader_hash(const struct log_reader *r)
{
    return r->hash;
}

enum status log_reader_peek(struct log_reader *r, uint64_t durable, struct log_record *out)
{
    struct log_file f;
    if (r->last >= durable)
        return STATUS_AGAIN;
    enum status st = step(r);
    if (st == STATUS_END) { /* the file is full, the writer has gone on in another */
        st = find_file(r->dir, r->last + 1, &f);
        if (!st && f.first != r->last + 1)
            st = STATUS_CORRUPT;
        st = st ? st : open_file(r, &f);
        st = st ? st : step(r);
        if (st == STATUS_END)
            st = STATUS_AGAIN;
    }
    *out = r->record;
    return st;
}

void log_reader_skip(struct log_reader *r)
{
    r->hash = log_record_hash(r->hash, &r->record);
    r->last = r->record.sequence;
    r->at = r->next;
    r->chain = r->sum;
    r->peeked = false;
}

uint64_t log_reader_first(const char *dir)
{
    struct log_file *files;
    size_t count;
    if (log_files_list(dir, &files, &count))
        return 0;
    uint64_t first = count ? files[0].first - 1 : 0;
    free(files);
    return first;
}
