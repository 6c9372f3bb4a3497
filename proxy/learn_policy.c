/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn_policy: what logs have seen, written as a policy.
 *
 * A line says how often it was asked for, so that it can be pruned, and what it is worth.  A rule
 * is tried on a schema before it is printed; what no rule can say becomes a comment.
 */
#include "asked.h"
#include "config.h"
#include "err.h"
#include "json.h"
#include "learn_internal.h"
#include "owner.h"
#include "schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* A text that holds what a client wrote, in a comment. */
static void print_comment(const char *text)
{
    for (; *text; text++)
        putchar(*text < ' ' || *text > '~' ? '?' : *text);
}

static bool was_seen(const struct learn_seen *seen)
{
    return seen->allowed + seen->refused > 0;
}

/* ---- [proxy] ---- */

static void print_proxy(const struct learn *learn)
{
    struct config config;
    struct err err;
    if (learn->oldest_minor == 0 || config_init(&config, &err) < 0)
        return;
    if (learn->oldest_minor < (unsigned) config.api_floor)
        printf("\n[proxy]\napi-floor = 1.%u    ; a client spoke it; the floor without this line "
               "is 1.%" PRId64 "\n",
               learn->oldest_minor, config.api_floor);
    config_done(&config);
}

/* ---- [allow] ---- */

/* A list shows the client's own where that is all of its kind that it dealt with. */
static bool deals_with_own(const struct learn *learn, enum object kind)
{
    unsigned long foreign = 0;
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (learn_kind(operation_get((enum operation_id) i)) == kind)
            foreign += learn->foreign[i];
    return foreign == 0 && learn->made[kind];
}

static const char *grant_word(const struct learn *learn, const struct operation *op)
{
    /* Where a policy enforced, a list was as narrow as that policy made it. */
    const bool others = op->object == OBJECT_NONE ? learn->observed[op->number] > 0 &&
                                                        !deals_with_own(learn, learn_kind(op))
                                                  : learn->foreign[op->number] > 0;
    if (others && op->grants & GRANT_ANY)
        return "any";
    if (op->grants & GRANT_OWN)
        return "own";
    if (op->grants & GRANT_YES)
        return "yes";
    if (op->grants & GRANT_ANY)
        return "any";
    return op->object == OBJECT_NONE ? "yes" : "own"; /* in a comment */
}

static void print_operation(const struct learn *learn, const struct operation *op,
                            const struct learn_seen *seen, const char *why_not)
{
    const char *word = grant_word(learn, op);
    printf("%s%s = %s    ; ", why_not ? "; " : "", op->id, word);
    print_seen(seen);
    if (!why_not && strcmp(word, "any") == 0 && learn->foreign[op->number] > 0)
        printf("; %lu of them with what was not made here", learn->foreign[op->number]);
    if (why_not || strcmp(word, "any") == 0)
        printf("; %s", why_not ? why_not : op->why);
    putchar('\n');
}

static void print_allow(const struct learn *learn)
{
    char why_not[512];
    puts("\n[allow]");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        snprintf(why_not, sizeof(why_not), "cannot be allowed: %s", op->why);
        if (was_seen(&learn->operations[i]))
            print_operation(learn, op, &learn->operations[i], op->grants ? NULL : why_not);
        else if (was_seen(&learn->held[i]))
            print_operation(learn, op, &learn->held[i], "always for one of the fields below");
    }
}

/* ---- images ---- */

/* One line with the images of creates. */
static void print_image_line(const struct learn_names *images)
{
    size_t bytes = 0, left_out = 0;
    for (size_t i = 0; i < images->count; i++) {
        const char *text = images->items[i].text;
        if (bytes + strlen(text) + 1 > LEARN_RULE_BYTES) {
            left_out++;
            continue;
        }
        if (bytes == 0)
            fputs("Image = one-of", stdout);
        bytes += (size_t) printf(" %s", text);
    }
    if (left_out > 0)
        printf("    ; %zu more images have no room in this line; use a glob", left_out);
    if (bytes > 0)
        putchar('\n');
}

