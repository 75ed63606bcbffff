/* Changes over the writer's socket, kill -9, replay, keys. */
#include "support_writer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/index.h"
#include "index/meta.h"
#include "index/snapshot.h"
#include "server/catalogs.h"

static void versions_keys_and_acks(void **state)
{
    (void)state;
    start();
    create();
    struct put_reply r = put(1, PUT_UPSERT, 5, "", ACK_VISIBLE, STATUS_OK);
    assert_int_equal(r.applied, 1);
    assert_int_equal(shared->catalogs[0].visible, r.sequence);
    r = put(1, PUT_UPSERT, 4, "", ACK_LOGGED, STATUS_OK);
    assert_int_equal(r.ignored, 1);
    r = put(2, PUT_PATCH, 0, "", ACK_LOGGED, STATUS_OK);
    assert_int_equal(r.failed, 1);
    r = put(2, PUT_UPSERT, 0, "first", ACK_LOGGED, STATUS_OK);
    assert_false(r.replayed);
    uint64_t sequence = r.sequence;
    r = put(2, PUT_UPSERT, 0, "first", ACK_LOGGED, STATUS_OK);
    assert_true(r.replayed);
    assert_int_equal(r.sequence, sequence);
    put(3, PUT_UPSERT, 0, "first", ACK_LOGGED, STATUS_CONFLICT);
    stop(SIGKILL);
    start();
    r = put(2, PUT_UPSERT, 0, "first", ACK_LOGGED, STATUS_OK);
    assert_true(r.replayed);
    put(3, PUT_UPSERT, 0, "first", ACK_LOGGED, STATUS_CONFLICT);
    r = put(2, PUT_DELETE, 0, "", ACK_VISIBLE, STATUS_OK);
    assert_int_equal(r.applied, 1);
    stop(SIGTERM);
    assert_int_equal(stored(), 1);
}

/* Changes are sent without waiting, the writer is killed, answers that had been sent are counted:
 * those are never sent again, and yet all must be there. */
static void nothing_acked_is_lost_when_killed(void **state)
{
    (void)state;
    enum { ROUNDS = 25 };
    unsigned acked = 0, rounds_cut = 0;
    struct frame f = {0};
    srand(7);
    start();
    create();
    put(1000000, PUT_UPSERT, 1, "", ACK_LOGGED, STATUS_OK); /* makes the first log file */
    for (int round = 0; round < ROUNDS; round++) {
        unsigned sent = acked + 1 + (unsigned)rand() % 1000;
        for (unsigned i = acked; i < sent; i++)
            post_put(i, PUT_UPSERT, 1, "", ACK_LOGGED);
        usleep((useconds_t)(rand() % 2500));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (acked < sent && answer(&f)) {
            assert_int_equal(f.status, STATUS_OK);
            acked++;
        }
        rounds_cut += acked < sent;
        hang_up();
        start();
    }
    print_message("%u changes acked, %u of %d rounds cut off in between\n", acked, rounds_cut,
                  ROUNDS);
    put(1000000, PUT_UPSERT, 1, "", ACK_VISIBLE, STATUS_OK);
    stop(SIGKILL);
    assert_true(acked > 0 && rounds_cut > 0);
    assert_true(stored() >= acked + 1);
    assert_stored(acked);
}

struct part {
    uint32_t field;
    size_t len; /* of the text */
};

/* One PUT with partial updates of one product, tried again while it is told to wait. */
static struct put_reply patch(unsigned id, const struct part *parts, uint32_t count,
                              enum put_ack ack, unsigned *waits)
{
    struct put_reply r = {0};
    struct put_request p = {.catalog = SLICE_LIT("shop"), .ack = ack};
    struct buf body = BUF_INIT, document = BUF_INIT, text = BUF_INIT;
    struct frame f = {.status = STATUS_OVERLOADED};
    struct arena a;
    char name[32];
    snprintf(name, sizeof name, "p%u", id);
    put_request_header(&p, &body);
    for (uint32_t i = 0; i < count; i++) {
        buf_clear(&text);
        for (size_t k = 0; k < parts[i].len; k++)
            buf_put_u8(&text, k % 64 == 63 ? ' ' : (uint8_t)('a' + (k / 64 + i) % 26));
        buf_clear(&document);
        document_put_header(&document, slice_str(name), 1);
        wire_put_varint(&document, parts[i].field);
        value_put_text(&document, buf_slice(&text));
        struct put_item item = {.op = PUT_PATCH,
                                .ttl_ms = -1,
                                .swr_ms = -1,
                                .sie_ms = -1,
                                .document = buf_slice(&document)};
        put_item_encode(&item, &body);
    }
    arena_init(&a, 0);
    for (*waits = 0; f.status == STATUS_OVERLOADED && *waits < 500; ++*waits) {
        if (*waits)
            usleep(20000);
        post(OP_PUT, buf_slice(&body));
        assert_true(answer(&f));
    }
    assert_int_equal(f.status, STATUS_OK);
    assert_int_equal(put_reply_decode(f.body, &a, &r), STATUS_OK);
    arena_fini(&a);
    buf_fini(&body);
    buf_fini(&document);
    buf_fini(&text);
    return r;
}

