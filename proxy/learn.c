/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn: see learn.h.
 *
 * A log holds what a client wrote, so nothing of a line is copied into the policy before a table
 * has known it: operations and fields are printed from their rows, images only as image.h spells
 * them, and times are digits and marks.
 *
 * What was forwarded, or refused since no line of [allow] named it, becomes a line of [allow] with
 * the narrowest grant that its row permits.  A field that was refused becomes a comment: whether
 * its value is harmless is not for a log to say.
 */
#include "learn.h"

#include "image.h"
#include "log.h"
#include "operation.h"
#include "reason.h"
#include "schema.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEARN_TIME_BYTES = 20,     /* 2026-01-02T03:04:05Z */
    LEARN_NAMES_MOST = 1024,   /* fields, or images, that are told apart */
    LEARN_SAID_MOST = 20,      /* complaints about lines, before they are only counted */
    LEARN_RULE_BYTES = 3 << 10 /* of images in one line; a line of a policy has a bound */
};

/* How often, and when. */
struct learn_seen {
    unsigned long allowed, refused;
    char first[LEARN_TIME_BYTES + 1], last[LEARN_TIME_BYTES + 1];
};

struct learn_name {
    char *text;
    struct learn_seen seen;
};

struct learn_names {
    struct learn_name *items;
    size_t count;
};

struct learn {
    struct learn_seen operations[OPERATION_COUNT];
    struct learn_seen held[OPERATION_COUNT]; /* allowed as such, but refused for a field */
    unsigned long reasons[REASON_COUNT];     /* of refusals that no line would change */
    struct learn_names create, exec;         /* fields that were refused */
    struct learn_names images;
    unsigned long lines, lost, complaints;
    const char *path; /* of the log that is being read */
    unsigned long line;
    bool failed; /* out of memory */
};

/* ---- reading ---- */

static void complain(struct learn *learn, const char *what)
{
    if (learn->complaints++ < LEARN_SAID_MOST)
        log_warn("%s:%lu: %s", learn->path, learn->line, what);
}

static void seen_add(struct learn_seen *seen, bool allowed, const char *second)
{
    *(allowed ? &seen->allowed : &seen->refused) += 1;
    if (!seen->first[0] || strcmp(second, seen->first) < 0)
        strcpy(seen->first, second);
    if (strcmp(second, seen->last) > 0)
        strcpy(seen->last, second);
}

static const struct learn_seen *names_find(const struct learn_names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].text, text) == 0)
            return &names->items[i].seen;
    return NULL;
}

/* Counts a name; what comes when there are too many is not learnt. */
static void names_add(struct learn *learn, struct learn_names *names, const char *text,
                      bool allowed, const char *second)
{
    struct learn_seen *seen = (struct learn_seen *) names_find(names, text);
    if (!seen && names->count == LEARN_NAMES_MOST) {
        complain(learn, "too many different names came before; this one is not learnt");
        return;
    }
    if (!seen) {
        struct learn_name *items =
            reallocarray(names->items, names->count + 1, sizeof(names->items[0]));
        char *copy = strdup(text);
        if (items)
            names->items = items;
        if (!items || !copy) {
            free(copy);
            learn->failed = true;
            return;
        }
        names->items[names->count] = (struct learn_name){.text = copy};
        seen = &names->items[names->count++].seen;
    }
    seen_add(seen, allowed, second);
}

static void names_done(struct learn_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].text);
    free(names->items);
}

/* The seconds of "2026-01-02T03:04:05.678901Z"; false when it is no such time. */
static bool second_read(const char *text, char second[LEARN_TIME_BYTES + 1])
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; shape[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
        second[i] = text[i];
    }
    memcpy(second + sizeof(shape) - 1, "Z", 2);
    return true;
}

static const char *text_at(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text ? text : "";
}

static int reason_find(const char *word)
{
    for (int reason = 0; reason < REASON_COUNT; reason++)
        if (strcmp(reason_word((enum reason) reason), word) == 0)
            return reason;
    return REASON_UNDECIDED;
}

static void learn_image(struct learn *learn, const char *text, bool allowed, const char *second)
{
    struct image image;
    char spelt[IMAGE_TEXT_BYTES];
    if (!text[0])
        return;
    if (image_parse(text, &image)) {
        complain(learn, "'image' is no name of an image");
        return;
    }
    image_print(&image, spelt);
    names_add(learn, &learn->images, spelt, allowed, second);
}

