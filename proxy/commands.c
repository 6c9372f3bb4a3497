/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: see commands.h.  The listings print the tables that decide, so they cannot be out of
 * date.
 */
#include "commands.h"

#include "config.h"
#include "err.h"
#include "explain.h"
#include "images.h"
#include "import_env.h"
#include "learn.h"
#include "listeners.h"
#include "log.h"
#include "operation.h"
#include "policy.h"
#include "print.h"
#include "query.h"
#include "reload.h"
#include "schema.h"
#include "schemas.h"
#include "server.h"
#include "verdict.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static const char commands_usage[] =
    "usage: caisson serve [--policy FILE] [--listen unix:PATH] [--upstream unix:PATH]\n"
    "                     [--audit stderr|stdout|none|FILE] [--verbose]\n"
    "                     [--i-accept-the-risk]\n"
    "       caisson healthcheck [--policy FILE] [--listen unix:PATH]\n"
    "       caisson reload [--policy FILE] [--listen unix:PATH]\n"
    "       caisson check FILE [--max contained|host-data|host-root]\n"
    "       caisson explain METHOD TARGET [--policy FILE] [--body FILE|-] [--as LISTENER|OWNER]\n"
    "                       [--owned ID[:NAME]]... [--engine 1.N] [--nonce HEX16] [--json]\n"
    "       caisson operations [--json]\n"
    "       caisson fields [--policy FILE] [--json]\n"
    "       caisson learn [--as LISTENER|OWNER] [--as-it-ran] AUDIT|-...\n"
    "       caisson import-env [FILE|-]\n"
    "       caisson version | help\n"
    "serve, healthcheck, reload and explain read " COMMANDS_POLICY
    " unless --policy names another\n"
    "file; the other options of serve override its [proxy] section.\n"
    "Exit: 0 yes, 1 no, 2 usage or broken input.\n";

/* Reads --json and, where a place for it is given, --policy; < 0 for anything else. */
static int parse_listing(int argc, char **argv, const char **ret_policy, bool *ret_json)
{
    static const struct option known[] = {
        {"policy", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'j')
            *ret_json = true;
        else if (option == 'p' && ret_policy)
            *ret_policy = optarg;
        else
            return -1;
    }
    return optind == argc ? 0 : -1;
}

/* ---- check ---- */

static void print_time(int64_t ms)
{
    if (ms % 3600000 == 0)
        printf("%" PRId64 " h", ms / 3600000);
    else if (ms % 60000 == 0)
        printf("%" PRId64 " min", ms / 60000);
    else if (ms % 1000 == 0)
        printf("%" PRId64 " s", ms / 1000);
    else
        printf("%" PRId64 " ms", ms);
}

/* A schema_visit: counts the rules that the file sets and notes whether Image has one. */
struct rule_count {
    size_t set;
    bool image;
};

static void count_rule(void *arg, const struct schema_field *field)
{
    struct rule_count *count = arg;
    if (strcmp(field->origin, "built in") == 0)
        return;
    count->set++;
    count->image = count->image || strcmp(field->path, "Image") == 0;
}

static void check_print_create(const struct policy *policy)
{
    const struct config *config = policy_config(policy);
    struct rule_count rules = {0};
    schema_each(policy_schema(policy, BODY_CREATE), count_rule, &rules);
    printf(
        "\nA container is made under %zu rules of this file and the built-in rule of every other "
        "field\n(`caisson fields --policy FILE` lists them).  At most %" PRId64
        " are alive at once; ",
        rules.set, config->containers);
    if (config->lifetime_ms > 0) {
        fputs("each is removed after ", stdout);
        print_time(config->lifetime_ms);
        puts(".");
    } else {
        puts("they are kept until they are deleted.");
    }
    if (!rules.image)
        puts("Note: every create is refused, since [create] has no rule for Image.");
}

