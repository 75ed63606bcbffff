/* The two a follower talks to: its leader, with the key for it, and the writer beside it. */
#include <limits.h>
#include <stdio.h>

#include "protocol/api_key.h"
#include "server/follow_private.h"
#include "server/say.h"

static struct souk *handle_of(const char *address, const struct souk_options *o,
                              struct fault *fault)
{
    struct souk *s = NULL;
    return souk_create(address, o, &s, fault) ? NULL : s;
}

/* Its options do not change while this runs: no other thread writes what is read here. */
struct souk *follow_leader(struct follow *f, struct fault *fault)
{
    const struct config *c = f->role->config;
    struct souk_options o;
    souk_options_init(&o);
    o.name = "soukd follower";
    o.no_throttle = o.checksum = true;
    o.frame_class = CLASS_BACKGROUND;
    o.tls = config_number(c, OPTION_FOLLOW_TLS);
    o.tls_ca = config_text(c, OPTION_FOLLOW_TLS_CA);
    o.tls_certificate = config_text(c, OPTION_FOLLOW_TLS_CERTIFICATE);
    o.tls_key = config_text(c, OPTION_FOLLOW_TLS_KEY);
    o.tls_name = config_text(c, OPTION_FOLLOW_TLS_NAME);
    *fault = (struct fault){.status = STATUS_NO_MEMORY};
    char key[KEY_TEXT + 1];
    struct fault unread = {0};
    /* read each time: a key that was rotated is taken up with the next connection */
    if (api_key_given(NULL, config_text(f->role->config, OPTION_FOLLOW_KEY), NULL, NULL, key,
                      &unread))
        say("error", "replica", NULL, "replication.key: %s", unread.text);
    o.key = key;
    struct souk *leader = handle_of(f->shared->follow.leader, &o, fault);
    explicit_bzero(key, sizeof key);
    return leader;
}

struct souk *follow_writer(struct follow *f)
{
    struct souk_options o;
    char path[PATH_MAX], address[PATH_MAX + 8];
    if (!role_writer_socket(f->role, path, sizeof path))
        return NULL;
    snprintf(address, sizeof address, "unix:%s", path);
    souk_options_init(&o);
    o.no_throttle = true;
    return handle_of(address, &o, NULL);
}
