/* Each structure of a segment made wrong behind good checksums: the check says which. */
#include "index/segment_check.h"
#include "index/segment_pack.h"
#include "index/segment_private.h"
#include "support_segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEED = 5, COUNT = 700, MANY = 33000 };

static void build(struct shelf *shelf, uint32_t count)
{
    struct segment_builder *b;
    struct catalog_product p;
    assert_int_equal(segment_builder_create(&shelf_facts, 0, &b), STATUS_OK);
    assert_int_equal(segment_builder_kill_term(b, SLICE_LIT("a0")), STATUS_OK);
    assert_int_equal(segment_builder_kill_term(b, SLICE_LIT("b1")), STATUS_OK);
    for (uint32_t d = 0; d < count; d++) {
        uint32_t doc;
        catalog_product(SEED, d, &p);
        assert_int_equal(segment_builder_add(b, slice_str(p.id), p.tokens, p.count,
                                             SLICE_LIT("\x01\x01x"), &doc),
                         STATUS_OK);
    }
    assert_int_equal(segment_builder_finish(b, NULL, shelf_sink, shelf), STATUS_OK);
    segment_builder_destroy(&b);
}

static uint8_t *at(struct shelf *shelf, uint64_t off)
{
    return (uint8_t *)shelf->extents[off / SEGMENT_EXTENT].ptr + off % SEGMENT_EXTENT;
}

static void add32(struct shelf *shelf, uint64_t off, uint32_t v)
{
    uint8_t *p = at(shelf, off);
    wire_store32(p, wire_load32(p) + v);
}

/* Number i of an array of packed ones, and another one in its place. */
static uint32_t number(struct shelf *shelf, uint32_t from, uint32_t bits, uint32_t i)
{
    uint64_t bit = (uint64_t)i * bits;
    return (uint32_t)(wire_load64(at(shelf, from + bit / 8)) >> bit % 8 &
                      ((UINT64_C(1) << bits) - 1));
}

static void set_number(struct shelf *shelf, uint32_t from, uint32_t bits, uint32_t i, uint32_t v)
{
    uint64_t bit = (uint64_t)i * bits, mask = ((UINT64_C(1) << bits) - 1) << bit % 8;
    uint8_t *word = at(shelf, from + bit / 8);
    wire_store64(word, (wire_load64(word) & ~mask) | (uint64_t)v << bit % 8);
}

static void swap_numbers(struct shelf *shelf, uint32_t from, uint32_t bits, uint32_t i)
{
    uint32_t a = number(shelf, from, bits, i), b = number(shelf, from, bits, i + 1);
    set_number(shelf, from, bits, i, b);
    set_number(shelf, from, bits, i + 1, a);
}

/* The list of some term with `min` to `max` postings. */
static uint32_t list_of(struct shelf *shelf, const struct segment_head *h, uint32_t min,
                        uint32_t max, uint32_t *df)
{
    for (uint32_t t = 0; t < h->term_count; t++) {
        *df = number(shelf, h->df, h->bits[ARRAY_DF], t);
        if (*df >= min && *df <= max)
            return number(shelf, h->ptr, h->bits[ARRAY_PTR], t);
    }
    fail_msg("no such list");
    return 0;
}

static uint32_t long_list(struct shelf *shelf, const struct segment_head *h, uint32_t *blocks)
{
    uint32_t df, ptr = list_of(shelf, h, 129, UINT32_MAX, &df);
    *blocks = (df + 127) / 128;
    return ptr;
}

/* --- what is made wrong ------------------------------------------------------------------------
 */

typedef void (*damage_fn)(struct shelf *shelf, const struct segment_head *h);

static void term_order(struct shelf *shelf, const struct segment_head *h)
{
    swap_numbers(shelf, h->str_off, h->bits[ARRAY_STR_OFF], 0);
}

static void shared_length(struct shelf *shelf, const struct segment_head *h)
{
    *at(shelf, h->lcp + 3) += 1;
}

static void tail_order(struct shelf *shelf, const struct segment_head *h)
{
    swap_numbers(shelf, h->tails, h->bits[ARRAY_TAILS], 0);
}

static void tail_lost(struct shelf *shelf, const struct segment_head *h)
{
    uint8_t *head = at(shelf, 112);
    wire_store32(head, h->tail_count - 1);
}

