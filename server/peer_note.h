/*
 * peer_note - lines in the log about peers that cannot be served: who, and why.
 *
 * A few a second; how many more there were is told with the next one, so that who connects without
 * end does not fill the log. One thread.
 */
#ifndef SOUK_SERVER_PEER_NOTE_H
#define SOUK_SERVER_PEER_NOTE_H

#include <stdint.h>

enum { PEER_NOTES_A_SECOND = 5 };

struct peer_notes {
    int64_t second;
    uint32_t told, left_out;
};

/* `fd`: the peer's, for its address. `what`: "TLS handshake failed". */
void peer_note(struct peer_notes *n, int64_t now_us, const char *component, int fd,
               const char *what, const char *why);

#endif
