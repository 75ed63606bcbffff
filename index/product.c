#include "index/product.h"
#include "index/path.h"

#include <stdio.h>
#include <stdlib.h>

/* --- parsing ---------------------------------------------------------------------------------- */

static bool fits(const struct field *f, const struct value *v)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_KEYWORD_LIST:
    case FIELD_PATH:
        return v->type == VALUE_TEXT || v->type == VALUE_LIST;
    case FIELD_KEYWORD:
        return v->type == VALUE_TEXT;
    case FIELD_INTEGER:
    case FIELD_TIMESTAMP:
        return v->type == VALUE_INT;
    case FIELD_FLOAT:
        return v->type == VALUE_FLOAT || v->type == VALUE_INT;
    case FIELD_BOOLEAN:
        return v->type == VALUE_TRUE || v->type == VALUE_FALSE;
    case FIELD_ATTRIBUTES:
        return v->type == VALUE_PAIRS;
    default:
        return false;
    }
}

enum status product_parse(const struct schema *schema, struct slice document, struct product *p)
{
    struct document d;
    uint32_t number;
    struct value v;
    memset(p->given, 0, sizeof p->given);
    enum status st = document_begin(&d, document);
    if (st)
        return st;
    p->id = d.id;
    if (d.id.len == 0 || d.id.len > 255)
        return STATUS_INVALID;
    while ((st = document_next(&d, &number, &v)) == STATUS_OK) {
        if (number >= schema->field_count)
            return STATUS_UNKNOWN_FIELD;
        if (v.type != VALUE_NULL && !fits(&schema->fields[number], &v))
            return STATUS_SCHEMA_MISMATCH;
        p->given[number] = true;
        p->values[number] = v;
    }
    return st == STATUS_END ? STATUS_OK : st;
}

enum column_kind product_column_kind(const struct field *f)
{
    switch (f->type) {
    case FIELD_FLOAT:
        return COLUMN_FLOAT;
    case FIELD_KEYWORD:
    case FIELD_PATH:
        return COLUMN_ORDINAL;
    case FIELD_KEYWORD_LIST:
    case FIELD_ATTRIBUTES:
        return COLUMN_ORDINALS;
    default:
        return COLUMN_INT;
    }
}

/* --- ordinals --------------------------------------------------------------------------------- */

static enum status plain_ordinal(struct facet_intern *in, uint32_t field, struct slice text,
                                 uint32_t parent, uint32_t *out)
{
    if (text.len > FACET_TEXT_MAX)
        return STATUS_TOO_LARGE;
    struct facet_row row = {.parent = parent, .type = VALUE_TEXT, .text = text};
    return facet_intern_ordinal(in, field, &row, out);
}

/* Interns every prefix of the path, so that a parent always comes before its children. Nodes may
 * come written together: a value has one text, and with it one parent, whoever brought it first. */
static enum status path_ordinal(struct facet_intern *in, uint32_t field, const struct value *v,
                                uint32_t *out)
{
    struct buf joined = BUF_INIT, *scratch = &joined;
    struct path_walk walk = path_walk_of(v);
    struct slice node;
    uint32_t parent = 0, nodes = 0;
    enum status st = STATUS_OK;
    while (!st && path_walk_next(&walk, &node)) {
        if (scratch->len)
            buf_put(scratch, PATH_JOINT, sizeof PATH_JOINT - 1);
        buf_put_slice(scratch, node);
        st = scratch->failed ? STATUS_NO_MEMORY
             : nodes++ == PATH_MAX_NODES
                 ? STATUS_TOO_LARGE
                 : plain_ordinal(in, field, buf_slice(scratch), parent, &parent);
    }
    buf_fini(scratch);
    *out = parent;
    return st;
}

struct slice product_number_text(double v, char text[NUMBER_TEXT_MAX])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, NUMBER_TEXT_MAX, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return slice_str(text);
}