static void hash_slot_lost(struct shelf *shelf, const struct segment_head *h)
{
    for (uint32_t i = 0; i < h->hash_count; i++)
        if (number(shelf, h->hash, h->bits[ARRAY_HASH], i)) {
            set_number(shelf, h->hash, h->bits[ARRAY_HASH], i, 0);
            return;
        }
}

static void hash_slot_too_many(struct shelf *shelf, const struct segment_head *h)
{
    for (uint32_t i = 0; i + 1 < h->hash_count; i++)
        if (!number(shelf, h->hash, h->bits[ARRAY_HASH], i)) {
            set_number(shelf, h->hash, h->bits[ARRAY_HASH], i, 1);
            return;
        }
}

static void list_offset(struct shelf *shelf, const struct segment_head *h)
{
    swap_numbers(shelf, h->ptr, h->bits[ARRAY_PTR], h->term_count / 2);
}

static void block_bound(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t n, ptr = long_list(shelf, h, &n);
    *at(shelf, ptr + 4ull + 4ull * n) ^= 0x10;
}

static void list_bound(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t n, ptr = long_list(shelf, h, &n);
    *at(shelf, ptr) ^= 0x80;
}

static void single_bound(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t df, ptr = list_of(shelf, h, LIST_TINY, 128, &df);
    *at(shelf, ptr) ^= 1;
}

static void block_last(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t n, ptr = long_list(shelf, h, &n);
    add32(shelf, ptr + 4ull, 1);
}

static void block_tie(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t n, ptr = long_list(shelf, h, &n);
    *at(shelf, ptr + 4ull + 16ull * n) ^= 1;
}

static void posting_count(struct shelf *shelf, const struct segment_head *h)
{
    (void)h;
    add32(shelf, 32, 1);
}

static void positions_lost(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t n, ptr = long_list(shelf, h, &n);
    add32(shelf, ptr + 4ull + 12ull * n + 4,
          UINT32_MAX); /* those of the second block, one byte back */
}

static void place_of_a_record(struct shelf *shelf, const struct segment_head *h)
{
    wire_store32(at(shelf, h->places + 12), ~2u);
}

static void begin_of_a_block(struct shelf *shelf, const struct segment_head *h)
{
    uint8_t *begins = at(shelf, h->places + 4);
    uint32_t v = wire_load32(begins), later = v & (v - 1); /* the second block of the segment */
    wire_store32(begins, (v & ~(later & -later)) | (later & -later) << 1);
}

static void end_of_a_block(struct shelf *shelf, const struct segment_head *h)
{
    uint8_t *begins = at(shelf, h->places + 4);
    uint32_t v = wire_load32(begins), later = v & (v - 1);
    wire_store32(begins, (v & ~(later & -later)) | (later & -later) >> 1);
}

static void number_of_a_block(struct shelf *shelf, const struct segment_head *h)
{
    add32(shelf, h->places + 12 + 8, 1);
}

static void document_behind_the_last(struct shelf *shelf, const struct segment_head *h)
{
    uint8_t *last = at(shelf, h->places + 12ull * (h->doc_count / 32));
    wire_store32(last, wire_load32(last) | 1u << 31);
}

static void offset_of_a_block(struct shelf *shelf, const struct segment_head *h)
{
    swap_numbers(shelf, h->block_off, h->bits[ARRAY_BLOCK_OFF], 1);
}

static void offset_into_a_block(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t bits = h->bits[ARRAY_BLOCK_OFF];
    set_number(shelf, h->block_off, bits, 1, number(shelf, h->block_off, bits, 1) - 1);
}

/* The first record says that it is packed beside the second. */
static void kind_of_a_record(struct shelf *shelf, const struct segment_head *h)
{
    struct segment *s = shelf_open(shelf);
    struct record_block b;
    uint32_t off = number(shelf, h->block_off, h->bits[ARRAY_BLOCK_OFF], 0);
    assert_int_equal(record_block_at(s, off, &b), STATUS_OK);
    *at(shelf, off + (uint64_t)(b.records.ptr - b.whole.ptr)) = 2;
    segment_close(&s);
}

static void tie_of_a_document(struct shelf *shelf, const struct segment_head *h)
{
    add32(shelf, h->tie + 4ull * (h->doc_count - 1), 1);
}

static void order_of_ties(struct shelf *shelf, const struct segment_head *h)
{
    swap_numbers(shelf, h->sorted, h->bits[ARRAY_SORTED], 10);
}

