#include "server/span.h"

#include <ctype.h>

const char *span_name_text(unsigned name)
{
    static const char *const names[] = {
#define SPAN_NAME(id, text) text,
#include "server/span.def"
    };
    return name < SPAN_OPERATIONS  ? opcode_name(name)
           : name < SPAN_NAMES_END ? names[name - SPAN_OPERATIONS]
                                   : "unknown";
}

const char *span_key_text(enum span_key key)
{
    static const char *const keys[] = {
#define SPAN_KEY(id, text) text,
#include "server/span.def"
    };
    return key < SPAN_KEYS ? keys[key] : "unknown";
}

uint8_t span_stage(struct span *s, enum span_name name, int64_t start_us, int64_t end_us)
{
    if (!s || s->stage_count >= SPAN_STAGES)
        return SPAN_SELF;
    s->stages[s->stage_count] = (struct span_stage){start_us, end_us, (uint8_t)name};
    return s->stage_count++;
}

static struct span_attribute *add(struct span *s, uint8_t stage, enum span_key key)
{
    if (!s || s->attribute_count >= SPAN_ATTRIBUTES)
        return NULL;
    struct span_attribute *a = &s->attributes[s->attribute_count++];
    *a = (struct span_attribute){.key = (uint8_t)key, .stage = stage};
    return a;
}

void span_number(struct span *s, uint8_t stage, enum span_key key, int64_t v)
{
    struct span_attribute *a = add(s, stage, key);
    if (a)
        a->number = v;
}

void span_say(struct span *s, uint8_t stage, enum span_key key, struct slice text)
{
    size_t room = s ? (size_t)SPAN_TEXT - s->text_len : 0;
    if (text.len > room)
        text.len = room;
    if (text.len > UINT8_MAX)
        text.len = UINT8_MAX;
    text.len = wire_utf8_valid(text);
    struct span_attribute *a = text.len ? add(s, stage, key) : NULL;
    if (!a)
        return;
    a->is_text = 1;
    a->text_at = s->text_len;
    a->text_len = (uint8_t)text.len;
    memcpy(s->text + s->text_len, text.ptr, text.len);
    s->text_len = (uint16_t)(s->text_len + text.len);
}

void span_fail_of(struct span *s, const char *type)
{
    if (!s)
        return;
    s->failed = 1;
    span_say(s, SPAN_SELF, KEY_ERROR_TYPE, slice_str(type));
}

void span_fail(struct span *s, enum status st)
{
    char word[32];
    size_t n = 0;
    for (const char *at = status_name(st); *at && n < sizeof word - 1; at++)
        word[n++] = (char)tolower((unsigned char)*at);
    word[n] = '\0';
    span_fail_of(s, word);
}

void span_context(const struct span *s, struct trace_context *out)
{
    memcpy(out->trace_id, s->trace_id, sizeof out->trace_id);
    memcpy(out->span_id, s->id, sizeof out->span_id);
    out->flags = TRACE_SAMPLED;
}

bool span_sound(const struct span *s)
{
    if (s->stage_count > SPAN_STAGES || s->attribute_count > SPAN_ATTRIBUTES ||
        s->text_len > SPAN_TEXT || s->kind < SPAN_INTERNAL || s->kind > SPAN_CLIENT)
        return false;
    for (int i = 0; i < s->attribute_count; i++) {
        const struct span_attribute *a = &s->attributes[i];
        if (a->key >= SPAN_KEYS || (a->stage != SPAN_SELF && a->stage >= s->stage_count) ||
            (a->is_text && a->text_at + a->text_len > SPAN_TEXT))
            return false;
        struct slice text = slice_make(s->text + a->text_at, a->text_len);
        if (a->is_text && wire_utf8_valid(text) != text.len)
            return false;
    }
    return true;
}
