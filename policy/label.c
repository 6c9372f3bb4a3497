/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The label of ownership, and the pinning of an endpoint to its network.
 */
#include "label.h"

#include <string.h>

#include "arena.h"
#include "field.h"
#include "json.h"
#include "judge.h"
#include "reason.h"
#include "schema.h"

void label_order(struct judge *judge, const struct field *object, struct json *value)
{
    const struct json **places = judge_places(judge, object, value);
    struct json *ordered = json_new(judge->arena, JSON_OBJECT);
    for (const struct field *member = object->members; places && member; member = member->next)
        if (places[member->name.place])
            json_put_known(judge->arena, ordered, &member->name, places[member->name.place]);
    json_replace(value, ordered);
}

bool label_check(struct judge *judge, const struct json *labels, const char *path)
{
    const struct schema_context *context = judge->context;
    if (!context->label_key)
        return true;
    for (const struct json *label = json_members(labels); label; label = label->next) {
        /* Who makes a container of ours anew repeats what its inspect said. */
        if (strcmp(label->key, context->label_key) == 0 && json_is(label, JSON_STRING) &&
            strcmp(label->text, context->label_value) == 0)
            continue;
        if (json_same_key(label->key, context->label_key))
            return judge_refuse(judge, REASON_FIELD_REFUSED, path,
                                "%s: '%s' is caisson's own label", path, context->label_key);
    }
    return true;
}

bool label_stamp(struct judge *judge, struct json *out)
{
    const struct schema_context *context = judge->context;
    const struct json *theirs = json_get(out, "Labels");
    if (!context->label_key)
        return true;
    if (!label_check(judge, theirs, "Labels"))
        return false;
    struct json *labels =
        theirs ? json_clone(judge->arena, theirs) : json_new(judge->arena, JSON_OBJECT);
    json_set(judge->arena, labels, context->label_key,
             json_new_text(judge->arena, context->label_value));
    json_set(judge->arena, out, "Labels", labels);
    return true;
}

bool label_finish(struct judge *judge, const struct json *body, struct json *out)
{
    (void) body;
    if (!label_stamp(judge, out))
        return false;
    label_order(judge, &judge->schema->root, out);
    return true;
}

bool connect_finish(struct judge *judge, const struct json *body, struct json *out)
{
    const char *network = judge->context->network;
    struct json *endpoint = json_get(out, "EndpointConfig");
    (void) body;
    if (!network)
        return true;
    if (!endpoint)
        endpoint =
            json_set(judge->arena, out, "EndpointConfig", json_new(judge->arena, JSON_OBJECT));
    json_set(judge->arena, endpoint, "NetworkID", json_new_text(judge->arena, network));
    label_order(judge, &judge->schema->root, out);
    return true;
}
