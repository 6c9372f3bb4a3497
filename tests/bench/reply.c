/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply: the reader of the load generator; lenient, since what it reads is our own or HAProxy's.
 */
#include "reply.h"
#include <stdlib.h>
#include <string.h>

void reply_begin(struct reply *reply)
{
    memset(reply, 0, offsetof(struct reply, head));
}

/* The value of a header, or NULL. */
static const char *reply_header(const struct reply *reply, const char *name)
{
    const char *line = strstr(reply->head, "\r\n");
    size_t bytes = strlen(name);

    for (; line != NULL; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, bytes) == 0 && line[2 + bytes] == ':')
            return line + 2 + bytes + 1 + strspn(line + 2 + bytes + 1, " ");
    return NULL;
}

/* What the head says of the body. 1: there is none. */
static int reply_take_head(struct reply *reply)
{
    const char *value;

    if (strncmp(reply->head, "HTTP/1.", 7) != 0)
        return -1;
    reply->status = atoi(reply->head + 9);
    value = reply_header(reply, "connection");
    reply->close = value != NULL && strncasecmp(value, "close", 5) == 0;
    if (reply->status < 200) {
        reply_begin(reply);
        return 0;
    }
    if (reply->status == 204 || reply->status == 304)
        return 1;
    if (reply_header(reply, "transfer-encoding") != NULL) {
        reply->state = REPLY_SIZE;
        return 0;
    }
    value = reply_header(reply, "content-length");
    reply->state = value != NULL ? REPLY_LENGTH : REPLY_UNTIL_CLOSE;
    reply->left = value != NULL ? strtoull(value, NULL, 10) : UINT64_MAX;
    return reply->left == 0;
}

/* Collects the head; returns the bytes used, with *ret_ended told. */
static size_t reply_read_head(struct reply *reply, const char *data, size_t bytes, int *ret_ended)
{
    size_t held = reply->head_bytes, room = REPLY_HEAD_BYTES - 1 - held, used;
    const char *end;

    if (bytes > room)
        bytes = room;
    memcpy(reply->head + held, data, bytes);
    reply->head[held + bytes] = '\0';
    end = strstr(reply->head + (held < 3 ? 0 : held - 3), "\r\n\r\n");
    if (end == NULL) {
        reply->head_bytes = held + bytes;
        *ret_ended = bytes == room ? -1 : 0;
        return bytes;
    }
    used = (size_t) (end + 4 - reply->head) - held;
    reply->head[held + used] = '\0';
    *ret_ended = reply_take_head(reply);
    return used;
}

static void reply_keep(struct reply *reply, const char *data, size_t bytes)
{
    size_t room = REPLY_BODY_BYTES - reply->body_bytes;

    reply->payload_bytes += bytes;
    if (bytes > room)
        bytes = room;
    memcpy(reply->body + reply->body_bytes, data, bytes);
    reply->body_bytes += bytes;
}

/* `left` bytes, of which the last `tail` are no payload. */
static size_t reply_read_body(struct reply *reply, const char *data, size_t bytes, size_t tail)
{
    size_t used = bytes < reply->left ? bytes : (size_t) reply->left;

    if (reply->left > tail)
        reply_keep(reply, data, used < reply->left - tail ? used : (size_t) (reply->left - tail));
    reply->left -= used;
    return used;
}

static int reply_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = (char) (byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* One byte of a chunk's size line. */
static int reply_read_size(struct reply *reply, char byte)
{
    int digit = reply_digit(byte);

    if (digit >= 0) {
        reply->chunk = reply->chunk << 4 | (uint64_t) digit;
        reply->in_size = true;
        return 0;
    }
    if (byte == '\r')
        return 0;
    if (byte != '\n' || !reply->in_size)
        return -1;
    reply->state = reply->chunk == 0 ? REPLY_TRAILER : REPLY_CHUNK;
    reply->left = reply->chunk + 2;
    reply->chunk = 0;
    reply->in_size = reply->line_begun = false;
    return 0;
}

/* One byte of the lines after the last chunk: an empty one is the end. */
static int reply_read_trailer(struct reply *reply, char byte)
{
    if (byte == '\n' && !reply->line_begun)
        return 1;
    if (byte == '\n')
        reply->line_begun = false;
    else if (byte != '\r')
        reply->line_begun = true;
    return 0;
}

int reply_read(struct reply *reply, const char *data, size_t bytes, size_t *ret_used)
{
    size_t used = 0;
    int ended = 0;

    while (used < bytes && ended == 0) {
        switch (reply->state) {
        case REPLY_HEAD:
            used += reply_read_head(reply, data + used, bytes - used, &ended);
            break;
        case REPLY_LENGTH:
        case REPLY_UNTIL_CLOSE:
            used += reply_read_body(reply, data + used, bytes - used, 0);
            ended = reply->left == 0;
            break;
        case REPLY_SIZE:
            ended = reply_read_size(reply, data[used++]);
            break;
        case REPLY_CHUNK:
            used += reply_read_body(reply, data + used, bytes - used, 2);
            if (reply->left == 0)
                reply->state = REPLY_SIZE;
            break;
        case REPLY_TRAILER:
            ended = reply_read_trailer(reply, data[used++]);
            break;
        }
    }
    *ret_used = used;
    return ended;
}
