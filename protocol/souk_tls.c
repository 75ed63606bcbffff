#include "protocol/souk_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Tried again, it would end the same: whoever waits is told now. */
static void give_up(struct souk *s, const struct fault *why)
{
    souk_disconnect(s, why->status, why->text);
    for (uint32_t i = 0; why->status == STATUS_TLS && i < s->slot_count; i++)
        if (s->slots[i].used)
            souk_slot_fail(s, &s->slots[i], STATUS_TLS, s->last.text);
}

static void tell(struct souk *s, const struct fault *why)
{
    struct fault full;
    fault_set(&full, why->status, NULL, "TLS with %.60s: %.120s", s->address, why->text);
    give_up(s, &full);
}

enum status souk_tls_create(struct souk *s, struct fault *fault)
{
    const struct souk_options *o = &s->options;
    if (!o->tls)
        return STATUS_OK;
    if (!strncmp(s->address, "unix:", 5))
        return fault_set(fault, STATUS_INVALID, "address",
                         "TLS is for HOST:PORT: a unix socket does not leave the machine");
    const struct tls_client files = {o->tls_ca, o->tls_certificate, o->tls_key, o->tls_name};
    enum status st = tls_client_create(&files, &s->tls_context, fault);
    if (!st || st == STATUS_NO_MEMORY)
        return st;
    if (fault)
        fault->status = STATUS_TLS;
    return STATUS_TLS;
}

void souk_tls_begin(struct souk *s)
{
    enum status st = tls_link_create(s->tls_context, s->fd, s->host, &s->tls);
    struct fault fault;
    if (!st) {
        souk_tls_shake(s);
        return;
    }
    fault_set(&fault, st == STATUS_NO_MEMORY ? st : STATUS_TLS, NULL, "%s",
              st == STATUS_NO_MEMORY ? "out of memory" : "there is no name to look for");
    tell(s, &fault);
}

void souk_tls_shake(struct souk *s)
{
    struct fault fault;
    switch (tls_link_handshake(s->tls)) {
    case STATUS_OK:
        souk_ready(s);
        return;
    case STATUS_AGAIN:
        return;
    default:
        tls_link_fault(s->tls, &fault);
        tell(s, &fault);
    }
}

bool souk_tls_lost(struct souk *s)
{
    struct fault fault;
    if (!s->tls || !tls_link_fault(s->tls, &fault))
        return false;
    tell(s, &fault);
    return true;
}

bool souk_tls_wanted(struct souk *s, const struct frame *f)
{
    struct fault fault;
    if (f->status != STATUS_TLS || f->request_id != 0 || s->tls)
        return false;
    frame_error_decode(f, &fault);
    struct fault full;
    fault_set(&full, STATUS_TLS, NULL, "%.60s: %.120s", s->address, fault.text);
    give_up(s, &full);
    return true;
}
