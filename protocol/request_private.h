/* request_private - what the files that read and write bodies of requests share. */
#ifndef SOUK_PROTOCOL_REQUEST_PRIVATE_H
#define SOUK_PROTOCOL_REQUEST_PRIVATE_H

#include "protocol/members.h"
#include "protocol/request.h"

/* A list that grows in the arena while tags repeat; set `arena` and `size` of an item. */
struct request_list {
    struct arena *arena;
    void *items;
    size_t size;
    uint32_t count, cap;
};

/* A zeroed item at the end; NULL when there are too many or memory is refused. */
void *request_list_add(struct request_list *l);
bool request_list_add_slice(struct request_list *l, struct slice v);

/* TOO_LARGE and INVALID with their sentences; `what` names the request, `at` stands in its body. */
enum status request_too_much(struct fault *fault);
enum status request_damaged(struct fault *fault, const char *what, struct slice body,
                            const void *at);

/* A whole body of declared members; INVALID with the place of the damage. */
enum status request_members(struct slice body, const struct tlv_member *members, size_t count,
                            void *request, const char *what, struct fault *fault);

/* A bound on the age of a field, of SEARCH and GET, to the end of `ages`. */
enum status request_age_decode(struct slice v, struct request_list *ages);

/* Nothing for an empty text. */
void request_put_text(struct buf *b, uint32_t tag, struct slice v);

#endif