static void document_twice(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t bits = h->bits[ARRAY_SORTED];
    set_number(shelf, h->sorted, bits, 11, number(shelf, h->sorted, bits, 10));
}

static void order_of_kills(struct shelf *shelf, const struct segment_head *h)
{
    uint32_t a = wire_load32(at(shelf, h->dead)), b = wire_load32(at(shelf, h->dead + 8ull));
    wire_store32(at(shelf, h->dead), b);
    wire_store32(at(shelf, h->dead + 8ull), a);
}

static void kill_of_nothing(struct shelf *shelf, const struct segment_head *h)
{
    wire_store32(at(shelf, h->dead + 4ull), 0);
}

struct damage {
    const char *what; /* as the check says it */
    damage_fn make;
};

/* --- tests -------------------------------------------------------------------------------------
 */

static void expect(struct shelf *shelf, enum status want, const char *want_what)
{
    const char *what;
    struct segment *s = shelf_open(shelf);
    assert_int_equal(segment_verify(s), STATUS_OK);
    assert_int_equal(segment_check(s, &what), want);
    assert_string_equal(what, want_what);
    segment_close(&s);
}

static void each_structure_is_held_against_what_it_leads_to(void **state)
{
    static const struct damage cases[] = {
        {"terms do not ascend", term_order},
        {"a term shares another number of bytes with the one before", shared_length},
        {"a term is not found by its hash", hash_slot_lost},
        {"the hash holds what is no term", hash_slot_too_many},
        {"the bound of a block is not that of its postings", block_bound},
        {"the bound of a list is not that of its blocks", list_bound},
        {"the bound of a block is not that of its postings", single_bound},
        {"a block of postings cannot be read", block_last},
        {"the smallest tie of a block is not that of its postings", block_tie},
        {"the order of endings does not ascend", tail_order},
        {"the order of endings lacks terms", tail_lost},
        {"the number of postings is wrong", posting_count},
        {"positions of a block reach into those of the next", positions_lost},
        {"a document has the tie of another id", place_of_a_record},
        {"a block holds fewer records than places say", begin_of_a_block},
        {"a block holds more records than places say", end_of_a_block},
        {"places count other blocks than begin", number_of_a_block},
        {"places name a document that is not there", document_behind_the_last},
        {"a document has the tie of another id", offset_of_a_block},
        {"a block of records is not where its offset says", offset_into_a_block},
        {"a record is of no kind, or beside none", kind_of_a_record},
        {"a document has the tie of another id", tie_of_a_document},
        {"documents are not in order of their ties", order_of_ties},
        {"documents are not in order of their ties", document_twice},
        {"killed postings are not in order of their terms", order_of_kills},
        {"killed postings cannot be read", kill_of_nothing}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shelf shelf = {.count = 0};
        build(&shelf, COUNT);
        struct segment *s = shelf_open(&shelf);
        struct segment_head head = s->head;
        segment_close(&s);
        expect(&shelf, STATUS_OK, "");
        cases[i].make(&shelf, &head);
        shelf_seal(&shelf);
        print_message("%s\n", cases[i].what);
        expect(&shelf, STATUS_CORRUPT, cases[i].what);
        shelf_fini(&shelf);
    }
}

static void another_list_under_a_term_is_noticed(void **state)
{
    (void)state;
    const char *what;
    struct shelf shelf = {.count = 0};
    build(&shelf, COUNT);
    struct segment *s = shelf_open(&shelf);
    struct segment_head head = s->head;
    segment_close(&s);
    list_offset(&shelf, &head);
    shelf_seal(&shelf);
    s = shelf_open(&shelf);
    assert_int_equal(segment_check(s, &what), STATUS_CORRUPT);
    segment_close(&s);
    shelf_fini(&shelf);
}

static bool most(void *ctx, uint32_t docid)
{
    (void)ctx;
    return docid % 3 != 0;
}

