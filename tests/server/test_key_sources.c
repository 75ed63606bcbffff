#include "server/key_sources.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void the_fifth_failure_of_a_source_is_held(void **state)
{
    (void)state;
    struct key_sources *t = calloc(1, sizeof *t);
    struct key_source a = {.family = AF_INET, .who = 1}, b = {.family = AF_INET6, .who = 1};
    for (int i = 1; i <= 10; i++)
        assert_int_equal(key_sources_failed(t, &a, 1000 + i), i >= KEY_FAILURES);
    assert_false(key_sources_failed(t, &b, 2000)); /* another one with the same number */
    assert_true(key_sources_failed(t, &a, 1000 + KEY_FORGET_MS));
    assert_false(key_sources_failed(t, &a, 1001 + KEY_FORGET_MS)); /* forgotten */
    free(t);
}

static void the_table_does_not_grow(void **state)
{
    (void)state;
    struct key_sources *t = calloc(1, sizeof *t);
    struct key_source first = {.family = AF_INET, .who = 7};
    for (int i = 0; i < 4; i++)
        assert_false(key_sources_failed(t, &first, 1));
    for (uint64_t i = 0; i < KEY_SOURCES - 1; i++)
        assert_false(key_sources_failed(t, &(struct key_source){.family = 2, .who = 100 + i}, 2));
    assert_true(key_sources_failed(t, &first, 3)); /* there was room for all of them */
    assert_false(key_sources_failed(t, &(struct key_source){.family = 2, .who = 9999}, 4));
    assert_true(key_sources_failed(t, &first, 5)); /* not the one that failed last */
    free(t);
}

static struct key_source of_connection(int family, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    inet_pton(family, address, family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
    int listener = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0);
    struct key_source s = {0};
    if (!bind(listener, a, len) && !listen(listener, 1) && !getsockname(listener, a, &len) &&
        !connect(client, a, len)) {
        int fd = accept(listener, NULL, NULL);
        s = key_source_of(fd);
        close(fd);
    }
    close(listener);
    close(client);
    return s;
}

static void peers_are_told_apart(void **state)
{
    (void)state;
    struct key_source a = of_connection(AF_INET, "127.0.0.1");
    assert_int_equal(a.family, AF_INET);
    assert_int_equal(a.who, htonl(INADDR_LOOPBACK));
    struct key_source again = of_connection(AF_INET, "127.0.0.1"); /* whatever its port */
    assert_int_equal(again.who, a.who);
    struct key_source mapped = of_connection(AF_INET6, "::ffff:127.0.0.1");
    assert_int_equal(mapped.family, AF_INET);
    assert_int_equal(mapped.who, a.who);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct key_source u = key_source_of(pair[0]);
    assert_int_equal(u.family, AF_UNIX);
    assert_int_equal(u.who, getuid());
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(key_source_of(-1).family, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fifth_failure_of_a_source_is_held),
        cmocka_unit_test(the_table_does_not_grow),
        cmocka_unit_test(peers_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
