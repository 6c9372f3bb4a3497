/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_env: see import_env.h.  imports.def says what each variable lets through there; which
 * operations that is comes from operations.def, so that none can be forgotten.
 *
 * Tighter than the original: a body is judged, and of a kind of object that can be made, only what
 * was made through the proxy is reached.  Where none can be made, 'own' would reach nothing at all,
 * so that the client gets what it had: 'any'.
 */
#include "import_env.h"

#include "images.h"
#include "log.h"
#include "operation.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct import_row {
    const char *variable;
    bool on;          /* by default */
    const char *path; /* of a section; NULL for others */
    const char *note;
    int operation; /* of a single; -1 for others */
};

static const struct import_row rows[] = {
#define SWITCH(variable, on)              {#variable, on, NULL, NULL, -1},
#define SECTION(variable, on, path, note) {#variable, on, path, note, -1},
#define SINGLE(variable, on, operation)   {#variable, on, NULL, NULL, OPERATION_##operation},
#include "imports.def"
#undef SWITCH
#undef SECTION
#undef SINGLE
};

enum { IMPORT_ROWS = sizeof(rows) / sizeof(rows[0]), IMPORT_POST = 0 /* the row of the switch */ };

struct import {
    bool on[IMPORT_ROWS];
    bool printed[OPERATION_COUNT];
    size_t known; /* variables that were set */
};

/* ---- reading ---- */

/*
 * Takes NAME=VALUE apart, be it a line of env(1), of an .env file ("export", quotes) or of a
 * compose file ("- NAME=VALUE", "NAME: VALUE"); false when it is none.
 */
static bool pair_read(char *line, char **ret_name, char **ret_value)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    char *name = line + strspn(line, " \t-");
    if (strncmp(name, "export ", 7) == 0)
        name += 7;
    char *end = name + strspn(name, letters), *value = end + strspn(end, " \t");
    if (end == name || (*value != '=' && *value != ':'))
        return false;
    value += 1 + strspn(value + 1, " \t\"'");
    value[strcspn(value, " \t\r\n\"'")] = '\0';
    *end = '\0';
    *ret_name = name;
    *ret_value = value;
    return true;
}

/* < 0 when the value of a known variable is no switch. */
static int variable_set(struct import *import, const char *where, unsigned long line,
                        const char *name, const char *value)
{
    bool known = false, on = strcmp(value, "1") == 0;
    for (size_t i = 0; i < IMPORT_ROWS; i++) {
        if (strcmp(rows[i].variable, name) != 0)
            continue;
        known = true;
        import->on[i] = on;
    }
    if (!known) {
        log_warn("%s:%lu: %s is no variable of a socket proxy that caisson knows; left out", where,
                 line, name);
        return 0;
    }
    if (!on && value[0] && strcmp(value, "0") != 0) {
        log_error("%s:%lu: %s is '%.40s'; write 0 or 1", where, line, name, value);
        return -1;
    }
    import->known++;
    return 0;
}

static int import_read(struct import *import, FILE *file, const char *where)
{
    char *text = NULL, *name, *value;
    size_t room = 0;
    int rc = 0;
    for (unsigned long line = 1; rc == 0 && getline(&text, &room, file) > 0; line++) {
        const char *begin = text + strspn(text, " \t\r\n");
        if (!*begin || *begin == '#')
            continue;
        if (pair_read(text, &name, &value))
            rc = variable_set(import, where, line, name, value);
        else
            log_warn("%s:%lu: no NAME=VALUE; left out", where, line);
    }
    if (rc == 0 && ferror(file)) {
        log_error("%s: cannot read it: %s", where, strerror(errno));
        rc = -1;
    }
    free(text);
    return rc;
}

/* ---- what the variables let through ---- */

/* Whether a row, when it is on, lets an operation through. */
static bool row_covers(const struct import *import, const struct import_row *row,
                       const struct operation *op)
{
    if (row->operation >= 0)
        return row->operation == (int) op->number;
    if (!row->path || !row->path[0])
        return false;
    size_t bytes = strlen(row->path);
    bool below = strncmp(op->path, row->path, bytes) == 0 &&
                 (op->path[bytes] == '\0' || op->path[bytes] == '/');
    return below &&
           (op->method == METHOD_GET || op->method == METHOD_HEAD || import->on[IMPORT_POST]);
}

static bool lets_through(const struct import *import, enum operation_id number)
{
    for (size_t i = 0; i < IMPORT_ROWS; i++)
        if (import->on[i] && row_covers(import, &rows[i], operation_get(number)))
            return true;
    return false;
}

/* Whether the kind of object that an operation is about can be made. */
static bool is_made(const struct import *import, const struct operation *op)
{
    if (strncmp(op->path, "/networks", 9) == 0)
        return lets_through(import, OPERATION_NetworkCreate);
    if (strncmp(op->path, "/volumes", 8) == 0)
        return lets_through(import, OPERATION_VolumeCreate);
    return lets_through(import, OPERATION_ContainerCreate);
}

