/* SPDX-License-Identifier: Apache-2.0 */
/*
 * created: the engine's 201 to what makes something, read and, where we have a word to say,
 * written anew.  Their face is policy.h.
 */
#include "policy.h"

#include "err.h"
#include "json.h"
#include "owner.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool id_is_full(const json_t *id)
{
    const char *text = json_string_value(id);
    return text && json_string_length(id) == 64 && strspn(text, "0123456789abcdef") == 64;
}

int policy_exec_created(const struct policy_decision *decision, const char *reply,
                        size_t reply_bytes, char ret_id[65], struct err *err)
{
    (void) decision;
    json_error_t wrong;
    json_t *theirs =
        json_load_whole(reply, reply_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    const json_t *id = json_object_get(theirs, "Id");
    int rc = id_is_full(id) ? 0 : err_set(err, "the engine's answer to an exec has no full id");
    if (rc == 0)
        strcpy(ret_id, json_string_value(id));
    json_decref(theirs);
    return rc;
}

/* "one; two": the warnings of a list as one text; "" for none. Caller owns it. */
static char *warnings_text(const json_t *list)
{
    char *text = strdup("");
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        char *longer;
        if (!text ||
            asprintf(&longer, "%s%s%s", text, *text ? "; " : "", json_string_value(item)) < 0)
            longer = NULL;
        free(text);
        text = longer;
    }
    return text;
}

/* {"Id": id, "Warning": "..."} as text, with our warnings before the engine's one. */
static char *network_answer(const char *id, const char *warnings, const json_t *theirs)
{
    json_t *all = warnings ? json_load_whole(warnings, strlen(warnings), 0, NULL) : json_array();
    if (json_string_length(theirs) > 0)
        json_array_append(all, (json_t *) theirs);
    char *text = warnings_text(all), *answer = NULL;
    json_t *ours = text ? json_pack("{s:s, s:s}", "Id", id, "Warning", text) : NULL;
    if (ours)
        answer = json_dumps(ours, JSON_COMPACT);
    json_decref(ours);
    json_decref(all);
    free(text);
    return answer;
}

int policy_network_created(const struct policy_decision *decision, const char *reply,
                           size_t reply_bytes, char ret_id[65], char **ret_reply,
                           size_t *ret_reply_bytes, struct err *err)
{
    json_t *theirs = json_load_whole(reply, reply_bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(theirs, "Id");
    const json_t *warning = json_object_get(theirs, "Warning");
    char *answer = NULL;
    if (!id_is_full(id) || (warning && !json_is_string(warning)))
        err_set(err, "the engine's answer to the create of a network has no full id");
    else if (!(answer = network_answer(json_string_value(id), decision->warnings, warning)))
        err_set(err, "out of memory");
    if (answer) {
        strcpy(ret_id, json_string_value(id));
        *ret_reply = answer;
        *ret_reply_bytes = strlen(answer);
    }
    json_decref(theirs);
    return answer ? 0 : -1;
}

int policy_volume_created(const struct policy_decision *decision, const struct owner_table *owned,
                          const char *reply, size_t reply_bytes, char ret_name[65], bool *ret_ours,
                          struct err *err)
{
    json_t *theirs = json_load_whole(reply, reply_bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *name = json_object_get(theirs, "Name");
    const char *text = json_string_value(name);
    const char *label =
        json_string_value(json_object_get(json_object_get(theirs, "Labels"), OWNER_LABEL));
    bool good = text && owner_is_id(OWNER_VOLUME, text, json_string_length(name)) &&
                (!decision->name[0] || strcmp(text, decision->name) == 0);
    if (good) {
        strcpy(ret_name, text);
        *ret_ours = label && strcmp(label, owner_name(owned)) == 0;
    }
    json_decref(theirs);
    return good ? 0
                : err_set(err, "the engine's answer to the create of a volume does not name it");
}

/* Our warnings, then the engine's; NULL with err set when the engine's are no list of strings. */
static json_t *warnings_join(const char *ours, const json_t *theirs, struct err *err)
{
    json_error_t wrong;
    json_t *all = ours ? json_load_whole(ours, strlen(ours), 0, &wrong) : json_array();
    size_t i;
    json_t *item;
    if (!all) {
        err_set(err, "out of memory");
        return NULL;
    }
    bool good = !theirs || json_is_null(theirs) || json_is_array(theirs);
    json_array_foreach (theirs, i, item)
        good = good && json_is_string(item) && json_array_append(all, item) == 0;
    if (!good) {
        json_decref(all);
        err_set(err, "the engine's answer to a create has Warnings that are no list of strings");
        return NULL;
    }
    return all;
}

int policy_created(const struct policy_decision *decision, const char *reply, size_t reply_bytes,
                   char ret_id[65], char **ret_reply, size_t *ret_reply_bytes, struct err *err)
{
    json_error_t wrong;
    json_t *theirs =
        json_load_whole(reply, reply_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    if (!theirs)
        return err_set(err, "the engine's answer to a create is no JSON: %s", wrong.text);
    const json_t *id = json_object_get(theirs, "Id");
    json_t *warnings = NULL;
    char *text = NULL;
    if (!id_is_full(id))
        err_set(err, "the engine's answer to a create has no full container id");
    else
        warnings = warnings_join(decision->warnings, json_object_get(theirs, "Warnings"), err);
    if (warnings) {
        json_t *ours = json_pack("{s:s, s:O}", "Id", json_string_value(id), "Warnings", warnings);
        text = ours ? json_dumps(ours, JSON_COMPACT) : NULL;
        json_decref(ours);
        if (text) {
            strcpy(ret_id, json_string_value(id));
            *ret_reply = text;
            *ret_reply_bytes = strlen(text);
        } else {
            err_set(err, "out of memory");
        }
    }
    json_decref(warnings);
    json_decref(theirs);
    return text ? 0 : -1;
}
