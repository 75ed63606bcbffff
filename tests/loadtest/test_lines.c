#include "loadtest/lines.h"

#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void check(const char *text, const char *texts, const char *weights)
{
    struct arena a;
    struct query_log log;
    char got[256] = "", w[256] = "";
    arena_init(&a, 0);
    assert_int_equal(query_log_parse(slice_str(text), &a, &log, NULL), STATUS_OK);
    for (uint32_t i = 0; i < log.count; i++) {
        size_t n = strlen(got), m = strlen(w);
        snprintf(got + n, sizeof got - n, "%.*s|", (int)log.texts[i].len, log.texts[i].ptr);
        snprintf(w + m, sizeof w - m, "%g|", log.weights[i]);
    }
    assert_string_equal(got, texts);
    assert_string_equal(w, weights);
    arena_fini(&a);
}

static void every_shape_of_a_query_log_is_told_apart(void **state)
{
    (void)state;
    check("red shoe\nblue\n", "red shoe|blue|", "1|1|");
    check("red shoe\t5\r\n# note\n\nblue\t0.5", "red shoe|blue|", "5|0.5|");
    check("q1\tred shoe\nq2\tblue\n", "red shoe|blue|", "1|1|");
    check("q1\tred shoe\t7\nq2\tblue\t2\n", "red shoe|blue|", "7|2|");
    check("id\tquery\tclass\nq1\tred\tA\nq2\tblue\tB\n", "red|blue|", "1|1|");
    check("weight\tquery\n3\tred\n1\tblue\n", "red|blue|", "3|1|");
    check("macbook\t731\t151\ncooktop\t1214\t260\n", "macbook|cooktop|", "731|1214|");
    check("1\t100\n2\t16 gb\n", "100|16 gb|", "1|1|"); /* one text is enough: not weights */
}

static void an_empty_log_is_refused(void **state)
{
    (void)state;
    struct arena a;
    struct query_log log;
    struct fault f = {0};
    arena_init(&a, 0);
    assert_int_equal(query_log_parse(SLICE_LIT("# nothing\n\n"), &a, &log, &f), STATUS_INVALID);
    assert_true(f.text[0]);
    arena_fini(&a);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void packed_files_read_as_plain_ones(void **state)
{
    (void)state;
    char folder[] = "/tmp/souk-lines-XXXXXX", path[3][64], packed[65536];
    static char text[50000];
    struct arena a;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 11 ? 'a' + i % 26 : '\n');
    snprintf(path[0], sizeof path[0], "%s/q.tsv", folder);
    snprintf(path[1], sizeof path[1], "%s/q.tsv.zst", folder);
    snprintf(path[2], sizeof path[2], "%s/q.tsv.gz", folder);
    write_file(path[0], text, sizeof text);
    write_file(path[1], packed, ZSTD_compress(packed, sizeof packed, text, sizeof text, 1));
    gzFile g = gzopen(path[2], "wb");
    gzwrite(g, text, sizeof text);
    gzclose(g);
    arena_init(&a, 0);
    for (int i = 0; i < 3; i++) {
        struct slice got;
        assert_int_equal(lines_read(path[i], &a, &got, NULL), STATUS_OK);
        assert_int_equal(got.len, sizeof text);
        assert_memory_equal(got.ptr, text, sizeof text);
    }
    write_file(path[1], packed, 20); /* cut off */
    struct slice got;
    struct fault f = {0};
    assert_int_equal(lines_read(path[1], &a, &got, &f), STATUS_IO);
    arena_fini(&a);
    for (int i = 0; i < 3; i++)
        unlink(path[i]);
    assert_int_equal(lines_read(path[0], &a, &got, &f), STATUS_IO);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_a_query_log_is_told_apart),
        cmocka_unit_test(an_empty_log_is_refused),
        cmocka_unit_test(packed_files_read_as_plain_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
