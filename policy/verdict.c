/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict: the risks of what a policy grants, gathered.
 */
#include "verdict.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "binds.h"
#include "field.h"
#include "images.h"
#include "judge.h"
#include "operation.h"
#include "policy.h"
#include "schema.h"
#include "types.h"

enum verdict verdict_from_risk(enum risk risk)
{
    if (risk == RISK_ROOT)
        return VERDICT_HOST_ROOT;
    return risk == RISK_DATA ? VERDICT_HOST_DATA : VERDICT_CONTAINED;
}

const char *verdict_text(enum verdict verdict)
{
    static const char *const words[] = {
        [VERDICT_CONTAINED] = "contained",
        [VERDICT_HOST_DATA] = "host data",
        [VERDICT_HOST_ROOT] = "host root",
    };
    assert((unsigned) verdict < sizeof(words) / sizeof(words[0]));
    return words[verdict];
}

/* One pass shows the lines of one risk. */
struct pass {
    const struct policy *policy;
    enum risk risk;
    verdict_visit *visit;
    void *arg;
    size_t found;
};

static void show(struct pass *pass, const struct verdict_line *line)
{
    pass->found++;
    if (pass->visit)
        pass->visit(pass->arg, line);
}

/* Before anything else: what only observes enforces nothing. */
static void pass_mode(struct pass *pass)
{
    char origin[300];
    if (pass->risk != RISK_ROOT || !policy_observes(pass->policy))
        return;
    struct verdict_line line = {
        .risk = RISK_ROOT,
        .name = "mode",
        .rule = "observe",
        .origin = policy_mode_origin(pass->policy, origin, sizeof(origin)),
        .value = "",
        .why = "every request goes on unjudged; nothing below holds until this says enforce",
    };
    show(pass, &line);
}

static void pass_operations(struct pass *pass)
{
    char origin[300];
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        int grant = policy_grant(pass->policy, i);
        /* One's own containers are what the rules below let them be, and so are some images. */
        if (grant == GRANT_NO || grant == GRANT_OWN || op->risk != (int) pass->risk ||
            images_bound(op))
            continue;
        struct verdict_line line = {
            .risk = pass->risk,
            .name = op->id,
            .rule = operation_grant_word(grant),
            .origin = origin,
            .value = "",
            .why = op->why,
        };
        policy_grant_origin(pass->policy, i, origin, sizeof(origin));
        show(pass, &line);
    }
}

/* Whether a client can have this body judged: an operation with it is granted, and nothing that it
 * needs is forbidden, as Image is without a rule. */
static bool is_used(const struct policy *policy, int body)
{
    const struct schema *schema = policy_schema(policy, body);
    if (body == BODY_IMAGE || body == BODY_QUERY)
        return true; /* row by row: is_asked() */
    bool granted = false;
    for (int i = 0; schema && i < OPERATION_COUNT; i++)
        granted = granted || ((int) operation_get((enum operation_id) i)->body == body &&
                              policy_grant(policy, i) != GRANT_NO);
    for (size_t i = 0; granted && i < schema->count; i++) {
        const struct field *field = &schema->fields[i];
        if (!field->object && field->type->traits & TYPE_REQUIRED && field->rule.forbid)
            return false;
    }
    return granted;
}

/* Whether a container that a client makes can have a folder of the host to write in. */
static bool has_folder(const struct policy *policy)
{
    return is_used(policy, BODY_CREATE) && binds_write(policy_schema(policy, BODY_CREATE));
}

/*
 * What no line shows by itself: beside such a folder, who is root in the container leaves there
 * what is root's on the host.
 */
