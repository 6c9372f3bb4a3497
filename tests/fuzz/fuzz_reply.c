/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz reply: any bytes as the engine's reply head.  Beside memory safety: what is read does not
 * depend on what follows, and the reply that we would write from it is one that we can read again,
 * with the same status and body, and with no line more than we meant.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/known.h"
#include "buf.h"
#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static unsigned count_lines(const char *text, size_t bytes)
{
    unsigned lines = 0;
    for (size_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    return lines;
}

static void write_and_read(const struct message_reply *reply)
{
    struct message_to_client answer = {.status = reply->status,
                                       .framing = reply->framing,
                                       .content_bytes = reply->content_bytes,
                                       .keep_alive = reply->keep_alive,
                                       .content_type = reply->content_type.data,
                                       .content_type_bytes = reply->content_type.bytes};
    struct message_reply read;
    struct buf out = {0};
    demand(message_write_reply(&out, &answer) == 0);
    bool to_head = reply->framing == FRAMING_NONE;
    demand(known_parse_reply(buf_data(&out), buf_bytes(&out), to_head, &read) ==
           (ssize_t) buf_bytes(&out));
    demand(read.status == reply->status && read.framing == reply->framing);
    demand(read.framing != FRAMING_LENGTH || read.content_bytes == reply->content_bytes);
    demand(count_lines(buf_data(&out), buf_bytes(&out)) <= 6);
    if (read.status >= 200) {
        demand(read.keep_alive == reply->keep_alive);
        demand(read.content_type.bytes == reply->content_type.bytes);
        demand(read.content_type.bytes == 0 ||
               memcmp(read.content_type.data, reply->content_type.data, read.content_type.bytes) ==
                   0);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bool to_head = bytes > 0 && data[0] & 1;
    size_t some = bytes > 1 ? data[1] : 0;
    bytes -= bytes < 2 ? bytes : 2;

    char *text = malloc(bytes ? bytes : 1);
    demand(text != NULL);
    if (bytes > 0)
        memcpy(text, data + 2, bytes);
    struct message_reply reply, part;
    ssize_t head = known_parse_reply(text, bytes, to_head, &reply);
    demand(head >= -1 && head <= (ssize_t) bytes);
    if (head > 0) {
        demand(memmem(text, (size_t) head, "\r\n\r\n", 4) == text + head - 4);
        demand(reply.status >= 100 && reply.status <= 599);
        demand(reply.framing != FRAMING_CLOSE || !reply.keep_alive);
        write_and_read(&reply);
        if (some < bytes)
            demand(known_parse_reply(text, some, to_head, &part) ==
                   ((ssize_t) some < head ? 0 : head));
    }
    free(text);
    return 0;
}