static bool put_value_text(struct buf *b, const struct value *v, struct facet_row *row)
{
    char text[NUMBER_TEXT_MAX];
    row->type = v->type;
    switch (v->type) {
    case VALUE_TEXT:
        buf_put_slice(b, v->bytes);
        return true;
    case VALUE_TRUE:
        buf_put(b, "true", 4);
        return true;
    case VALUE_FALSE:
        buf_put(b, "false", 5);
        return true;
    case VALUE_INT:
        row->has_number = true;
        row->number = (double)v->i;
        buf_put(b, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v->i));
        return true;
    case VALUE_FLOAT:
        row->has_number = true;
        row->number = v->f;
        buf_put_slice(b, product_number_text(v->f, text));
        return true;
    default:
        return false;
    }
}

static enum status put_attribute(struct facet_intern *in, uint32_t field, struct slice path,
                                 const struct value *v, struct buf *text, struct buf *items)
{
    struct facet_row row = {0};
    uint32_t ordinal;
    buf_clear(text);
    buf_put_slice(text, path);
    buf_put_u8(text, 0x1f);
    if (!put_value_text(text, v, &row))
        return STATUS_OK; /* NULL: nothing to keep */
    row.text = buf_slice(text);
    if (text->failed || row.text.len > FACET_TEXT_MAX)
        return text->failed ? STATUS_NO_MEMORY : STATUS_TOO_LARGE;
    enum status st = facet_intern_ordinal(in, field, &row, &ordinal);
    buf_put(items, &ordinal, sizeof ordinal);
    return st;
}

static enum status put_pairs(struct facet_intern *in, uint32_t field, const struct value *pairs,
                             struct buf *items)
{
    struct wire_reader r = wire_reader_of(pairs->bytes);
    struct buf text = BUF_INIT;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < pairs->count && !st; i++) {
        struct slice path;
        struct value v;
        st = value_next_pair(&r, &path, &v);
        if (st || v.type != VALUE_LIST) {
            st = st ? st : put_attribute(in, field, path, &v, &text, items);
            continue;
        }
        struct wire_reader l = wire_reader_of(v.bytes);
        for (uint32_t k = 0; k < v.count && !st; k++) {
            struct value item = {.type = VALUE_TEXT, .bytes = value_next_item(&l)};
            st = put_attribute(in, field, path, &item, &text, items);
        }
    }
    buf_fini(&text);
    return st;
}

static enum status put_list(struct facet_intern *in, uint32_t field, const struct value *v,
                            struct buf *items)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    uint32_t n = v->type == VALUE_LIST ? v->count : 1;
    for (uint32_t i = 0; i < n; i++) {
        struct slice text = v->type == VALUE_LIST ? value_next_item(&r) : v->bytes;
        uint32_t ordinal;
        enum status st = plain_ordinal(in, field, text, 0, &ordinal);
        if (st)
            return st;
        buf_put(items, &ordinal, sizeof ordinal);
    }
    return STATUS_OK;
}

static enum status list_value(const struct field *f, const struct value *v, struct facet_intern *in,
                              struct buf *items, struct column_value *out)
{
    size_t start = items->len;
    enum status st = f->type == FIELD_ATTRIBUTES ? put_pairs(in, f->id, v, items)
                                                 : put_list(in, f->id, v, items);
    if (!st && items->failed)
        st = STATUS_NO_MEMORY;
    out->ordinal = (uint32_t)(start / sizeof(uint32_t));
    out->count = (uint32_t)((items->len - start) / sizeof(uint32_t));
    out->present = out->count > 0;
    return st;
}

enum status product_column_value(const struct field *f, const struct product *p,
                                 struct facet_intern *in, struct buf *items,
                                 struct column_value *out)
{
    const struct value *v = &p->values[f->id];
    *out = (struct column_value){.present = product_has(p, f->id)};
    if (!out->present)
        return STATUS_OK;
    enum status st = STATUS_OK;
    switch (f->type) {
    case FIELD_FLOAT:
        out->f = v->type == VALUE_INT ? (double)v->i : v->f;
        return STATUS_OK;
    case FIELD_BOOLEAN:
        out->i = v->type == VALUE_TRUE;
        return STATUS_OK;
    case FIELD_KEYWORD:
        return plain_ordinal(in, f->id, v->bytes, 0, &out->ordinal);
    case FIELD_PATH:
        st = path_ordinal(in, f->id, v, &out->ordinal);
        out->present = out->ordinal != 0;
        return st;
    case FIELD_KEYWORD_LIST:
    case FIELD_ATTRIBUTES:
        return list_value(f, v, in, items, out);
    default:
        out->i = v->i;
        return STATUS_OK;
    }
}