/* A request that reached its operation's row. */
static void learn_request(struct learn *learn, const struct operation *op, const json_t *line,
                          const char *second)
{
    bool forwarded = strcmp(text_at(line, "decision"), "forward") == 0;
    int reason = reason_find(text_at(line, "reason"));
    struct learn_names *fields = op->body == BODY_CREATE ? &learn->create
                                 : op->body == BODY_EXEC ? &learn->exec
                                                         : NULL;
    bool held = !forwarded && reason == REASON_FIELD_REFUSED && fields;
    if (op->body == BODY_CREATE)
        learn_image(learn, text_at(line, "image"), forwarded, second);
    if (!forwarded && !held && reason != REASON_OPERATION_NOT_ALLOWED) {
        learn->reasons[reason]++;
        return;
    }
    if (held)
        names_add(learn, fields, text_at(line, "field"), false, second);
    seen_add(held ? &learn->held[op->number] : &learn->operations[op->number], forwarded, second);
}

static void learn_line(struct learn *learn, const json_t *line)
{
    char second[LEARN_TIME_BYTES + 1];
    const char *name = text_at(line, "operation"), *decision = text_at(line, "decision");
    json_int_t lost = json_integer_value(json_object_get(line, "lost"));
    if (!second_read(text_at(line, "time"), second) || (!decision[0] && lost <= 0)) {
        complain(learn, "this is no line of an audit log; it has no 'time' or no 'decision'");
        return;
    }
    learn->lines++;
    if (lost > 0) {
        learn->lost += (unsigned long) lost;
        return;
    }
    if (strcmp(decision, "answer") == 0) /* a /_ping, which needs no line */
        return;
    const struct operation *op = operation_find(name);
    if (op)
        learn_request(learn, op, line, second);
    else if (name[0])
        complain(learn, "an operation that this caisson does not know");
    else
        learn->reasons[reason_find(text_at(line, "reason"))]++;
}

static void learn_text(struct learn *learn, const char *text, size_t bytes)
{
    json_error_t wrong;
    json_t *line = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    if (json_is_object(line))
        learn_line(learn, line);
    else
        complain(learn, "this is no line of an audit log, which is a JSON object");
    json_decref(line);
}

static int learn_file(struct learn *learn, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    ssize_t bytes;
    learn->path = is_stdin ? "stdin" : path;
    learn->line = 0;
    if (!file) {
        log_error("%s: cannot open it: %s", path, strerror(errno));
        return -1;
    }
    while ((bytes = getline(&text, &room, file)) > 0) {
        learn->line++;
        if (strspn(text, " \t\r\n") < (size_t) bytes)
            learn_text(learn, text, (size_t) bytes);
    }
    int rc = ferror(file) ? -1 : 0;
    if (rc < 0)
        log_error("%s: cannot read it: %s", path, strerror(errno));
    free(text);
    if (!is_stdin)
        fclose(file);
    return rc;
}

/* ---- writing ---- */

static void print_seen(const struct learn_seen *seen)
{
    if (seen->allowed > 0)
        printf("allowed %lu%s", seen->allowed, seen->refused > 0 ? ", " : "");
    if (seen->refused > 0)
        printf("refused %lu", seen->refused);
    printf(", %s", seen->first);
    if (strcmp(seen->first, seen->last) != 0)
        printf(" to %s", seen->last);
}

static bool was_seen(const struct learn_seen *seen)
{
    return seen->allowed + seen->refused > 0;
}

static const char *grant_word(const struct operation *op)
{
    if (op->grants & GRANT_OWN)
        return "own";
    if (op->grants & GRANT_YES)
        return "yes";
    if (op->grants & GRANT_ANY)
        return "any";
    return op->object == OBJECT_NONE ? "yes" : "own"; /* in a comment */
}

static void print_operation(const struct operation *op, const struct learn_seen *seen,
                            const char *why_not)
{
    printf("%s%s = %s    ; ", why_not ? "; " : "", op->id, grant_word(op));
    print_seen(seen);
    printf("%s%s\n", why_not ? "; " : "", why_not ? why_not : "");
}

static void print_allow(const struct learn *learn)
{
    char why_not[256];
    puts("\n[allow]");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        snprintf(why_not, sizeof(why_not), "cannot be allowed yet: %s", op->why);
        if (was_seen(&learn->operations[i]))
            print_operation(op, &learn->operations[i], op->grants ? NULL : why_not);
        else if (was_seen(&learn->held[i]))
            print_operation(op, &learn->held[i], "always for one of the fields below");
    }
}

