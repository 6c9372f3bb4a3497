/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: the two steps of a decision on a request from the command line, the rows of the policy
 * behind it, and the request as message.c would write it to the engine.
 */
#include "explain.h"

#include "buf.h"
#include "commands.h"
#include "err.h"
#include "listeners.h"
#include "log.h"
#include "message.h"
#include "operation.h"
#include "owner.h"
#include "policy.h"
#include "print.h"
#include "reason.h"
#include "schema.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXPLAIN_OWNED_MOST = 64,
    EXPLAIN_ENGINE_MINOR = 55 /* the newest API that the tables know */
};

/* What the command line says. */
struct question {
    const char *as;                 /* a listener's name, or its owner; NULL: not said */
    const char *policy, *body_file; /* body_file: NULL for none, "-" for stdin */
    const char *method, *target;
    const char *owned[EXPLAIN_OWNED_MOST];
    size_t owned_count;
    struct policy_engine engine;
    uint64_t nonce;
    bool json;
};

/* ---- the question ---- */

static int parse_engine(const char *text, struct question *question)
{
    char *end;
    if (strncmp(text, "1.", 2) != 0 || text[2] < '1' || text[2] > '9')
        return -1;
    question->engine.api_minor = (unsigned) strtoul(text + 2, &end, 10);
    return *end || question->engine.api_minor > 99 ? -1 : 0;
}

static int parse_nonce(const char *text, struct question *question)
{
    if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
        return -1;
    question->nonce = strtoull(text, NULL, 16);
    return 0;
}

static int parse_option(int option, struct question *question)
{
    switch (option) {
    case 'p':
        question->policy = optarg;
        return 0;
    case 'a':
        question->as = optarg;
        return 0;
    case 'b':
        question->body_file = optarg;
        return 0;
    case 'o':
        if (question->owned_count == EXPLAIN_OWNED_MOST)
            return -1;
        question->owned[question->owned_count++] = optarg;
        return 0;
    case 'e':
        return parse_engine(optarg, question);
    case 'n':
        return parse_nonce(optarg, question);
    case 'j':
        question->json = true;
        return 0;
    default:
        return -1;
    }
}

static int parse_question(int argc, char **argv, struct question *question)
{
    static const struct option known[] = {
        {"policy", required_argument, NULL, 'p'}, {"as", required_argument, NULL, 'a'},
        {"body", required_argument, NULL, 'b'},   {"owned", required_argument, NULL, 'o'},
        {"engine", required_argument, NULL, 'e'}, {"nonce", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},         {NULL, 0, NULL, 0},
    };
    int option;
    *question = (struct question){
        .policy = COMMANDS_POLICY,
        .engine = {.api_minor = EXPLAIN_ENGINE_MINOR, .ostype = "linux"},
    };
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (parse_option(option, question) < 0)
            return -1;
    if (argc - optind != 2)
        return -1;
    question->method = argv[optind];
    question->target = argv[optind + 1];
    return 0;
}

/* Adds what one --owned option says: "ID[:NAME]", "network:ID[:NAME]" or "volume:NAME". */
static int owned_add(struct owner_table *table, const char *text, struct err *err)
{
    static const char *const words[OWNER_KINDS] = {"container:", "network:", "volume:"};
    enum owner_kind kind = OWNER_CONTAINER;
    const char *at = text;
    char id[OWNER_ID_BYTES + 1] = "";
    for (int i = 0; i < OWNER_KINDS; i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0) {
            kind = (enum owner_kind) i;
            at = text + strlen(words[i]);
        }
    size_t bytes = strcspn(at, ":");
    bool good = owner_is_id(kind, at, bytes) && (kind != OWNER_VOLUME || !at[bytes]);
    if (!good && kind == OWNER_VOLUME)
        return err_set(err, "--owned %.80s: write volume:NAME", text);
    if (!good)
        return err_set(
            err, "--owned %.80s: write 64 lower-case hex digits, and :NAME if it has one", text);
    memcpy(id, at, bytes);
    if (owner_add(owner_of(table, kind), id, at[bytes] ? at + bytes + 1 : NULL, 0) < 0)
        return err_set(err, "out of memory");
    return 0;
}

/* The table of what the --owned options describe. */
static struct owner_table *owned_table(const struct question *question, const char *owner,
                                       struct err *err)
{
    struct owner_table *table = owner_table_new(owner);
    if (!table)
        err_set(err, "out of memory");
    for (size_t i = 0; table && i < question->owned_count; i++)
        if (owned_add(table, question->owned[i], err) < 0) {
            owner_table_free(table);
            return NULL;
        }
    return table;
}

