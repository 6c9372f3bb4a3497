/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials for a registry, which clients send in a header of the request: base64url of a JSON
 * object.  It is decoded, judged as any body is, along auth.def, and encoded anew.  Nothing that
 * holds a secret is ever shown or noted.
 */
#include "policy_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "query.h"
#include "reason.h"
#include "schema.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---- base64url ---- */

/* Without what may only stand at the end. False for anything that has a second spelling. */
static bool decode(const char *text, size_t bytes, char *out, size_t *ret_bytes)
{
    uint32_t bits = 0;
    size_t used = 0;
    if (bytes > 0 && bytes % 4 == 0 && text[bytes - 1] == '=')
        bytes -= text[bytes - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < bytes; i++) {
        const char *digit = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!digit)
            return false;
        bits = bits << 6 | (uint32_t) (digit - alphabet);
        if (i % 4 > 0)
            out[used++] = (char) (bits >> (6 - 2 * (i % 4)) & 0xff);
    }
    *ret_bytes = used;
    /* What is left over must be nothing. */
    return bytes % 4 != 1 && (bits & (bytes % 4 == 2 ? 15 : bytes % 4 == 3 ? 3 : 0)) == 0;
}

static char *encode(const char *data, size_t bytes)
{
    char *text = malloc((bytes + 2) / 3 * 4 + 1), *to = text;
    const unsigned char *from = (const unsigned char *) data;
    for (size_t i = 0; text && i < bytes; i += 3) {
        size_t left = bytes - i;
        uint32_t bits = (uint32_t) from[i] << 16 | (left > 1 ? (uint32_t) from[i + 1] << 8 : 0) |
                        (left > 2 ? from[i + 2] : 0);
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    if (text)
        *to = '\0';
    return text;
}

/* ---- what may be noted ---- */

static bool is_secret(const char *name, size_t bytes)
{
    return query_pair_is(name, bytes, "authconfig") || query_pair_is(name, bytes, "buildargs");
}

void policy_hide_secrets(char *target, size_t bytes)
{
    char *at = memchr(target, '?', bytes), *end = target + bytes, *name = NULL;
    for (; at && at < end; at++) {
        /* Not every target that is noted is sound: old engines divide at a ';' as well. */
        if (*at == '&' || *at == ';' || *at == '?')
            name = at + 1;
        if (*at != '=' || !name)
            continue;
        if (is_secret(name, (size_t) (at - name))) {
            char *next = memchr(at, '&', (size_t) (end - at));
            next = next ? next : end;
            memset(at + 1, '*', (size_t) (next - at) - 1);
            at = next - 1;
        }
        name = NULL;
    }
}

/* ---- what may be sent ---- */

/* Operations that ask a registry in the client's name. */
static bool asks_registry(const struct operation *op)
{
    return op->number == OPERATION_ImageCreate || op->number == OPERATION_ImagePush ||
           op->number == OPERATION_ImageSearch || op->number == OPERATION_DistributionInspect;
}

static bool are_allowed(const struct policy *policy)
{
    const struct field *field = schema_find(policy->schemas.of[BODY_IMAGE], "Credentials");
    return field->rule.allow || strcmp(field->rule.text, "force true") == 0;
}

static bool judge(const struct policy *policy, const char *json, size_t bytes,
                  struct policy_decision *decision)
{
    struct schema_context context = {
        .api_minor = decision->api_minor,
        .depth = 2,
        .file = policy->file,
    };
    struct schema_verdict verdict = {0};
    schema_judge(policy->schemas.of[BODY_AUTH], &context, json, bytes, &verdict);
    bool passed = verdict.reason == REASON_NONE;
    if (passed)
        decision->registry_auth = encode(verdict.body, verdict.body_bytes);
    else if (verdict.reason == REASON_FIELD_REFUSED || verdict.reason == REASON_FIELD_UNKNOWN)
        policy_deny(decision, verdict.reason, verdict.field,
                    "X-Registry-Auth: the rules under [auth] refuse the field '%.80s'",
                    verdict.field);
    else
        policy_deny(decision, REASON_CREDENTIALS_MALFORMED, "", "%s",
                    reason_text(REASON_CREDENTIALS_MALFORMED));
    schema_verdict_done(&verdict);
    return passed &&
           (decision->registry_auth || policy_deny(decision, REASON_OUT_OF_MEMORY, "", "%s",
                                                   reason_text(REASON_OUT_OF_MEMORY)));
}

bool policy_credentials(const struct policy *policy, const char *text, size_t bytes,
                        struct policy_decision *decision)
{
    size_t json_bytes = 0;
    bool observes = policy_observes(policy);
    if (bytes == 0 || !asks_registry(decision->op) || !(observes || are_allowed(policy)))
        return true;
    char *json = malloc(bytes);
    if (observes && json && decode(text, bytes, json, &json_bytes))
        decision->registry_auth = encode(json, json_bytes);
    if (observes) {
        free(json);
        return true;
    }
    bool passed =
        json && decode(text, bytes, json, &json_bytes)
            ? judge(policy, json, json_bytes, decision)
            : policy_deny(decision, REASON_CREDENTIALS_MALFORMED, "", "%s",
                          reason_text(json ? REASON_CREDENTIALS_MALFORMED : REASON_OUT_OF_MEMORY));
    free(json);
    return passed;
}

/* An Engine without any reads them from the body of a push, and that has none. */
bool policy_credentials_default(struct policy_decision *decision)
{
    if (decision->op->number != OPERATION_ImagePush || decision->registry_auth)
        return true;
    decision->registry_auth = encode("{}", 2);
    return decision->registry_auth ||
           policy_deny(decision, REASON_OUT_OF_MEMORY, "", "%s", reason_text(REASON_OUT_OF_MEMORY));
}

bool policy_has_credentials(const struct policy_decision *decision)
{
    return decision->registry_auth && strncmp(decision->registry_auth, "e30", 3) != 0; /* {} */
}