static void print_images(const struct learn_names *images)
{
    for (size_t i = 0; i < images->count; i++) {
        printf("; Image %s: ", images->items[i].text);
        print_seen(&images->items[i].seen);
        putchar('\n');
    }
    print_image_line(images);
    if (images->count == 0)
        puts("; Image = one-of ...    ; the log names none; without this rule every create is "
             "refused");
}

/* ---- rules ---- */

struct rules {
    struct learn *learn;
    int body;
};

/*
 * Who makes a container anew repeats what its inspect said; once a policy enforces, that has the
 * label of ownership, too.  To name it opens nothing: only the client's own passes.
 */
static void add_owner_label(struct learn *learn, const struct learn_name *labels)
{
    if (learn->observed[OPERATION_ContainerCreate] == 0 ||
        learn->observed[OPERATION_ContainerInspect] == 0)
        return;
    for (const struct json *label = json_elements(labels->values); label; label = label->next)
        if (json_is(label, JSON_STRING) && strcmp(label->text, OWNER_LABEL) == 0)
            return;
    json_push(&learn->arena, labels->values, json_new_text(&learn->arena, OWNER_LABEL));
    learn->failed |= learn->arena.failed;
}

static void print_rule(const struct rules *rules, const struct schema_field *row,
                       const struct learn_name *field)
{
    struct learn *learn = rules->learn;
    if (rules->body == BODY_CREATE && strcmp(row->path, "Labels") == 0 && field->values)
        add_owner_label(learn, field);
    const struct asked_values values = {field->values, field->most};
    char rule[ASKED_RULE_BYTES];
    size_t left_out = 0;
    struct err err;
    int made =
        asked_rule(learn->schemas.of[rules->body], row->path, &values, rule, &left_out, &err);
    if (made == 0)
        return;
    if (made > 0 && schemas_set_rule(&learn->schemas, schema_section(rules->body), row->path, rule,
                                     "learnt", &err) < 0)
        made = -1;
    if (made > 0)
        printf("%s = %s    ; ", row->path, rule);
    else
        printf("; %s: ", row->path);
    print_seen(&field->seen);
    if (left_out > 0)
        printf("; %zu of its values cannot be written here", left_out);
    fputs("; ", stdout);
    print_comment(made > 0 ? row->why : err.text);
    putchar('\n');
}

/* A schema_visit: what was asked for, else what was refused without a word on its value. */
static void print_field(void *arg, const struct schema_field *row)
{
    const struct rules *rules = arg;
    const struct learn *learn = rules->learn;
    const struct learn_name *asked = learn_find(&learn->fields[rules->body], row->path);
    const struct learn_name *refused = learn_find(&learn->refused[rules->body], row->path);
    if (strcmp(row->path, "Image") == 0)
        return;
    if (asked)
        print_rule(rules, row, asked);
    if (!refused || asked)
        return;
    printf("; %s = allow    ; ", row->path);
    print_seen(&refused->seen);
    printf("; %s\n", row->why);
}

/* Whether what is sent for a field where nothing is asked stands in the way of what was done. */
static bool is_tied(const struct learn *learn, const char *path)
{
    if (strcmp(path, "HostConfig.ReadonlyRootfs") == 0)
        return was_seen(&learn->operations[OPERATION_PutContainerArchive]);
    return strcmp(path, "HostConfig.NetworkMode") == 0 &&
           learn->observed[OPERATION_ContainerCreate] > 0 &&
           learn->observed[OPERATION_NetworkConnect] > 0 &&
           !learn_find(&learn->fields[BODY_CREATE], path);
}

/* What an operation, or a field, cannot do without; unless that was asked for. */
static void print_ties(const struct learn *learn)
{
    const struct learn_names *fields = &learn->fields[BODY_CREATE];
    bool old_cpus =
        learn_find(fields, "HostConfig.CpuQuota") || learn_find(fields, "HostConfig.CpuPeriod");
    if (old_cpus && !learn_find(fields, "HostConfig.NanoCpus"))
        puts("HostConfig.NanoCpus = force 0    ; an engine takes CpuQuota and CpuPeriod only "
             "without it");
    if (is_tied(learn, "HostConfig.ReadonlyRootfs"))
        puts("HostConfig.ReadonlyRootfs = allow    ; PutContainerArchive writes files there");
    if (is_tied(learn, "HostConfig.NetworkMode"))
        puts("HostConfig.NetworkMode = one-of \"\"    ; NetworkConnect joins none that is made "
             "without a network");
}

