#include "server/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

static void an_address_is_shared_only_by_several(void **state)
{
    (void)state;
    char where[64];
    int first = listen_tcp("127.0.0.1:0", true);
    assert_true(first >= 0);
    snprintf(where, sizeof where, "127.0.0.1:%d", port_of(first));
    int second = listen_tcp(where, true);
    assert_true(second >= 0);
    assert_int_equal(listen_tcp(where, false), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(second);
    close(first);
}

static void addresses_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1:0", "*:0", ":0", "localhost:0"};
    static const char *const bad[] = {"", "127.0.0.1", "nowhere", "127.0.0.1:port", "[::1:0"};
    char long_host[400];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int fd = listen_tcp(good[i], false);
        if (fd < 0)
            fail_msg("'%s': %s", good[i], strerror(errno));
        close(fd);
    }
    int six = listen_tcp("[::1]:0", false); /* a machine may have none */
    assert_true(six >= 0 || errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT);
    if (six >= 0)
        close(six);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        errno = 0;
        if (listen_tcp(bad[i], false) >= 0)
            fail_msg("'%s' is taken", bad[i]);
    }
    memset(long_host, 'h', sizeof long_host);
    memcpy(long_host + sizeof long_host - 3, ":1", 3);
    assert_int_equal(listen_tcp(long_host, false), -1);
}

static void a_unix_socket_takes_the_place_of_an_old_one(void **state)
{
    (void)state;
    char dir[] = "/tmp/souk-listen-XXXXXX", path[64], deep[300];
    struct stat st;
    assert_non_null(mkdtemp(dir));
    int old = listen_unix(dir, "s", 0600), fd = listen_unix(dir, "s", 0640);
    assert_true(old >= 0 && fd >= 0);
    snprintf(path, sizeof path, "%s/s", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    memset(deep, 'd', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(listen_unix(deep, "s", 0600), -1);
    assert_int_equal(listen_unix("/nowhere", "s", 0600), -1);
    close(old);
    close(fd);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_shared_only_by_several),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(a_unix_socket_takes_the_place_of_an_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
