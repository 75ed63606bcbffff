/* soukd: reads its options, then is the supervisor or the role it was started as. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/constants.h"
#include "protocol/key_file.h"
#include "protocol/version.h"
#include "server/check_data.h"
#include "server/role.h"
#include "server/supervisor.h"
#include "server/tls_files.h"

extern char **environ;

static void help(void)
{
    puts("usage: soukd [-c FILE] [--data DIR] [--listen HOST:PORT] [--follow HOST:PORT]\n"
         "             [--set OPTION=VALUE]\n"
         "             [--check-config | --print-config | --check-data | --version [--json]]\n\n"
         "Options of the file, of SOUK_SECTION__KEY and of --set:");
    config_describe(stdout);
}

static int wrong(const char *file, const struct fault *f)
{
    if (file && f->line)
        fprintf(stderr, "%s:%u:%u: %s\n", file, f->line, f->column, f->text);
    else
        fprintf(stderr, "%s%s%s\n", file ? file : "soukd", ": ", f->text);
    return 1;
}

enum { EXIT_UNSOUND = 9 };

enum {
    FLAG_DATA = 256,
    FLAG_LISTEN,
    FLAG_FOLLOW,
    FLAG_SET,
    FLAG_CHECK,
    FLAG_CHECK_DATA,
    FLAG_PRINT,
    FLAG_JSON,
    FLAG_ROLE,
    FLAG_NUMBER,
    FLAG_SLOT
};

struct arguments {
    const char *file, *data, *listen, *follow, *sets[64], *role;
    uint32_t set_count, number, slot;
    bool check, print, check_data, version, json;
};

/* -1 = go on, else the exit code. */
static int arguments_parse(int argc, char **argv, struct arguments *a)
{
    static const struct option flags[] = {{"config", 1, 0, 'c'},
                                          {"data", 1, 0, FLAG_DATA},
                                          {"listen", 1, 0, FLAG_LISTEN},
                                          {"follow", 1, 0, FLAG_FOLLOW},
                                          {"set", 1, 0, FLAG_SET},
                                          {"check-config", 0, 0, FLAG_CHECK},
                                          {"check-data", 0, 0, FLAG_CHECK_DATA},
                                          {"print-config", 0, 0, FLAG_PRINT},
                                          {"json", 0, 0, FLAG_JSON},
                                          {"role", 1, 0, FLAG_ROLE},
                                          {"number", 1, 0, FLAG_NUMBER},
                                          {"slot", 1, 0, FLAG_SLOT},
                                          {"help", 0, 0, 'h'},
                                          {"version", 0, 0, 'v'},
                                          {0}};
    int flag;
    while ((flag = getopt_long(argc, argv, "c:hv", flags, NULL)) != -1) {
        switch (flag) {
        case 'c':
            a->file = optarg;
            break;
        case FLAG_DATA:
            a->data = optarg;
            break;
        case FLAG_LISTEN:
            a->listen = optarg;
            break;
        case FLAG_FOLLOW:
            a->follow = optarg;
            break;
        case FLAG_SET:
            if (a->set_count < 64)
                a->sets[a->set_count++] = optarg;
            break;
        case FLAG_CHECK:
            a->check = true;
            break;
        case FLAG_CHECK_DATA:
            a->check_data = true;
            break;
        case FLAG_PRINT:
            a->print = true;
            break;
        case FLAG_ROLE:
            a->role = optarg;
            break;
        case FLAG_NUMBER:
            a->number = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case FLAG_SLOT:
            a->slot = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'h':
            help();
            return 0;
        case 'v':
            a->version = true;
            break;
        case FLAG_JSON:
            a->json = true;
            break;
        default:
            fputs("soukd --help tells the options\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "soukd: %s is no option\n", argv[optind]);
        return 2;
    }
    if (a->json && !a->version) {
        fputs("soukd: --json goes with --version\n", stderr);
        return 2;
    }
    if (!a->version)
        return -1;
    printf(a->json ? "{\"name\":\"soukd\",\"version\":\"%s\",\"protocol\":%d}\n" : "soukd %s\n",
           SOUK_VERSION, PROTOCOL_VERSION);
    return 0;
}

static enum status set_flags(struct config *c, const struct arguments *a, struct fault *fault)
{
    enum status s = STATUS_OK;
    if (a->data)
        s = config_set(c, "data.dir", a->data, ORIGIN_FLAG, fault);
    if (a->listen && !s)
        s = config_set(c, "server.listen", a->listen, ORIGIN_FLAG, fault);
    if (a->follow && !s)
        s = config_set(c, "replication.follow", a->follow, ORIGIN_FLAG, fault);
    for (uint32_t i = 0; i < a->set_count && !s; i++) {
        char path[128];
        const char *equals = a->sets[i] ? strchr(a->sets[i], '=') : NULL;
        size_t len = equals ? (size_t)(equals - a->sets[i]) : 0;
        if (!len || len >= sizeof path)
            return fault_set(fault, STATUS_INVALID, NULL, "--set wants OPTION=VALUE");
        memcpy(path, a->sets[i], len);
        path[len] = '\0';
        s = config_set(c, path, equals + 1, ORIGIN_FLAG, fault);
    }
    return s;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    static struct config config;
    struct fault fault = {0};
    int code = arguments_parse(argc, argv, &a);
    if (code >= 0)
        return code;
    if (a.role)
        return role_run(a.role, a.number, a.slot);
    config_init(&config);
    if (a.file && config_load_file(&config, a.file, &fault))
        return wrong(a.file, &fault);
    if (config_load_env(&config, environ, &fault) || set_flags(&config, &a, &fault))
        return wrong(NULL, &fault);
    if (a.print)
        config_print(&config, stdout);
    if (a.check && tls_files_check(&config, &fault))
        return wrong(NULL, &fault);
    const char *keys = config_text(&config, OPTION_KEYS_FILE);
    struct key_file file = {0};
    if (a.check && *keys && key_file_read(keys, &file, &fault)) {
        fault.line = 0; /* of that file, which the sentence names */
        return wrong(keys, &fault);
    }
    key_file_fini(&file);
    if (a.print || a.check)
        return 0;
    if (a.check_data)
        return check_data(config_text(&config, OPTION_DATA_DIR), stdout) ? 0 : EXIT_UNSOUND;
    return supervisor_run(&config, a.file, argv);
}