static bool in_record(const struct field *f)
{
    return !f->has_column && (f->stored || f->searchable);
}

void product_put_record(const struct schema *schema, const struct product *p, struct buf *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < schema->field_count; i++)
        n += in_record(&schema->fields[i]) && product_has(p, i);
    document_put_header(out, SLICE_NULL, n); /* the segment keeps the id beside the record */
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (in_record(&schema->fields[i]) && product_has(p, i)) {
            wire_put_varint(out, i);
            value_put(out, &p->values[i]);
        }
}

/* --- putting together ------------------------------------------------------------------------- */

static enum status put_path(const struct product_source *from, uint32_t field, uint32_t ordinal,
                            struct buf *out)
{
    struct facet_row rows[PATH_MAX_NODES];
    uint32_t n = 0;
    for (uint32_t at = ordinal; at && n < PATH_MAX_NODES; at = rows[n++].parent) {
        enum status st = from->facet(from->ctx, field, at, &rows[n]);
        if (st)
            return st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
    }
    value_put_list(out, n);
    size_t skip = 0;
    while (n--) {
        if (rows[n].text.len < skip)
            return STATUS_CORRUPT;
        wire_put_bytes(out, slice_make(rows[n].text.ptr + skip, rows[n].text.len - skip));
        skip = rows[n].text.len + sizeof PATH_JOINT - 1;
    }
    return STATUS_OK;
}

static enum status read_row(const struct product_source *from, uint32_t field, uint32_t ordinal,
                            struct facet_row *row)
{
    enum status st = from->facet(from->ctx, field, ordinal, row);
    return st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
}

static enum status put_texts(const struct product_source *from, uint32_t field,
                             const struct column_value *v, struct buf *out)
{
    struct facet_row row;
    value_put_list(out, v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        enum status st = read_row(from, field, v->items[i], &row);
        if (st)
            return st;
        wire_put_bytes(out, row.text);
    }
    return STATUS_OK;
}

static bool split_attribute(struct slice text, struct slice *path, struct slice *value)
{
    const char *at = text.len ? memchr(text.ptr, 0x1f, text.len) : NULL;
    if (!at)
        return false;
    *path = slice_make(text.ptr, (size_t)(at - text.ptr));
    *value = slice_make(at + 1, text.len - path->len - 1);
    return true;
}

static void put_typed(struct buf *out, const struct facet_row *row, struct slice text)
{
    char number[NUMBER_TEXT_MAX] = "";
    switch (row->type) {
    case VALUE_TRUE:
    case VALUE_FALSE:
        value_put_bool(out, row->type == VALUE_TRUE);
        break;
    case VALUE_INT:
        if (text.len < sizeof number)
            memcpy(number, text.ptr, text.len);
        value_put_int(out, strtoll(number, NULL, 10));
        break;
    case VALUE_FLOAT:
        value_put_float(out, row->number);
        break;
    default:
        value_put_text(out, text);
    }
}

/* Texts of one path that follow each other are one list. */
static enum status put_attributes(const struct product_source *from, uint32_t field,
                                  const struct column_value *v, struct buf *out)
{
    struct buf body = BUF_INIT;
    uint32_t pairs = 0;
    enum status st = STATUS_OK;
    for (uint32_t i = 0, run; i < v->count && !st; i += run) {
        struct facet_row row, next;
        struct slice path, text, other, item;
        run = 1;
        if ((st = read_row(from, field, v->items[i], &row)))
            break;
        if (!split_attribute(row.text, &path, &text)) {
            st = STATUS_CORRUPT;
            break;
        }
        while (row.type == VALUE_TEXT && i + run < v->count &&
               !(st = read_row(from, field, v->items[i + run], &next)) && next.type == VALUE_TEXT &&
               split_attribute(next.text, &other, &item) && slice_equal(other, path))
            run++;
        wire_put_bytes(&body, path);
        pairs++;
        if (run == 1) {
            put_typed(&body, &row, text);
            continue;
        }
        value_put_list(&body, run);
        for (uint32_t k = 0; k < run && !st; k++) {
            st = read_row(from, field, v->items[i + k], &next);
            if (!st && split_attribute(next.text, &other, &item))
                wire_put_bytes(&body, item);
        }
    }
    value_put_pairs(out, pairs);
    buf_put_slice(out, buf_slice(&body));
    out->failed |= body.failed;
    buf_fini(&body);
    return st;
}

