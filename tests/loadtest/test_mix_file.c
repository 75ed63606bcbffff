#include "loadtest/mix_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/multi.h"
#include "protocol/request.h"

static char folder[] = "/tmp/souk-mix-XXXXXX", path[3][64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path[0], sizeof path[0], "%s/mix.json", folder);
    snprintf(path[1], sizeof path[1], "%s/q.tsv", folder);
    snprintf(path[2], sizeof path[2], "%s/ids.txt", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        unlink(path[i]);
    return rmdir(folder);
}

static void put_file(int which, const char *text)
{
    FILE *f = fopen(path[which], "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static enum status read_mix(const char *text, struct arena *a, struct mix *m, struct fault *f)
{
    const struct mix_source none = {0};
    put_file(0, text);
    memset(m, 0, sizeof *m);
    *f = (struct fault){0};
    return mix_file_read(path[0], &none, a, m, f);
}

static void operations_are_asked_as_they_are_written(void **state)
{
    (void)state;
    struct arena a;
    struct mix m;
    struct fault f;
    struct frame frame;
    struct player p;
    put_file(1, "red shoe\n");
    put_file(2, "p1\nx y\n");
    arena_init(&a, 0);
    assert_int_equal(read_mix("{\"catalog\": \"shop\", \"operations\": ["
                              "{\"op\": \"search\", \"name\": \"s\", \"queries\": \"q.tsv\", "
                              "\"k\": 3, \"match\": \"all\","
                              " \"filters\": \"price < 5\", \"sort\": \"price\", \"class\": "
                              "\"critical\", \"no_cache\": true},"
                              "{\"op\": \"get\", \"ids\": \"ids.txt\", \"batch\": 2, \"pick\": "
                              "\"sequential\", \"deadline_ms\": 40},"
                              "{\"op\": \"multi_search\", \"queries\": \"q.tsv\", \"searches\": "
                              "[{\"k\": 1}, {\"facets\": [\"brand\"]}]},"
                              "{\"op\": \"put\", \"ids\": \"ids.txt\", \"patch\": {\"stock\": [7, "
                              "7]}, \"integer\": true, \"ack\": \"visible\"}]}",
                              &a, &m, &f),
                     STATUS_OK);
    assert_int_equal(mix_finish(&m), STATUS_OK);
    player_init(&p, &m, 1);
    struct search_request q;
    player_make(&p, 0, NULL, &frame);
    assert_int_equal(search_request_decode(frame.body, &a, &q, NULL), STATUS_OK);
    assert_true(slice_equal(q.text, SLICE_LIT("red shoe")) && q.k == 3 && q.match == SEARCH_ALL &&
                q.no_cache);
    assert_true(slice_equal(q.filter, SLICE_LIT("price < 5")) && q.sort_count == 1);
    assert_int_equal(frame_class_of(&frame), CLASS_CRITICAL);
    struct get_request g;
    player_make(&p, 1, NULL, &frame);
    assert_int_equal(get_request_decode(frame.body, &a, &g, NULL), STATUS_OK);
    assert_true(g.id_count == 2 && slice_equal(g.ids[1], SLICE_LIT("x y")) && frame.time == 40);
    player_make(&p, 2, NULL, &frame);
    struct wire_reader r = wire_reader_of(frame.body);
    struct slice part;
    assert_int_equal(multi_request_next(&r, &part), STATUS_OK);
    assert_int_equal(search_request_decode(part, &a, &q, NULL), STATUS_OK);
    assert_true(q.k == 1 && slice_equal(q.text, SLICE_LIT("red shoe")));
    assert_int_equal(multi_request_next(&r, &part), STATUS_OK);
    assert_int_equal(multi_request_next(&r, &part), STATUS_END);
    struct put_request put;
    player_make(&p, 3, NULL, &frame);
    assert_int_equal(put_request_decode(frame.body, &a, &put, NULL), STATUS_OK);
    assert_true(put.ack == ACK_VISIBLE && put.item_count == 1 && put.items[0].op == PUT_PATCH);
    assert_true(slice_equal(put.names[0], SLICE_LIT("stock")));
    player_fini(&p);
    mix_fini(&m);
    arena_fini(&a);
}

static void mistakes_are_told_by_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"{}", "mix.operations: is a list of 1 to 16 operations"},
        {"{\"operations\": [{\"op\": \"find\"}]}", "operations[0].op: is search, get,"},
        {"{\"operations\": [{\"op\": \"ping\", \"weigth\": 1}]}",
         "operations[0].weigth: is no member"},
        {"{\"operations\": [{\"op\": \"ping\", \"weight\": \"x\"}]}",
         "operations[0].weight: must be a number"},
        {"{\"operations\": [{\"op\": \"search\"}]}", "operations[0].catalog: is missing"},
        {"{\"catalog\": \"c\", \"operations\": [{\"op\": \"search\", \"queries\": \"none.tsv\"}]}",
         "operations[0].queries: cannot read"},
        {"{\"catalog\": \"c\", \"operations\": [{\"op\": \"get\"}]}",
         "operations[0].ids: is missing"},
        {"{\"catalog\": \"c\", \"operations\": [{\"op\": \"search\", \"facets\": [3]}]}",
         "operations[0].facets: must be a text or a list"},
        {"{\"catalog\": \"c\", \"operations\": [{\"op\": \"multi_search\"}]}",
         "operations[0].searches: is a list"},
        {"{\"catalog\": \"c\", \"operations\": [{\"op\": \"ping\", \"class\": \"vip\"}]}",
         "operations[0].class: is critical,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct mix m;
        struct fault f;
        arena_init(&a, 0);
        assert_int_equal(read_mix(cases[i].text, &a, &m, &f), STATUS_INVALID);
        if (strncmp(f.text, cases[i].said, strlen(cases[i].said)) != 0)
            fail_msg("'%s' where '%s' was expected", f.text, cases[i].said);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_asked_as_they_are_written),
        cmocka_unit_test(mistakes_are_told_by_their_place),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
