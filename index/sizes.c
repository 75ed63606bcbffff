#include "index/sizes.h"

static uint32_t place_of(const struct size_name *name)
{
    return (uint32_t)(size_name_place(name) % SIZES_ROOM);
}

bool sizes_get(const struct sizes *s, const struct size_name *name, uint32_t *count)
{
    const struct size_slot *slot = &s->slots[place_of(name)];
    *count = slot->count;
    return size_name_same(&slot->name, name);
}

void sizes_put(struct sizes *s, const struct size_name *name, uint32_t count)
{
    s->slots[place_of(name)] = (struct size_slot){*name, count};
}