/* Reads one byte more than `most`, so that the caller can tell a body that is too large. */
static int body_read(const char *path, size_t most, char **ret_body, size_t *ret_bytes,
                     struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file)
        return err_set(err, "%s: cannot open it: %s", path, strerror(errno));
    char *body = malloc(most + 1);
    size_t bytes = body ? fread(body, 1, most + 1, file) : 0;
    bool good = body && !ferror(file);
    if (!good)
        err_set(err, "%s: cannot read it: %s", path, strerror(errno));
    if (!is_stdin)
        fclose(file);
    if (!good) {
        free(body);
        return -1;
    }
    *ret_body = body;
    *ret_bytes = bytes;
    return 0;
}

static enum method method_from(const char *name)
{
    for (int method = METHOD_OTHER + 1; method < METHOD_COUNT; method++)
        if (strcmp(method_name((enum method) method), name) == 0)
            return (enum method) method;
    return METHOD_OTHER;
}

/* ---- the listener ---- */

static void names_print(const struct listeners *listeners, char *buffer, size_t bytes)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < listeners_count(listeners) && used < bytes; i++)
        used +=
            (size_t) snprintf(buffer + used, bytes - used, " %s", listeners_at(listeners, i)->name);
}

/* Whose rules hold; where several could, it must be said. */
static const struct listeners_entry *
listener_choose(const struct question *question, const struct listeners *listeners, struct err *err)
{
    const struct listeners_entry *first = listeners_at(listeners, 0), *found = NULL;
    char names[300];
    if (question->as)
        found = listeners_find(listeners, question->as);
    else if (listeners_count(listeners) == 1 || strcmp(first->name, LISTENERS_DEFAULT) == 0)
        found = first;
    if (found)
        return found;
    names_print(listeners, names, sizeof(names));
    if (question->as)
        err_set(err, "--as %.80s: there is no such listener or owner; the listeners are:%s",
                question->as, names);
    else
        err_set(err, "say as which listener, by --as; the listeners are:%s", names);
    return NULL;
}

/* ---- the decision ---- */

static void deny_plainly(struct policy_decision *decision, enum reason reason)
{
    decision->verdict = POLICY_DENY;
    decision->reason = reason;
    snprintf(decision->message, sizeof(decision->message), "%s", reason_text(reason));
}

/* Decides as a connection would; < 0 when the question itself is broken. */
static int decide(const struct question *question, const struct listeners_entry *listener,
                  struct policy_decision *decision, struct err *err)
{
    const struct policy *policy = listener->policy;
    const struct config *config = policy_config(policy);
    size_t target_bytes = strlen(question->target), body_bytes = 0;
    char *body = NULL;
    if (target_bytes > (size_t) config->target_bytes) {
        deny_plainly(decision, REASON_TARGET_TOO_LONG);
        return 0;
    }
    struct owner_table *owned = owned_table(question, listener->config.owner, err);
    if (!owned)
        return -1;
    int rc = 0;
    if (policy_route(policy, &question->engine, (int) method_from(question->method),
                     question->target, target_bytes, decision)) {
        size_t most = (size_t) config->body_bytes;
        if (question->body_file && decision->op->body != BODY_STREAM)
            rc = body_read(question->body_file, most, &body, &body_bytes, err);
        if (rc == 0 && body_bytes > most)
            deny_plainly(decision, REASON_BODY_TOO_LARGE);
        else if (rc == 0)
            policy_decide(policy, owned, &question->engine, question->nonce, body, body_bytes,
                          decision);
    }
    free(body);
    owner_table_free(owned);
    return rc;
}

/* ---- the rows behind it ---- */

enum { EXPLAIN_ROW_BYTES = 1024 };

/* What the policy says of the operation, and of the field that a refusal names: "RULE (ORIGIN)",
 * "" for none. */
struct rows {
    const char *field; /* to look for */
    char grant[EXPLAIN_ROW_BYTES], rule[EXPLAIN_ROW_BYTES];
};

/* A schema_visit. */
static void rows_take_field(void *arg, const struct schema_field *field)
{
    struct rows *rows = arg;
    if (strcmp(field->path, rows->field) == 0)
        snprintf(rows->rule, sizeof(rows->rule), "%s (%s)", field->rule, field->origin);
}

static void rows_find(const struct policy *policy, const struct policy_decision *decision,
                      struct rows *rows)
{
    char origin[300];
    *rows = (struct rows){.field = decision->field};
    if (!decision->op || !decision->op->id)
        return;
    int number = (int) decision->op->number;
    snprintf(rows->grant, sizeof(rows->grant), "%s (%s)",
             operation_grant_word(policy_grant(policy, number)),
             policy_grant_origin(policy, number, origin, sizeof(origin)));
    const int bodies[] = {decision->op->body, BODY_IMAGE, BODY_QUERY, BODY_AUTH};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]) && !rows->rule[0]; i++) {
        const struct schema *schema = policy_schema(policy, bodies[i]);
        if (schema)
            schema_each(schema, rows_take_field, rows);
    }
}

