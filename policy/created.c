/* SPDX-License-Identifier: Apache-2.0 */
/*
 * created: the engine's 201 to a create, read and written anew, and to an exec, read.  Their face
 * is policy.h.
 */
#include "policy.h"

#include "err.h"
#include "json.h"

#include <jansson.h>
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
