#include "index/deltas.h"

static uint8_t code_of(uint32_t width)
{
    uint8_t code = 0;
    while (deltas_width[code] < width)
        code++;
    return code;
}

size_t deltas_encode(const uint32_t *values, uint32_t count, uint8_t out[DELTAS_MAX])
{
    uint8_t *to = out + deltas_head(count);
    for (uint32_t g = 0; g * DELTAS_GROUP < count; g++) {
        const uint32_t *group = values + (size_t)g * DELTAS_GROUP;
        uint32_t left = count - g * DELTAS_GROUP, n = left < DELTAS_GROUP ? left : DELTAS_GROUP;
        uint8_t code = code_of(bitpack_width(group, n));
        if (g % 2)
            out[g / 2] |= (uint8_t)(code << 4);
        else
            out[g / 2] = code;
        bitpack_encode(group, n, deltas_width[code], to);
        to += bitpack_len(n, deltas_width[code]);
    }
    return (size_t)(to - out);
}
