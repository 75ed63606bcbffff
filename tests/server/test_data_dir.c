#include "server/data_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(base, "/tmp/souk-data-dir-XXXXXX");
    return mkdtemp(base) ? 0 : -1;
}

static void it_is_made_with_what_is_above_it(void **state)
{
    (void)state;
    char deep[128], file[160], too_long[5000];
    struct stat st;
    snprintf(deep, sizeof deep, "%s/a/b", base);
    assert_true(data_dir_make(deep));
    assert_true(data_dir_make(deep)); /* again */
    assert_true(data_dir_make_catalogs(deep));
    snprintf(file, sizeof file, "%s/catalogs", deep);
    assert_int_equal(stat(file, &st), 0);
    assert_true(S_ISDIR(st.st_mode));

    snprintf(file, sizeof file, "%s/a/file", base);
    fclose(fopen(file, "w"));
    snprintf(file, sizeof file, "%s/a/file/below", base);
    assert_false(data_dir_make(file));
    assert_int_equal(errno, ENOTDIR);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[0] = '/';
    too_long[sizeof too_long - 1] = '\0';
    assert_false(data_dir_make(too_long));
}

/* Locks are a process's: a second server is another one. */
static void only_one_process_has_it(void **state)
{
    (void)state;
    int fd = data_dir_lock(base), status;
    assert_true(fd >= 0);
    pid_t other = fork();
    if (!other) {
        int again = data_dir_lock(base);
        _exit(again < 0 && (errno == EAGAIN || errno == EACCES) ? 0 : 1);
    }
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
    close(fd);
    other = fork();
    if (!other)
        _exit(data_dir_lock(base) >= 0 ? 0 : 1);
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
}

static void root_becomes_the_owner_or_who_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char dir[128];
    struct stat st;
    int status;
    snprintf(dir, sizeof dir, "%s/owned", base);
    for (int named = 0; named < 2; named++) {
        uid_t wanted = named ? 65534 : 1;
        mkdir(dir, 0755);
        assert_int_equal(chown(dir, named ? 0 : wanted, named ? 0 : wanted), 0);
        pid_t child = fork();
        if (!child)
            _exit(data_dir_become_user(dir, named ? "nobody" : "") && geteuid() == wanted ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_uid, wanted);
        rmdir(dir);
    }
    assert_false(data_dir_become_user(base, "no-such-account"));
    assert_true(data_dir_become_user(base, "")); /* root's own: it stays so */
    assert_int_equal(geteuid(), 0);
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command); /* NOLINT: a name of ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_with_what_is_above_it),
        cmocka_unit_test(only_one_process_has_it),
        cmocka_unit_test(root_becomes_the_owner_or_who_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
