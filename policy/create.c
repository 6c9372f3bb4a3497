/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cross-field checks of the create body, one function each, all called from create_finish().
 */
#include "create.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
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

/* The Engine takes a port without a protocol for one of tcp; one that is there twice is not. */
static void complete_ports(struct arena *arena, struct json *ports)
{
    char whole[16];
    if (!json_is(ports, JSON_OBJECT) || ports->size == 0)
        return;
    struct json *fresh = json_new(arena, JSON_OBJECT);
    struct json_index index = json_index(arena, ports);
    for (const struct json *port = json_members(ports); port; port = port->next) {
        size_t digits = strspn(port->key, "0123456789");
        bool bare = digits > 0 && digits <= 5 && port->key[digits] == '\0';
        snprintf(whole, sizeof(whole), "%.5s/tcp", port->key);
        if (bare && !json_index_find(&index, whole))
            json_put(arena, fresh, arena_copy(arena, whole, digits + 4), digits + 4, port);
        else
            json_put(arena, fresh, port->key, port->key_bytes, port);
    }
    json_replace(ports, fresh);
}

static const char *mode_of(const struct json *host)
{
    const char *mode = json_text(json_get(host, "NetworkMode"));
    return mode ? mode : "default";
}

void create_prepare(struct judge *judge, struct json *body)
{
    const struct json *host = json_get(body, "HostConfig");
    struct json *endpoints = json_at(body, endpoints_path);
    complete_ports(judge->arena, json_get(body, "ExposedPorts"));
    complete_ports(judge->arena, json_get(host, "PortBindings"));
    if (!json_is(endpoints, JSON_OBJECT) || endpoints->size == 0)
        return;
    const struct field *field = schema_find(judge->schema, endpoints_path);
    const char *const keys[] = {"default", mode_of(host)};
    for (size_t i = 0; i < 2; i++)
        if (judge_is_neutral_object(field, json_get(endpoints, keys[i])))
            json_drop(endpoints, keys[i]);
}

/*
 * The Engine takes CpuQuota -1 beside NanoCpus, and the quota in force is then -1: no limit.  And
 * a quota is a share of its period: what bounds it was meant for the usual one.
 */
