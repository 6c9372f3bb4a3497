/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a create that name paths of the host: Binds, the Source of Mounts, and devices,
 * whose links are followed as well.
 */
#include "binds.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "field.h"
#include "json.h"
#include "judge.h"
#include "paths.h"
#include "reason.h"
#include "risk.h"
#include "schema.h"
#include "types.h"

static const char binds_path[] = "HostConfig.Binds";
static const char mounts_path[] = "HostConfig.Mounts";
static const char source_path[] = "HostConfig.Mounts[].Source";
static const char read_only_path[] = "HostConfig.Mounts[].ReadOnly";
static const char device_path[] = "HostConfig.Devices[].PathOnHost";

/* ---- lists against each other ---- */

/* A path that some rule names; text and field are borrowed. */
struct place {
    const struct field *field;
    const char *text; /* as written */
    struct paths_item item;
    bool writes; /* and what it holds is not the host's root already: that is the verdict's */
};

struct places {
    const struct schema *schema; /* whose places are added */
    struct place *at;
    size_t count;
    bool failed; /* no memory */
};

static void place_add(struct places *places, const struct field *field, const char *text,
                      bool writable)
{
    struct paths_item item;
    if (!text || !paths_item_read(text, field->type->kind == KIND_STRINGS, &item))
        return;
    struct place *grown = realloc(places->at, (places->count + 1) * sizeof(*grown));
    if (!grown) {
        places->failed = true;
        return;
    }
    bool writes =
        writable && item.writable && risk_of_paths(places->schema, field, &item) != RISK_ROOT;
    places->at = grown;
    places->at[places->count++] = (struct place){field, text, item, writes};
}

/* What a policy itself sends: a bind, a list of them, or a list of mounts. */
static void places_of_value(struct places *places, const struct field *field,
                            const struct json *value, bool writable)
{
    if (json_is(value, JSON_STRING))
        place_add(places, field, value->text, writable);
    for (const struct json *element = json_elements(value); element; element = element->next) {
        bool read_only = json_is(json_get(element, "ReadOnly"), JSON_TRUE);
        const struct json *source = json_get(element, "Source");
        places_of_value(places, field, source ? source : element, writable && !read_only);
    }
}

static void places_of_rule(struct places *places, const struct schema *schema, const char *path,
                           bool writable)
{
    const struct field *field = schema_find(schema, path);
    const struct rule *rule = &field->rule;
    for (size_t i = 0; i < rule->item_count; i++)
        if (!rule->items[i].exclude)
            place_add(places, field, rule->items[i].text, writable);
    places_of_value(places, field, rule->force, writable);
    places_of_value(places, field, rule->fallback, writable);
}

/* Names of devices are globs, whose stars take slashes, too. */
static void place_deepen(struct place *place)
{
    char *star = strchr(place->item.source, '*');
    if (!star)
        return;
    while (star[-1] != '/')
        star--;
    if ((size_t) (star - place->item.source) + 3 <= sizeof(place->item.source))
        strcpy(star, "**");
}

static int complain(const struct place *above, const struct place *below, struct err *err)
{
    return err_set(err,
                   "%s: %s '%.120s' can be written below, and '%.120s' of %s (%s) can be there: a "
                   "client would put a link in its place, which the Engine follows to anywhere; "
                   "make the first one read-only ('%.120s:ro'), or name paths that do not lie "
                   "within each other",
                   judge_origin(above->field), above->field->path, above->text, below->text,
                   below->field->path, judge_origin(below->field), above->item.source);
}

static int places_check(const struct places *places, struct err *err)
{
    for (size_t i = 0; i < places->count; i++)
        for (size_t k = 0; k < places->count && places->at[i].writes; k++)
            if (paths_overlap(places->at[i].item.source, places->at[k].item.source))
                return complain(&places->at[i], &places->at[k], err);
    return 0;
}

