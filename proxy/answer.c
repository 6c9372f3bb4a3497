/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer: see answer.h. A refusal is JSON with a message, which clients show as the Engine's own.
 */
#include "answer.h"
#include "buf.h"
#include "message.h"
#include "plain.h"
#include "policy.h"
#include "reason.h"
#include <string.h>

enum { ANSWER_RETRY_S = 1, ANSWER_TEXT_BYTES = 1024 /* of a refusal, longer than any */ };

/* Retry-After, in refusals that another time may pass. */
static unsigned answer_retry_s(const struct answer_to *to, int status)
{
    if (status != 429 && status != 503)
        return 0;
    return to->retry_after_s > 0 ? to->retry_after_s : ANSWER_RETRY_S;
}

static int answer_write(struct buf *out, const struct answer_to *to, int status, const char *type,
                        const char *body, size_t bytes)
{
    const struct message_to_client head = {
        .status = status,
        .framing = FRAMING_LENGTH,
        .content_bytes = bytes,
        .http10 = to->http10,
        .keep_alive = to->keep_alive,
        .content_type = type,
        .content_type_bytes = strlen(type),
        .api_minor = to->engine->api_minor,
        .ostype = to->engine->ostype,
        .retry_after_s = answer_retry_s(to, status),
    };

    if (message_write_reply(out, &head) < 0)
        return -1;
    return to->to_head ? 0 : buf_add(out, body, bytes);
}

int answer_json(struct buf *out, const struct answer_to *to, int status, const char *json,
                size_t bytes)
{
    return answer_write(out, to, status, "application/json", json, bytes);
}

int answer_ping(struct buf *out, const struct answer_to *to)
{
    return answer_write(out, to, 200, "text/plain; charset=utf-8", "OK", 2);
}

/* The text as the inside of a JSON string; bytes that are no ASCII text are written as '?'. */
static char *answer_put_text(char *to, const char *text, size_t bytes)
{
    while (bytes > 0) {
        size_t plain = plain_bytes(text, bytes);

        memcpy(to, text, plain);
        to += plain;
        text += plain;
        bytes -= plain;
        if (bytes == 0)
            break;
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text < ' ' || *text > '~' ? '?' : *text;
        text++;
        bytes--;
    }
    return to;
}

int answer_refusal(struct buf *out, const struct answer_to *to, int reason, const char *text)
{
    const bool engines_own = reason == REASON_NOT_OWNED || reason == REASON_API_TOO_OLD;
    const char *begin = engines_own ? "{\"message\":\"" : "{\"message\":\"caisson: ";
    char body[ANSWER_TEXT_BYTES * 2 + 32], *end;
    size_t bytes;

    if (text == NULL || text[0] == '\0')
        text = reason_text((enum reason) reason);
    bytes = strnlen(text, ANSWER_TEXT_BYTES);
    end = answer_put_text(stpcpy(body, begin), text, bytes);
    end = stpcpy(end, "\"}\n");
    return answer_json(out, to, reason_status((enum reason) reason), body, (size_t) (end - body));
}
