/*
 * support_writer - the writer as a process of its own for a test: started in a directory of its
 * own, asked over its socket, killed.
 */
#ifndef SOUK_TESTS_SERVER_SUPPORT_WRITER_H
#define SOUK_TESTS_SERVER_SUPPORT_WRITER_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <sys/types.h>

#include <cmocka.h>

#include "protocol/reply.h"
#include "protocol/request.h"
#include "server/role.h"

extern char dir[64];
extern struct shared *shared;
extern struct config config;
extern pid_t pid;
extern uint64_t edition; /* that is looked into */

int setup(void **state);
int teardown(void **state);
void start(void);
void stop(int signo);
/* Closes the connection; what came over it is forgotten. */
void hang_up(void);
void post(uint8_t opcode, struct slice body);
bool answer(struct frame *f);
void create(void);
void post_put(unsigned id, enum put_op op, uint64_t version, const char *key, enum put_ack ack);
struct put_reply put(unsigned id, enum put_op op, uint64_t version, const char *key,
                     enum put_ack ack, enum status want);
uint32_t stored(void);
void assert_stored(unsigned count);

#endif