static enum status put_column(const struct product_source *from, const struct field *f,
                              const struct column_value *v, struct buf *out)
{
    struct facet_row row;
    enum status st;
    switch (f->type) {
    case FIELD_FLOAT:
        value_put_float(out, v->f);
        return STATUS_OK;
    case FIELD_BOOLEAN:
        value_put_bool(out, v->i != 0);
        return STATUS_OK;
    case FIELD_KEYWORD:
        if ((st = read_row(from, f->id, v->ordinal, &row)))
            return st;
        value_put_text(out, row.text);
        return STATUS_OK;
    case FIELD_PATH:
        return put_path(from, f->id, v->ordinal, out);
    case FIELD_KEYWORD_LIST:
        return put_texts(from, f->id, v, out);
    case FIELD_ATTRIBUTES:
        return put_attributes(from, f->id, v, out);
    default:
        value_put_int(out, v->i);
        return STATUS_OK;
    }
}

static bool is_wanted(const struct field *f, const uint64_t *wanted, bool hidden)
{
    return (f->stored || hidden) && (!wanted || (wanted[f->id / 64] >> (f->id % 64) & 1));
}

/* A varint of two bytes takes any count of fields; nearly always one does. */
static size_t count_begin(const struct schema *schema, struct slice id, struct buf *out)
{
    static const char room[2];
    wire_put_bytes(out, id);
    size_t at = out->len;
    buf_put(out, room, schema->field_count < 0x80 ? 1 : 2);
    return at;
}

static void count_end(const struct schema *schema, uint32_t count, size_t at, struct buf *out)
{
    bool wide = schema->field_count >= 0x80;
    if (out->failed)
        return;
    out->ptr[at] = (char)((count & 0x7f) | (wide ? 0x80 : 0));
    if (wide)
        out->ptr[at + 1] = (char)(count >> 7);
}

static enum status put_fields(const struct schema *schema, struct slice record, uint32_t docid,
                              const struct product_source *from, const uint64_t *wanted,
                              bool hidden, struct buf *out, uint32_t *count)
{
    struct document d;
    uint32_t number = 0;
    struct value v;
    enum status st = document_begin(&d, record);
    if (st)
        return STATUS_CORRUPT;
    const uint8_t *begins = d.r.at; /* of the field that comes next: number and value */
    enum status more = document_next(&d, &number, &v);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        struct column_value c = {0};
        while (more == STATUS_OK && number < i) {
            begins = d.r.at;
            more = document_next(&d, &number, &v);
        }
        bool recorded = more == STATUS_OK && number == i;
        if (!is_wanted(f, wanted, hidden))
            continue;
        if (!recorded && f->has_column &&
            (st = from->column(from->ctx, i, product_column_kind(f), docid, &c)))
            return st;
        if (!recorded && !c.present)
            continue;
        ++*count;
        if (recorded) {
            buf_put(out, begins, (size_t)(d.r.at - begins));
            continue;
        }
        wire_put_varint(out, i);
        if ((st = put_column(from, f, &c, out)))
            return st;
    }
    return more && more != STATUS_END ? STATUS_CORRUPT : STATUS_OK;
}

enum status product_assemble(const struct schema *schema, struct slice id, struct slice record,
                             uint32_t docid, const struct product_source *from,
                             const uint64_t *wanted, bool hidden, struct buf *out)
{
    size_t before = out->len, at = count_begin(schema, id, out);
    uint32_t count = 0;
    enum status st = put_fields(schema, record, docid, from, wanted, hidden, out, &count);
    count_end(schema, count, at, out);
    if (st)
        out->len = before;
    return st ? st : out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}
