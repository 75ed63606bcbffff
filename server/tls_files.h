/*
 * tls_files - the certificate, its key and the CA of clients, on their way from files to fronts.
 *
 *   files ──> a process that lives for this only ──> memfd ──> fronts (ROLE_FD_TLS)
 *
 * The short-lived process reads the files and proves that a server can be made of them; only then
 * they replace what stands in the memfd. So a key is in the memory of nobody but the fronts: not of
 * the supervisor, whose memory all others begin with, nor of writer, fetcher or replica, who do not
 * get the descriptor either. A front that is started again takes what was good last, whatever the
 * files are by then.
 */
#ifndef SOUK_SERVER_TLS_FILES_H
#define SOUK_SERVER_TLS_FILES_H

#include "protocol/tls.h"
#include "server/config.h"

/* The supervisor: from the files to `fd`. Else nothing changed and the fault says why. `again`: a
 * certificate that has expired is refused, as what stands there is not worse; otherwise it is taken
 * and the fault has a sentence about it. */
enum status tls_files_take(const struct config *c, int fd, bool again, struct fault *fault);
/* Whether that would work; OK where there is to be no TLS. */
enum status tls_files_check(const struct config *c, struct fault *fault);
/* A front: what stands in `fd` as a context. *seen: names what was read; when that is the same
 * again, *out stays NULL. */
enum status tls_files_context(int fd, uint64_t *seen, struct tls_context **out,
                              struct fault *fault);

#endif
