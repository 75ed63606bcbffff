#include "protocol/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct status_row {
    int code;
    enum status_class class;
    bool retryable;
    const char *name;
    const char *text;
};

static const struct status_row rows[] = {
#define STATUS(name, code, class, retryable, text)                                                 \
    {code, STATUS_CLASS_##class, retryable, #name, text},
#include "protocol/status.def"
#undef STATUS
};

static const struct status_row *row_of(enum status s)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == (int)s)
            return &rows[i];
    return NULL;
}

const char *status_name(enum status s)
{
    const struct status_row *r = row_of(s);
    return r ? r->name : "UNKNOWN";
}

const char *status_text(enum status s)
{
    const struct status_row *r = row_of(s);
    return r ? r->text : "a status this version does not know";
}

enum status_class status_class(enum status s)
{
    const struct status_row *r = row_of(s);
    return r ? r->class : STATUS_CLASS_SERVER;
}

const char *status_class_name(enum status_class c)
{
    static const char *const names[] = {"none", "client", "server", "transient", "overload"};
    return (size_t)c < sizeof names / sizeof names[0] ? names[c] : "server";
}

bool status_retryable(enum status s)
{
    const struct status_row *r = row_of(s);
    return r && r->retryable;
}

enum status status_from_errno(int err)
{
    switch (err) {
    case ENOSPC:
    case EDQUOT:
        return STATUS_NO_SPACE;
    case EMFILE:
    case ENFILE:
        return STATUS_NO_DESCRIPTORS;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case ENOENT:
        return STATUS_NOT_FOUND;
    default:
        return STATUS_IO;
    }
}

enum status fault_set(struct fault *f, enum status s, const char *field, const char *fmt, ...)
{
    if (!f)
        return s;
    f->status = s;
    f->field[0] = '\0';
    if (field)
        snprintf(f->field, sizeof f->field, "%s", field);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    return s;
}
