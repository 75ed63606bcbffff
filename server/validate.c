#include "server/validate.h"
#include "index/path.h"

#include "server/canary_id.h"

#include <math.h>

void validate_names(const struct schema *schema, const struct slice *names, uint32_t count,
                    uint32_t *ids)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct field *f = schema_find(schema, names[i]);
        ids[i] = f ? f->id : UINT32_MAX;
    }
}

static enum status mismatch(const struct field *f, const char *what, struct fault *fault)
{
    return fault_set(fault, STATUS_SCHEMA_MISMATCH, f->name, "%s is of type %s and cannot hold %s",
                     f->name, field_type_name(f->type), what);
}

static enum status put_checked_text(const struct field *f, struct slice s, struct buf *out,
                                    struct fault *fault)
{
    if (wire_utf8_valid(s) != s.len)
        return fault_set(fault, STATUS_BAD_UTF8, f->name, "byte %zu of %s is not valid UTF-8",
                         wire_utf8_valid(s) + 1, f->name);
    wire_put_bytes(out, s);
    return STATUS_OK;
}

static const char *value_word(const struct value *v)
{
    static const char *const words[] = {"null",       "a boolean", "a boolean",       "an integer",
                                        "a fraction", "text",      "a list of texts", "pairs"};
    return (unsigned)v->type < sizeof words / sizeof words[0] ? words[v->type] : "this";
}

static enum status put_number(const struct field *f, const struct value *v, struct buf *out,
                              struct fault *fault)
{
    bool whole = v->type == VALUE_INT;
    if (!whole && v->type != VALUE_FLOAT)
        return mismatch(f, value_word(v), fault);
    if (!whole && !isfinite(v->f))
        return fault_set(fault, STATUS_INVALID, f->name, "%s is not a finite number", f->name);
    if (f->type == FIELD_FLOAT)
        value_put_float(out, whole ? (double)v->i : v->f);
    else if (whole)
        value_put_int(out, v->i);
    else if (v->f == floor(v->f) && fabs(v->f) < 9.0e15)
        value_put_int(out, (int64_t)v->f);
    else
        return mismatch(f, v->f == floor(v->f) ? "a number beyond 64 bits" : "a fraction", fault);
    return STATUS_OK;
}

/* ["Shoes", "Running"], ["Shoes > Running"] and "Shoes > Running" are one path. */
static enum status put_path(const struct field *f, const struct value *v, struct buf *out,
                            struct fault *fault)
{
    struct slice nodes[PATH_MAX_NODES + 1];
    uint32_t count = 0;
    if (v->type != VALUE_LIST && v->type != VALUE_TEXT)
        return mismatch(f, value_word(v), fault);
    struct path_walk walk = path_walk_of(v);
    while (count <= PATH_MAX_NODES && path_walk_next(&walk, &nodes[count]))
        count++;
    if (count > PATH_MAX_NODES)
        return fault_set(fault, STATUS_TOO_LARGE, f->name, "%s has more than %d nodes", f->name,
                         PATH_MAX_NODES);
    value_put_list(out, count);
    enum status s = walk.items.failed ? STATUS_INVALID : STATUS_OK;
    for (uint32_t i = 0; !s && i < count; i++)
        s = put_checked_text(f, nodes[i], out, fault);
    return s;
}

static enum status put_list(const struct field *f, const struct value *v, struct buf *out,
                            struct fault *fault)
{
    if (v->type == VALUE_TEXT) { /* one text is a list of one */
        value_put_list(out, 1);
        return put_checked_text(f, v->bytes, out, fault);
    }
    if (v->type != VALUE_LIST)
        return mismatch(f, value_word(v), fault);
    if (v->count > VALIDATE_LIST_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, f->name, "%s has more than %d values", f->name,
                         VALIDATE_LIST_MAX);
    struct wire_reader r = wire_reader_of(v->bytes);
    value_put_list(out, v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        enum status s = put_checked_text(f, value_next_item(&r), out, fault);
        if (s)
            return s;
    }
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

/* Lists of attributes hold texts; objects inside do not come here (their paths are joined). */
static enum status check_inner(const struct field *f, const struct value *v, struct fault *fault)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    if (v->type == VALUE_PAIRS)
        return fault_set(fault, STATUS_INVALID, f->name, "%s holds pairs inside of pairs", f->name);
    if (v->type == VALUE_FLOAT && !isfinite(v->f))
        return fault_set(fault, STATUS_INVALID, f->name, "%s holds a number that is not finite",
                         f->name);
    if (v->type == VALUE_LIST && v->count > VALIDATE_LIST_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, f->name, "%s has more than %d values", f->name,
                         VALIDATE_LIST_MAX);
    bool valid = v->type != VALUE_TEXT || wire_utf8_valid(v->bytes) == v->bytes.len;
    for (uint32_t i = 0; v->type == VALUE_LIST && i < v->count && valid; i++) {
        struct slice item = value_next_item(&r);
        valid = wire_utf8_valid(item) == item.len;
    }
    return valid ? STATUS_OK
                 : fault_set(fault, STATUS_BAD_UTF8, f->name, "%s holds text that is not UTF-8",
                             f->name);
}

