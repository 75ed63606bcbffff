/* souk key: makes API keys and lines of the keys file, and looks a file through. No server is
 * asked. */
#include "cli/command.h"
#include "cli/json.h"
#include "cli/table.h"
#include "protocol/key_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define SOON_MS (INT64_C(14) * 86400 * 1000)

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static int wrong(const char *path, const struct fault *f)
{
    char text[400];
    snprintf(text, sizeof text, "%.120s: %s", path, f->text[0] ? f->text : status_text(f->status));
    return command_usage(text);
}

/* --- a new secret ----------------------------------------------------------------------------- */

/* A new secret for the id: its text, and what the file keeps of it. */
static enum status make_secret(const uint8_t id[KEY_ID], char text[KEY_TEXT + 1],
                               uint8_t digest[KEY_DIGEST])
{
    uint8_t secret[KEY_SECRET];
    if (getrandom(secret, sizeof secret, 0) != sizeof secret)
        return STATUS_IO;
    api_key_print(id, secret, text);
    explicit_bzero(secret, sizeof secret);
    return key_digest(slice_make(text, KEY_TEXT), digest);
}

/* The secret is told on standard error, so that standard output can go into the file. */
static int tell(struct command *c, const char *name, const char *key, const struct buf *lines)
{
    if (c->json) {
        buf_printf(&c->out, "{\"name\":");
        json_put_text(&c->out, slice_str(name));
        buf_printf(&c->out, ",\"key\":\"%s\",\"lines\":", key);
        json_put_text(&c->out, buf_slice(lines));
        buf_printf(&c->out, "}\n");
        return command_flush(c);
    }
    fprintf(stderr,
            "The key of %s, told this once; who uses it keeps it in a file of mode 600:\n%s\n",
            name, key);
    buf_put_slice(&c->out, buf_slice(lines));
    return command_flush(c);
}

/* --- new -------------------------------------------------------------------------------------- */

/* "90d", "12h", a day or a time. */
static bool expires_of(const char *text, char out[KEY_EXPIRES_TEXT])
{
    char *end;
    int64_t ms;
    if (strlen(text) >= KEY_EXPIRES_TEXT)
        return false;
    if (key_time_parse(slice_str(text), &ms)) {
        memcpy(out, text, strlen(text) + 1);
        return true;
    }
    if (*text < '1' || *text > '9')
        return false;
    unsigned long n = strtoul(text, &end, 10);
    int64_t unit = !strcmp(end, "d")   ? 86400
                   : !strcmp(end, "h") ? 3600
                   : !strcmp(end, "m") ? 60
                                       : 0;
    if (!unit || n > 36500)
        return false;
    key_time_print(now_ms() + (int64_t)n * unit * 1000, out);
    return true;
}

static void put_word(struct buf *line, const char *word, const char *value)
{
    if (value)
        buf_printf(line, " %s=", word);
    if (value)
        buf_put_slice(line, slice_str(value));
}

static int key_new(struct command *c)
{
    const struct options *o = &c->options;
    const char *name = options_value(o, OPT_KEY_NAME), *never = options_value(o, OPT_KEY_EXPIRES);
    char key[KEY_TEXT + 1], hex[2 * KEY_DIGEST + 1], expires[KEY_EXPIRES_TEXT];
    uint8_t id[KEY_ID], digest[KEY_DIGEST];
    struct buf line = BUF_INIT, printed = BUF_INIT;
    struct key_file made;
    struct fault fault = {0};
    if (!name || !options_value(o, OPT_KEY_SCOPES) || !options_value(o, OPT_KEY_CATALOGS))
        return command_usage("key new wants --name, --scopes and --catalogs ('*' is all)");
    if (never && !strcmp(never, "never"))
        never = NULL;
    if (never && !expires_of(never, expires))
        return command_usage("--expires is 90d, 12h, a day or a time as 2027-02-28T12:30:00Z");
    if (getrandom(id, sizeof id, 0) != sizeof id || make_secret(id, key, digest))
        return command_fail(c, STATUS_UNAVAILABLE, NULL);
    key_hex_print(id, KEY_ID, hex);
    buf_put_slice(&line, slice_str(name));
    put_word(&line, "id", hex);
    key_hex_print(digest, KEY_DIGEST, hex);
    put_word(&line, "sha256", hex);
    put_word(&line, "scopes", options_value(o, OPT_KEY_SCOPES));
    put_word(&line, "catalogs", options_value(o, OPT_KEY_CATALOGS));
    put_word(&line, "class", options_value(o, OPT_KEY_CLASS));
    put_word(&line, "rate", options_value(o, OPT_KEY_RATE));
    put_word(&line, "expires", never ? expires : NULL);
    /* read as a server would */
    int code = line.failed ? EXIT_INTERNAL : EXIT_OK;
    if (!code && key_file_parse(buf_slice(&line), &made, &fault))
        code = command_usage(fault.text);
    else if (!code) {
        key_row_print(&made.rows[0], &printed);
        code =
            made.count == 1 ? tell(c, name, key, &printed) : command_usage("one line is one key");
        key_file_fini(&made);
    }
    explicit_bzero(key, sizeof key);
    buf_fini(&line);
    buf_fini(&printed);
    return code;
}