static void places_of_schema(struct places *places, const struct schema *schema)
{
    const struct rule *read_only = &schema_find(schema, read_only_path)->rule;
    places->schema = schema;
    places_of_rule(places, schema, binds_path, true);
    places_of_rule(places, schema, mounts_path, true);
    places_of_rule(places, schema, source_path, !json_is(read_only->force, JSON_TRUE));
    size_t devices = places->count;
    places_of_rule(places, schema, device_path, false);
    for (size_t i = devices; i < places->count; i++)
        place_deepen(&places->at[i]);
}

int binds_check(const struct schema *const *schemas, size_t count, struct err *err)
{
    struct places places = {0};
    for (size_t i = 0; i < count; i++)
        places_of_schema(&places, schemas[i]);
    int rc = places.failed ? err_set(err, "out of memory") : places_check(&places, err);
    free(places.at);
    return rc;
}

bool binds_write(const struct schema *schema)
{
    struct places places = {0};
    bool writes = false;
    places_of_schema(&places, schema);
    for (size_t i = 0; i < places.count; i++)
        writes = writes || (places.at[i].writes && risk_of_paths(schema, places.at[i].field,
                                                                 &places.at[i].item) == RISK_DATA);
    free(places.at);
    return writes || places.failed;
}

/* ---- read-only, whatever is asked ---- */

/* Whether every item that lets a text pass forces it to be read-only. */
static bool is_forced(const struct field *field, const char *text, bool is_bind)
{
    const struct rule *rule = &field->rule;
    struct paths_item item;
    bool forced = false;
    for (size_t i = 0; i < rule->item_count; i++) {
        const char *pattern = rule->items[i].text;
        if (rule->items[i].exclude || !field->type->codec->matches(pattern, text, false))
            continue;
        if (!paths_item_read(pattern, is_bind, &item) || !item.forced)
            return false;
        forced = true;
    }
    return forced;
}

static void warn_read_only(struct judge *judge, const struct field *field, const char *text)
{
    char shown[JSON_QUOTE_BYTES * 8];
    judge_warn(judge, "%s: '%s' was made read-only (%s)", field->path,
               json_quote(shown, sizeof(shown), text), judge_origin(field));
}

/* The bind with the mode "ro". */
static const char *bind_read_only(struct arena *arena, const char *text)
{
    const char *target = strchr(text, ':') + 1;
    size_t length = (size_t) (target - text) + strcspn(target, ":");
    return arena_print(arena, "%.*s:ro", (int) length, text);
}

static const struct json *settle_bind(struct judge *judge, const struct field *field,
                                      const struct json *bind)
{
    struct paths_item item;
    const char *text = json_text(bind);
    if (!text || !paths_item_read(text, true, &item) || !item.writable ||
        !is_forced(field, text, true))
        return bind;
    warn_read_only(judge, field, text);
    return json_new_text(judge->arena, bind_read_only(judge->arena, text));
}

static void settle_mount(struct judge *judge, const struct field *field, struct json *mount)
{
    const char *source = json_text(json_get(mount, "Source"));
    if (!source || *source != '/' || json_is(json_get(mount, "ReadOnly"), JSON_TRUE) ||
        !is_forced(field, source, false))
        return;
    warn_read_only(judge, field, source);
    json_set(judge->arena, mount, "ReadOnly", json_new_bool(judge->arena, true));
}

void binds_settle(struct judge *judge, struct json *host)
{
    struct json *binds = json_get(host, "Binds"), *mount = json_elements(json_get(host, "Mounts"));
    struct json *settled = json_new(judge->arena, JSON_LIST);
    for (const struct json *bind = json_elements(binds); bind; bind = bind->next)
        json_push(judge->arena, settled,
                  settle_bind(judge, schema_find(judge->schema, binds_path), bind));
    if (binds)
        json_replace(binds, settled);
    for (; mount; mount = mount->next)
        settle_mount(judge, schema_find(judge->schema, source_path), mount);
}