/* A name that a client may both give and run is no promise of what runs. */
static void check_print_shared(const struct policy *policy)
{
    static const enum operation_id givers[] = {OPERATION_ImageTag, OPERATION_ImageCommit,
                                               OPERATION_ImageBuild, OPERATION_ImageLoad};
    char name[IMAGES_PATH_BYTES];
    bool gives = false;
    for (size_t i = 0; i < sizeof(givers) / sizeof(givers[0]); i++)
        gives = gives || policy_grant(policy, (int) givers[i]) != GRANT_NO;
    if (gives && images_share_name(policy_schema(policy, BODY_IMAGE),
                                   policy_schema(policy, BODY_CREATE), name))
        printf("Note: Tag under [image] and Image under [create] share names, such as %s: who runs "
               "one\nruns what a client put there.\n",
               name);
}

static void check_print_images(const struct policy *policy)
{
    check_print_shared(policy);
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        const char *rule = images_missing(op, policy_schema(policy, BODY_IMAGE));
        if (policy_grant(policy, i) != GRANT_NO && rule)
            printf("Note: every %s is refused, since [image] has no rule for %s that lets one "
                   "pass.\n",
                   op->id, rule);
    }
}

static void check_print(const char *path, const struct policy *policy)
{
    bool any = false, foreign = false;
    printf("%s is valid. It allows\n", path);
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        int grant = policy_grant(policy, i);
        if (grant == GRANT_NO)
            continue;
        any = true;
        foreign = foreign || grant == GRANT_ANY;
        printf("  %-18s %-5s %s\n", op->id, operation_grant_word(grant), op->why);
    }
    puts(any ? "and nothing else (own: only what was made through this proxy)."
             : "  nothing at all.");
    if (policy_observes(policy))
        puts("Note: mode = observe: nothing of this is enforced, every request goes through.");
    if (foreign)
        puts("Note: what says 'any' reaches everyone's containers.");
    check_print_images(policy);
    if (policy_grant(policy, OPERATION_ContainerCreate) != GRANT_NO)
        check_print_create(policy);
}

/* A verdict_visit: "FIELD = RULE (FILE:LINE) gives host root, as with VALUE: why". */
static void print_verdict_line(void *arg, const struct verdict_line *line)
{
    static const char *const effects[] = {
        [RISK_DENIAL] = "can use up the host or disturb others",
        [RISK_NETWORK] = "reaches the network",
        [RISK_DATA] = "gives host data",
        [RISK_ROOT] = "gives host root",
    };
    (void) arg;
    printf("  %s = %s (%s) %s%s%s:\n    %s\n", line->name, line->rule, line->origin,
           effects[line->risk], line->value[0] ? ", as with " : "", line->value, line->why);
}

static enum verdict print_verdict(const struct policy *policy)
{
    enum verdict verdict = verdict_of(policy, NULL, NULL);
    printf("\nVerdict: %s\n", verdict_text(verdict));
    verdict_of(policy, print_verdict_line, NULL);
    return verdict;
}

/* "host-data" as --max takes it. */
static bool verdict_from_word(const char *word, enum verdict *ret)
{
    static const char *const words[] = {
        [VERDICT_CONTAINED] = "contained",
        [VERDICT_HOST_DATA] = "host-data",
        [VERDICT_HOST_ROOT] = "host-root",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0) {
            *ret = (enum verdict) i;
            return true;
        }
    }
    return false;
}