/* A schema_visit: proposes the fields that were refused. Image has lines of its own. */
static void print_field(void *arg, const struct schema_field *field)
{
    const struct learn_seen *seen = names_find(arg, field->path);
    if (!seen || strcmp(field->path, "Image") == 0)
        return;
    printf("; %s = allow    ; ", field->path);
    print_seen(seen);
    printf("; %s\n", field->why);
}

/* One line with the images that passed, or that did not. */
static void print_images(const struct learn_names *images, bool allowed)
{
    size_t bytes = 0, left_out = 0;
    for (size_t i = 0; i < images->count; i++) {
        const struct learn_name *image = &images->items[i];
        if ((image->seen.allowed > 0) != allowed)
            continue;
        if (bytes + strlen(image->text) + 1 > LEARN_RULE_BYTES) {
            left_out++;
            continue;
        }
        if (bytes == 0)
            fputs(allowed ? "Image = one-of" : "; Image = one-of", stdout);
        bytes += (size_t) printf(" %s", image->text);
    }
    if (left_out > 0)
        printf("    ; %zu more images have no room in this line; use a glob", left_out);
    if (bytes > 0)
        putchar('\n');
}

static void print_create(const struct learn *learn, const struct schema *schema)
{
    const struct learn_names *images = &learn->images;
    puts(
        "\n[create]\n"
        "; Rules that the old policy had are not in its log: take them over from there.  What was\n"
        "; refused stands as a comment: a rule narrower than 'allow' may do.");
    for (size_t i = 0; i < images->count; i++) {
        printf("; Image %s: ", images->items[i].text);
        print_seen(&images->items[i].seen);
        putchar('\n');
    }
    print_images(images, true);
    print_images(images, false);
    if (images->count == 0)
        puts("; Image = one-of ...    ; the log names none; without this rule every create is "
             "refused");
    schema_each(schema, print_field, (void *) &learn->create);
}

/* What the lines above do not change, so that nobody looks for it there. */
static void print_rest(const struct learn *learn)
{
    bool any = false;
    for (int i = 0; i < REASON_COUNT; i++) {
        if (learn->reasons[i] == 0 || i == REASON_NONE)
            continue;
        printf("%s %s %lu", any ? "," : "\n; Refused for what no line of a policy names:",
               reason_word((enum reason) i), learn->reasons[i]);
        any = true;
    }
    if (any)
        putchar('\n');
}

static void print_policy(const struct learn *learn, const struct schema *create,
                         const struct schema *exec)
{
    int made = OPERATION_ContainerCreate;
    printf("; Learnt by caisson from %lu lines of audit logs: what was seen, and no more.\n"
           "; 'own' is the narrowest grant; where the client is to reach containers that it did "
           "not\n; make, write 'any'.  Check each line before you trust it.\n",
           learn->lines);
    print_allow(learn);
    if (was_seen(&learn->operations[made]) || was_seen(&learn->held[made]))
        print_create(learn, create);
    if (learn->exec.count > 0) {
        puts("\n[exec]");
        schema_each(exec, print_field, (void *) &learn->exec);
    }
    print_rest(learn);
}

/* ---- the verb ---- */

static void say_counts(const struct learn *learn)
{
    if (learn->complaints > 0)
        log_info("%lu lines could not be used", learn->complaints);
    if (learn->lost > 0)
        log_info("%lu lines were lost when the log was written; nothing is learnt of them",
                 learn->lost);
}

static int learn_finish(const struct learn *learn)
{
    if (!learn->failed && learn->lines == 0) {
        log_error("no line of an audit log was read; give the files that 'audit' under [proxy] "
                  "names");
        return 2;
    }
    struct schema *create = schema_new(BODY_CREATE), *exec = schema_new(BODY_EXEC);
    bool good = !learn->failed && create && exec;
    if (good)
        print_policy(learn, create, exec);
    else
        log_error("out of memory");
    schema_free(create);
    schema_free(exec);
    return good ? 0 : 2;
}

int learn_run(int argc, char **argv)
{
    int rc = 0;
    if (argc < 2)
        return -1;
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && argv[i][1])
            return -1;
    struct learn *learn = calloc(1, sizeof(*learn));
    if (!learn) {
        log_error("out of memory");
        return 2;
    }
    for (int i = 1; i < argc && rc == 0; i++)
        rc = learn_file(learn, argv[i]);
    say_counts(learn);
    int code = rc < 0 ? 2 : learn_finish(learn);
    names_done(&learn->create);
    names_done(&learn->exec);
    names_done(&learn->images);
    free(learn);
    return code;
}
