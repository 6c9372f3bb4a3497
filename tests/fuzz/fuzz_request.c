/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz request: any bytes as a request head.  What must hold: a head is read alike however much of
 * what follows is there, is refused for good once it is refused, ends in its first empty line, and
 * nothing in it is what http-parser and dockerd are known to read differently.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../lib/known.h"
#include "message.h"
#include "operation.h"
#include "reason.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct message_limits LIMITS = {
    .head_bytes = 1024, .target_bytes = 128, .headers = 12};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* Of a copy that is exactly as long, so that a sanitizer sees one byte read too many. */
static ssize_t parse(const uint8_t *data, size_t bytes, struct message_request *ret,
                     int *ret_reason)
{
    char *copy = malloc(bytes ? bytes : 1);
    demand(copy != NULL);
    if (bytes > 0)
        memcpy(copy, data, bytes);
    *ret_reason = REASON_UNDECIDED;
    ssize_t head = known_parse(copy, bytes, &LIMITS, ret, ret_reason);
    if (head > 0) { /* spans are of the copy: make them of data */
        demand(ret->target.data > copy && ret->target.data + ret->target.bytes < copy + head);
        ret->target.data = (const char *) data + (ret->target.data - copy);
    }
    free(copy);
    return head;
}

static bool is_refusal(int reason)
{
    return reason == REASON_HEAD_MALFORMED || reason == REASON_HEAD_TOO_LARGE ||
           reason == REASON_TARGET_TOO_LONG || reason == REASON_TARGET_MALFORMED ||
           reason == REASON_VERSION_UNSUPPORTED || reason == REASON_FRAMING_REFUSED ||
           reason == REASON_EXPECTATION_REFUSED;
}

/* How many lines of the head start with this, in any case. */
static unsigned count_lines(const char *head, size_t bytes, const char *start)
{
    unsigned count = 0;
    for (size_t i = 1; i + strlen(start) < bytes; i++)
        count += head[i - 1] == '\n' && strncasecmp(head + i, start, strlen(start)) == 0;
    return count;
}

static void check_head(const char *head, size_t bytes, const struct message_request *request)
{
    unsigned lengths = count_lines(head, bytes, "content-length:");
    unsigned codings = count_lines(head, bytes, "transfer-encoding:");

    demand(bytes <= LIMITS.head_bytes && request->target.bytes <= LIMITS.target_bytes);
    demand(memmem(head, bytes, "\r\n\r\n", 4) == head + bytes - 4);
    demand(request->target.data[0] == '/');
    demand(request->method >= METHOD_OTHER && request->method < METHOD_COUNT);
    demand(lengths + codings <= 1);
    demand((request->framing == FRAMING_CHUNKED) == (codings == 1));
    demand(request->framing != FRAMING_LENGTH || (lengths == 1 && request->content_bytes > 0));
    demand(request->framing != FRAMING_CLOSE);
    demand(!(request->http10 && (request->keep_alive || codings || request->expect_continue)));
    demand(request->http10 || count_lines(head, bytes, "host:") == 1);
    demand(count_lines(head, bytes, "trailer:") == 0);
    demand(request->upgrade == (count_lines(head, bytes, "upgrade:") > 0 ||
                                count_lines(head, bytes, "http2-settings:") > 0));
    for (size_t i = 0; i < bytes; i++) {
        uint8_t c = (uint8_t) head[i];
        demand((c >= ' ' && c != 0x7f) || c == '\t' || c == '\r' || c == '\n');
        demand(c != '\n' || head[i - 1] == '\r');
        demand(c != '\r' || head[i + 1] == '\n');
        demand(i == 0 || head[i - 1] != '\n' || (c != ' ' && c != '\t'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct message_request request, part;
    int reason, part_reason;
    ssize_t head = parse(data, bytes, &request, &reason);

    demand(head >= -1 && head <= (ssize_t) bytes);
    demand(head != -1 || is_refusal(reason));
    if (head > 0)
        check_head((const char *) data, (size_t) head, &request);
    demand(head != 0 || bytes < LIMITS.head_bytes);

    for (size_t some = 0; some < bytes && some <= LIMITS.head_bytes; some++) {
        ssize_t sooner = parse(data, some, &part, &part_reason);
        if (head > 0)
            demand(sooner == ((ssize_t) some < head ? 0 : head));
        else if (sooner == -1)
            demand(head == -1);
        else
            demand(sooner == 0);
        if (sooner <= 0)
            continue;
        demand(part.framing == request.framing && part.content_bytes == request.content_bytes);
        demand(part.target.data == request.target.data && part.method == request.method);
    }
    return 0;
}