/* Whether an operation with such a body was observed. */
static bool was_observed(const struct learn *learn, int body)
{
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (asked_body(operation_get((enum operation_id) i)) == body && learn->observed[i] > 0)
            return true;
    return false;
}

/* A schema_visit: what nobody asked for and the built-in rule now sends. */
static void print_left_out(void *arg, const struct schema_field *row)
{
    const struct rules *rules = arg;
    struct learn *learn = rules->learn;
    char rule[ASKED_RULE_BYTES];
    struct err err;
    if ((rules->body == BODY_CREATE && is_tied(learn, row->path)) || strpbrk(row->path, "[{") ||
        learn_find(&learn->fields[rules->body], row->path) ||
        !asked_absent(learn->schemas.of[rules->body], row->path, rule))
        return;
    bool opens = learn->as_it_ran && schemas_set_rule(&learn->schemas, schema_section(rules->body),
                                                      row->path, rule, "learnt", &err) == 0;
    printf("%s%s = %s    ; else %s\n", opens ? "" : "; ", row->path, rule, row->rule);
}

/* Bodies that say what there will be. */
static bool makes_something(int body)
{
    return body == BODY_CREATE || body == BODY_EXEC || body == BODY_NETWORK || body == BODY_VOLUME;
}

static void print_all_left_out(struct learn *learn, int body)
{
    struct rules rules = {learn, body};
    if (!was_observed(learn, body))
        return;
    puts(learn->as_it_ran ? "; Left out by the client, and left out again; the rule behind it is "
                            "the built-in one:"
                          : "; Left out by the client, where the built-in rule now sends a value "
                            "of its own.  Open\n"
                            "; the line that the program cannot do without:");
    schema_each(learn->schemas.of[body], print_left_out, &rules);
}

static bool is_section(int body, const char *section)
{
    const char *own = schema_section(body);
    return own && strcmp(own, section) == 0;
}

/* Whether anything is to be said in a section. */
static bool has_lines(const struct learn *learn, const char *section)
{
    const int made = OPERATION_ContainerCreate;
    if (is_section(BODY_CREATE, section) &&
        (was_seen(&learn->operations[made]) || was_seen(&learn->held[made])))
        return true;
    for (int body = 0; body < BODY_COUNT; body++)
        if (is_section(body, section) &&
            (learn->fields[body].count + learn->refused[body].count > 0 ||
             (makes_something(body) && was_observed(learn, body))))
            return true;
    return false;
}

static void print_section(struct learn *learn, const char *section)
{
    printf("\n[%s]\n", section);
    if (is_section(BODY_CREATE, section)) {
        puts("; What no line names keeps its built-in rule: `caisson fields` lists them.");
        print_images(&learn->images);
    }
    for (int body = 0; body < BODY_COUNT; body++) {
        struct rules rules = {learn, body};
        if (is_section(body, section))
            schema_each(learn->schemas.of[body], print_field, &rules);
    }
    if (is_section(BODY_CREATE, section))
        print_ties(learn);
    for (int body = 0; body < BODY_COUNT; body++)
        if (is_section(body, section) && makes_something(body))
            print_all_left_out(learn, body);
}

static void print_rules(struct learn *learn)
{
    for (int body = 0; body < BODY_COUNT; body++) {
        const char *section = schema_section(body);
        bool first = section != NULL;
        for (int before = 0; first && before < body; before++)
            first = !is_section(before, section);
        if (first && has_lines(learn, section))
            print_section(learn, section);
    }
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

void learn_print(struct learn *learn)
{
    printf(
        "; Learnt by caisson from %lu lines of audit logs: what was seen, and no more.\n"
        "; 'own' is the narrowest grant, for what the client made itself; 'any' stands where it\n"
        "; reached others.  What was refused is allowed here, too, and says so.  Check each line\n"
        "; before you trust it; then see what `caisson check` says of the whole.\n",
        learn->lines);
    print_proxy(learn);
    print_allow(learn);
    print_rules(learn);
    print_rest(learn);
}
