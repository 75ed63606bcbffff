/*
 * bench_put - changes over the wire, against a running soukd: bench_put ADDRESS CATALOG ...
 *
 *   latency COUNT ACK          one upsert after the other; ACK logged or visible
 *   rotation DIR SECONDS       one upsert of 16 KiB after the other; DIR is the catalog's log
 *   connections N SECONDS      N connections, one upsert each under way, logged
 *   bulk CORPUS PART           one product of PART gets another title, to the last one visible
 *   search QUERIES SECONDS     one client that searches, two words and more
 *   kinds QUERIES SECONDS      the same by kind of query, each for SECONDS
 *
 * One JSON line each. Products are those of corpus.py jsonl: id, title, description, ...
 */
#include "bench_corpus.h"
#include "bench_must.h"

#include "protocol/souk.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BULK = 500, WINDOW = 8, SAMPLES = 4000000, SEED_IDS = 600000 };

static struct souk *connect_to(const char *address)
{
    struct souk *s;
    struct souk_options o;
    struct fault fault = {0};
    souk_options_init(&o);
    o.no_throttle = true;
    must(souk_open(address, &o, &s, &fault), address, &fault);
    return s;
}

static const struct slice names[2] = {{"title", 5}, {"description", 11}};

static void put_document(struct buf *b, const char *id, const char *title, const char *text)
{
    document_put_header(b, slice_str(id), 2);
    wire_put_varint(b, 0);
    value_put_text(b, slice_str(title));
    wire_put_varint(b, 1);
    value_put_text(b, slice_str(text));
}

static void begin_put(struct buf *body, const char *catalog, enum put_ack ack)
{
    struct put_request p = {
        .catalog = slice_str(catalog), .ack = ack, .names = names, .name_count = 2};
    buf_clear(body);
    put_request_header(&p, body);
}

static void add_item(struct buf *body, struct buf *document)
{
    struct put_item item = {.op = PUT_UPSERT,
                            .ttl_ms = -1,
                            .swr_ms = -1,
                            .sie_ms = -1,
                            .document = buf_slice(document)};
    put_item_encode(&item, body);
    buf_clear(document);
}

static void one_upsert(struct buf *body, struct buf *document, const char *catalog,
                       enum put_ack ack, unsigned n)
{
    char id[24], title[96];
    snprintf(id, sizeof id, "%u", n % SEED_IDS + 1);
    snprintf(title, sizeof title, "Red running shoe number %u size %u", n, n % 40);
    begin_put(body, catalog, ack);
    put_document(document, id, title, "A light shoe with a soft sole for long runs on any ground");
    add_item(body, document);
}

static int latency(const char *address, const char *catalog, int count, const char *ack)
{
    struct souk *s = connect_to(address);
    struct souk_reply reply;
    struct buf body = BUF_INIT, document = BUF_INIT;
    enum put_ack level = strcmp(ack, "visible") ? ACK_LOGGED : ACK_VISIBLE;
    float *us = malloc((size_t)count * sizeof *us);
    unsigned seed = 1;
    souk_reply_init(&reply);
    for (int i = 0; us && i < count; i++) {
        one_upsert(&body, &document, catalog, level, (unsigned)rand_r(&seed));
        struct souk_request q = {.opcode = OP_PUT, .body = buf_slice(&body)};
        double from = bench_now_us();
        must(souk_call(s, &q, &reply), "put", &reply.fault);
        us[i] = (float)(bench_now_us() - from);
    }
    struct bench_times t = bench_times_of(us, (size_t)count);
    printf("{\"bench\":\"put\",\"what\":\"latency\",\"ack\":\"%s\",\"count\":%d,"
           "\"median_us\":%.0f,\"mean_us\":%.0f,\"p99_us\":%.0f}\n",
           ack, count, t.median_us, t.mean_us, t.p99_us);
    free(us);
    buf_fini(&body);
    buf_fini(&document);
    souk_reply_fini(&reply);
    souk_close(s);
    return 0;
}

/* --- where a file of the log ends --------------------------------------------------------------
 */

static int log_files(const char *dir)
{
    int count = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        count += strstr(e->d_name, ".log") != NULL;
    if (d)
        closedir(d);
    return count;
}

/* One upsert of 16 KiB after the other: those that were under way when the log went over to its
 * next file, and the twenty behind each, against all. */
