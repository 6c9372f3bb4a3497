/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The label of ownership, and the pinning of an endpoint to its network.
 */
#include "label.h"

#include <jansson.h>
#include <string.h>

#include "field.h"
#include "json.h"
#include "judge.h"
#include "reason.h"
#include "schema.h"

static bool out_of_memory(struct judge *judge)
{
    return judge_refuse(judge, REASON_OUT_OF_MEMORY, "", "%s", reason_text(REASON_OUT_OF_MEMORY));
}

json_t *label_order(const struct field *object, json_t *value)
{
    json_t *out = json_object();
    for (const struct field *member = object->members; out && member; member = member->next) {
        json_t *sent = json_object_get(value, member->name);
        if (sent && json_object_set(out, member->name, sent) < 0) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

bool label_check(struct judge *judge, const json_t *labels, const char *path)
{
    const struct schema_context *context = judge->context;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *) labels, key, value) {
        /* Who makes a container of ours anew repeats what its inspect said. */
        if (!context->label_key || (strcmp(key, context->label_key) == 0 && json_is_string(value) &&
                                    strcmp(json_string_value(value), context->label_value) == 0))
            continue;
        if (json_same_key(key, context->label_key))
            return judge_refuse(judge, REASON_FIELD_REFUSED, path,
                                "%s: '%s' is caisson's own label", path, context->label_key);
    }
    return true;
}

bool label_stamp(struct judge *judge, json_t *out)
{
    const struct schema_context *context = judge->context;
    json_t *theirs = json_object_get(out, "Labels"), *labels;
    if (!context->label_key)
        return true;
    if (!label_check(judge, theirs, "Labels"))
        return false;
    labels = theirs ? json_copy(theirs) : json_object();
    if (!labels ||
        json_object_set_new(labels, context->label_key, json_string(context->label_value)) < 0 ||
        json_object_set(out, "Labels", labels) < 0)
        out_of_memory(judge);
    json_decref(labels);
    return !judge->refused;
}

static bool in_order(struct judge *judge, json_t **out)
{
    json_t *ordered = label_order(&judge->schema->root, *out);
    if (!ordered)
        return out_of_memory(judge);
    json_decref(*out);
    *out = ordered;
    return true;
}

bool label_finish(struct judge *judge, const json_t *body, json_t **out)
{
    (void) body;
    return label_stamp(judge, *out) && in_order(judge, out);
}

bool connect_finish(struct judge *judge, const json_t *body, json_t **out)
{
    const char *network = judge->context->network;
    json_t *endpoint = json_object_get(*out, "EndpointConfig");
    (void) body;
    if (!network)
        return true;
    if (!endpoint && json_object_set_new(*out, "EndpointConfig", endpoint = json_object()) < 0)
        return out_of_memory(judge);
    if (json_object_set_new(endpoint, "NetworkID", json_string(network)) < 0)
        return out_of_memory(judge);
    return in_order(judge, out);
}