bool create_check_cpu(struct judge *judge, const struct json *host)
{
    enum { USUAL_PERIOD = 100000 };
    static const char *const others[] = {"HostConfig.CpuQuota", "HostConfig.CpuPeriod"};
    const int64_t nano = json_number(json_get(host, "NanoCpus"));
    const int64_t quota = json_number(json_get(host, "CpuQuota"));
    const int64_t period = json_number(json_get(host, "CpuPeriod"));
    if (!quota && !period)
        return true;
    if (nano)
        return judge_refuse(judge, REASON_FIELD_REFUSED, others[quota == 0],
                            "%s cannot be combined with HostConfig.NanoCpus; to use it, write "
                            "'HostConfig.NanoCpus = force 0' under [create]",
                            others[quota == 0]);
    const struct field *field = schema_find(judge->schema, others[0]);
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
static bool check_source(struct judge *judge, const struct json *mount, const char *type)
{
    const struct field *field = schema_find(judge->schema, "HostConfig.Mounts[].Source");
    const char *source = json_text(json_get(mount, "Source"));
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
static bool check_mount(struct judge *judge, struct json *mount, const struct json *body_mount)
{
    static const struct {
        const char *type, *options;
    } kinds[] = {
        {"bind", "BindOptions"},   {"volume", "VolumeOptions"},   {"tmpfs", "TmpfsOptions"},
        {"image", "ImageOptions"}, {"cluster", "ClusterOptions"},
    };
    const char *type = json_text(json_get(mount, "Type"));
    char path[80];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((type && strcmp(type, kinds[i].type) == 0) || !json_get(mount, kinds[i].options))
            continue;
        snprintf(path, sizeof(path), "HostConfig.Mounts[].%s", kinds[i].options);
        if (!judge_is_neutral(schema_find(judge->schema, path),
                              json_get(body_mount, kinds[i].options)))
            return judge_refuse(judge, REASON_FIELD_REFUSED, path,
                                "%s is only for mounts of type %s", path, kinds[i].type);
        json_drop(mount, kinds[i].options);
    }
    return check_source(judge, mount, type) &&
           label_check(judge, json_at(mount, "VolumeOptions.Labels"),
                       "HostConfig.Mounts[].VolumeOptions.Labels");
}

/* asked, host: the HostConfig of the client's, and what is sent for it. */
static bool check_mounts(struct judge *judge, const struct json *asked, const struct json *host)
{
    struct json *mount = json_elements(json_get(host, "Mounts"));
    const struct json *theirs = mount ? json_elements(json_get(asked, "Mounts")) : NULL;
    for (; mount; mount = mount->next) {
        if (!check_mount(judge, mount, theirs))
            return false;
        theirs = theirs ? theirs->next : NULL;
    }
    return true;
}

static bool is_own_network(const struct judge *judge, const char *name)
{
    return judge_owned(judge, OWNER_NETWORK, name, strlen(name)) != NULL;
}

/* The entries, to be changed; made where there are none. */
static struct json *endpoints_of(struct judge *judge, struct json *out)
{
    struct json *network = json_get(out, "NetworkingConfig");
    if (!network)
        network =
            json_set(judge->arena, out, "NetworkingConfig", json_new(judge->arena, JSON_OBJECT));
    struct json *endpoints = json_get(network, "EndpointsConfig");
    return endpoints ? endpoints
                     : json_set(judge->arena, network, "EndpointsConfig",
                                json_new(judge->arena, JSON_OBJECT));
}

/* The client's own networks are named by their ids here, too, each once. */
static bool settle_keys(struct judge *judge, struct json *endpoints)
{
    struct json *settled = json_new(judge->arena, JSON_OBJECT);
    char shown[JSON_QUOTE_BYTES * 8];
    if (json_size(endpoints) == 0)
        return true;
    for (const struct json *entry = json_members(endpoints); entry; entry = entry->next) {
        const char *id = judge_owned(judge, OWNER_NETWORK, entry->key, entry->key_bytes);
        const char *key = id ? id : entry->key;
        json_put(judge->arena, settled, key, strlen(key), entry);
    }
    const struct json *twin = json_repeated(judge->arena, settled);
    const struct json *theirs = json_members(endpoints), *ours = json_members(settled);
    for (; twin && ours != twin; ours = ours->next)
        theirs = theirs->next;
    if (twin)
        return judge_refuse(judge, REASON_FIELD_REFUSED, endpoints_path,
                            "%s: '%s' names a network that stands there already", endpoints_path,
                            json_quote(shown, sizeof(shown), theirs->key));
    json_replace(endpoints, settled);
    return true;
}

/*
 * An entry that says nothing is left out; what the policy forces on endpoints holds for the one
 * that the network mode alone makes, too.
 */
static bool settle_endpoint(struct judge *judge, struct json *out, struct json *endpoints,
                            const char *mode)
{
    struct json *entry = json_get(endpoints, mode);
    if (json_size(entry) > 0)
        return true;
    if (entry)
        json_drop(endpoints, mode);
    entry = judge_members(judge, schema_find(judge->schema, endpoints_path), NULL);
    if (json_size(entry) > 0)
        json_set(judge->arena, endpoints_of(judge, out), mode, entry);
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
static bool check_endpoints(struct judge *judge, const struct json *out, const char *mode)
{
    const struct json *entry = json_members(json_at(out, endpoints_path));
    for (; entry; entry = entry->next)
        if (strcmp(entry->key, mode) != 0 && !check_further(judge, entry->key, mode))
            return false;
    return true;
}

/* Every endpoint at a network of the client's own is pinned to it: see label.h. */
static void pin_endpoints(struct judge *judge, struct json *out, const char *mode)
{
    if (!is_own_network(judge, mode))
        return;
    struct json *endpoints = endpoints_of(judge, out);
    if (!json_get(endpoints, mode))
        json_set(judge->arena, endpoints, mode, json_new(judge->arena, JSON_OBJECT));
    for (struct json *entry = json_members(endpoints); entry; entry = entry->next)
        json_set(judge->arena, entry, "NetworkID", json_new_text(judge->arena, entry->key));
}

/*
 * Both are always sent: without a HostConfig, Engines up to 26.1 read its fields from the top
 * level.
 */
static void complete(struct judge *judge, struct json *out)
{
    if (!json_get(out, "HostConfig"))
        json_set(judge->arena, out, "HostConfig", json_new(judge->arena, JSON_OBJECT));
    endpoints_of(judge, out);
    label_order(judge, &judge->schema->root, out);
}

bool create_finish(struct judge *judge, const struct json *body, struct json *out)
{
    struct json *host = json_get(out, "HostConfig"), *endpoints = json_at(out, endpoints_path);
    const char *mode = mode_of(host);
    if (!create_check_cpu(judge, host) || !check_mounts(judge, json_get(body, "HostConfig"), host))
        return false;
    binds_settle(judge, host);
    if (!settle_keys(judge, endpoints) || !settle_endpoint(judge, out, endpoints, mode) ||
        !check_endpoints(judge, out, mode))
        return false;
    pin_endpoints(judge, out, mode);
    if (!label_stamp(judge, out))
        return false;
    complete(judge, out);
    return true;
}
