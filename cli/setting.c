/*
 * souk synonyms, stopwords, rules, profile: settings of a catalog that searches read, changed while
 * it serves. One setting is a text under a name; see index/word_settings.h, rules.h, profile.h.
 */
#include "cli/command.h"
#include "cli/json.h"
#include "cli/table.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *const usage_text =
    "set CATALOG NAME TEXT-or-FILE | get CATALOG NAME | list CATALOG | remove CATALOG NAME";

/* A file of that name, standard input for "-", else the words themselves. */
static enum status read_value(const struct command *c, struct buf *out, struct fault *fault)
{
    const char *first = command_word(c, 4);
    struct stat info;
    bool one = !command_word(c, 5);
    if (one && (strcmp(first, "-") == 0 || (stat(first, &info) == 0 && S_ISREG(info.st_mode))))
        return command_read_file(first, out, fault);
    for (uint32_t i = 4; command_word(c, i); i++)
        buf_printf(out, "%s%s", i > 4 ? " " : "", command_word(c, i));
    return STATUS_OK;
}

/* Waits until searches see the change. */
static enum status wait_for(struct command *c, struct slice catalog)
{
    struct wire_reader r = wire_reader_of(c->reply.body);
    struct catalog_entry e;
    struct wait_request w = {.catalog = catalog};
    enum status st = catalog_entry_next(&r, &e);
    if (st)
        return st == STATUS_END ? STATUS_OK : st;
    w.sequence = e.sequence;
    return souk_wait(c->souk, &w, (uint32_t)options_number(&c->options, OPT_TIMEOUT, 10000),
                     &c->reply);
}

static int change(struct command *c, struct catalog_request *q)
{
    int code = command_connect(c);
    if (code)
        return code;
    q->action = CATALOG_SET;
    enum status st = souk_catalog(c->souk, q, &c->reply);
    if (!st)
        st = wait_for(c, q->name);
    if (st)
        return command_fail(c, st, &c->reply.fault);
    buf_printf(&c->out, c->json ? "{\"ok\":true}\n" : "");
    return command_flush(c);
}

static int set(struct command *c, struct catalog_request *q)
{
    struct buf value = BUF_INIT;
    struct fault fault = {0};
    enum status st = read_value(c, &value, &fault);
    int code = EXIT_USAGE;
    if (st) {
        command_fail(c, st, &fault);
    } else if (!value.len) {
        code = command_usage("an empty text; use remove");
    } else {
        q->value = buf_slice(&value);
        code = change(c, q);
    }
    buf_fini(&value);
    return code;
}

static void print_entry(struct command *c, const struct catalog_entry *e, bool named)
{
    if (c->json) {
        buf_printf(&c->out, "{\"name\":");
        json_put_text(&c->out, e->key);
        buf_printf(&c->out, ",\"text\":");
        json_put_text(&c->out, e->value);
        buf_printf(&c->out, "}\n");
        return;
    }
    if (named) {
        table_put(&c->out, e->key, 0);
        buf_printf(&c->out, ": ");
    }
    table_put_lines(&c->out, e->value);
    if (!e->value.len || e->value.ptr[e->value.len - 1] != '\n')
        buf_put_u8(&c->out, '\n');
}

static int show(struct command *c, struct catalog_request *q, bool named)
{
    struct catalog_entry e;
    int code = command_connect(c);
    if (code)
        return code;
    enum status st = souk_catalog(c->souk, q, &c->reply);
    if (st)
        return command_fail(c, st, &c->reply.fault);
    struct wire_reader r = wire_reader_of(c->reply.body);
    while (catalog_entry_next(&r, &e) == STATUS_OK)
        print_entry(c, &e, named);
    return command_flush(c);
}

static int command_setting(struct command *c, const char *kind)
{
    const char *action = command_word(c, 1), *catalog = command_word(c, 2),
               *name = command_word(c, 3);
    struct catalog_request q = {
        .name = slice_str(catalog), .kind = slice_str(kind), .key = slice_str(name)};
    int code;
    if (!action || !catalog)
        return command_usage(usage_text);
    if (strcmp(action, "list") == 0) {
        if ((code = command_surplus(c, 3)))
            return code;
        q.action = CATALOG_SETTINGS;
        return show(c, &q, true);
    }
    if (!name)
        return command_usage(usage_text);
    if (strcmp(action, "set") != 0 && (code = command_surplus(c, 4)))
        return code;
    if (strcmp(action, "get") == 0) {
        q.action = CATALOG_GET;
        return show(c, &q, false);
    }
    if (strcmp(action, "remove") == 0)
        return change(c, &q);
    if (strcmp(action, "set") == 0 && command_word(c, 4))
        return set(c, &q);
    return command_usage(usage_text);
}

int command_synonyms(struct command *c)
{
    return command_setting(c, "synonyms");
}

int command_stopwords(struct command *c)
{
    return command_setting(c, "stopwords");
}

int command_rules(struct command *c)
{
    return command_setting(c, "rule");
}

int command_profile(struct command *c)
{
    return command_setting(c, "profile");
}
