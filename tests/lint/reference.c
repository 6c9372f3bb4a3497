/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference: the rows of the tables as Markdown (policy/REFERENCE.md), and parts of them as mdoc
 * for the man pages.  What people write by hand stands in the pages, what the tables know stands
 * here.  It is a program of its own: whoever runs caisson has the documents already.
 */
#include "filters.h"
#include "operation.h"
#include "query.h"
#include "reason.h"
#include "schema.h"
#include "schemas.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { REFERENCE_MAN_COLUMNS = 78 };

/* ---- the rows of options.def and listener.def ---- */

enum unit { UNIT_TEXT, UNIT_COUNT, UNIT_SIZE, UNIT_TIME, UNIT_MODE, UNIT_API, UNIT_JUDGING };

struct option_row {
    const char *section, *key, *fallback;
    const char *form; /* of UNIT_TEXT: how it is written */
    enum unit unit;
    int64_t least, most;
    const char *why;
};

#define FORM_SOCKET  "unix:/PATH"
#define FORM_ACCOUNT "USER:GROUP, USER or :GROUP"
#define FORM_SINK    "stderr, stdout, none or /PATH"
#define FORM_OWNER   "1 to 63 of A-Z a-z 0-9 _ . -"
#define FORM_FILE    "a path"
#define FORM_PEERS   "uid:USER and gid:GROUP, separated by blanks"

static const struct option_row option_rows[] = {
#define OPTION_TEXT(section, key, member, kind, fallback, why) \
    {#section, key, fallback, FORM_##kind, UNIT_TEXT, 0, 0, why},
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) \
    {#section, key, fallback, NULL, UNIT_##unit, least, most, why},
#include "options.def"

#include "listener.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
};

enum { OPTION_COUNT = sizeof(option_rows) / sizeof(option_rows[0]) };

struct scale {
    int64_t size;
    const char *suffix;
};

/* A number in the largest unit that writes it without a rest. */
static void print_scaled(const struct scale *scales, int64_t number)
{
    while (scales->size > 1 && (number == 0 || number % scales->size != 0))
        scales++;
    printf("%" PRId64 "%s", number / scales->size, number == 0 ? "" : scales->suffix);
}

static void print_bound(enum unit unit, int64_t number)
{
    static const struct scale plain[] = {{1, ""}};
    static const struct scale sizes[] = {
        {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, ""}};
    static const struct scale times[] = {
        {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    if (unit == UNIT_MODE)
        printf("%04" PRIo64, (uint64_t) number);
    else if (unit == UNIT_API)
        printf("1.%" PRId64, number);
    else
        print_scaled(unit == UNIT_SIZE ? sizes : unit == UNIT_TIME ? times : plain, number);
}

static void print_accepts(const struct option_row *row)
{
    static const char *const names[] = {[UNIT_COUNT] = "a count",
                                        [UNIT_SIZE] = "a size",
                                        [UNIT_TIME] = "a time",
                                        [UNIT_MODE] = "octal digits",
                                        [UNIT_API] = "a version"};
    if (row->unit == UNIT_TEXT || row->unit == UNIT_JUDGING) {
        fputs(row->form ? row->form : "enforce or observe", stdout);
        return;
    }
    printf("%s, ", names[row->unit]);
    print_bound(row->unit, row->least);
    fputs(" to ", stdout);
    print_bound(row->unit, row->most);
}

static const struct clause_row {
    const char *form, *why;
} clause_rows[] = {
#define CLAUSE(reader, word, form, why) {form, why},
#include "clauses.def"
#undef CLAUSE
};

enum { CLAUSE_COUNT = sizeof(clause_rows) / sizeof(clause_rows[0]) };

static const char *grants_of(const struct operation *op)
{
    if (op->grants & GRANT_OWN)
        return op->grants & GRANT_ANY ? "own or any" : "own";
    return op->grants & GRANT_ANY ? "any" : "yes";
}

/* ---- Markdown ---- */

/* Prose in a cell of a table; what stands between backquotes is code. */
static void md_text(const char *text)
{
    bool code = false;
    for (; *text; text++) {
        code ^= *text == '`';
        if (*text == '|' || (!code && strchr("*_<\\", *text)))
            putchar('\\');
        putchar(*text);
    }
}

static void md_code(const char *text)
{
    putchar('`');
    for (; *text; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
    putchar('`');
}

static void md_since(unsigned since)
{
    if (since > 24) /* API 1.24 is the oldest that the tables know */
        printf(" | 1.%u | ", since);
    else
        fputs(" | | ", stdout);
}

static void md_options(const char *section)
{
    printf("\n### [%s%s]\n\n| option | takes | default | |\n|---|---|---|---|\n", section,
           strcmp(section, "listener") == 0 ? " NAME" : "");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (strcmp(row->section, section) != 0)
            continue;
        printf("| `%s` | ", row->key);
        print_accepts(row);
        fputs(" | ", stdout);
        if (row->fallback[0])
            md_code(row->fallback);
        fputs(" | ", stdout);
        md_text(row->why);
        puts(" |");
    }
}

static void md_rules(void)
{
    puts("\n## Rules\n\n"
         "A rule is one or more clauses, separated by commas; the items of a list by blanks. A "
         "value "
         "with blanks\nor commas stands in double quotes; lists and objects may be written as "
         "JSON.\n\n| clause | what it does |\n|---|---|");
    for (size_t i = 0; i < CLAUSE_COUNT; i++) {
        fputs("| ", stdout);
        md_code(clause_rows[i].form);
        fputs(" | ", stdout);
        md_text(clause_rows[i].why);
        puts(" |");
    }
}

static void md_parameters(const struct operation *op)
{
    const struct query_row *row;
    bool begun = false;
    for (size_t i = 0; (row = query_row_at(i)); i++) {
        if (row->op != (int) op->number)
            continue;
        if (!begun)
            puts("\n| parameter | accepts | since API | |\n|---|---|---|---|");
        begun = true;
        printf("| `%s` | ", row->name);
        md_text(query_type_text(row));
        if (row->shut)
            fputs("; only where `[query]` lets it", stdout);
        md_since(row->since);
        md_text(query_row_why(row));
        puts(" |");
    }
}

static void md_filters(const struct operation *op)
{
    const struct filter_row *row;
    bool begun = false, own = op->grants & GRANT_OWN;
    for (size_t i = 0; (row = filter_row_at(i)); i++) {
        if (row->op != (int) op->number)
            continue;
        if (!begun)
            puts(own ? "\n| filter | accepts | under own | |\n|---|---|---|---|"
                     : "\n| filter | accepts | |\n|---|---|---|");
        begun = true;
        printf("| `%s` | ", row->name);
        md_text(filter_form_text(row));
        fputs(!own ? " | " : row->own ? " | yes | " : " | no | ", stdout);
        md_text(row->why);
        puts(" |");
    }
}

static void md_operations(void)
{
    puts("\n## Operations\n\n"
         "Under `[allow]`, `Operation = own` allows it on what was made through this proxy, `any` "
         "on "
         "everybody's,\nand `yes` stands for operations without an object. What is not named is "
         "refused. A query parameter\nthat is not listed is refused, too.");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        if (op->grants == GRANT_NO)
            continue;
        printf("\n### %s\n\n`%s %s`; takes %s: ", op->id, method_name(op->method), op->path,
               grants_of(op));
        md_text(op->why);
        puts(".");
        md_parameters(op);
        md_filters(op);
    }
    puts("\n### Known, but cannot be allowed\n\n| operation | request | why |\n|---|---|---|");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        if (op->grants != GRANT_NO)
            continue;
        printf("| %s | `%s %s` | ", op->id, method_name(op->method), op->path);
        md_text(op->why);
        puts(" |");
    }
}

/* "ContainerCreate": the operations with this body. */
static void md_operations_with(enum body body)
{
    bool begun = false;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        if (op->body != body)
            continue;
        printf("%s%s", begun ? ", " : "", op->id);
        begun = true;
    }
}

