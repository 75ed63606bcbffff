/*
 * Searches a catalog with libsouk: cc search.c $(pkg-config --cflags --libs souk)
 *   ./search 127.0.0.1:7685 shop "red shoes"
 */
#include <protocol/souk.h>

#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s HOST:PORT CATALOG WORDS\n", argv[0]);
        return 2;
    }
    struct souk *server;
    struct souk_reply reply;
    struct search_request query;
    struct search_reply found;
    souk_reply_init(&reply);
    enum status s = souk_open(argv[1], NULL, &server, &reply.fault);
    if (!s) {
        search_request_init(&query);
        query.catalog = slice_str(argv[2]);
        query.text = slice_str(argv[3]);
        s = souk_search(server, &query, &reply, &found);
        for (uint32_t i = 0; !s && i < found.hit_count; i++)
            printf("%.*s\n", (int)found.hits[i].id.len, found.hits[i].id.ptr);
        if (!s)
            printf("%" PRIu64 " found in %" PRIu64 " us\n", found.found, found.took_us);
        souk_close(server);
    }
    if (s)
        fprintf(stderr, "%s: %s\n", status_name(s), reply.fault.text);
    souk_reply_fini(&reply);
    return s ? 1 : 0;
}
