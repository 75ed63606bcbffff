#include "protocol/members.h"

#include "protocol/frame.h"

static void store(uint64_t n, const struct tlv_member *m, char *to)
{
    uint32_t n32 = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    bool yes = n != 0;
    if (m->number == sizeof n)
        memcpy(to, &n, sizeof n);
    else if (m->number == sizeof n32)
        memcpy(to, &n32, sizeof n32);
    else
        memcpy(to, &yes, sizeof yes);
}

bool tlv_member_take(const struct tlv_member *members, size_t count, uint32_t tag, struct slice v,
                     void *message)
{
    size_t i = 0;
    while (i < count && members[i].tag != tag)
        i++;
    if (i == count)
        return false;
    char *to = (char *)message + members[i].at;
    if (members[i].number)
        store(tlv_u64(v), &members[i], to);
    else
        memcpy(to, &v, sizeof v);
    return true;
}

enum status tlv_members_read(struct wire_reader *r, const struct tlv_member *members, size_t count,
                             void *message)
{
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(r, &tag, &v)) == STATUS_OK)
        tlv_member_take(members, count, tag, v, message);
    return s == STATUS_END ? STATUS_OK : s;
}

enum status tlv_members_decode(struct slice body, const struct tlv_member *members, size_t count,
                               void *message)
{
    struct wire_reader r = wire_reader_of(body);
    return tlv_members_read(&r, members, count, message);
}