static int rotation(const char *address, const char *catalog, const char *dir, double seconds)
{
    enum { TEXT = 16384, MOST = 200000, BEHIND = 20, CYCLE = 1000 };
    struct souk *s = connect_to(address);
    struct souk_reply reply;
    struct buf body = BUF_INIT, document = BUF_INIT;
    char *text = malloc(TEXT + 1), id[24];
    float *us = malloc(MOST * sizeof *us), *near = malloc(MOST * sizeof *near);
    size_t count = 0, near_count = 0;
    int files = log_files(dir), first = files, behind = 0;
    double end = bench_now_us() + seconds * 1e6;
    if (!text || !us || !near)
        return 1;
    memset(text, 'x', TEXT);
    text[TEXT] = '\0';
    souk_reply_init(&reply);
    for (; count < MOST && bench_now_us() < end; count++) {
        memcpy(text, id, (size_t)snprintf(id, sizeof id, "%010zu", count)); /* no two the same */
        snprintf(id, sizeof id, "%zu", count % CYCLE);
        begin_put(&body, catalog, ACK_LOGGED);
        put_document(&document, id, "Red running shoe", text);
        add_item(&body, &document);
        struct souk_request q = {.opcode = OP_PUT, .body = buf_slice(&body)};
        double from = bench_now_us();
        must(souk_call(s, &q, &reply), "put", &reply.fault);
        us[count] = (float)(bench_now_us() - from);
        int now = log_files(dir);
        behind = now > files ? BEHIND + 1 : behind;
        files = now;
        if (behind && behind--)
            near[near_count++] = us[count];
    }
    struct bench_times all = bench_times_of(us, count);
    printf("{\"bench\":\"put\",\"what\":\"rotation\",\"count\":%zu,\"files\":%d,\"median_us\":%.0f,"
           "\"p99_us\":%.0f,\"most_us\":%.0f",
           count, files - first, all.median_us, all.p99_us, us[count ? count - 1 : 0]);
    if (near_count) {
        struct bench_times t = bench_times_of(near, near_count);
        printf(",\"near\":%zu,\"near_median_us\":%.0f,\"near_p99_us\":%.0f,\"near_most_us\":%.0f",
               near_count, t.median_us, t.p99_us, near[near_count - 1]);
    }
    printf("}\n");
    free(text);
    free(us);
    free(near);
    buf_fini(&body);
    buf_fini(&document);
    souk_reply_fini(&reply);
    souk_close(s);
    return 0;
}

/* --- many connections ------------------------------------------------------------------------- */

struct client {
    struct souk *souk;
    const char *catalog;
    struct buf body, document;
    unsigned n;
    bool done;
    double sent_us;
    uint64_t *count;
    float *us;
};

static void send_next(struct client *c);

static void answered(void *ctx, const struct souk_answer *a)
{
    struct client *c = ctx;
    must(a->status, "put", a->fault);
    if (*c->count < SAMPLES)
        c->us[(*c->count)++] = (float)(bench_now_us() - c->sent_us);
    if (!c->done)
        send_next(c);
}

static void send_next(struct client *c)
{
    one_upsert(&c->body, &c->document, c->catalog, ACK_LOGGED, c->n += 101);
    struct souk_request q = {.opcode = OP_PUT, .body = buf_slice(&c->body)};
    c->sent_us = bench_now_us();
    must(souk_submit(c->souk, &q, answered, c, NULL), "submit", NULL);
}

static void round_of(struct client *clients, int n, struct pollfd *fds)
{
    for (int i = 0; i < n; i++) {
        unsigned want = souk_want(clients[i].souk);
        fds[i] = (struct pollfd){
            .fd = souk_fd(clients[i].souk),
            .events = (short)((want & SOUK_READ ? POLLIN : 0) | (want & SOUK_WRITE ? POLLOUT : 0))};
    }
    poll(fds, (nfds_t)n, 100);
    for (int i = 0; i < n; i++) {
        if (fds[i].revents & POLLOUT)
            souk_on_writable(clients[i].souk);
        if (fds[i].revents & ~POLLOUT)
            souk_on_readable(clients[i].souk);
    }
}