static void lists_of_prefixes_are_the_union_of_their_terms(void **state)
{
    (void)state;
    struct shelf built = {.count = 0}, shelf = {.count = 0};
    build(&built, MANY);
    struct segment *s = shelf_open(&built);
    const struct segment *in[1] = {s};
    assert_int_equal(segment_merge(in, 1, most, NULL, NULL, shelf_sink, &shelf), STATUS_OK);
    segment_close(&s);
    shelf_fini(&built);
    expect(&shelf, STATUS_OK, "");
    s = shelf_open(&shelf);
    struct segment_head head = s->head;
    segment_close(&s);
    assert_true(head.prefix_count >= 2);
    /* each prefix with the list of the one behind it */
    uint64_t entry = head.prefix, next = entry + PREFIX_ENTRY;
    uint8_t rest[8];
    memcpy(rest, at(&shelf, entry + 8), sizeof rest);
    memcpy(at(&shelf, entry + 8), at(&shelf, next + 8), sizeof rest);
    shelf_seal(&shelf);
    expect(&shelf, STATUS_CORRUPT, "the list of a prefix is not the union of its terms");
    memcpy(at(&shelf, entry + 8), rest, sizeof rest);
    add32(&shelf, entry + 4, 1);
    shelf_seal(&shelf);
    expect(&shelf, STATUS_CORRUPT, "the documents of a prefix are counted wrong");
    add32(&shelf, entry + 4, UINT32_MAX);
    shelf_seal(&shelf);
    expect(&shelf, STATUS_OK, "");
    /* a term apart that is another, one that is none, too many of them */
    while (entry < head.prefix + (uint64_t)head.prefix_count * PREFIX_ENTRY &&
           !*at(&shelf, entry + PREFIX_MAX_LEN))
        entry += PREFIX_ENTRY;
    uint64_t ordinal = head.prefix + (uint64_t)head.prefix_count * PREFIX_ENTRY;
    assert_true(entry < ordinal);
    uint32_t term = wire_load32(at(&shelf, ordinal));
    add32(&shelf, ordinal, 1);
    shelf_seal(&shelf);
    expect(&shelf, STATUS_CORRUPT, "the list of a prefix is not the union of its terms");
    add32(&shelf, ordinal, 0u - term - 1);
    shelf_seal(&shelf);
    expect(&shelf, STATUS_CORRUPT, "a term set apart does not begin with the prefix");
    add32(&shelf, ordinal, head.term_count);
    shelf_seal(&shelf);
    expect(&shelf, STATUS_CORRUPT, "the list of a prefix cannot be opened");
    add32(&shelf, ordinal, term - head.term_count);
    *at(&shelf, entry + PREFIX_MAX_LEN) = PREFIX_APART_MOST + 1;
    shelf_seal(&shelf);
    expect(&shelf, STATUS_CORRUPT, "the list of a prefix cannot be opened");
    *at(&shelf, entry + PREFIX_MAX_LEN) = 1;
    shelf_seal(&shelf);
    expect(&shelf, STATUS_OK, "");
    *at(&shelf, head.prefix) = 'z';
    shelf_seal(&shelf);
    expect(&shelf, STATUS_CORRUPT, "prefixes do not ascend");
    shelf_fini(&shelf);
}

/* Up to format 8 entries are prefix, df, list: of the union of all terms. */
static void tables_of_prefixes_of_format_8_are_read(void **state)
{
    (void)state;
    struct shelf shelf = {.count = 0};
    build(&shelf, MANY);
    struct segment *s = shelf_open(&shelf);
    struct segment_head head = s->head;
    segment_close(&s);
    uint32_t whole = 0;
    for (uint32_t i = 0; i < head.prefix_count; i++) {
        uint64_t from = head.prefix + (uint64_t)i * PREFIX_ENTRY,
                 to = head.prefix + (uint64_t)whole * PREFIX_ENTRY_UNION;
        uint8_t key[4], rest[8];
        memcpy(key, at(&shelf, from), sizeof key);
        memcpy(rest, at(&shelf, from + 8), sizeof rest);
        if (key[PREFIX_MAX_LEN])
            continue; /* there were none with terms apart */
        memcpy(at(&shelf, to), key, sizeof key);
        memcpy(at(&shelf, to + 4), rest, 4);
        memcpy(at(&shelf, to + 8), rest + 4, 4);
        whole++;
    }
    assert_true(whole >= 2);
    wire_store32(at(&shelf, 4), SEGMENT_FORMAT_UNIONS);
    wire_store32(at(&shelf, 84), whole);
    shelf_seal(&shelf);
    expect(&shelf, STATUS_OK, "");
    shelf_fini(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_structure_is_held_against_what_it_leads_to),
        cmocka_unit_test(another_list_under_a_term_is_noticed),
        cmocka_unit_test(lists_of_prefixes_are_the_union_of_their_terms),
        cmocka_unit_test(tables_of_prefixes_of_format_8_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
