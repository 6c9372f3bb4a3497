/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cross-field checks of the create body, one function each, all called from create_finish().
 */
#include "create.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "binds.h"
#include "field.h"
#include "json.h"
#include "judge.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

static const char endpoints_path[] = "NetworkingConfig.EndpointsConfig";

static bool out_of_memory(struct judge *judge)
{
    return judge_refuse(judge, REASON_OUT_OF_MEMORY, "", "%s", reason_text(REASON_OUT_OF_MEMORY));
}

/* The object itself in the table's order, whatever the order of insertion. */
static json_t *in_table_order(const struct field *object, json_t *value)
{
    json_t *out = json_object();
    for (const struct field *member = object->members; member; member = member->next) {
        json_t *sent = json_object_get(value, member->name);
        if (sent)
            json_object_set(out, member->name, sent);
    }
    return out;
}

void create_prepare(const struct schema *schema, json_t *body)
{
    const struct field *field = schema_find(schema, endpoints_path);
    json_t *endpoints = json_at(body, endpoints_path);
    const char *mode = json_string_value(json_at(body, "HostConfig.NetworkMode"));
    const char *const keys[] = {"default", mode ? mode : "default"};
    if (!json_is_object(endpoints))
        return;
    for (size_t i = 0; i < 2; i++)
        if (judge_is_neutral_object(field, json_object_get(endpoints, keys[i])))
            json_object_del(endpoints, keys[i]);
}

/*
 * The Engine takes CpuQuota -1 beside NanoCpus, and the quota in force is then -1: no limit.  And
 * a quota is a share of its period: what bounds it was meant for the usual one.
 */
bool create_check_cpu(struct judge *judge, const json_t *out)
{
    enum { USUAL_PERIOD = 100000 };
    static const char *const others[] = {"HostConfig.CpuQuota", "HostConfig.CpuPeriod"};
    const struct field *field = schema_find(judge->schema, others[0]);
    const int64_t nano = json_integer_value(json_at(out, "HostConfig.NanoCpus"));
    const int64_t quota = json_integer_value(json_at(out, others[0]));
    const int64_t period = json_integer_value(json_at(out, others[1]));
    if (nano && (quota || period))
        return judge_refuse(judge, REASON_FIELD_REFUSED, others[quota == 0],
                            "%s cannot be combined with HostConfig.NanoCpus; to use it, write "
                            "'HostConfig.NanoCpus = force 0' under [create]",
                            others[quota == 0]);
    if (field->rule.has_max && period &&
        (__int128) quota * USUAL_PERIOD > (__int128) field->rule.max * period)
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                            "%s: %lld in a CpuPeriod of %lld is more CPU than the max %lld of %s "
                            "in the usual period of %d",
                            field->path, (long long) quota, (long long) period,
                            (long long) field->rule.max, judge_origin(field), USUAL_PERIOD);
    return true;
}

/* Options of another type than the mount's own: dropped if only we wrote them, else refused. */
static bool check_mount(struct judge *judge, json_t *mount, const json_t *body_mount)
{
    static const struct {
        const char *type, *options;
    } kinds[] = {
        {"bind", "BindOptions"},   {"volume", "VolumeOptions"},   {"tmpfs", "TmpfsOptions"},
        {"image", "ImageOptions"}, {"cluster", "ClusterOptions"},
    };
    const char *type = json_string_value(json_object_get(mount, "Type"));
    char path[80];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((type && strcmp(type, kinds[i].type) == 0) || !json_object_get(mount, kinds[i].options))
            continue;
        snprintf(path, sizeof(path), "HostConfig.Mounts[].%s", kinds[i].options);
        if (!judge_is_neutral(schema_find(judge->schema, path),
                              json_object_get(body_mount, kinds[i].options)))
            return judge_refuse(judge, REASON_FIELD_REFUSED, path,
                                "%s is only for mounts of type %s", path, kinds[i].type);
        json_object_del(mount, kinds[i].options);
    }
    return true;
}

static bool check_mounts(struct judge *judge, const json_t *body, json_t *out)
{
    const json_t *mounts = json_at(out, "HostConfig.Mounts");
    const json_t *theirs = json_at(body, "HostConfig.Mounts");
    for (size_t i = 0; i < json_array_size(mounts); i++)
        if (!check_mount(judge, json_array_get(mounts, i), json_array_get(theirs, i)))
            return false;
    return true;
}