/* Whether it names an image that the rules under [image] must list. */
static bool names_image(const struct import *import, const char *rule)
{
    const struct images_row *row;
    for (size_t i = 0; (row = images_row_at(i)); i++)
        if (strcmp(row->rule, rule) == 0 && lets_through(import, (enum operation_id) row->op))
            return true;
    return false;
}

/* ---- writing ---- */

static const char *grant_word(const struct import *import, const struct operation *op)
{
    if (op->grants & GRANT_YES || (!op->grants && op->object == OBJECT_NONE))
        return "yes";
    return is_made(import, op) ? "own" : "any";
}

static void print_operation(struct import *import, const struct operation *op)
{
    if (import->printed[op->number])
        return;
    import->printed[op->number] = true;
    printf("%s%s = %s    ; %s%s\n", op->grants ? "" : "; ", op->id, grant_word(import, op),
           op->grants ? "" : "cannot be allowed: ", op->why);
}

static void print_allow(struct import *import)
{
    puts("\n[allow]");
    for (size_t i = 0; i < IMPORT_ROWS; i++) {
        const char *variable = rows[i].variable, *note = rows[i].note;
        if (!import->on[i] || i == IMPORT_POST)
            continue;
        if (strcmp(variable, rows[i - 1].variable) != 0) /* the switch stands first */
            printf("; %s=1%s%s\n", variable, note ? ": " : "", note ? note : "");
        for (int number = 0; number < OPERATION_COUNT; number++) {
            const struct operation *op = operation_get((enum operation_id) number);
            if (row_covers(import, &rows[i], op))
                print_operation(import, op);
        }
    }
}

/* What containers would need of the objects that can be made beside them. */
static void print_objects(const struct import *import)
{
    bool networks = lets_through(import, OPERATION_NetworkCreate);
    bool volumes = lets_through(import, OPERATION_VolumeCreate);
    if (networks)
        puts("; HostConfig.NetworkMode = one-of none own    ; with it, on networks of its own");
    if (volumes)
        puts("; HostConfig.Binds = one-of own:*             ; with it, volumes of its own");
}

static void print_create(const struct import *import)
{
    puts(
        "\n[create]\n"
        "; The old proxy let any body through: who may create a privileged container, or one with\n"
        "; a bind of /, is root on the host.  Here each field keeps its built-in rule until a "
        "line\n"
        "; changes it (`caisson fields` lists them), and every create is refused until the images\n"
        "; that may run are named:\n"
        "; Image = one-of python:3.11-slim busybox:*");
    print_objects(import);
    puts(
        "\n[limits]\n"
        "lifetime = 0    ; the old proxy removed no container by itself; 10m would be the default");
}

static void print_image(const struct import *import)
{
    static const char *const rules[] = {"Pull", "Push", "Tag", "Save", "Delete"};
    enum { RULES = sizeof(rules) / sizeof(rules[0]) };
    bool shows = names_image(import, "Show"), names = false;
    for (size_t i = 0; i < RULES; i++)
        names = names || names_image(import, rules[i]);
    if (shows || names)
        puts("\n[image]");
    if (shows)
        puts("Show = allow    ; every image of the host, as the old proxy; better name what is "
             "looked at");
    if (names)
        puts("; What is pulled, pushed, tagged, saved or removed must be named first:");
    for (size_t i = 0; i < RULES; i++)
        if (names_image(import, rules[i]))
            printf("; %s = one-of python:3.11-slim busybox:*\n", rules[i]);
}

static void import_print(struct import *import)
{
    bool makes = lets_through(import, OPERATION_ContainerCreate);
    printf("; Made by caisson from the environment of a HAProxy-based socket proxy, POST=%d.\n",
           import->on[IMPORT_POST]);
    puts(makes ? "; 'own' reaches only what was made through this proxy; the old one reached every "
                 "container\n; of the host, as 'any' does."
               : "; No container can be made through this proxy, so that what reaches containers "
                 "reaches everyone's.");
    print_allow(import);
    print_image(import);
    if (makes)
        print_create(import);
}

/* ---- the verb ---- */

int import_env_run(int argc, char **argv)
{
    const char *path = argc == 2 ? argv[1] : "-";
    bool is_stdin = strcmp(path, "-") == 0;
    struct import import = {0};
    if (argc > 2 || (path[0] == '-' && !is_stdin))
        return -1;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file) {
        log_error("%s: cannot open it: %s", path, strerror(errno));
        return 2;
    }
    for (size_t i = 0; i < IMPORT_ROWS; i++)
        import.on[i] = rows[i].on;
    int rc = import_read(&import, file, is_stdin ? "stdin" : path);
    if (!is_stdin)
        fclose(file);
    if (rc < 0)
        return 2;
    if (import.known == 0)
        log_warn("no variable of a socket proxy is set: this is what such a proxy lets through "
                 "without any");
    import_print(&import);
    return 0;
}