static size_t stored_bytes(unsigned id)
{
    char path[128], name[32];
    bool stale;
    uint32_t docid;
    struct index *ix;
    struct snapshot *s;
    struct buf document = BUF_INIT;
    struct index_options o = {.read_only = true, .map_bytes = UINT64_C(1) << 30};
    snprintf(name, sizeof name, "p%u", id);
    assert_true(catalog_edition_path(path, sizeof path, dir, SLICE_LIT("shop"), edition));
    assert_int_equal(index_open(path, &o, &ix, &stale, NULL), STATUS_OK);
    assert_int_equal(snapshot_create(ix, &s), STATUS_OK);
    assert_int_equal(snapshot_begin(s), STATUS_OK);
    assert_int_equal(snapshot_find(s, slice_str(name), &docid), STATUS_OK);
    assert_int_equal(snapshot_product(s, docid, NULL, &document), STATUS_OK);
    snapshot_end(s);
    snapshot_destroy(&s);
    index_close(&ix);
    size_t len = document.len;
    buf_fini(&document);
    return len;
}

/* What a product may have counts for what partial updates make of it, before they are logged. */
static void a_patch_that_is_acked_is_applied(void **state)
{
    (void)state;
    const struct part title = {0, 600000}, text = {1, 600000}, small = {1, 300000};
    const struct part both[] = {title, text}, again[] = {text, text, title}, little = {0, 10};
    unsigned waits;
    start();
    create();
    for (unsigned i = 1; i < 4; i++)
        put(i, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    /* of its own request, of what waits to be applied, of what is stored */
    struct put_reply r = patch(1, both, 2, ACK_VISIBLE, &waits);
    assert_int_equal(r.applied, 1);
    assert_int_equal(r.failed, 1);
    r = patch(1, &text, 1, ACK_LOGGED, &waits);
    assert_int_equal(r.failed, 1);
    assert_int_equal(waits, 1);
    r = patch(1, &small, 1, ACK_LOGGED, &waits);
    assert_int_equal(r.applied, 1);
    r = patch(2, &title, 1, ACK_LOGGED, &waits);
    assert_int_equal(r.applied, 1);
    r = patch(2, &text, 1, ACK_LOGGED, &waits);
    assert_int_equal(r.failed, 1);
    /* a field that is replaced counts once, and room that is given back is room */
    r = patch(3, again, 3, ACK_LOGGED, &waits);
    assert_int_equal(r.applied, 2);
    assert_int_equal(r.failed, 1);
    r = patch(2, &little, 1, ACK_VISIBLE, &waits);
    r = patch(2, &text, 1, ACK_VISIBLE, &waits);
    assert_int_equal(r.applied, 1);
    put(3, PUT_VALIDATE, 0, "", ACK_VISIBLE, STATUS_OK);
    stop(SIGTERM);
    assert_in_range(stored_bytes(1), 900000, 1000000);
    assert_in_range(stored_bytes(2), 600000, 600100);
    assert_in_range(stored_bytes(3), 600000, 600100);
    assert_int_equal(stored(), 3);
}

/* As if an older Souk had made it. */
static void make_stale(void)
{
    char path[128];
    struct store *store;
    struct store_txn *t;
    struct meta *m = calloc(1, sizeof *m);
    struct store_options o = {.map_bytes = UINT64_C(1) << 30, .max_readers = 16};
    assert_non_null(m);
    assert_true(catalog_edition_path(path, sizeof path, dir, SLICE_LIT("shop"), 1));
    assert_int_equal(store_open(path, &o, &store), STATUS_OK);
    assert_int_equal(store_begin(store, true, &t), STATUS_OK);
    assert_int_equal(meta_read(t, m), STATUS_OK);
    m->analyser ^= 1;
    assert_int_equal(meta_write(t, m), STATUS_OK);
    assert_int_equal(store_commit(&t), STATUS_OK);
    store_close(&store);
    free(m);
}

static void an_index_of_another_analyser_is_made_anew(void **state)
{
    (void)state;
    start();
    create();
    put(1, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    stop(SIGTERM);
    make_stale();
    start();
    put(2, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    for (int i = 0; i < 2000 && shared->catalogs[0].edition < 2; i++)
        usleep(5000);
    assert_int_equal(shared->catalogs[0].edition, 2);
    edition = 2;
    put(3, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    stop(SIGTERM);
    start(); /* not once more */
    put(4, PUT_UPSERT, 0, "", ACK_VISIBLE, STATUS_OK);
    stop(SIGTERM);
    assert_int_equal(shared->catalogs[0].edition, 2);
    assert_int_equal(stored(), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions_keys_and_acks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_patch_that_is_acked_is_applied, setup, teardown),
        cmocka_unit_test_setup_teardown(an_index_of_another_analyser_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_acked_is_lost_when_killed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