/* Where the listing of fields is. */
struct fields {
    const char *section;
    enum body body;
};

static void md_fields_head(struct fields *at, enum body body)
{
    const char *section = schema_section((int) body);
    if (body == BODY_QUERY) {
        puts("\n## Parameters under [query]\n\nEvery query parameter that is known, with the rule "
             "that holds where the policy has none.");
    } else if (body == BODY_IMAGE) {
        puts("\n## Rules under [image]\n\nWhich images the operations that name one may name, with "
             "the rule that holds where the policy has none.");
    } else if (!at->section || strcmp(at->section, section) != 0) {
        printf("\n## Fields under [%s]\n\nEvery field of the body of ", section);
        md_operations_with(body);
        puts(", with the rule that holds where the policy has none.");
    } else {
        fputs("\nFurther fields under the same section, of the body of ", stdout);
        md_operations_with(body);
        puts(".");
    }
    puts("\n| field | type | since API | built-in rule | why |\n|---|---|---|---|---|");
    *at = (struct fields){section, body};
}

/* A schemas_visit. */
static void md_field(void *arg, enum body body, const struct schema_field *field)
{
    struct fields *at = arg;
    if (at->body != body)
        md_fields_head(at, body);
    fputs("| ", stdout);
    md_code(field->path);
    printf(" | %s", field->type);
    md_since(field->since);
    md_code(field->rule);
    fputs(" | ", stdout);
    md_text(field->why);
    puts(" |");
}

static void md_refusals(void)
{
    puts("\n## Refusals\n\n| reason in the audit log | status | |\n|---|---|---|");
    for (int i = 0; i < REASON_COUNT; i++) {
        enum reason reason = (enum reason) i;
        if (reason == REASON_NONE)
            continue;
        printf("| `%s` | ", reason_word(reason));
        if (reason_status(reason) > 0)
            printf("%d", reason_status(reason));
        fputs(" | ", stdout);
        md_text(reason_text(reason));
        puts(" |");
    }
}

