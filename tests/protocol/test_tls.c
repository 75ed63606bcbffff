/* Both ends of a TLS connection over a socket pair, step by step in one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/buf.h"
#include "protocol/tls.h"

static char folder[] = "/tmp/souk-test-tls-XXXXXX";
static char certificate[64], key[64], garbage[64];
static struct buf certificate_text, key_text;

static void read_whole(const char *path, struct buf *out)
{
    FILE *in = fopen(path, "rb");
    char bytes[8192];
    size_t n;
    assert_non_null(in);
    n = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    buf_put(out, bytes, n);
}

static int make_files(void **state)
{
    char command[512];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(certificate, sizeof certificate, "%s/c.pem", folder);
    snprintf(key, sizeof key, "%s/k.pem", folder);
    snprintf(garbage, sizeof garbage, "%s/g.pem", folder);
    snprintf(command, sizeof command,
             "echo none >%s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
             "-nodes -days 2 -subj /CN=test -addext "
             "subjectAltName=DNS:shop.example,IP:10.1.2.3 -keyout %s -out %s 2>/dev/null",
             garbage, key, certificate);
    if (system(command)) /* NOLINT(cert-env33-c): a test of its own files */
        return -1;
    read_whole(certificate, &certificate_text);
    read_whole(key, &key_text);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(certificate);
    unlink(key);
    unlink(garbage);
    rmdir(folder);
    buf_fini(&certificate_text);
    buf_fini(&key_text);
    return 0;
}

static struct tls_pems pems(void)
{
    return (struct tls_pems){
        {certificate, buf_slice(&certificate_text)}, {key, buf_slice(&key_text)}, {"", SLICE_NULL}};
}

struct pair {
    struct tls_context *server, *client;
    struct tls_link *s, *c;
    int fds[2];
};

static void open_pair(struct pair *p, const char *host, const char *name)
{
    struct fault fault = {0};
    struct tls_pems files = pems();
    *p = (struct pair){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
    assert_int_equal(tls_server_create(&files, &p->server, &fault), STATUS_OK);
    assert_int_equal(tls_client_create(&(struct tls_client){.ca = certificate, .name = name},
                                       &p->client, &fault),
                     STATUS_OK);
    assert_int_equal(tls_link_create(p->server, p->fds[0], NULL, &p->s), STATUS_OK);
    assert_int_equal(tls_link_create(p->client, p->fds[1], host, &p->c), STATUS_OK);
}

/* By turns until both stand, or one has failed. */
static void shake(struct pair *p, enum status *s, enum status *c)
{
    *s = *c = STATUS_AGAIN;
    for (int i = 0; i < 20; i++) {
        if (*c == STATUS_AGAIN)
            *c = tls_link_handshake(p->c);
        if (*s == STATUS_AGAIN)
            *s = tls_link_handshake(p->s);
    }
}

static void open_standing(struct pair *p)
{
    enum status s, c;
    open_pair(p, "shop.example", NULL);
    shake(p, &s, &c);
    assert_int_equal(s, STATUS_OK);
    assert_int_equal(c, STATUS_OK);
}

static void close_pair(struct pair *p)
{
    tls_link_destroy(&p->c);
    tls_link_destroy(&p->s);
    tls_context_destroy(&p->client);
    tls_context_destroy(&p->server);
    close(p->fds[0]);
    close(p->fds[1]);
}

static bool readable(int fd)
{
    struct pollfd w = {.fd = fd, .events = POLLIN};
    return poll(&w, 1, 0) == 1;
}

static void nothing_received_waits_unseen(void **state)
{
    struct pair p;
    char room[TLS_ROOM];
    size_t got = 0;
    int records = 0;
    (void)state;
    open_standing(&p);
    /* of all sizes, many in the socket at once: what poll says is all there is to know */
    static const size_t sizes[] = {1, 100, 16383, 16384, 16385, 40000, 7};
    size_t sent = 0;
    static char bytes[40000];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t at = 0; at < sizes[i];) {
            ssize_t n = tls_link_send(p.c, bytes + at, sizes[i] - at);
            assert_true(n > 0);
            at += (size_t)n;
            sent += (size_t)n;
        }
    while (readable(p.fds[0])) {
        ssize_t n = tls_link_recv(p.s, room, sizeof room);
        assert_true(n > 0 || errno == EAGAIN);
        got += n > 0 ? (size_t)n : 0;
        records++;
    }
    assert_int_equal(got, sent);
    assert_true(records >= 7);
    assert_int_equal(tls_link_recv(p.s, room, sizeof room), -1);
    assert_int_equal(errno, EAGAIN);
    close_pair(&p);
}

static void what_was_sent_in_part_goes_on_from_moved_bytes(void **state)
{
    struct pair p;
    struct buf out = BUF_INIT;
    static char room[4 * TLS_ROOM];
    size_t at = 0, got = 0;
    uint32_t sum = 0, want = 0;
    (void)state;
    open_standing(&p);
    for (uint32_t i = 0; i < 3000000; i++) {
        buf_put_u8(&out, (uint8_t)(i * 7919 >> 5));
        want = want * 31 + (uint8_t)(i * 7919 >> 5);
    }
    size_t all = out.len;
    while (got < all) {
        ssize_t n;
        while (at < out.len && (n = tls_link_send(p.s, out.ptr + at, out.len - at)) > 0)
            at += (size_t)n;
        assert_true(at == out.len || errno == EAGAIN);
        /* what is left moves to other memory */
        struct buf moved = BUF_INIT;
        buf_put(&moved, out.ptr + at, out.len - at);
        buf_fini(&out);
        out = moved;
        at = 0;
        while ((n = tls_link_recv(p.c, room, sizeof room)) > 0) {
            for (ssize_t i = 0; i < n; i++)
                sum = sum * 31 + (uint8_t)room[i];
            got += (size_t)n;
        }
        assert_int_equal(n, -1);
        assert_int_equal(errno, EAGAIN);
    }
    assert_int_equal(sum, want);
    buf_fini(&out);
    close_pair(&p);
}

