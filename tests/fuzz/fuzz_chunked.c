/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz chunked: any bytes as a body, read whole and read in pieces whose sizes the first byte
 * chooses.  Both must agree on the payload, on where the message ends and on whether it is broken;
 * and what is accepted must be what a plain second reader, below, makes of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct result {
    bool broken, done;
    size_t used;
    struct buf payload;
};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void feed(struct message_body *body, const uint8_t *data, size_t bytes,
                 struct result *result)
{
    char *copy = malloc(bytes ? bytes : 1); /* exactly as long, for the sanitizers */
    demand(copy != NULL);
    memcpy(copy, data, bytes);
    for (size_t at = 0; at < bytes && !body->done && !result->broken;) {
        struct span part;
        ssize_t taken = message_body_read(body, copy + at, bytes - at, &part);
        result->broken = taken < 0;
        if (taken < 0)
            break;
        demand(taken > 0 && (size_t) taken <= bytes - at);
        demand(part.bytes == 0 ||
               (part.data >= copy + at && part.data + part.bytes <= copy + at + taken));
        demand(buf_add(&result->payload, part.data, part.bytes) == 0);
        at += (size_t) taken;
        result->used += (size_t) taken;
    }
    result->done = body->done;
    free(copy);
}

/* Reads pieces of 1 to `most` bytes, SIZE_MAX: in one, in an order that only depends on `most`. */
static struct result read_pieces(const uint8_t *data, size_t bytes, size_t most)
{
    struct result result = {0};
    struct message_body body;
    size_t at = 0, piece = 1;
    message_body_init(&body, FRAMING_CHUNKED, 0);
    while (at < bytes && !body.done && !result.broken) {
        piece = (piece * 7 + 3) % most + 1;
        if (most == SIZE_MAX || piece > bytes - at)
            piece = bytes - at;
        feed(&body, data + at, piece, &result);
        at += piece;
    }
    return result;
}

/* A second reader, for bodies that are whole: < 0 when they are not, or not plain. */
static ssize_t read_plainly(const char *text, size_t bytes, struct buf *payload)
{
    size_t at = 0;
    for (;;) {
        size_t digits = 0;
        while (at + digits < bytes && strchr("0123456789abcdefABCDEF", text[at + digits]) &&
               text[at + digits])
            digits++;
        if (digits == 0 || digits > 15 || bytes - at < digits + 2 ||
            memcmp(text + at + digits, "\r\n", 2) != 0)
            return -1;
        char number[16] = "";
        memcpy(number, text + at, digits);
        uint64_t size = strtoull(number, NULL, 16);
        at += digits + 2;
        if (bytes - at < 2 || size > bytes - at - 2 || memcmp(text + at + size, "\r\n", 2) != 0)
            return -1;
        demand(buf_add(payload, text + at, size) == 0);
        at += size + 2;
        if (size == 0)
            return (ssize_t) at;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 1)
        return 0;
    size_t most = 1 + data[0] % 16;
    data++, bytes--;
    struct result whole = read_pieces(data, bytes, SIZE_MAX);
    struct result pieces = read_pieces(data, bytes, most);
    struct result single = read_pieces(data, bytes, 1);
    struct buf plain = {0};
    ssize_t end = read_plainly((const char *) data, bytes, &plain);

    demand(whole.broken == pieces.broken && whole.done == pieces.done);
    demand(whole.broken == single.broken && whole.done == single.done);
    demand(buf_bytes(&single.payload) == buf_bytes(&pieces.payload));
    demand(whole.done == (end > 0));
    if (whole.done) {
        demand(whole.used == (size_t) end && pieces.used == whole.used &&
               single.used == whole.used);
        demand(buf_bytes(&whole.payload) == buf_bytes(&plain));
        demand(buf_bytes(&plain) == 0 ||
               (memcmp(buf_data(&whole.payload), buf_data(&plain), buf_bytes(&plain)) == 0 &&
                memcmp(buf_data(&pieces.payload), buf_data(&plain), buf_bytes(&plain)) == 0));
    }
    buf_done(&whole.payload);
    buf_done(&pieces.payload);
    buf_done(&single.payload);
    buf_done(&plain);
    return 0;
}
