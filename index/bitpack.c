#include "index/bitpack.h"
#include "protocol/wire.h"

uint32_t bitpack_width(const uint32_t *values, uint32_t count)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= values[i];
    return all ? 32 - (uint32_t)__builtin_clz(all) : 0;
}

void bitpack_encode(const uint32_t *values, uint32_t count, uint32_t width, uint8_t *out)
{
    uint64_t bits = 0;
    uint32_t have = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits |= (uint64_t)values[i] << have;
        have += width;
        if (have >= 32) {
            wire_store32(out, (uint32_t)bits);
            out += 4;
            bits >>= 32;
            have -= 32;
        }
    }
    for (; have; have -= have < 8 ? have : 8, bits >>= 8)
        *out++ = (uint8_t)bits;
}
