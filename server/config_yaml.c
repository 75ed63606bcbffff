#include "server/config_private.h"

#include <cyaml/cyaml.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/*
 * A configuration file, read by libcyaml by a schema that is made from the table of options: a
 * mapping of sections, each a mapping of names to texts. libcyaml tells of faults in lines of a
 * log, the first what, then where; values are judged afterwards, when libcyaml has forgotten the
 * places, so libyaml below it is asked once more for the place of a wrong one.
 */

enum { SECTIONS = 24, SECTION_NAME = 32 };

struct values {
    char *text[OPTION_COUNT];
};

struct section {
    char name[SECTION_NAME];
    cyaml_schema_field_t fields[OPTION_COUNT + 1];
    uint32_t count;
};

struct yaml_schema {
    struct section sections[SECTIONS];
    cyaml_schema_field_t top[SECTIONS + 1];
    uint32_t count;
    cyaml_schema_value_t root;
};

/* --- the schema ---------------------------------------------------------------------------------
 */

static struct section *section_of(struct yaml_schema *s, const char *path, size_t len)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (strlen(s->sections[i].name) == len && !memcmp(s->sections[i].name, path, len))
            return &s->sections[i];
    if (s->count == SECTIONS || len >= SECTION_NAME)
        return NULL;
    struct section *x = &s->sections[s->count++];
    memcpy(x->name, path, len);
    return x;
}

/* Every section lies over the same values; a field's offset tells them apart. */
static bool schema_make(struct yaml_schema *s)
{
    for (uint32_t i = 0; i < OPTION_COUNT; i++) {
        const char *dot = strchr(config_rows[i].path, '.');
        struct section *x = section_of(s, config_rows[i].path, (size_t)(dot - config_rows[i].path));
        if (!x)
            return false;
        x->fields[x->count++] =
            (cyaml_schema_field_t){.key = dot + 1,
                                   .data_offset = i * (uint32_t)sizeof(char *),
                                   .value = {.type = CYAML_STRING,
                                             .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                             .data_size = sizeof(char),
                                             .string = {.min = 0, .max = CYAML_UNLIMITED}}};
    }
    for (uint32_t i = 0; i < s->count; i++)
        s->top[i] = (cyaml_schema_field_t){.key = s->sections[i].name,
                                           .value = {.type = CYAML_MAPPING,
                                                     .flags = CYAML_FLAG_OPTIONAL,
                                                     .data_size = sizeof(struct values),
                                                     .mapping = {s->sections[i].fields}}};
    s->root = (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                     .flags = CYAML_FLAG_POINTER,
                                     .data_size = sizeof(struct values),
                                     .mapping = {s->top}};
    return true;
}

/* --- faults -------------------------------------------------------------------------------------
 */

struct complaint {
    char what[200], section[SECTION_NAME];
    unsigned line, column;
    bool told;
};

/* "Load: Unexpected key: ttll", then "  in mapping field 'cache' (line: 5, column: 3)", inner
 * first. */
static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    struct complaint *c = ctx;
    char line[300];
    (void)level;
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    const char *place = strstr(line, "(line: "), *field = strstr(line, "in mapping field '");
    if (place && !c->line)
        sscanf(place, "(line: %u, column: %u)", &c->line, &c->column);
    if (field) /* the outermost is the last one */
        sscanf(field, "in mapping field '%31[^']", c->section);
    if (place || c->told || strstr(line, "Backtrace"))
        return;
    const char *text = strncmp(line, "Load: ", 6) ? line : line + 6;
    snprintf(c->what, sizeof c->what, "%.190s", text);
    c->told = true;
}