/* The file in *ret_path; < 0 for wrong usage. */
static int parse_check(int argc, char **argv, const char **ret_path, enum verdict *ret_max)
{
    static const struct option known[] = {
        {"max", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (option != 'm' || !verdict_from_word(optarg, ret_max))
            return -1;
    *ret_path = argv[optind];
    return optind + 1 == argc ? 0 : -1;
}

static enum verdict check_listener(const struct listeners_entry *entry, bool named)
{
    const struct config_listener *config = &entry->config;
    if (named)
        printf("\nListener %s, on %s, for owner %s%s%s:\n", entry->name, config->listen,
               config->owner, config->peers[0] ? ", and only for " : "", config->peers);
    check_print(entry->file, entry->policy);
    return print_verdict(entry->policy);
}

/* Each listener with its verdict; returns the worst. */
static enum verdict check_listeners(const struct listeners *listeners)
{
    enum verdict worst = VERDICT_CONTAINED;
    bool named = listeners_are_named(listeners);
    const char *warning;
    for (size_t i = 0; (warning = listeners_warning(listeners, i)); i++)
        printf("Note: %s.\n", warning);
    char lacks[SERVER_TEXT_BYTES];
    if (server_lacks_descriptors(listeners, lacks))
        printf("Note: %s.\n", lacks);
    for (size_t i = 0; i < listeners_count(listeners); i++) {
        enum verdict verdict = check_listener(listeners_at(listeners, i), named);
        worst = verdict > worst ? verdict : worst;
    }
    if (named)
        printf("\nVerdict of all listeners: %s\n", verdict_text(worst));
    return worst;
}

static int run_check(int argc, char **argv)
{
    const char *path;
    enum verdict max = VERDICT_HOST_ROOT;
    struct listeners *listeners;
    struct err err;
    if (parse_check(argc, argv, &path, &max) < 0)
        return -1;
    if (access(path, R_OK) < 0) {
        log_error("%s: cannot open it: %s", path, strerror(errno));
        return 2;
    }
    if (listeners_load(path, NULL, &listeners, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    enum verdict verdict = check_listeners(listeners);
    listeners_unref(listeners);
    if (verdict <= max)
        return 0;
    log_error("%s: the verdict is %s, over --max %s", path, verdict_text(verdict),
              verdict_text(max));
    return 1;
}

/* ---- operations ---- */

static const char *grants_text(unsigned grants)
{
    if (grants & GRANT_OWN)
        return grants & GRANT_ANY ? "own any" : "own";
    return grants & GRANT_YES ? "yes" : "-";
}

static void print_parameter_json(const struct query_row *row, bool first)
{
    printf("%s{\"name\":\"%s\",\"accepts\":", first ? "" : ",", row->name);
    print_json(stdout, query_type_text(row));
    printf(",\"since\":%u,\"why\":", row->since);
    print_json(stdout, query_row_why(row));
    putchar('}');
}

static void print_operation_json(const struct operation *op)
{
    const struct query_row *row;
    bool first = true;
    printf("{\"operation\":\"%s\",\"method\":\"%s\",\"path\":\"%s\",\"grants\":\"%s\",\"why\":",
           op->id, method_name(op->method), op->path, grants_text(op->grants));
    print_json(stdout, op->why);
    fputs(",\"query\":[", stdout);
    for (size_t i = 0; (row = query_row_at(i)); i++)
        if (row->op == (int) op->number) {
            print_parameter_json(row, first);
            first = false;
        }
    fputs("]}", stdout);
}

static void print_operation(const struct operation *op)
{
    const struct query_row *row;
    printf("%-25s %-7s %-6s %s\n", op->id, grants_text(op->grants), method_name(op->method),
           op->path);
    printf("%-33s %s\n", "", op->why);
    for (size_t i = 0; (row = query_row_at(i)); i++)
        if (row->op == (int) op->number)
            printf("%-33s   ?%s: %s%s\n", "", row->name, query_type_text(row),
                   row->shut ? "; only where [query] lets it" : "");
}

static int run_operations(int argc, char **argv)
{
    bool json = false;
    if (parse_listing(argc, argv, NULL, &json) < 0)
        return -1;
    if (!json)
        printf("%-25s %-7s %-6s %s\n", "OPERATION", "[allow]", "METHOD", "PATH");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        if (!json) {
            print_operation(operation_get((enum operation_id) i));
            continue;
        }
        fputs(i == 0 ? "[" : ",\n", stdout);
        print_operation_json(operation_get((enum operation_id) i));
    }
    if (json)
        puts("]");
    return 0;
}

/* ---- fields ---- */

struct listing {
    const char *section; /* of the field before; NULL at the beginning */
    bool json;
};

static void print_field(const struct schema_field *field)
{
    printf("%s\n    %s", field->path, field->type);
    if (field->since > 24) /* API 1.24 is the oldest that the tables know */
        printf(", API 1.%u", field->since);
    printf("\n    %s  (%s)\n    %s\n", field->rule, field->origin, field->why);
}

static void print_field_json(const char *section, bool begun, const struct schema_field *field)
{
    printf("%s{\"section\":\"%s\",\"field\":", begun ? ",\n" : "[", section);
    print_json(stdout, field->path);
    fputs(",\"type\":", stdout);
    print_json(stdout, field->type);
    fputs(",\"rule\":", stdout);
    print_json(stdout, field->rule);
    fputs(",\"origin\":", stdout);
    print_json(stdout, field->origin);
    printf(",\"since\":%u,\"why\":", field->since);
    print_json(stdout, field->why);
    putchar('}');
}

/* A schemas_visit. */
static void visit_field(void *arg, enum body body, const struct schema_field *field)
{
    struct listing *listing = arg;
    const char *section = schema_section((int) body);
    if (listing->json)
        print_field_json(section, listing->section, field);
    else if (!listing->section || strcmp(listing->section, section) != 0)
        printf("%s[%s]\n", listing->section ? "\n" : "", section);
    if (!listing->json)
        print_field(field);
    listing->section = section;
}

static void print_fields(const struct schemas *schemas, bool json)
{
    struct listing listing = {.json = json};
    schemas_each(schemas, visit_field, &listing);
    if (json)
        puts("]");
}

static int run_fields(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false;
    struct listeners *listeners;
    struct err err;
    if (parse_listing(argc, argv, &path, &json) < 0)
        return -1;
    if (path) {
        if (listeners_load(path, NULL, &listeners, &err) < 0) {
            log_error("%s", err.text);
            return 2;
        }
        print_fields(policy_schemas(listeners_main(listeners)), json);
        listeners_unref(listeners);
        return 0;
    }
    struct schemas schemas;
    int ret = schemas_init(&schemas) == 0 ? 0 : 2;
    if (ret == 0)
        print_fields(&schemas, json);
    else
        log_error("out of memory");
    schemas_done(&schemas);
    return ret;
}

/* ---- the verbs ---- */

static int run_version(int argc, char **argv)
{
    (void) argv;
    if (argc != 1)
        return -1;
    puts("caisson " COMMANDS_VERSION);
    return 0;
}

static int run_help(int argc, char **argv)
{
    (void) argc;
    (void) argv;
    fputs(commands_usage, stdout);
    return 0;
}

static const struct {
    const char *verb;
    int (*run)(int argc, char **argv); /* < 0: wrong usage */
} verbs[] = {
    {"check", run_check},           {"explain", explain_run},
    {"learn", learn_run},           {"import-env", import_env_run},
    {"operations", run_operations}, {"fields", run_fields},
    {"reload", reload_run},         {"version", run_version},
    {"--version", run_version},     {"help", run_help},
    {"--help", run_help},           {"-h", run_help},
};

bool commands_asks_help(int argc, char **argv)
{
    return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

int commands_bad_usage(void)
{
    fputs(commands_usage, stderr);
    return 2;
}

int commands_run(int argc, char **argv)
{
    int (*run)(int argc, char **argv) = NULL;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].verb, argv[0]) == 0)
            run = verbs[i].run;
    if (commands_asks_help(argc, argv))
        run = run_help;
    if (!run)
        fprintf(stderr, "caisson: '%s' is no command\n", argv[0]);
    int code = run ? run(argc, argv) : -1;
    if (code < 0)
        return commands_bad_usage();
    if (fflush(stdout) != 0) {
        log_error("cannot write: %s", strerror(errno));
        return 2;
    }
    return code;
}
