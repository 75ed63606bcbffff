#include "support_writer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/index.h"
#include "index/meta.h"
#include "index/snapshot.h"
#include "server/catalogs.h"

char dir[64];
struct shared *shared;
static int shared_fd;
pid_t pid;
static int fd = -1;
struct config config;
static struct buf in;  /* what came from the writer */
static size_t in_done; /* bytes of it that were handed out */
static uint32_t request_id;
uint64_t edition; /* that is looked into */

static void forget_input(void)
{
    buf_clear(&in);
    in_done = 0;
}

int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/souk-writer-XXXXXX");
    edition = 1;
    config.values[OPTION_LOG_QUEUE].number = 20000;
    config.values[OPTION_LOG_WINDOW].number = 86400000;
    config.values[OPTION_MAP].number = UINT64_C(1) << 30;
    return mkdtemp(dir) && !shared_create(&shared, &shared_fd) ? 0 : -1;
}

int teardown(void **state)
{
    (void)state;
    char command[96];
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    pid = 0;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

void start(void)
{
    char path[108];
    struct role_context r = {.role = ROLE_WRITER,
                             .shared = shared,
                             .self = &shared->processes[0],
                             .config = &config,
                             .data_dir = dir};
    shared->writer_ready = 0;
    pid = fork();
    if (pid == 0) { /* it ends with the test, whatever ends that */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(writer_main(&r));
    }
    for (int i = 0; i < 2000 && !shared->writer_ready; i++)
        usleep(5000);
    assert_true(shared->writer_ready);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    assert_true(role_writer_socket(&r, path, sizeof path));
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
}

void hang_up(void)
{
    close(fd);
    forget_input();
}

void stop(int signo)
{
    kill(pid, signo);
    waitpid(pid, NULL, 0);
    hang_up();
    pid = 0;
}

void post(uint8_t opcode, struct slice body)
{
    struct buf out = BUF_INIT;
    struct frame f = {.opcode = opcode, .request_id = ++request_id};
    size_t at = frame_begin(&out);
    buf_put_slice(&out, body);
    frame_end(&out, at, &f);
    assert_int_equal(write(fd, out.ptr, out.len), out.len);
    buf_fini(&out);
}

/* The next reply, valid until the next call. False when the writer is gone. */
bool answer(struct frame *f)
{
    size_t need;
    if (in_done)
        memmove(in.ptr, in.ptr + in_done, in.len - in_done);
    in.len -= in_done;
    in_done = 0;
    while (in.len == 0 || frame_decode(buf_slice(&in), FRAME_MAX_BODY, f, &in_done, &need)) {
        assert_true(buf_reserve(&in, 65536));
        ssize_t n = read(fd, in.ptr + in.len, 65536);
        if (n <= 0) {
            forget_input();
            return false;
        }
        in.len += (size_t)n;
    }
    return true;
}

void create(void)
{
    struct schema_spec spec = {.field_count = 2};
    struct buf schema = BUF_INIT, body = BUF_INIT;
    struct frame f = {0};
    spec.fields[0] = (struct field_spec){.name = SLICE_LIT("title"),
                                         .type = FIELD_TEXT,
                                         .flags = FIELD_SEARCHABLE | FIELD_STORED,
                                         .weight = 1};
    spec.fields[1] = spec.fields[0];
    spec.fields[1].name = SLICE_LIT("text");
    schema_spec_encode(&spec, &schema);
    struct catalog_request q = {
        .action = CATALOG_CREATE, .name = SLICE_LIT("shop"), .schema = buf_slice(&schema)};
    catalog_request_encode(&q, &body);
    post(OP_CATALOG, buf_slice(&body));
    assert_true(answer(&f));
    assert_int_equal(f.status, STATUS_OK);
    post(OP_CATALOG, buf_slice(&body));
    assert_true(answer(&f));
    assert_int_equal(f.status, STATUS_EXISTS);
    buf_fini(&schema);
    buf_fini(&body);
}

void post_put(unsigned id, enum put_op op, uint64_t version, const char *key, enum put_ack ack)
{
    struct buf document = BUF_INIT, body = BUF_INIT;
    char name[32];
    snprintf(name, sizeof name, "p%u", id);
    document_put_header(&document, slice_str(name), op == PUT_UPSERT ? 1 : 0);
    if (op == PUT_UPSERT) {
        wire_put_varint(&document, 0);
        value_put_text(&document, SLICE_LIT("red shoes"));
    }
    struct put_item item = {.op = op,
                            .version = version,
                            .ttl_ms = -1,
                            .swr_ms = -1,
                            .sie_ms = -1,
                            .document = buf_slice(&document)};
    struct put_request p = {.catalog = SLICE_LIT("shop"), .ack = ack, .key = slice_str(key)};
    put_request_header(&p, &body);
    put_item_encode(&item, &body);
    post(OP_PUT, buf_slice(&body));
    buf_fini(&document);
    buf_fini(&body);
}

struct put_reply put(unsigned id, enum put_op op, uint64_t version, const char *key,
                     enum put_ack ack, enum status want)
{
    struct frame f = {0};
    struct put_reply r = {0};
    struct arena a;
    arena_init(&a, 0);
    post_put(id, op, version, key, ack);
    assert_true(answer(&f));
    assert_int_equal(f.status, want);
    if (!want)
        assert_int_equal(put_reply_decode(f.body, &a, &r), STATUS_OK);
    arena_fini(&a);
    return r;
}

uint32_t stored(void)
{
    char path[128];
    bool stale;
    struct index *ix;
    struct snapshot *s;
    struct fault fault = {0};
    struct index_options o = {.read_only = true, .map_bytes = UINT64_C(1) << 30};
    assert_true(catalog_edition_path(path, sizeof path, dir, SLICE_LIT("shop"), edition));
    assert_int_equal(index_open(path, &o, &ix, &stale, &fault), STATUS_OK);
    assert_int_equal(snapshot_create(ix, &s), STATUS_OK);
    assert_int_equal(snapshot_begin(s), STATUS_OK);
    uint32_t n = snapshot_live_count(s);
    snapshot_end(s);
    snapshot_destroy(&s);
    assert_int_equal(index_check(ix, &fault), STATUS_OK);
    index_close(&ix);
    return n;
}

/* Every product below `count` is there. */
void assert_stored(unsigned count)
{
    char path[128], name[32];
    bool stale;
    struct index *ix;
    struct snapshot *s;
    struct index_options o = {.read_only = true, .map_bytes = UINT64_C(1) << 30};
    assert_true(catalog_edition_path(path, sizeof path, dir, SLICE_LIT("shop"), edition));
    assert_int_equal(index_open(path, &o, &ix, &stale, NULL), STATUS_OK);
    assert_int_equal(snapshot_create(ix, &s), STATUS_OK);
    assert_int_equal(snapshot_begin(s), STATUS_OK);
    for (unsigned i = 0; i < count; i++) {
        uint32_t docid;
        snprintf(name, sizeof name, "p%u", i);
        assert_int_equal(snapshot_find(s, slice_str(name), &docid), STATUS_OK);
    }
    snapshot_end(s);
    snapshot_destroy(&s);
    index_close(&ix);
}