static void pass_root(struct pass *pass, int body)
{
    const struct schema *schema = policy_schema(pass->policy, body);
    const struct field *field;
    if (pass->risk != RISK_ROOT || !has_folder(pass->policy) || !is_used(pass->policy, body) ||
        !(field = risk_root(schema)))
        return;
    struct verdict_line line = {
        .risk = RISK_ROOT,
        .name = field->path,
        .rule = field->rule.text,
        .origin = judge_origin(field),
        .value = "",
        .why = "a program that is root in its container leaves set-user-id programs of root in a "
               "folder of the host that is mounted writable, which whoever runs programs on the "
               "host becomes root by",
    };
    show(pass, &line);
}

/* The same: the Engine unpacks a tar as root, whoever the container's user is. */
static void pass_archive(struct pass *pass)
{
    char origin[300];
    const int op = OPERATION_PutContainerArchive;
    if (pass->risk != RISK_ROOT || policy_grant(pass->policy, op) != GRANT_OWN ||
        !has_folder(pass->policy))
        return;
    struct verdict_line line = {
        .risk = RISK_ROOT,
        .name = "PutContainerArchive",
        .rule = "own",
        .origin = origin,
        .value = "",
        .why = "the Engine writes as root what is in the tar, also to a folder of the host that is "
               "mounted writable: set-user-id programs and devices, which whoever runs programs on "
               "the host becomes root by",
    };
    policy_grant_origin(pass->policy, op, origin, sizeof(origin));
    show(pass, &line);
}

/* Whether a field was shown with a body of before: a rule holds for all of a section. */
static bool was_shown(const struct policy *policy, int body, const char *path)
{
    for (int before = 0; before < body; before++)
        if (is_used(policy, before) && strcmp(schema_section(before), schema_section(body)) == 0 &&
            schema_has(policy_schema(policy, before), path))
            return true;
    return false;
}

/* Whether an operation that a rule under [image] holds for is granted. */
static bool is_image_asked(const struct policy *policy, const char *rule)
{
    const struct images_row *row;
    for (size_t i = 0; (row = images_row_at(i)); i++)
        if (strcmp(row->rule, rule) == 0 && policy_grant(policy, row->op) != GRANT_NO)
            return true;
    return false;
}

/* Whether the operation of a rule that stands for itself is granted. */
static bool is_asked(const struct policy *policy, int body, const char *path)
{
    char id[64];
    if (body == BODY_IMAGE)
        return is_image_asked(policy, path);
    if (body != BODY_QUERY)
        return true;
    snprintf(id, sizeof(id), "%.*s", (int) strcspn(path, "."), path);
    const struct operation *op = operation_find(id);
    return op && policy_grant(policy, (int) op->number) != GRANT_NO;
}

static void pass_fields(struct pass *pass, int body)
{
    const struct schema *schema = policy_schema(pass->policy, body);
    char value[RISK_VALUE_BYTES];
    for (size_t i = 0; i < schema->count; i++) {
        const struct field *field = &schema->fields[i];
        if (risk_of_field(schema, field, value) != pass->risk ||
            !is_asked(pass->policy, body, field->path) ||
            was_shown(pass->policy, body, field->path))
            continue;
        struct verdict_line line = {
            .risk = pass->risk,
            .name = field->path,
            .rule = field->rule.text,
            .origin = judge_origin(field),
            .value = value,
            .why = field->why,
        };
        show(pass, &line);
    }
}

enum verdict verdict_of(const struct policy *policy, verdict_visit *visit, void *arg)
{
    enum risk worst = RISK_NONE;
    for (int risk = RISK_ROOT; risk > RISK_NONE; risk--) {
        struct pass pass = {.policy = policy, .risk = risk, .visit = visit, .arg = arg};
        pass_mode(&pass);
        pass_operations(&pass);
        pass_archive(&pass);
        pass_root(&pass, BODY_CREATE);
        pass_root(&pass, BODY_EXEC);
        for (int body = 0; body < BODY_COUNT; body++)
            if (is_used(policy, body))
                pass_fields(&pass, body);
        if (pass.found && worst == RISK_NONE)
            worst = pass.risk;
    }
    return verdict_from_risk(worst);
}