/*
 * An entry that says nothing is left out; what the policy forces on endpoints holds for the one
 * that the network mode alone makes, too.
 */
static bool settle_endpoint(struct judge *judge, json_t *out)
{
    const char *mode = json_string_value(json_at(out, "HostConfig.NetworkMode"));
    json_t *network = json_object_get(out, "NetworkingConfig");
    json_t *endpoints = json_object_get(network, "EndpointsConfig");
    mode = mode ? mode : "default";
    if (json_object_get(endpoints, mode) && json_object_size(json_object_get(endpoints, mode)) == 0)
        json_object_del(endpoints, mode);
    if (json_object_size(endpoints) > 0)
        return true;
    json_t *entry = judge_members(judge, schema_find(judge->schema, endpoints_path), NULL);
    if (json_object_size(entry) > 0) {
        endpoints = json_pack("{sO}", mode, entry);
        if (!network)
            json_object_set_new(out, "NetworkingConfig", network = json_object());
        if (!endpoints || json_object_set_new(network, "EndpointsConfig", endpoints) < 0)
            out_of_memory(judge);
    }
    json_decref(entry);
    return !judge->refused;
}

/* An endpoint attaches the container to its network, whatever the network mode says. */
static bool check_endpoints(struct judge *judge, const json_t *out)
{
    const char *mode = json_string_value(json_at(out, "HostConfig.NetworkMode"));
    json_t *endpoint;
    const char *key;
    char shown[JSON_QUOTE_BYTES * 8];
    json_object_foreach (json_at(out, endpoints_path), key, endpoint) {
        if (strcmp(key, mode ? mode : "default") != 0)
            return judge_refuse(judge, REASON_FIELD_REFUSED, endpoints_path,
                                "%s: '%s' is not the network of HostConfig.NetworkMode, '%s'",
                                endpoints_path, json_quote(shown, sizeof(shown), key),
                                mode ? mode : "default");
    }
    return true;
}

/* Ours is stamped last.  A label in another spelling could be taken for it by a careless reader. */
static bool stamp_label(struct judge *judge, json_t *out)
{
    const struct schema_context *context = judge->context;
    json_t *theirs = json_object_get(out, "Labels"), *labels, *value;
    const char *key;
    if (!context->label_key)
        return true;
    json_object_foreach (theirs, key, value) {
        /* Who makes a container of ours anew repeats what its inspect said. */
        if (strcmp(key, context->label_key) == 0 && json_is_string(value) &&
            strcmp(json_string_value(value), context->label_value) == 0)
            continue;
        if (json_same_key(key, context->label_key))
            return judge_refuse(judge, REASON_FIELD_REFUSED, "Labels",
                                "Labels: '%s' is caisson's own label", context->label_key);
    }
    labels = theirs ? json_copy(theirs) : json_object();
    if (!labels ||
        json_object_set_new(labels, context->label_key, json_string(context->label_value)) < 0 ||
        json_object_set(out, "Labels", labels) < 0)
        out_of_memory(judge);
    json_decref(labels);
    return !judge->refused;
}

/*
 * Both are always sent: without a HostConfig, Engines up to 26.1 read its fields from the top
 * level.
 */
static bool complete(struct judge *judge, json_t **out)
{
    json_t *host = json_object_get(*out, "HostConfig"),
           *network = json_at(*out, "NetworkingConfig");
    if (!host)
        json_object_set_new(*out, "HostConfig", json_object());
    if (!network)
        json_object_set_new(*out, "NetworkingConfig", network = json_object());
    if (!json_object_get(network, "EndpointsConfig"))
        json_object_set_new(network, "EndpointsConfig", json_object());
    json_t *ordered = in_table_order(&judge->schema->root, *out);
    json_decref(*out);
    *out = ordered;
    return json_at(ordered, endpoints_path) && json_at(ordered, "HostConfig")
               ? true
               : out_of_memory(judge);
}

bool create_finish(struct judge *judge, const json_t *body, json_t **out)
{
    return create_check_cpu(judge, *out) && check_mounts(judge, body, *out) &&
           binds_settle(judge, *out) && settle_endpoint(judge, *out) &&
           check_endpoints(judge, *out) && stamp_label(judge, *out) && complete(judge, out);
}