/* Where "section.name" stands last; in a text that is no YAML, where it goes wrong. */
static void find_place(struct slice text, const char *path, struct fault *fault)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    if (!fault || !yaml_parser_initialize(&parser))
        return;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    if (yaml_parser_load(&parser, &doc)) {
        yaml_node_t *node = yaml_document_get_root_node(&doc);
        for (const char *name = path; node && node->type == YAML_MAPPING_NODE;) {
            size_t len = strcspn(name, ".");
            yaml_node_pair_t *pair = node->data.mapping.pairs.start;
            yaml_node_t *value = NULL;
            for (; pair < node->data.mapping.pairs.top; pair++) {
                yaml_node_t *key = yaml_document_get_node(&doc, pair->key);
                if (key->type == YAML_SCALAR_NODE && key->data.scalar.length == len &&
                    !memcmp(key->data.scalar.value, name, len)) {
                    value = yaml_document_get_node(&doc, pair->value);
                    fault->line = (uint32_t)key->start_mark.line + 1;
                    fault->column = (uint32_t)key->start_mark.column + 1;
                }
            }
            node = name[len] ? value : NULL;
            name += len + 1;
        }
        yaml_document_delete(&doc);
    } else {
        fault->line = (uint32_t)parser.problem_mark.line + 1;
        fault->column = (uint32_t)parser.problem_mark.column + 1;
    }
    yaml_parser_delete(&parser);
}

static const char *key_behind(const char *what, const char *start)
{
    size_t n = strlen(start);
    return strncmp(what, start, n) ? NULL : what + n;
}

static enum status complain(const struct complaint *c, cyaml_err_t err, struct slice text,
                            struct fault *fault)
{
    static const char unexpected[] = "Unexpected key: ", again[] = "Mapping field already seen: ";
    const char *key = key_behind(c->what, unexpected), *repeated = key_behind(c->what, again);
    char path[160] = "";
    enum status s;
    if (!key)
        key = repeated;
    bool inside = c->section[0] && !(repeated && strcmp(c->section, repeated) == 0);
    if (key)
        snprintf(path, sizeof path, "%s%s%.64s", inside ? c->section : "", inside ? "." : "", key);
    if (key && !repeated)
        s = config_unknown(path, fault);
    else
        s = fault_set(fault, STATUS_SYNTAX, NULL, "%s", c->told ? c->what : cyaml_strerror(err));
    if (fault) {
        fault->line = c->line ? c->line : 1;
        fault->column = c->column ? c->column : 1;
    }
    if (key) /* libcyaml tells where the value before them stands */
        find_place(text, path, fault);
    else if (!c->line || key_behind(c->what, "libyaml"))
        find_place(text, "", fault);
    return s;
}

/* --- loading ------------------------------------------------------------------------------------
 */

static enum status take_values(struct config *c, const struct values *v, struct slice text,
                               struct fault *fault)
{
    for (uint32_t i = 0; v && i < OPTION_COUNT; i++) {
        enum status s = STATUS_OK;
        if (v->text[i])
            s = config_set(c, config_rows[i].path, v->text[i], ORIGIN_FILE, fault);
        if (s) {
            find_place(text, config_rows[i].path, fault);
            return s;
        }
    }
    return STATUS_OK;
}

/* A file of nothing but comments is no fault, though libcyaml misses its mapping. */
static bool is_empty(struct slice text)
{
    bool comment = false;
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];
        comment = ch == '#' || (comment && ch != '\n');
        if (!comment && ch != ' ' && ch != '\n' && ch != '\r' && ch != '\t')
            return false;
    }
    return true;
}

enum status config_load_text(struct config *c, struct slice text, struct fault *fault)
{
    struct complaint complaint = {0};
    struct yaml_schema *schema = calloc(1, sizeof *schema);
    cyaml_data_t *data = NULL;
    if (!schema || !schema_make(schema)) {
        free(schema);
        return fault_set(fault, STATUS_NO_MEMORY, NULL, "no memory for the options");
    }
    const cyaml_config_t how = {.log_fn = on_log,
                                .log_ctx = &complaint,
                                .mem_fn = cyaml_mem,
                                .log_level = CYAML_LOG_ERROR,
                                .flags = CYAML_CFG_NO_ALIAS};
    enum status s = STATUS_OK;
    if (!is_empty(text)) {
        cyaml_err_t err =
            cyaml_load_data((const uint8_t *)text.ptr, text.len, &how, &schema->root, &data, NULL);
        s = err ? complain(&complaint, err, text, fault) : take_values(c, data, text, fault);
    }
    cyaml_free(&how, &schema->root, data, 0);
    free(schema);
    return s;
}
