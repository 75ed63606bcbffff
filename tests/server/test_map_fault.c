/* A file that is cut off under a map: told, counted, the process ends; three times and it is lost.
 */
#include "server/map_fault.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEN = 1 << 16, CUT = 1 << 12, TOUCHED = 5000 };

struct place {
    char dir[256], path[512];
    struct shared *shared;
    int shared_fd;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    /* a data directory that is itself called so: the last folder counts */
    strcpy(p->dir, "/tmp/souk-map-fault-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    const char *folders[] = {"/catalogs", "/catalogs/a", "/catalogs/a/catalogs",
                             "/catalogs/a/catalogs/shop", "/catalogs/a/catalogs/shop/e-000007"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(p->path, sizeof p->path, "%s%s", p->dir, folders[i]);
        assert_int_equal(mkdir(p->path, 0700), 0);
    }
    strcat(p->path, "/data.mdb");
    assert_int_equal(shared_create(&p->shared, &p->shared_fd), STATUS_OK);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    for (char *slash; strlen(p->path) > strlen(p->dir); rmdir(p->path)) {
        slash = strrchr(p->path, '/');
        *slash = '\0';
    }
    munmap(p->shared, sizeof *p->shared);
    close(p->shared_fd);
    free(p);
    return 0;
}

/* In a child: maps the file, cuts it off, touches what is gone. What it told is in `told`. */
static int touch_cut_off(struct place *p, char *told, size_t cap)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(out[1], STDERR_FILENO);
        map_fault_watch(p->shared, "front");
        int fd = open(p->path, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || ftruncate(fd, LEN))
            _exit(1);
        volatile char *map = mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED || map[TOUCHED] || ftruncate(fd, CUT))
            _exit(2);
        (void)map[TOUCHED];
        _exit(3); /* not reached */
    }
    close(out[1]);
    ssize_t n = read(out[0], told, cap - 1);
    told[n > 0 ? n : 0] = '\0';
    close(out[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_cut_file_is_told_counted_and_given_up(void **state)
{
    struct place *p = *state;
    char told[1024], want[1024];
    struct slice shop = SLICE_LIT("shop");
    snprintf(want, sizeof want,
             "{\"level\":\"error\",\"component\":\"front\",\"msg\":\"%s cannot be read at byte %d: "
             "it was cut off, or its disk fails there\"}\n",
             p->path, TOUCHED);
    for (int i = 0; i < MAP_FAULT_MOST; i++) {
        assert_int_equal(map_fault_lost(p->shared, shop, 7, NULL), STATUS_OK);
        assert_int_equal(touch_cut_off(p, told, sizeof told), MAP_FAULT_EXIT);
        assert_string_equal(told, want);
    }
    struct fault fault = {0};
    assert_int_equal(map_fault_lost(p->shared, shop, 7, &fault), STATUS_CORRUPT);
    assert_non_null(strstr(fault.text, "cut off"));
    assert_int_equal(p->shared->catalog_epoch, MAP_FAULT_MOST); /* fronts look again */
    /* another edition and another catalog begin anew */
    assert_int_equal(map_fault_lost(p->shared, shop, 8, NULL), STATUS_OK);
    assert_int_equal(map_fault_lost(p->shared, SLICE_LIT("shop2"), 7, NULL), STATUS_OK);
    assert_int_equal(map_fault_lost(p->shared, SLICE_LIT("sho"), 7, NULL), STATUS_OK);
}

static void a_file_of_no_edition_ends_the_process_and_nothing_else(void **state)
{
    struct place *p = *state;
    char told[1024];
    snprintf(p->path, sizeof p->path, "%s/catalogs/a/other", p->dir);
    assert_int_equal(touch_cut_off(p, told, sizeof told), MAP_FAULT_EXIT);
    assert_non_null(strstr(told, "/catalogs/a/other cannot be read"));
    assert_int_equal(p->shared->map_faults[0].state, 0);
    unlink(p->path);
    snprintf(p->path, sizeof p->path, "%s/catalogs/a/catalogs/shop/e-000007/data.mdb", p->dir);
}

static void a_signal_of_no_file_ends_it_as_ever(void **state)
{
    struct place *p = *state;
    pid_t pid = fork();
    if (!pid) {
        map_fault_watch(p->shared, "front");
        raise(SIGBUS); /* no address: the handler is taken off */
        raise(SIGBUS);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cut_file_is_told_counted_and_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_no_edition_ends_the_process_and_nothing_else,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_of_no_file_ends_it_as_ever, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
