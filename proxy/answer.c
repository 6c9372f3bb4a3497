/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer: see answer.h. A refusal is JSON with a message, which clients show as the Engine's own.
 */
#include "answer.h"
#include "buf.h"
#include "message.h"
#include "policy.h"
#include "reason.h"
#include <string.h>

enum { ANSWER_RETRY_S = 1 };

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
static int answer_add_text(struct buf *out, const char *text)
{
    size_t bytes = strlen(text);
    char *start = buf_reserve(out, 2 * bytes), *to = start;

    if (start == NULL)
        return -1;
    for (; bytes > 0; bytes--, text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text < ' ' || *text > '~' ? '?' : *text;
    }
    buf_commit(out, (size_t) (to - start));
    return 0;
}

int answer_refusal(struct buf *out, const struct answer_to *to, int reason, const char *text)
{
    bool engines_own = reason == REASON_NOT_OWNED || reason == REASON_API_TOO_OLD;
    struct buf body = {0};
    int ret = -1;

    if (text == NULL || text[0] == '\0')
        text = reason_text((enum reason) reason);
    if (buf_addf(&body, "{\"message\":\"%s", engines_own ? "" : "caisson: ") == 0 &&
        answer_add_text(&body, text) == 0 && buf_addf(&body, "\"}\n") == 0)
        ret = answer_json(out, to, reason_status((enum reason) reason), buf_data(&body),
                          buf_bytes(&body));
    buf_done(&body);
    return ret;
}
