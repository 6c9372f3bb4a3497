/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says of a Session in the head of its request: who it is, and which calls of the
 * builder it answers.  Each field is of a known name and plain bytes, and is written anew.
 */
#include "policy_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reason.h"

enum { SESSION_BYTES = 8192 /* of all lines together */ };

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const struct session_field {
    const char *name, *bytes; /* bytes: of which a value is made */
    size_t least, most;
    bool repeats;
} session_fields[] = {
    {"Uuid", ALNUM "-", 1, 64, false},
    {"Name", ALNUM "_.:/@ +=,~-", 0, 255, false},
    {"Sharedkey", ALNUM "_.:/+=-", 0, 255, false},
    {"Grpc-Method", ALNUM "_./", 1, 255, true},
};

static const struct session_field *field_find(const char *name, size_t bytes)
{
    for (size_t i = 0; i < sizeof(session_fields) / sizeof(session_fields[0]); i++)
        if (strlen(session_fields[i].name) == bytes &&
            strncasecmp(session_fields[i].name, name, bytes) == 0)
            return &session_fields[i];
    return NULL;
}

static bool value_is_good(const struct session_field *field, const char *value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (!value[i] || !strchr(field->bytes, value[i]))
            return false;
    return bytes >= field->least && bytes <= field->most;
}

static bool deny(struct policy_decision *decision)
{
    return policy_deny(decision, REASON_SESSION_MALFORMED, "", "%s",
                       reason_text(REASON_SESSION_MALFORMED));
}

bool policy_session(const char *name, size_t name_bytes, const char *value, size_t bytes,
                    struct policy_decision *decision)
{
    char line[512];
    const struct session_field *field = field_find(name, name_bytes);
    size_t used = decision->session ? strlen(decision->session) : 0;
    if (!field || !value_is_good(field, value, bytes))
        return deny(decision);
    int head = snprintf(line, sizeof(line), POLICY_SESSION_PREFIX "%s: ", field->name);
    if ((!field->repeats && used && strstr(decision->session, line)) ||
        used + (size_t) head + bytes + 3 > SESSION_BYTES)
        return deny(decision);
    snprintf(line + head, sizeof(line) - (size_t) head, "%.*s\r\n", (int) bytes, value);
    char *lines = realloc(decision->session, used + strlen(line) + 1);
    if (!lines)
        return policy_deny(decision, REASON_OUT_OF_MEMORY, "", "%s",
                           reason_text(REASON_OUT_OF_MEMORY));
    strcpy(lines + used, line);
    decision->session = lines;
    return true;
}
