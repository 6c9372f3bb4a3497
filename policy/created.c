/* SPDX-License-Identifier: Apache-2.0 */
/*
 * created: the engine's 201 to what makes something, read and, where we have a word to say,
 * written anew.  Their face is policy.h.
 */
#include "policy.h"

#include "arena.h"
#include "err.h"
#include "json.h"
#include "owner.h"

#include <string.h>

enum { CREATED_BYTES = 2 << 10 /* enough for the usual answer, read and written anew */ };

/* The full id of an answer; NULL when it has none. */
static const char *full_id(const struct json *theirs)
{
    const struct json *id = json_get(theirs, "Id");
    return json_is(id, JSON_STRING) && owner_is_id(OWNER_CONTAINER, id->text, id->size) ? id->text
                                                                                        : NULL;
}

int policy_exec_created(const struct policy_decision *decision, const char *reply,
                        size_t reply_bytes, char ret_id[65], struct err *err)
{
    struct arena arena = {0};
    struct json_fault wrong;
    const char *id = full_id(json_read_trusted(&arena, reply, reply_bytes, &wrong));
    (void) decision;
    int rc = id ? 0 : err_set(err, "the engine's answer to an exec has no full id");
    if (id)
        strcpy(ret_id, id);
    arena_done(&arena);
    return rc;
}

/* Our own warnings, as a decision keeps them; an empty list for none. */
static struct json *our_warnings(struct arena *arena, const char *warnings)
{
    struct json_fault wrong;
    struct json *list =
        warnings ? json_read_trusted(arena, warnings, strlen(warnings), &wrong) : NULL;
    return list ? list : json_new(arena, JSON_LIST);
}

/* "one; two": the warnings of a list as one text; "" for none. */
static const char *warnings_text(struct arena *arena, const struct json *list)
{
    const char *text = "";
    for (const struct json *item = json_elements(list); item; item = item->next)
        text = arena_print(arena, "%s%s%s", text, *text ? "; " : "", json_text(item));
    return text;
}

/* {"Id": id, name: more} as text; NULL with err set when memory is short. */
static char *answer_write(struct arena *arena, const char *id, const char *name,
                          const struct json *more, struct err *err)
{
    struct json *ours = json_new(arena, JSON_OBJECT);
    json_put(arena, ours, "Id", 2, json_new_text(arena, id));
    json_put(arena, ours, name, strlen(name), more);
    char *answer = json_write(arena, ours, NULL);
    if (!answer)
        err_set(err, "out of memory");
    return answer;
}

/* Our warnings stand before the engine's one. */
static char *network_answer(struct arena *arena, const struct json *theirs, const char *warnings,
                            char ret_id[65], struct err *err)
{
    const char *id = full_id(theirs);
    const struct json *warning = json_get(theirs, "Warning");
    if (!id || (warning && !json_is(warning, JSON_STRING))) {
        err_set(err, "the engine's answer to the create of a network has no full id");
        return NULL;
    }
    struct json *all = our_warnings(arena, warnings);
    if (json_size(warning) > 0)
        json_push(arena, all, warning);
    strcpy(ret_id, id);
    return answer_write(arena, id, "Warning", json_new_text(arena, warnings_text(arena, all)), err);
}

int policy_network_created(const struct policy_decision *decision, const char *reply,
                           size_t reply_bytes, char ret_id[65], char **ret_reply,
                           size_t *ret_reply_bytes, struct err *err)
{
    struct arena arena = {0};
    struct json_fault wrong;
    const struct json *theirs = json_read_trusted(&arena, reply, reply_bytes, &wrong);
    char *answer = network_answer(&arena, theirs, decision->warnings, ret_id, err);
    arena_done(&arena);
    if (!answer)
        return -1;
    *ret_reply = answer;
    *ret_reply_bytes = strlen(answer);
    return 0;
}

int policy_volume_created(const struct policy_decision *decision, const struct owner_table *owned,
                          const char *reply, size_t reply_bytes, char ret_name[65], bool *ret_ours,
                          struct err *err)
{
    struct arena arena = {0};
    struct json_fault wrong;
    const struct json *theirs = json_read_trusted(&arena, reply, reply_bytes, &wrong);
    const struct json *name = json_get(theirs, "Name");
    const char *text = json_text(name);
    const struct json *label = json_get(json_get(theirs, "Labels"), OWNER_LABEL);
    bool good = text && owner_is_id(OWNER_VOLUME, text, json_size(name)) &&
                (!decision->name[0] || strcmp(text, decision->name) == 0);
    if (good) {
        strcpy(ret_name, text);
        /* An engine's strings may hold NULs, behind which there may be more. */
        *ret_ours = json_is(label, JSON_STRING) && strlen(label->text) == label->size &&
                    strcmp(label->text, owner_name(owned)) == 0;
    }
    arena_done(&arena);
    return good ? 0
                : err_set(err, "the engine's answer to the create of a volume does not name it");
}

/* Our warnings stand before the engine's, which must be a list of strings. */
static char *create_answer(struct arena *arena, const struct json *theirs, const char *ours,
                           char ret_id[65], struct err *err)
{
    const char *id = full_id(theirs);
    const struct json *warnings = json_get(theirs, "Warnings");
    struct json *all = our_warnings(arena, ours);
    bool good = !warnings || json_is(warnings, JSON_NULL) || json_is(warnings, JSON_LIST);
    for (const struct json *item = json_elements(warnings); item; item = item->next) {
        good = good && json_is(item, JSON_STRING);
        json_push(arena, all, item);
    }
    if (id && good) {
        strcpy(ret_id, id);
        return answer_write(arena, id, "Warnings", all, err);
    }
    err_set(err, "the engine's answer to a create has %s",
            id ? "Warnings that are no list of strings" : "no full container id");
    return NULL;
}

int policy_created(const struct policy_decision *decision, const char *reply, size_t reply_bytes,
                   char ret_id[65], char **ret_reply, size_t *ret_reply_bytes, struct err *err)
{
    _Alignas(max_align_t) char room[CREATED_BYTES];
    struct arena arena = arena_in(room, sizeof(room));
    struct json_fault wrong;
    const struct json *theirs = json_read_trusted(&arena, reply, reply_bytes, &wrong);
    char *answer = NULL;
    if (theirs)
        answer = create_answer(&arena, theirs, decision->warnings, ret_id, err);
    else
        err_set(err, "the engine's answer to a create is no JSON: it %s",
                wrong.no_memory ? "needs more memory than there is" : wrong.what);
    arena_done(&arena);
    if (!answer)
        return -1;
    *ret_reply = answer;
    *ret_reply_bytes = strlen(answer);
    return 0;
}