static void the_end_of_one_is_told_to_the_other(void **state)
{
    struct pair p;
    char room[TLS_ROOM];
    (void)state;
    for (int politely = 0; politely < 2; politely++) {
        open_standing(&p);
        while (readable(p.fds[1])) /* the ticket */
            assert_int_equal(tls_link_recv(p.c, room, sizeof room), -1);
        if (politely)
            tls_link_destroy(&p.s);
        shutdown(p.fds[0], SHUT_RDWR);
        assert_int_equal(tls_link_recv(p.c, room, sizeof room), 0);
        assert_int_equal(tls_link_recv(p.c, room, sizeof room), 0);
        assert_int_equal(tls_link_send(p.c, "x", 1), -1); /* and no SIGPIPE */
        close_pair(&p);
    }
}

static void names_and_addresses_are_checked(void **state)
{
    static const struct {
        const char *host, *name;
        enum status want;
    } cases[] = {{"shop.example", NULL, STATUS_OK},     {"SHOP.example", "", STATUS_OK},
                 {"10.1.2.3", NULL, STATUS_OK},         {"other", "shop.example", STATUS_OK},
                 {"shop.example", "other", STATUS_TLS}, {"example", NULL, STATUS_TLS},
                 {"10.1.2.4", NULL, STATUS_TLS},        {"x.shop.example", NULL, STATUS_TLS}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair p;
        enum status s, c;
        open_pair(&p, cases[i].host, cases[i].name);
        shake(&p, &s, &c);
        assert_int_equal(c, cases[i].want);
        if (c)
            assert_int_equal(tls_link_fault(p.c, NULL), TLS_FAILURE_NAME);
        if (c) /* the other end has got the alert */
            assert_int_equal(tls_link_fault(p.s, NULL), TLS_FAILURE_REFUSED);
        close_pair(&p);
    }
    struct tls_link *none;
    struct pair p;
    open_pair(&p, "shop.example", NULL);
    assert_int_equal(tls_link_create(p.client, p.fds[1], "", &none), STATUS_INVALID);
    assert_null(none);
    close_pair(&p);
}

static void any_bytes_instead_of_a_handshake_fail(void **state)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "plainly something else",
                                        "\x16\x03\x01\x00\x05hello",
                                        "\x15\x03\x03\x00\x02\x02\x28"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct pair p;
        struct fault fault;
        open_pair(&p, "shop.example", NULL);
        size_t len = texts[i][0] == 0x16 ? 10 : texts[i][0] == 0x15 ? 7 : strlen(texts[i]);
        assert_int_equal(write(p.fds[1], texts[i], len), len);
        assert_int_equal(tls_link_handshake(p.s), STATUS_TLS);
        assert_int_not_equal(tls_link_fault(p.s, &fault), TLS_FAILURE_NONE);
        assert_true(fault.text[0] != '\0');
        assert_int_equal(tls_link_send(p.s, "x", 1), -1);
        close_pair(&p);
    }
}

static void a_context_lives_as_long_as_its_links(void **state)
{
    struct pair p;
    char room[TLS_ROOM];
    (void)state;
    open_standing(&p);
    tls_context_destroy(&p.server);
    tls_context_destroy(&p.client);
    assert_null(p.server);
    assert_int_equal(tls_link_send(p.c, "still", 5), 5);
    assert_int_equal(tls_link_recv(p.s, room, sizeof room), 5);
    close_pair(&p);
}

static void files_that_do_not_fit_are_named(void **state)
{
    struct fault fault;
    struct tls_context *c;
    struct tls_pems files = pems();
    (void)state;
    files.key = (struct tls_pem){"wrong.key", SLICE_LIT("nothing")};
    assert_int_equal(tls_server_create(&files, &c, &fault), STATUS_INVALID);
    assert_null(c);
    assert_non_null(strstr(fault.text, "wrong.key"));
    files = pems();
    files.certificate.text = SLICE_NULL;
    assert_int_equal(tls_server_create(&files, &c, &fault), STATUS_INVALID);
    files = pems();
    files.ca = (struct tls_pem){"ca.pem", SLICE_LIT("nothing")};
    assert_int_equal(tls_server_create(&files, &c, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "ca.pem"));
    static const struct tls_client wrong[] = {
        {.ca = garbage},
        {.ca = "/none"},
        {.ca = certificate, .key = key},
        {.ca = certificate, .key = garbage, .certificate = certificate}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(tls_client_create(&wrong[i], &c, &fault), STATUS_INVALID);
        assert_null(c);
    }
}

static void a_certificate_says_when_it_ends(void **state)
{
    struct pair p;
    (void)state;
    open_pair(&p, "shop.example", NULL);
    assert_int_equal(tls_not_after(p.server) - tls_not_before(p.server), 2 * 86400);
    assert_int_equal(tls_not_after(p.client), 0);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_received_waits_unseen),
        cmocka_unit_test(what_was_sent_in_part_goes_on_from_moved_bytes),
        cmocka_unit_test(the_end_of_one_is_told_to_the_other),
        cmocka_unit_test(names_and_addresses_are_checked),
        cmocka_unit_test(any_bytes_instead_of_a_handshake_fail),
        cmocka_unit_test(a_context_lives_as_long_as_its_links),
        cmocka_unit_test(files_that_do_not_fit_are_named),
        cmocka_unit_test(a_certificate_says_when_it_ends),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
