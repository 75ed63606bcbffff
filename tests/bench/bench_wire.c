/*
 * bench_wire - how many requests a second a server answers over loopback, and how fast.
 *
 *   bench_wire souk|redis|memcached PORT [-w WORK] [-C CATALOG] [-q QUERIES] [-c CONNECTIONS]
 *              [-d DEPTH] [-r RATE] [-t SECONDS] [-p PID] [-v BYTES] [-k HITS] [-S CA]
 *
 * A closed loop: every connection keeps DEPTH requests under way, so what it says is throughput and
 * service, not what a crowd would feel (that is souk-load's work). With RATE an open one: so many
 * requests a second, at random times of a fixed seed, over the connections by turns; latency counts
 * from the time meant, and the driver never sleeps. WORK for Souk: `and`, `or` and the other
 * classes of the query file (ids only), `two` (two words), `asked` (two words with the settings of
 * a client that sets none, products in the reply, no_cache), `none` (no hits), `page` (one search
 * again and again, answered from the result cache), `uncached` (the same with no_cache), `get`
 * (stored products), `ping`. For redis and memcached: GET of one value of BYTES bytes, which is set
 * first. With a PID the CPU time of that process is told. Frames are built beforehand; an answer is
 * told apart by its request id. With -S through TLS, to a server the file vouches for. One line is
 * printed:
 *
 *   rate=N p50_us=N p99_us=N mean_us=N bytes=N errors=N cpu_us=N
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "protocol/request.h"
#include "protocol/tls.h"

enum { MAX_DEPTH = 64, MAX_FRAMES = 20000, MAX_CONNECTIONS = 1000, READ_ROOM = 1 << 18 };

enum peer { SOUK, REDIS, MEMCACHED };

struct job { /* a request under way */
    uint32_t id;
    int64_t since_ns;
};

struct peer_conn {
    int fd;
    struct tls_link *tls; /* NULL = in the clear */
    struct buf in, out;
    size_t out_at;
    struct job jobs[MAX_DEPTH];
    uint32_t first, open; /* ring of jobs; Souk's may end in any order */
    bool wants_write;
};

static struct bench {
    enum peer peer;
    const char *work, *catalog, *queries, *ca;
    struct tls_context *tls;
    int port, connections, depth, pid, value;
    uint32_t hits;
    double seconds, rate;
    struct slice frames[MAX_FRAMES];
    uint32_t frame_count, next;
    struct peer_conn conns[MAX_CONNECTIONS];
    int epoll;
    double due_ns; /* when the next request is meant to go, at a rate */
    uint32_t turn;
    uint32_t *ns; /* latencies */
    size_t done, cap;
    uint64_t errors, bytes;
} B = {.work = "and",
       .catalog = "all",
       .connections = 50,
       .depth = 1,
       .value = 1024,
       .hits = 10,
       .seconds = 3};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* --- requests ----------------------------------------------------------------------------------
 */

static void add_bytes(struct slice bytes)
{
    char *copy = malloc(bytes.len);
    if (!copy)
        die("malloc");
    memcpy(copy, bytes.ptr, bytes.len);
    B.frames[B.frame_count++] = slice_make(copy, bytes.len);
}

static void add_frame(uint8_t opcode, const struct buf *body)
{
    struct buf b = BUF_INIT;
    size_t at = frame_begin(&b);
    buf_put_slice(&b, buf_slice(body));
    struct frame f = {.opcode = opcode, .request_id = B.frame_count + 1, .time = 10000};
    frame_end(&b, at, &f);
    add_bytes(buf_slice(&b));
    buf_fini(&b);
}

static void add_search(const char *words, bool ids_only, bool no_cache, enum search_match match)
{
    struct search_request q;
    struct buf body = BUF_INIT;
    search_request_init(&q);
    q.catalog = slice_str(B.catalog);
    q.text = slice_str(words);
    q.match = match;
    q.prefix = false;
    q.typos = 0;
    q.ids_only = ids_only;
    q.profile = ids_only ? SLICE_LIT("bm25") : SLICE_NULL; /* as the peers rank */
    q.k = B.hits;
    q.no_cache = no_cache;
    q.count_to = 1000;
    search_request_encode(&q, &body);
    add_frame(OP_SEARCH, &body);
    buf_fini(&body);
}

