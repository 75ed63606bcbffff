#include "protocol/members.h"

#include "protocol/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum kind { NOTHING, SOMETHING };

struct message {
    struct slice name;
    uint64_t large;
    uint32_t small;
    bool yes, untouched;
    enum kind kind;
};

static const struct tlv_member members[] = {
    TLV_BYTES(1, struct message, name), TLV_NUMBER(2, struct message, large),
    TLV_NUMBER(300, struct message, small), TLV_NUMBER(4, struct message, yes),
    TLV_NUMBER(5, struct message, kind)};

static enum status decode(const struct buf *b, struct message *m)
{
    *m = (struct message){.untouched = true};
    return tlv_members_decode(buf_slice(b), members, TLV_COUNT(members), m);
}

static void each_lands_in_its_place(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct message m;
    assert_int_equal(decode(&b, &m), STATUS_OK); /* nothing is said */
    assert_true(m.untouched && !m.name.len && !m.large && !m.yes);
    tlv_put(&b, 1, SLICE_LIT("first"));
    tlv_put_u64(&b, 2, UINT64_MAX);
    tlv_put_u64(&b, 300, 7);
    tlv_put_u64(&b, 99, 1); /* unknown */
    tlv_put_u64(&b, 4, UINT64_C(1) << 32);
    tlv_put_u64(&b, 5, SOMETHING);
    tlv_put(&b, 1, SLICE_LIT("last"));
    assert_int_equal(decode(&b, &m), STATUS_OK);
    assert_true(slice_equal(m.name, SLICE_LIT("last")));
    assert_true(m.large == UINT64_MAX && m.small == 7 && m.yes && m.untouched);
    assert_int_equal(m.kind, SOMETHING);
    buf_fini(&b);
}

static void an_absurd_number_does_not_become_a_small_one(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct message m;
    tlv_put_u64(&b, 300, (UINT64_C(1) << 32) + 1);
    tlv_put_u64(&b, 5, UINT64_MAX);
    assert_int_equal(decode(&b, &m), STATUS_OK);
    assert_int_equal(m.small, UINT32_MAX);
    assert_int_equal((uint32_t)m.kind, UINT32_MAX);
    buf_fini(&b);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct message m;
    tlv_put(&b, 1, SLICE_LIT("name"));
    b.len--;
    assert_int_equal(decode(&b, &m), STATUS_INVALID);
    assert_false(tlv_member_take(members, TLV_COUNT(members), 6, SLICE_NULL, &m));
    assert_true(tlv_member_take(members, TLV_COUNT(members), 2, SLICE_NULL, &m)); /* no bytes: 0 */
    assert_true(m.large == 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lands_in_its_place),
        cmocka_unit_test(an_absurd_number_does_not_become_a_small_one),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