static int connections(const char *address, const char *catalog, int n, double seconds)
{
    struct client *clients = calloc((size_t)n, sizeof *clients);
    struct pollfd *fds = calloc((size_t)n, sizeof *fds);
    float *us = malloc(SAMPLES * sizeof *us);
    uint64_t count = 0;
    if (!clients || !fds || !us)
        exit(1);
    for (int i = 0; i < n; i++) {
        clients[i] = (struct client){.souk = connect_to(address),
                                     .catalog = catalog,
                                     .n = (unsigned)i * 7919,
                                     .count = &count,
                                     .us = us};
        send_next(&clients[i]);
    }
    double from = bench_now_us(), until = from + seconds * 1e6;
    while (bench_now_us() < until)
        round_of(clients, n, fds);
    double took = (bench_now_us() - from) / 1e6;
    struct bench_times t = bench_times_of(us, count);
    printf("{\"bench\":\"put\",\"what\":\"connections\",\"connections\":%d,\"per_s\":%.0f,"
           "\"median_us\":%.0f,\"p99_us\":%.0f}\n",
           n, (double)count / took, t.median_us, t.p99_us);
    for (int i = 0; i < n; i++) {
        clients[i].done = true;
        while (souk_in_flight(clients[i].souk))
            souk_step(clients[i].souk, 100);
        souk_close(clients[i].souk);
        buf_fini(&clients[i].body);
        buf_fini(&clients[i].document);
    }
    free(clients);
    free(fds);
    free(us);
    return 0;
}

/* --- bulks ------------------------------------------------------------------------------------ */

struct bulk_run {
    struct souk *souk;
    const char *catalog;
    unsigned part, in_bulk;
    struct buf body, document;
    uint64_t sent, applied, sequence;
    struct arena arena;
};

struct bulk_sent {
    struct bulk_run *run;
    struct buf body;
};

static void submit_bulk(struct bulk_sent *b);

static void bulk_answered(void *ctx, const struct souk_answer *a)
{
    struct bulk_sent *b = ctx;
    struct put_reply r;
    if (a->status == STATUS_OVERLOADED) {
        struct timespec pause = {0, (a->fault ? (long)a->fault->retry_after_ms : 5) * 1000000};
        nanosleep(&pause, NULL);
        submit_bulk(b);
        return;
    }
    must(a->status, "bulk", a->fault);
    arena_reset(&b->run->arena);
    must(put_reply_decode(a->body, &b->run->arena, &r), "reply", NULL);
    b->run->applied += r.applied;
    if (r.sequence > b->run->sequence)
        b->run->sequence = r.sequence;
    buf_fini(&b->body);
    free(b);
}

static void submit_bulk(struct bulk_sent *b)
{
    struct souk_request q = {.opcode = OP_PUT, .body = buf_slice(&b->body), .deadline_ms = 30000};
    must(souk_submit(b->run->souk, &q, bulk_answered, b, NULL), "submit", NULL);
}

static void send_bulk(struct bulk_run *r)
{
    struct bulk_sent *b = calloc(1, sizeof *b);
    if (!b)
        exit(1);
    while (souk_in_flight(r->souk) >= WINDOW)
        souk_step(r->souk, 100);
    b->run = r;
    buf_put_slice(&b->body, buf_slice(&r->body));
    submit_bulk(b);
    souk_step(r->souk, 0);
    r->in_bulk = 0;
}

static void bulk_each(void *ctx, const struct corpus_row *row)
{
    struct bulk_run *r = ctx;
    char title[1200];
    if (strtoull(row->id, NULL, 10) % r->part)
        return;
    if (!r->in_bulk)
        begin_put(&r->body, r->catalog, ACK_LOGGED);
    snprintf(title, sizeof title, "%s changed", row->title);
    put_document(&r->document, row->id, title, row->text);
    add_item(&r->body, &r->document);
    r->sent++;
    if (++r->in_bulk == BULK)
        send_bulk(r);
}

static int bulk(const char *address, const char *catalog, const char *corpus, unsigned part)
{
    struct bulk_run r = {.souk = connect_to(address), .catalog = catalog, .part = part};
    struct souk_reply reply;
    souk_reply_init(&reply);
    arena_init(&r.arena, 0);
    double from = bench_now_us();
    corpus_each(corpus, bulk_each, &r);
    if (r.in_bulk)
        send_bulk(&r);
    while (souk_in_flight(r.souk))
        souk_step(r.souk, 100);
    double logged = bench_now_us();
    struct wait_request w = {slice_str(catalog), r.sequence};
    must(souk_wait(r.souk, &w, 60000, &reply), "wait", &reply.fault);
    double visible = bench_now_us();
    printf("{\"bench\":\"put\",\"what\":\"bulk\",\"changes\":%llu,\"applied\":%llu,"
           "\"logged_per_s\":%.0f,\"visible_per_s\":%.0f}\n",
           (unsigned long long)r.sent, (unsigned long long)r.applied,
           (double)r.sent * 1e6 / (logged - from), (double)r.sent * 1e6 / (visible - from));
    buf_fini(&r.body);
    buf_fini(&r.document);
    arena_fini(&r.arena);
    souk_reply_fini(&reply);
    souk_close(r.souk);
    return 0;
}

/* --- searching -------------------------------------------------------------------------------- */