static void md_all(const struct schemas *schemas)
{
    struct fields at = {.body = BODY_NONE};
    puts("<!-- Written by `make reference` from the tables of policy/; not to be edited. -->\n"
         "# Reference\n\n"
         "All that a policy file can say, as the tables have it.\n\n"
         "## Options\n\n"
         "Sizes are written like `100MiB`, `2g` or `4096`, times like `250ms`, `30s`, `10m` or "
         "`2h`, CPUs like `0.5`.");
    md_options("proxy");
    md_options("limits");
    md_options("listener");
    md_rules();
    md_operations();
    schemas_each(schemas, md_field, &at);
    md_refusals();
}

static int md_print(void)
{
    struct schemas schemas;
    int code = schemas_init(&schemas) == 0 ? 0 : 2;
    if (code == 0)
        md_all(&schemas);
    else
        fputs("reference: out of memory\n", stderr);
    schemas_done(&schemas);
    return code;
}

/* ---- mdoc ---- */

/* Text lines, broken so that nobody complains of long ones, and after each sentence. */
static void man_text(const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t bytes = strcspn(text, " ");
        if (column > 0 && column + bytes >= REFERENCE_MAN_COLUMNS) {
            putchar('\n');
            column = 0;
        } else if (column > 0) {
            putchar(' ');
            column++;
        }
        if (column == 0 && strchr(".'", *text))
            fputs("\\&", stdout);
        for (size_t i = 0; i < bytes; i++)
            fputs(text[i] == '\\' ? "\\e" : (char[]){text[i], '\0'}, stdout);
        column += bytes;
        text += bytes;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void man_options(void)
{
    const char *section = "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (strcmp(section, row->section) != 0)
            printf("%s.Ss [%s%s]\\&\n.Bl -tag -width listen-owner\n", i > 0 ? ".El\n" : "",
                   row->section, strcmp(row->section, "listener") == 0 ? " NAME" : "");
        section = row->section;
        printf(".It Sy %s\n", row->key);
        man_text(row->why);
        fputs(".br\n", stdout);
        print_accepts(row);
        printf("; default %s\n", row->fallback[0] ? row->fallback : "empty");
    }
    puts(".El");
}

static void man_rules(void)
{
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < CLAUSE_COUNT; i++) {
        printf(".It Li \"%s\"\n", clause_rows[i].form);
        man_text(clause_rows[i].why);
    }
    puts(".El");
}

static void man_parameters(const struct operation *op)
{
    const struct query_row *row;
    for (size_t i = 0; (row = query_row_at(i)); i++)
        if (row->op == (int) op->number) {
            printf(".br\n.Cm %s :\n", row->name);
            man_text(query_type_text(row));
            if (row->shut)
                puts("(only where\n.Li [query]\nlets it)");
        }
}

/* The names alone; those that do not stand under `own` with a star. */
static void man_filters(const struct operation *op)
{
    const struct filter_row *row;
    char text[400] = "";
    size_t used = 0;
    bool own = op->grants & GRANT_OWN;
    for (size_t i = 0; (row = filter_row_at(i)); i++)
        if (row->op == (int) op->number && used < sizeof(text))
            used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s%s", used ? " " : "",
                                      row->name, own && !row->own ? "*" : "");
    if (used == 0)
        return;
    puts(own ? ".br\nFilters (* not under own):" : ".br\nFilters:");
    man_text(text);
}

static void man_operations(void)
{
    puts(".Bl -tag -width Ds");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        if (op->grants == GRANT_NO)
            continue;
        printf(".It Sy %s No = %s\n", op->id, grants_of(op));
        man_text(op->why);
        man_parameters(op);
        man_filters(op);
    }
    puts(".El");
}

static void man_refusals(void)
{
    puts(".Bl -tag -width Ds");
    for (int i = 0; i < REASON_COUNT; i++) {
        enum reason reason = (enum reason) i;
        if (reason == REASON_NONE)
            continue;
        printf(".It Sy %s", reason_word(reason));
        if (reason_status(reason) > 0)
            printf(" Pq %d", reason_status(reason));
        putchar('\n');
        man_text(reason_text(reason));
    }
    puts(".El");
}

static const struct {
    const char *name;
    void (*print)(void);
} man_parts[] = {
    {"options", man_options},
    {"rules", man_rules},
    {"operations", man_operations},
    {"refusals", man_refusals},
};

int main(int argc, char **argv)
{
    if (argc == 1)
        return md_print();
    for (size_t i = 0; i < sizeof(man_parts) / sizeof(man_parts[0]); i++)
        if (argc == 3 && strcmp(argv[1], "--man") == 0 && strcmp(man_parts[i].name, argv[2]) == 0) {
            man_parts[i].print();
            return 0;
        }
    fputs("usage: reference [--man options|rules|operations|refusals]\n", stderr);
    return 2;
}
