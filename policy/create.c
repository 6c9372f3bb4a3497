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
#include "label.h"
#include "owner.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

static const char endpoints_path[] = "NetworkingConfig.EndpointsConfig";

static bool out_of_memory(struct judge *judge)
{
    return judge_refuse(judge, REASON_OUT_OF_MEMORY, "", "%s", reason_text(REASON_OUT_OF_MEMORY));
}

/* The Engine takes a port without a protocol for one of tcp; one that is there twice is not. */
static void complete_ports(json_t *ports)
{
    char whole[16];
    const char *key;
    json_t *value, *fresh = json_object();
    json_object_foreach (ports, key, value) {
        size_t digits = strspn(key, "0123456789");
        bool bare = digits > 0 && digits <= 5 && key[digits] == '\0';
        snprintf(whole, sizeof(whole), "%.5s/tcp", key);
        json_object_set(fresh, bare && !json_object_get(ports, whole) ? whole : key, value);
    }
    if (json_object_size(fresh) == json_object_size(ports) && json_object_clear(ports) == 0)
        json_object_update(ports, fresh);
    json_decref(fresh);
}

void create_prepare(const struct schema *schema, json_t *body)
{
    complete_ports(json_object_get(body, "ExposedPorts"));
    complete_ports(json_at(body, "HostConfig.PortBindings"));
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

/*
 * What is a volume of the client's own as the Source of a volume is, as that of an image or of a
 * mount of the cluster, whatever has that name.
 */
static bool check_source(struct judge *judge, const json_t *mount, const char *type)
{
    const struct field *field = schema_find(judge->schema, "HostConfig.Mounts[].Source");
    const char *source = json_string_value(json_object_get(mount, "Source"));
    char shown[JSON_QUOTE_BYTES * 8];
    if (!source || (type && strcmp(type, "volume") == 0) ||
        !rule_passes_as_own(field->type, &field->rule, source))
        return true;
    return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s: '%s' is not one of '%s' (%s) without 'own', which is only for mounts "
                        "of type volume",
                        field->path, json_quote(shown, sizeof(shown), source), field->rule.text,
                        judge_origin(field));
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
    return check_source(judge, mount, type) &&
           label_check(judge, json_at(mount, "VolumeOptions.Labels"),
                       "HostConfig.Mounts[].VolumeOptions.Labels");
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

static const char *mode_of(const json_t *out)
{
    const char *mode = json_string_value(json_at(out, "HostConfig.NetworkMode"));
    return mode ? mode : "default";
}

static bool is_own_network(const struct judge *judge, const char *name)
{
    return judge_owned(judge, OWNER_NETWORK, name, strlen(name)) != NULL;
}

/* Puts the entries in the place of those that are there. */
static bool put_endpoints(struct judge *judge, json_t *out, json_t *endpoints)
{
    if (!json_object_get(out, "NetworkingConfig") &&
        json_object_set_new(out, "NetworkingConfig", json_object()) < 0)
        return out_of_memory(judge);
    return json_object_set(json_object_get(out, "NetworkingConfig"), "EndpointsConfig",
                           endpoints) == 0 ||
           out_of_memory(judge);
}

/* The client's own networks are named by their ids here, too, each once. */
static bool settle_keys(struct judge *judge, json_t *out)
{
    json_t *settled = json_object(), *theirs = json_at(out, endpoints_path), *entry;
    const char *key;
    char shown[JSON_QUOTE_BYTES * 8];
    json_object_foreach (theirs, key, entry) {
        const char *id = judge_owned(judge, OWNER_NETWORK, key, strlen(key));
        if (json_object_get(settled, id ? id : key))
            judge_refuse(judge, REASON_FIELD_REFUSED, endpoints_path,
                         "%s: '%s' names a network that stands there already", endpoints_path,
                         json_quote(shown, sizeof(shown), key));
        else if (json_object_set(settled, id ? id : key, entry) < 0)
            out_of_memory(judge);
    }
    bool good = !judge->refused && (!theirs || put_endpoints(judge, out, settled));
    json_decref(settled);
    return good;
}

/*
 * An entry that says nothing is left out; what the policy forces on endpoints holds for the one
 * that the network mode alone makes, too.
 */
static bool settle_endpoint(struct judge *judge, json_t *out)
{
    const char *mode = mode_of(out);
    json_t *endpoints = json_at(out, endpoints_path);
    if (json_object_get(endpoints, mode) && json_object_size(json_object_get(endpoints, mode)) == 0)
        json_object_del(endpoints, mode);
    if (json_object_get(endpoints, mode))
        return true;
    json_t *entry = judge_members(judge, schema_find(judge->schema, endpoints_path), NULL);
    endpoints = endpoints ? json_incref(endpoints) : json_object();
    if (json_object_size(entry) > 0 &&
        (json_object_set(endpoints, mode, entry) < 0 || !put_endpoints(judge, out, endpoints)))
        out_of_memory(judge);
    json_decref(endpoints);
    json_decref(entry);
    return !judge->refused;
}

/* Whether the rule of NetworkMode speaks of the client's own networks at all. */
static bool may_join_own(const struct judge *judge)
{
    const struct rule *rule = &schema_find(judge->schema, "HostConfig.NetworkMode")->rule;
    bool may = rule->allow;
    for (size_t i = 0; i < rule->item_count; i++)
        may = may || rule->items[i].own;
    return may;
}

/* An endpoint at another network than that of the network mode: both must be the client's own. */
static bool check_further(struct judge *judge, const char *key, const char *mode)
{
    enum { SINCE = 44 };
    char shown[JSON_QUOTE_BYTES * 8];
    if (!is_own_network(judge, key) || !is_own_network(judge, mode) || !may_join_own(judge))
        return judge_refuse(judge, REASON_FIELD_REFUSED, endpoints_path,
                            "%s: '%s' is not the network of HostConfig.NetworkMode, '%s'",
                            endpoints_path, json_quote(shown, sizeof(shown), key), mode);
    if (judge->context->api_minor < SINCE)
        return judge_refuse(judge, REASON_FIELD_TOO_NEW, endpoints_path,
                            "%s: several networks need API version 1.%d; this request is made in "
                            "1.%u",
                            endpoints_path, SINCE, judge->context->api_minor);
    return true;
}

/* An endpoint attaches the container to its network, whatever the network mode says. */
static bool check_endpoints(struct judge *judge, const json_t *out)
{
    const char *mode = mode_of(out), *key;
    json_t *entry;
    json_object_foreach (json_at(out, endpoints_path), key, entry) {
        if (strcmp(key, mode) != 0 && !check_further(judge, key, mode))
            return false;
    }
    return true;
}

/* Every endpoint at a network of the client's own is pinned to it: see label.h. */
static bool pin_endpoints(struct judge *judge, json_t *out)
{
    const char *mode = mode_of(out), *key;
    json_t *endpoints = json_at(out, endpoints_path), *entry;
    if (!is_own_network(judge, mode))
        return true;
    endpoints = endpoints ? json_incref(endpoints) : json_object();
    if (!json_object_get(endpoints, mode) &&
        json_object_set_new(endpoints, mode, json_object()) < 0)
        out_of_memory(judge);
    json_object_foreach (endpoints, key, entry) {
        if (json_object_set_new(entry, "NetworkID", json_string(key)) < 0)
            out_of_memory(judge);
    }
    bool good = !judge->refused && put_endpoints(judge, out, endpoints);
    json_decref(endpoints);
    return good;
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
    json_t *ordered = label_order(&judge->schema->root, *out);
    json_decref(*out);
    *out = ordered;
    return json_at(ordered, endpoints_path) && json_at(ordered, "HostConfig")
               ? true
               : out_of_memory(judge);
}

bool create_finish(struct judge *judge, const json_t *body, json_t **out)
{
    return create_check_cpu(judge, *out) && check_mounts(judge, body, *out) &&
           binds_settle(judge, *out) && settle_keys(judge, *out) && settle_endpoint(judge, *out) &&
           check_endpoints(judge, *out) && pin_endpoints(judge, *out) && label_stamp(judge, *out) &&
           complete(judge, out);
}