static void add_get(unsigned id)
{
    char text[16];
    struct buf body = BUF_INIT;
    snprintf(text, sizeof text, "%u", id);
    struct slice ids[1] = {slice_str(text)};
    struct get_request g = {.catalog = slice_str(B.catalog), .ids = ids, .id_count = 1};
    get_request_encode(&g, &body);
    add_frame(OP_GET, &body);
    buf_fini(&body);
}

/* Two words by a client that sets nothing. */
static void add_asked(const char *words)
{
    struct search_request q;
    struct buf body = BUF_INIT;
    search_request_init(&q);
    q.catalog = slice_str(B.catalog);
    q.text = slice_str(words);
    q.k = B.hits;
    q.no_cache = true;
    search_request_encode(&q, &body);
    add_frame(OP_SEARCH, &body);
    buf_fini(&body);
}

static void add_from_file(void)
{
    char line[1024];
    FILE *f = B.queries ? fopen(B.queries, "r") : NULL;
    if (!f)
        die("query file (-q)");
    bool asked = !strcmp(B.work, "asked"), two = asked || !strcmp(B.work, "two");
    while (B.frame_count < MAX_FRAMES && fgets(line, sizeof line, f)) {
        char *class = strtok(line, "\t"), *words = strtok(NULL, "\t");
        if (!class || !words || strcmp(class, two ? "and" : B.work) != 0)
            continue;
        char *space = strchr(words, ' ');
        if (two && (!space || strchr(space + 1, ' ')))
            continue;
        if (asked)
            add_asked(words);
        else
            add_search(words, true, true, strcmp(class, "or") ? SEARCH_ALL : SEARCH_ANY);
    }
    fclose(f);
}

static void build_souk(void)
{
    struct buf empty = BUF_INIT;
    if (!strcmp(B.work, "ping"))
        add_frame(OP_PING, &empty);
    else if (!strcmp(B.work, "none"))
        add_search("qqxzzyv vvkqzzw", true, true, SEARCH_ALL);
    else if (!strcmp(B.work, "page") || !strcmp(B.work, "uncached"))
        add_search(B.queries ? B.queries : "black shirt", false, B.work[0] == 'u', SEARCH_ALL);
    else if (!strcmp(B.work, "get"))
        for (unsigned i = 1; i <= 1000; i++)
            add_get(i);
    else
        add_from_file();
}

static void build(void)
{
    if (B.peer == SOUK)
        build_souk();
    else
        add_bytes(B.peer == REDIS ? SLICE_LIT("*2\r\n$3\r\nGET\r\n$4\r\nsouk\r\n")
                                  : SLICE_LIT("get souk\r\n"));
    if (!B.frame_count) {
        fprintf(stderr, "no request of the kind %s\n", B.work);
        exit(2);
    }
}

/* --- replies -----------------------------------------------------------------------------------
 */

/* Length of the reply at the start of `b`, 0 = not whole; *id of Souk's. */
static size_t reply_len(struct slice b, uint32_t *id, bool *error)
{
    size_t head, body;
    if (B.peer == SOUK) {
        if (b.len < FRAME_HEADER)
            return 0;
        *id = wire_load32(b.ptr + 8);
        *error = wire_load16(b.ptr + 6) != 0;
        head = FRAME_HEADER;
        body = wire_load32(b.ptr + 12);
    } else {
        const char *end = memchr(b.ptr, '\n', b.len);
        if (!end)
            return 0;
        head = (size_t)(end - b.ptr) + 1;
        bool redis = B.peer == REDIS;
        *error = *b.ptr != (redis ? '$' : 'V') || (redis && b.ptr[1] == '-');
        body = *error ? 0 : (size_t)atol(redis ? b.ptr + 1 : b.ptr + strlen("VALUE souk 0 "));
        body += *error ? 0 : redis ? strlen("\r\n") : strlen("\r\nEND\r\n");
    }
    return b.len >= head + body ? head + body : 0;
}

static void finish(struct peer_conn *c, uint32_t id, int64_t now)
{
    struct job *first = &c->jobs[c->first % MAX_DEPTH], *j = first;
    for (uint32_t i = 0; B.peer == SOUK && i < c->open; i++) {
        j = &c->jobs[(c->first + i) % MAX_DEPTH];
        if (j->id == id)
            break;
    }
    if (B.done < B.cap)
        B.ns[B.done] = (uint32_t)(now - j->since_ns);
    B.done++;
    *j = *first;
    c->first++;
    c->open--;
}

