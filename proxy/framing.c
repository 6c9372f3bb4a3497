/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message, bodies: where a body ends.  Works at every split of its input, keeps no byte of it, and
 * takes of the chunked coding (RFC 9112 section 7.1) only what says one thing to every reader: a
 * size in hex, CRLF, the bytes, CRLF; at the end a size of 0 and an empty line.
 */
#include "message.h"

enum { CHUNK_SIZE_DIGITS = 15 };

/* Within FRAMING_CHUNKED, in the order of the bytes. */
enum chunk_state {
    CHUNK_SIZE,    /* hex digits, then CR */
    CHUNK_SIZE_LF, /* of a size above 0 */
    CHUNK_DATA,    /* body->left bytes */
    CHUNK_DATA_CR,
    CHUNK_DATA_LF, /* then the next size */
    CHUNK_LAST_LF, /* of the size 0 */
    CHUNK_END_CR,  /* of the empty line; anything else were a trailer */
    CHUNK_END_LF
};

void message_body_init(struct message_body *body, enum framing framing, uint64_t content_bytes)
{
    *body = (struct message_body){.framing = framing, .state = CHUNK_SIZE};
    if (framing == FRAMING_LENGTH)
        body->left = content_bytes;
    body->done = framing == FRAMING_NONE || (framing == FRAMING_LENGTH && content_bytes == 0);
}

/* The value of a hex digit, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char) (c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool read_size_byte(struct message_body *body, char c)
{
    if (c == '\r' && body->line_bytes > 0) {
        body->state = body->left > 0 ? CHUNK_SIZE_LF : CHUNK_LAST_LF;
        return true;
    }
    int digit = hex_value(c);
    if (digit < 0 || body->line_bytes == CHUNK_SIZE_DIGITS)
        return false;
    body->line_bytes++;
    body->left = body->left << 4 | (unsigned) digit;
    return true;
}

static bool read_exactly(struct message_body *body, char c, char wanted, enum chunk_state next)
{
    body->state = next;
    return c == wanted;
}

/* One byte that is not payload. */
static bool read_framing_byte(struct message_body *body, char c)
{
    switch ((enum chunk_state) body->state) {
    case CHUNK_SIZE:
        return read_size_byte(body, c);
    case CHUNK_SIZE_LF:
        body->chunk = body->left;
        return read_exactly(body, c, '\n', CHUNK_DATA);
    case CHUNK_DATA_CR:
        return read_exactly(body, c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        body->line_bytes = 0;
        return read_exactly(body, c, '\n', CHUNK_SIZE);
    case CHUNK_LAST_LF:
        return read_exactly(body, c, '\n', CHUNK_END_CR);
    case CHUNK_END_CR:
        return read_exactly(body, c, '\r', CHUNK_END_LF);
    case CHUNK_END_LF:
        body->done = c == '\n';
        return body->done;
    case CHUNK_DATA:
        break; /* payload is the caller's */
    }
    return false;
}

/* Of `bytes`, those that are payload now; they are used up. */
static size_t take_payload(struct message_body *body, size_t bytes)
{
    if (body->framing == FRAMING_CLOSE)
        return bytes;
    size_t taken = bytes < body->left ? bytes : (size_t) body->left;
    body->left -= taken;
    if (body->left == 0 && body->framing == FRAMING_LENGTH)
        body->done = true;
    else if (body->left == 0)
        body->state = CHUNK_DATA_CR;
    return taken;
}

ssize_t message_body_read(struct message_body *body, const char *data, size_t bytes,
                          struct span *ret_payload)
{
    size_t used = 0;

    *ret_payload = (struct span){data, 0};
    if (body->framing == FRAMING_CHUNKED) {
        while (used < bytes && !body->done && body->state != CHUNK_DATA) {
            if (!read_framing_byte(body, data[used++]))
                return -1;
        }
    }
    if (used == bytes || body->done)
        return (ssize_t) used;
    *ret_payload = (struct span){data + used, take_payload(body, bytes - used)};
    return (ssize_t) (used + ret_payload->bytes);
}

uint64_t message_body_payload(const struct message_body *body)
{
    if (body->done || (body->framing == FRAMING_CHUNKED && body->state != CHUNK_DATA))
        return 0;
    return body->framing == FRAMING_CLOSE ? UINT64_MAX : body->left;
}

void message_body_skip(struct message_body *body, size_t bytes)
{
    take_payload(body, bytes);
}

size_t message_body_gap(const struct message_body *body)
{
    size_t digits = 1;

    while (body->chunk >> (4 * digits) != 0)
        digits++;
    switch ((enum chunk_state) body->state) {
    case CHUNK_DATA_CR:
        return 2 + digits + 2;
    case CHUNK_DATA_LF:
        return 1 + digits + 2;
    case CHUNK_SIZE:
        return body->line_bytes < digits ? digits - body->line_bytes + 2 : 1;
    default:
        return 1;
    }
}