/* ---- the answer ---- */

static const char *verdict_word(const struct policy_decision *decision)
{
    static const char *const words[] = {
        [POLICY_DENY] = "deny", [POLICY_FORWARD] = "forward", [POLICY_PING] = "answer"};
    if (decision->observed)
        return "observe";
    return words[decision->verdict];
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void member(const char *name, const char *text)
{
    printf(",\"%s\":", name);
    print_json(stdout, text);
}

static void answer_json(const struct policy_decision *decision, const struct rows *rows,
                        const char *method)
{
    bool forward = decision->verdict == POLICY_FORWARD;
    enum reason reason = (enum reason) decision->reason;
    printf("{\"decision\":\"%s\",\"reason\":\"%s\",\"status\":", verdict_word(decision),
           reason_word(reason));
    if (decision->verdict == POLICY_DENY)
        printf("%d", reason_status(reason));
    else
        fputs("null", stdout);
    member("grant", or_null(rows->grant));
    member("field", or_null(decision->field));
    member("rule", or_null(rows->rule));
    member("message", or_null(decision->message));
    member("operation", decision->op ? decision->op->id : NULL);
    member("container", or_null(decision->container));
    member("name", or_null(decision->name));
    member("method", forward ? method : NULL);
    member("target", forward ? policy_target(decision) : NULL);
    fputs(",\"body\":", stdout);
    if (decision->observed && decision->body)
        print_json(stdout, decision->body); /* perhaps no JSON */
    else
        fputs(decision->body ? decision->body : "null", stdout);
    printf(",\"warnings\":%s}\n", decision->warnings ? decision->warnings : "[]");
}

static void line(const char *label, const char *text)
{
    if (!text || !text[0])
        return;
    printf("%-10s ", label);
    print_safe(stdout, text, strlen(text));
    putchar('\n');
}

/* The bytes that the engine would get. */
static int request_print(const struct policy_decision *decision, const struct question *question)
{
    struct buf head = {0};
    bool upload = decision->op->body == BODY_STREAM && question->body_file;
    struct message_to_engine request = {
        .method = (int) method_from(question->method),
        .target = policy_target(decision),
        .body_bytes = decision->body_bytes,
        .chunked = upload,
        .json = decision->body != NULL,
        .registry_auth = decision->registry_auth,
        .tar = upload,
    };
    if (message_write_request(&head, &request) < 0)
        return -1;
    puts("request");
    print_safe(stdout, buf_data(&head), buf_bytes(&head));
    if (decision->observed) /* perhaps no JSON */
        print_safe(stdout, decision->body ? decision->body : "", decision->body_bytes);
    else if (decision->body)
        printf("%s\n", decision->body);
    if (upload)
        puts("(the body, as it comes)");
    buf_done(&head);
    return 0;
}

static int answer_text(const struct policy_decision *decision, const struct rows *rows,
                       const struct question *question)
{
    enum reason reason = (enum reason) decision->reason;
    line("decision", verdict_word(decision));
    line("operation", decision->op ? decision->op->id : NULL);
    line("grant", rows->grant);
    if (decision->verdict == POLICY_DENY)
        printf("%-10s %s (%d)\n", "reason", reason_word(reason), reason_status(reason));
    if (decision->observed)
        printf("%-10s %s\n", "else",
               reason == REASON_NONE ? "forward" : reason_word(reason)); /* if it enforced */
    line("field", decision->field);
    line("rule", rows->rule);
    line("message", decision->message);
    line("container", decision->container);
    line("name", decision->name);
    line("warnings", decision->warnings);
    return decision->verdict == POLICY_FORWARD ? request_print(decision, question) : 0;
}

int explain_run(int argc, char **argv)
{
    struct question question;
    struct policy_decision decision = {0};
    struct rows rows;
    struct listeners *listeners = NULL;
    const struct listeners_entry *listener = NULL;
    struct err err;
    if (parse_question(argc, argv, &question) < 0)
        return -1;
    int rc = listeners_load(question.policy, NULL, &listeners, &err);
    if (rc == 0)
        rc = (listener = listener_choose(&question, listeners, &err)) ? 0 : -1;
    if (rc == 0)
        rc = decide(&question, listener, &decision, &err);
    if (rc == 0)
        rows_find(listener->policy, &decision, &rows);
    if (rc < 0) {
        log_error("%s", err.text);
    } else if (question.json) {
        answer_json(&decision, &rows, question.method);
    } else if (answer_text(&decision, &rows, &question) < 0) {
        log_error("out of memory");
        rc = -1;
    }
    int code = rc < 0 ? 2 : decision.verdict == POLICY_DENY;
    policy_decision_done(&decision);
    listeners_unref(listeners);
    return code;
}