static void ask(struct peer_conn *c, int64_t since)
{
    uint32_t i = B.next++ % B.frame_count;
    buf_put_slice(&c->out, B.frames[i]);
    c->jobs[(c->first + c->open++) % MAX_DEPTH] = (struct job){i + 1, since};
}

static void fill(struct peer_conn *c, int64_t now)
{
    while (B.rate == 0 && c->open < (uint32_t)B.depth)
        ask(c, now);
}

static void want(struct peer_conn *c, bool write)
{
    struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    if (c->wants_write != write)
        epoll_ctl(B.epoll, EPOLL_CTL_MOD, c->fd, &e);
    c->wants_write = write;
}

static void flush(struct peer_conn *c)
{
    while (c->out_at < c->out.len) {
        const char *at = c->out.ptr + c->out_at;
        size_t len = c->out.len - c->out_at;
        ssize_t n = c->tls ? tls_link_send(c->tls, at, len) : send(c->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            die("send");
        c->out_at += (size_t)n;
    }
    want(c, c->out_at < c->out.len);
    if (c->out_at == c->out.len) {
        buf_clear(&c->out);
        c->out_at = 0;
    }
}

static void take(struct peer_conn *c)
{
    buf_reserve(&c->in, READ_ROOM);
    char *to = c->in.ptr + c->in.len;
    size_t room = c->in.cap - c->in.len;
    ssize_t n = c->tls ? tls_link_recv(c->tls, to, room) : recv(c->fd, to, room, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("the server closed the connection");
    c->in.len += (size_t)n;
    int64_t now = now_ns();
    size_t at = 0, len;
    uint32_t id = 0;
    bool error = false;
    while (c->open && (len = reply_len(slice_make(c->in.ptr + at, c->in.len - at), &id, &error))) {
        B.errors += error;
        B.bytes += len;
        at += len;
        finish(c, id, now);
    }
    memmove(c->in.ptr, c->in.ptr + at, c->in.len - at);
    c->in.len -= at;
    fill(c, now);
    flush(c);
}

/* --- the run -----------------------------------------------------------------------------------
 */

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)B.port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static void shake(struct peer_conn *c)
{
    struct fault fault;
    enum status st = tls_link_create(B.tls, c->fd, "127.0.0.1", &c->tls);
    while (!st && (st = tls_link_handshake(c->tls)) == STATUS_AGAIN) {
        bool write = tls_link_wants(c->tls) & TLS_WANT_WRITE;
        struct pollfd p = {.fd = c->fd, .events = write ? POLLOUT : POLLIN};
        poll(&p, 1, 1000);
        st = STATUS_OK;
    }
    if (!st)
        return;
    tls_link_fault(c->tls, &fault);
    fprintf(stderr, "%s\n", fault.text);
    exit(2);
}

/* The value that redis or memcached is asked for. */
static void store_value(void)
{
    struct buf b = BUF_INIT;
    char answer[64];
    int fd = dial();
    if (B.peer == REDIS)
        buf_printf(&b, "*3\r\n$3\r\nSET\r\n$4\r\nsouk\r\n$%d\r\n", B.value);
    else
        buf_printf(&b, "set souk 0 0 %d\r\n", B.value);
    for (int i = 0; i < B.value; i++)
        buf_put_u8(&b, (uint8_t)('a' + i % 26));
    buf_put(&b, "\r\n", 2);
    if (send(fd, b.ptr, b.len, 0) != (ssize_t)b.len || recv(fd, answer, sizeof answer, 0) <= 0)
        die("set");
    close(fd);
    buf_fini(&b);
}

/* CPU seconds of the process. */
static double cpu_seconds(void)
{
    char path[64], line[1024] = "";
    unsigned long user, system;
    snprintf(path, sizeof path, "/proc/%d/stat", B.pid);
    FILE *f = B.pid ? fopen(path, "r") : NULL;
    if (!f)
        return 0;
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    char *at = got ? strrchr(line, ')') : NULL;
    if (!at ||
        sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Until the next request is due, in ns. */
static double gap_ns(void)
{
    static uint64_t dice = 88172645463325252;
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return -log((double)((dice >> 11) + 1) / 9007199254740993.0) * 1e9 / B.rate;
}

/* What is due goes out; what finds its connection full is an error. */
static void send_due(void)
{
    int64_t now = now_ns();
    for (; B.due_ns <= (double)now; B.due_ns += gap_ns()) {
        struct peer_conn *c = &B.conns[B.turn++ % (uint32_t)B.connections];
        if (c->open == MAX_DEPTH) {
            B.errors++;
            continue;
        }
        ask(c, (int64_t)B.due_ns);
        flush(c);
    }
}

static void rounds_until(int64_t end)
{
    struct epoll_event events[256];
    while (now_ns() < end) {
        if (B.rate > 0)
            send_due();
        int n = epoll_wait(B.epoll, events, 256, B.rate > 0 ? 0 : 100);
        for (int i = 0; i < n; i++) {
            struct peer_conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                flush(c);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                take(c);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(double seconds, double cpu)
{
    size_t n = B.done < B.cap ? B.done : B.cap;
    double sum = 0;
    if (!n) {
        printf("rate=0\n");
        exit(1);
    }
    qsort(B.ns, n, sizeof *B.ns, by_value);
    for (size_t i = 0; i < n; i++)
        sum += B.ns[i];
    size_t half = n / 2, last = n * 99 / 100;
    printf("rate=%.0f p50_us=%.1f p99_us=%.1f mean_us=%.1f bytes=%.0f errors=%llu cpu_us=%.2f\n",
           (double)B.done / seconds, B.ns[half] / 1e3, B.ns[last] / 1e3, sum / (double)n / 1e3,
           (double)B.bytes / (double)B.done, (unsigned long long)B.errors,
           cpu * 1e6 / (double)B.done);
}

static void run(void)
{
    B.epoll = epoll_create1(0);
    B.cap = 20000000;
    B.ns = malloc(B.cap * sizeof *B.ns);
    if (!B.ns)
        die("malloc");
    for (int i = 0; i < B.connections; i++) {
        struct peer_conn *c = &B.conns[i];
        c->fd = dial();
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        if (B.tls)
            shake(c);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(B.epoll, EPOLL_CTL_ADD, c->fd, &e);
        fill(c, now_ns());
        flush(c);
    }
    B.due_ns = (double)now_ns();
    rounds_until(now_ns() + (int64_t)(B.seconds * 0.2e9));
    B.done = B.errors = B.bytes = 0;
    double cpu = cpu_seconds();
    int64_t start = now_ns();
    rounds_until(start + (int64_t)(B.seconds * 1e9));
    report((double)(now_ns() - start) / 1e9, cpu_seconds() - cpu);
}

int main(int argc, char **argv)
{
    int o;
    while ((o = getopt(argc, argv, "w:C:q:c:d:r:t:p:v:k:S:")) > 0) {
        switch (o) {
        case 'w':
            B.work = optarg;
            break;
        case 'C':
            B.catalog = optarg;
            break;
        case 'q':
            B.queries = optarg;
            break;
        case 'c':
            B.connections = atoi(optarg);
            break;
        case 'd':
            B.depth = atoi(optarg);
            break;
        case 'r':
            B.rate = atof(optarg);
            break;
        case 't':
            B.seconds = atof(optarg);
            break;
        case 'p':
            B.pid = atoi(optarg);
            break;
        case 'k':
            B.hits = (uint32_t)atoi(optarg);
            break;
        case 'S':
            B.ca = optarg;
            break;
        case 'v':
            B.value = atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (argc - optind != 2 || B.depth < 1 || B.depth > MAX_DEPTH || B.connections < 1 ||
        B.connections > MAX_CONNECTIONS) {
        fprintf(stderr, "usage: bench_wire souk|redis|memcached PORT [options]\n");
        return 2;
    }
    B.peer = argv[optind][0] == 's' ? SOUK : argv[optind][0] == 'r' ? REDIS : MEMCACHED;
    B.port = atoi(argv[optind + 1]);
    struct fault fault;
    if (B.ca && tls_client_create(&(struct tls_client){.ca = B.ca}, &B.tls, &fault)) {
        fprintf(stderr, "%s\n", fault.text);
        return 2;
    }
    if (B.peer != SOUK)
        store_value();
    build();
    run();
    return 0;
}