static enum status put_pairs(const struct field *f, const struct value *v, struct buf *out,
                             struct fault *fault)
{
    if (v->type != VALUE_PAIRS)
        return mismatch(f, value_word(v), fault);
    if (v->count > VALIDATE_LIST_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, f->name, "%s has more than %d values", f->name,
                         VALIDATE_LIST_MAX);
    struct wire_reader r = wire_reader_of(v->bytes);
    value_put_pairs(out, v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        struct slice path;
        struct value inner;
        enum status s = value_next_pair(&r, &path, &inner);
        if (s || (s = put_checked_text(f, path, out, fault)))
            return s;
        if (path.len && memchr(path.ptr, 0x1f, path.len)) /* parts key and value in the index */
            return fault_set(fault, STATUS_INVALID, f->name,
                             "a key of %s holds a control character", f->name);
        if ((s = check_inner(f, &inner, fault)))
            return s;
        value_put(out, &inner);
    }
    return STATUS_OK;
}

static enum status put_value(const struct field *f, const struct value *v, struct buf *out,
                             struct fault *fault)
{
    if (v->type == VALUE_NULL) {
        value_put_null(out);
        return STATUS_OK;
    }
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_KEYWORD:
        if (v->type == VALUE_TEXT && wire_utf8_valid(v->bytes) == v->bytes.len) {
            value_put(out, v);
            return STATUS_OK;
        }
        return v->type == VALUE_TEXT
                   ? fault_set(fault, STATUS_BAD_UTF8, f->name, "byte %zu of %s is not valid UTF-8",
                               wire_utf8_valid(v->bytes) + 1, f->name)
                   : mismatch(f, value_word(v), fault);
    case FIELD_INTEGER:
    case FIELD_FLOAT:
    case FIELD_TIMESTAMP:
        return put_number(f, v, out, fault);
    case FIELD_BOOLEAN:
        if (v->type != VALUE_TRUE && v->type != VALUE_FALSE)
            return mismatch(f, value_word(v), fault);
        value_put(out, v);
        return STATUS_OK;
    case FIELD_KEYWORD_LIST:
        return put_list(f, v, out, fault);
    case FIELD_PATH:
        return put_path(f, v, out, fault);
    default:
        return put_pairs(f, v, out, fault);
    }
}

static enum status unknown(struct slice name, struct fault *fault)
{
    char room[WIRE_NAME];
    const char *field = wire_name(name, room);
    return fault_set(fault, STATUS_UNKNOWN_FIELD, field, "the schema has no field %s", field);
}

static enum status put_fields(const struct schema *schema, const struct put_request *p,
                              const uint32_t *ids, struct document *d, struct buf *out,
                              struct fault *fault)
{
    uint32_t number = UINT32_MAX;
    struct value v;
    enum status s;
    uint64_t seen[4] = {0};
    while ((s = document_next(d, &number, &v)) == STATUS_OK) {
        if (number >= p->name_count)
            return fault_set(fault, STATUS_INVALID, NULL, "a field number is beyond the table");
        if (ids[number] == UINT32_MAX)
            return unknown(p->names[number], fault);
        const struct field *f = &schema->fields[ids[number]];
        if (seen[f->id / 64] >> f->id % 64 & 1)
            return fault_set(fault, STATUS_INVALID, f->name, "%s is given twice", f->name);
        seen[f->id / 64] |= UINT64_C(1) << f->id % 64;
        wire_put_varint(out, f->id);
        if ((s = put_value(f, &v, out, fault)))
            return s;
    }
    if (s == STATUS_END)
        return STATUS_OK;
    if (number < p->name_count && ids[number] != UINT32_MAX) {
        const char *name = schema->fields[ids[number]].name;
        return fault_set(fault, s, name, "the value of %s is damaged, or no finite number", name);
    }
    return s;
}

enum status validate_item(const struct schema *schema, const struct put_request *p,
                          const uint32_t *ids, const struct put_item *item, struct buf *out,
                          struct fault *fault)
{
    struct document d;
    size_t before = out->len;
    if (item->op > PUT_VALIDATE)
        return fault_set(fault, STATUS_UNSUPPORTED, NULL, "no such operation on an item");
    if (item->document.len > VALIDATE_ITEM_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "a product may have up to 1,000,000 bytes");
    if (document_begin(&d, item->document))
        return fault_set(fault, STATUS_INVALID, NULL, "the document is damaged");
    if (!d.id.len || d.id.len > VALIDATE_ID_MAX)
        return fault_set(fault, STATUS_INVALID, "id", "an id has 1 to %d bytes", VALIDATE_ID_MAX);
    if (wire_utf8_valid(d.id) != d.id.len)
        return fault_set(fault, STATUS_BAD_UTF8, "id", "the id is not valid UTF-8");
    if (canary_reserved(d.id))
        return fault_set(fault, STATUS_INVALID, "id", "ids of this form are the server's own");
    bool body = item->op == PUT_UPSERT || item->op == PUT_PATCH;
    document_put_header(out, d.id, body ? d.field_count : 0);
    enum status s = body ? put_fields(schema, p, ids, &d, out, fault) : STATUS_OK;
    if (s) {
        out->len = before;
        if (fault && !fault->status)
            fault_set(fault, s, NULL, "%s", status_text(s));
    }
    return s;
}