/* --- rotate, retire --------------------------------------------------------------------------- */

/* The file again with the line of the key as it is now; all other lines stay as they are. */
static enum status put_file(const char *path, const struct key_row *row, struct buf *out)
{
    struct buf text = BUF_INIT;
    enum status s = command_read_file(path, &text, NULL);
    struct slice rest = buf_slice(&text);
    for (uint32_t number = 1; !s && rest.len; number++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
        if (number == row->line)
            key_row_print(row, out);
        else
            buf_put(out, rest.ptr, len);
        rest = slice_make(rest.ptr + len, rest.len - len);
    }
    buf_fini(&text);
    return s;
}

static struct key_row *find(struct key_file *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!strcmp(f->rows[i].name, name))
            return &f->rows[i];
    return NULL;
}

static int change(struct command *c, bool rotate)
{
    const char *path = command_word(c, 2), *name = command_word(c, 3);
    struct key_file file;
    struct fault fault = {0};
    struct buf out = BUF_INIT;
    char key[KEY_TEXT + 1];
    if (!path || !name)
        return command_usage("name the keys file and the key");
    if (key_file_read(path, &file, &fault))
        return wrong(path, &fault);
    struct key_row *row = find(&file, name);
    if (!row) {
        key_file_fini(&file);
        return command_usage("the file has no key of this name");
    }
    int code = EXIT_OK;
    if (!code && rotate) { /* the newest first; of two old ones the older goes */
        memcpy(row->digests[1], row->digests[0], KEY_DIGEST);
        row->digest_count = KEY_SECRETS;
        if (make_secret(row->id, key, row->digests[0]))
            code = command_fail(c, STATUS_UNAVAILABLE, NULL);
    } else if (!code) {
        row->digest_count = 1;
    }
    if (!code && (put_file(path, row, &out) || out.failed))
        code = command_fail(c, STATUS_IO, NULL);
    if (!code && rotate) {
        code = tell(c, name, key, &out);
    } else if (!code) {
        buf_put_slice(&c->out, buf_slice(&out));
        code = command_flush(c);
    }
    explicit_bzero(key, sizeof key);
    buf_fini(&out);
    key_file_fini(&file);
    return code;
}

/* --- check ------------------------------------------------------------------------------------ */

static const char *state_of(const struct key_row *r)
{
    int64_t left = r->expires_ms == INT64_MAX ? INT64_MAX : r->expires_ms - now_ms();
    return left <= 0             ? "expired"
           : left < SOON_MS      ? "expires soon"
           : r->digest_count > 1 ? "two secrets"
                                 : "good";
}

static void put_row(struct command *c, const struct key_row *r, bool first)
{
    char scopes[KEY_SCOPES_TEXT], expires[KEY_EXPIRES_TEXT] = "never", id[KEY_ID_TEXT + 1];
    struct buf catalogs = BUF_INIT;
    key_hex_print(r->id, KEY_ID, id);
    if (r->expires_ms != INT64_MAX)
        key_time_print(r->expires_ms, expires);
    for (uint32_t i = 0; i < r->pattern_count; i++)
        buf_printf(&catalogs, "%s%s", i ? "," : "", r->patterns[i]);
    key_scopes_print(r->scopes, scopes);
    if (c->json) {
        buf_printf(&c->out, "%s{\"name\":\"%s\",\"id\":\"%s\",\"secrets\":%u,\"scopes\":\"%s\",",
                   first ? "" : ",", r->name, id, r->digest_count, scopes);
        buf_printf(&c->out, "\"catalogs\":\"%.*s\",\"expires\":\"%s\",\"state\":\"%s\"}",
                   (int)catalogs.len, catalogs.len ? catalogs.ptr : "", expires, state_of(r));
    } else {
        buf_printf(&c->out, "%-20s %.8s  %-12s  %-22s ", r->name, id, state_of(r), expires);
        buf_printf(&c->out, "%s for ", scopes);
        buf_put_slice(&c->out, buf_slice(&catalogs));
        buf_put_u8(&c->out, '\n');
    }
    buf_fini(&catalogs);
}

static int check(struct command *c)
{
    const char *path = command_word(c, 2);
    struct key_file file;
    struct fault fault = {0};
    if (!path)
        return command_usage("name the keys file");
    if (command_word(c, 3))
        return command_surplus(c, 3);
    if (key_file_read(path, &file, &fault))
        return wrong(path, &fault);
    if (c->json)
        buf_put_u8(&c->out, '[');
    for (uint32_t i = 0; i < file.count; i++)
        put_row(c, &file.rows[i], i == 0);
    if (c->json)
        buf_printf(&c->out, "]\n");
    key_file_fini(&file);
    return command_flush(c);
}

int command_key(struct command *c)
{
    const char *what = command_word(c, 1);
    if (what && !strcmp(what, "new"))
        return command_word(c, 2) ? command_surplus(c, 2) : key_new(c);
    if (what && !strcmp(what, "check"))
        return check(c);
    if (what && (!strcmp(what, "rotate") || !strcmp(what, "retire")))
        return change(c, what[1] == 'o');
    return command_usage("key new, check FILE, rotate FILE NAME or retire FILE NAME");
}
