#include "index/script_parts.h"
#include "index/script.h"

enum script { SCRIPT_HAN, SCRIPT_KATAKANA, SCRIPT_OTHER };

static enum script script_of(const char *p)
{
    unsigned char c = (unsigned char)p[0], d = (unsigned char)p[1], e = (unsigned char)p[2];
    uint32_t point = (uint32_t)(c & 15) << 12 | (uint32_t)(d & 63) << 6 | (e & 63);
    return script_han(p) && point >= 0x3400     ? SCRIPT_HAN
           : point >= 0x30a0 && point <= 0x30ff ? SCRIPT_KATAKANA
                                                : SCRIPT_OTHER;
}

static bool all_han(struct slice word)
{
    for (size_t i = 0; i < word.len; i += 3)
        if (!script_han(word.ptr + i))
            return false;
    return true;
}

static bool all_of_three_bytes(struct slice word)
{
    for (size_t i = 0; i < word.len; i += 3)
        if ((unsigned char)word.ptr[i] < 0xe0 || (unsigned char)word.ptr[i] >= 0xf0)
            return false;
    return true;
}

static uint32_t pairs(struct slice word, struct script_part *parts)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i + 6 <= word.len; i += 3)
        parts[n++] = (struct script_part){i, i + 6};
    return n;
}

static uint32_t runs(struct slice word, struct script_part *parts)
{
    uint32_t n = 0, from = 0;
    for (uint32_t i = 3; i <= word.len; i += 3) {
        enum script run = script_of(word.ptr + from);
        if (i < word.len && script_of(word.ptr + i) == run)
            continue;
        if (run != SCRIPT_OTHER && i - from >= 6 && i - from < word.len)
            parts[n++] = (struct script_part){from, i};
        from = i;
    }
    return n;
}

uint32_t script_parts(struct slice word, struct script_part parts[SCRIPT_PARTS_MAX])
{
    if (word.len < 9 || word.len % 3)
        return 0;
    if (all_han(word)) /* one run: nothing beside its pairs */
        return pairs(word, parts);
    return all_of_three_bytes(word) ? runs(word, parts) : 0;
}