static const struct search_facet category_facet = {.field = {"category", 8}, .limit = 10};
static const struct search_sort by_price = {.field = {"price", 5}};

/* One search of the kind as a shop sends it; `filter` has room for what it needs. */
static void ask(struct search_request *q, const char *catalog, const struct bench_query *b,
                char filter[96])
{
    search_request_init(q);
    q->catalog = slice_str(catalog);
    q->text = slice_str(b->text);
    q->no_cache = true;
    if (b->kind == CLASS_SHOP)
        return; /* real queries, all defaults */
    q->match = b->kind == CLASS_OR ? SEARCH_ANY : SEARCH_ALL;
    q->prefix = b->kind == CLASS_PREFIX;
    q->typos = b->kind == CLASS_FUZZY ? 1 : 0;
    if (b->kind == CLASS_RANGE) {
        snprintf(filter, 96, "price >= %lld and price <= %lld", (long long)b->low,
                 (long long)b->high);
        q->filter = slice_str(filter);
    }
    if (b->kind == CLASS_FACET) {
        q->facets = &category_facet;
        q->facet_count = 1;
    }
}

enum { BROWSE = CLASS_COUNT, SORTED, KINDS }; /* beside the classes: without words, by price */

static void search_kind(struct souk *s, const char *catalog, const struct bench_queries *all,
                        int kind, double seconds, float *us)
{
    struct souk_reply reply;
    struct search_reply found;
    struct search_request q;
    char filter[96];
    size_t n = 0;
    const char *name = kind == BROWSE   ? "browse"
                       : kind == SORTED ? "sorted"
                                        : bench_class_name[kind];
    souk_reply_init(&reply);
    double until = bench_now_us() + seconds * 1e6;
    for (size_t i = 0; i < n + all->count && n < SAMPLES && bench_now_us() < until; i++) {
        const struct bench_query *b = &all->items[i % all->count];
        if ((int)b->kind != kind && (kind < CLASS_COUNT || b->kind != CLASS_AND))
            continue;
        ask(&q, catalog, b, filter);
        if (kind == BROWSE)
            q.text = SLICE_NULL;
        if (kind == SORTED) {
            q.sorts = &by_price;
            q.sort_count = 1;
        }
        double from = bench_now_us();
        must(souk_search(s, &q, &reply, &found), "search", &reply.fault);
        us[n++] = (float)(bench_now_us() - from);
    }
    struct bench_times t = bench_times_of(us, n);
    if (n)
        printf("{\"bench\":\"put\",\"what\":\"search\",\"kind\":\"%s\",\"count\":%zu,"
               "\"median_us\":%.0f,\"mean_us\":%.0f,\"p99_us\":%.0f}\n",
               name, n, t.median_us, t.mean_us, t.p99_us);
    souk_reply_fini(&reply);
}

/* `kind` -1: each of them for so long. */
static int search(const char *address, const char *catalog, const char *queries, double seconds,
                  int kind)
{
    struct bench_queries all = bench_queries_load(queries, 1);
    struct souk *s = connect_to(address);
    float *us = malloc(SAMPLES * sizeof *us);
    for (int k = kind < 0 ? 0 : kind; us && k < (kind < 0 ? (int)KINDS : kind + 1); k++)
        search_kind(s, catalog, &all, k, seconds, us);
    free(us);
    souk_close(s);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && !strcmp(argv[3], "latency"))
        return latency(argv[1], argv[2], atoi(argv[4]), argv[5]);
    if (argc == 6 && !strcmp(argv[3], "rotation"))
        return rotation(argv[1], argv[2], argv[4], atof(argv[5]));
    if (argc == 6 && !strcmp(argv[3], "connections"))
        return connections(argv[1], argv[2], atoi(argv[4]), atof(argv[5]));
    if (argc == 6 && !strcmp(argv[3], "bulk"))
        return bulk(argv[1], argv[2], argv[4], (unsigned)atoi(argv[5]));
    if (argc == 6 && !strcmp(argv[3], "search"))
        return search(argv[1], argv[2], argv[4], atof(argv[5]), CLASS_AND);
    if (argc == 6 && !strcmp(argv[3], "kinds"))
        return search(argv[1], argv[2], argv[4], atof(argv[5]), -1);
    fprintf(stderr, "usage: bench_put ADDRESS CATALOG latency COUNT ACK | connections N SECONDS |"
                    " rotation LOG-DIRECTORY SECONDS |"
                    " bulk CORPUS PART | search QUERIES SECONDS | kinds QUERIES SECONDS\n");
    return 2;
}
