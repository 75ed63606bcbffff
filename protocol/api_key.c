#include "protocol/api_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "souk_";
enum { PREFIX = sizeof prefix - 1 };

static const struct {
    uint32_t bit;
    const char *word;
} scopes_table[] = {
#define KEY_SCOPE(name, bit, word, help) {SCOPE_##name, word},
#include "protocol/key_scopes.def"
#undef KEY_SCOPE
};
enum { SCOPES = sizeof scopes_table / sizeof scopes_table[0] };

void key_hex_print(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool key_hex_parse(struct slice text, uint8_t *out, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = digit(text.ptr[2 * i]), low = digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool api_key_parse(struct slice text, uint8_t id[KEY_ID])
{
    uint8_t secret[KEY_SECRET];
    bool good =
        text.len == KEY_TEXT && memcmp(text.ptr, prefix, PREFIX) == 0 &&
        text.ptr[PREFIX + KEY_ID_TEXT] == '_' &&
        key_hex_parse(slice_make(text.ptr + PREFIX, KEY_ID_TEXT), id, KEY_ID) &&
        key_hex_parse(slice_make(text.ptr + PREFIX + KEY_ID_TEXT + 1, 2 * (size_t)KEY_SECRET),
                      secret, KEY_SECRET);
    explicit_bzero(secret, sizeof secret);
    return good;
}

void api_key_print(const uint8_t id[KEY_ID], const uint8_t secret[KEY_SECRET], char *out)
{
    memcpy(out, prefix, PREFIX);
    key_hex_print(id, KEY_ID, out + PREFIX);
    out[PREFIX + KEY_ID_TEXT] = '_';
    key_hex_print(secret, KEY_SECRET, out + PREFIX + KEY_ID_TEXT + 1);
}

/* --- files ------------------------------------------------------------------------------------ */

enum status api_key_file_private(const char *path, int fd, struct fault *fault)
{
    struct stat st;
    if (fstat(fd, &st))
        return fault_set(fault, status_from_errno(errno), "key", "%.120s: %s", path,
                         strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fault_set(fault, STATUS_INVALID, "key", "%.120s is no file", path);
    if (st.st_mode & (S_IRWXO | S_IWGRP))
        return fault_set(fault, STATUS_INVALID, "key",
                         "%.100s has mode %04o: others must not get at it, nor the group change "
                         "it; chmod 640",
                         path, (unsigned)(st.st_mode & 07777));
    return STATUS_OK;
}

enum status api_key_read(const char *path, char out[KEY_TEXT + 1], struct fault *fault)
{
    char text[KEY_TEXT + 3];
    uint8_t id[KEY_ID];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fault_set(fault, STATUS_INVALID, "key", "%.120s: %s", path, strerror(errno));
    enum status s = api_key_file_private(path, fd, fault);
    ssize_t n = s ? 0 : read(fd, text, sizeof text);
    close(fd);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (!s && (n != KEY_TEXT || !api_key_parse(slice_make(text, (size_t)n), id)))
        s = fault_set(fault, STATUS_INVALID, "key",
                      "%.120s: one line is wanted, the key as souk key new told it", path);
    memcpy(out, text, s ? 0 : KEY_TEXT);
    out[s ? 0 : KEY_TEXT] = '\0';
    explicit_bzero(text, sizeof text);
    return s;
}

static enum status take_text(const char *text, char out[KEY_TEXT + 1], struct fault *fault)
{
    uint8_t id[KEY_ID];
    if (!api_key_parse(slice_str(text), id))
        return fault_set(
            fault, STATUS_INVALID, "key",
            "an API key is souk_, 32 digits, _ and 64 digits, as souk key new told it");
    memcpy(out, text, KEY_TEXT + 1);
    return STATUS_OK;
}

enum status api_key_given(const char *text, const char *file, const char *env_text,
                          const char *env_file, char out[KEY_TEXT + 1], struct fault *fault)
{
    out[0] = '\0';
    if (text && *text)
        return take_text(text, out, fault);
    if (file && *file)
        return api_key_read(file, out, fault);
    if (env_text && *env_text)
        return take_text(env_text, out, fault);
    return env_file && *env_file ? api_key_read(env_file, out, fault) : STATUS_OK;
}

/* --- scopes ----------------------------------------------------------------------------------- */

uint32_t key_scope_of(struct slice word)
{
    for (int i = 0; i < SCOPES; i++)
        if (slice_equal(slice_str(scopes_table[i].word), word))
            return scopes_table[i].bit;
    return 0;
}

const char *key_scopes_print(uint32_t scopes, char out[KEY_SCOPES_TEXT])
{
    int n = 0;
    out[0] = '\0';
    for (int i = 0; i < SCOPES; i++)
        if (scopes & scopes_table[i].bit)
            n += snprintf(out + n, KEY_SCOPES_TEXT - (size_t)n, "%s%s", n ? "," : "",
                          scopes_table[i].word);
    return out;
}
