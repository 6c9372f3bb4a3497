/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz head: requests one after another, as message.c and framing.c understand them, held against a
 * reader that is as lenient as the Engine's (oracle_head.h).
 *
 *  - What we accept the other accepts: the same method, target and version, the same end of the
 *    head, the same body, and no connection kept that it would end.
 *  - What we write in its place is one request to the other, whole, with the same body; not a byte
 *    is left over for a second one.
 *
 * The first byte chooses what the request to the Engine says of its body.
 */
#include "../lib/known.h"
#include "buf.h"
#include "message.h"
#include "operation.h"
#include "oracle_head.h"
#include "reason.h"
#include "route.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct message_limits LIMITS = {
    .head_bytes = 4096, .target_bytes = 2048, .headers = 64};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_head: %s\n", what);
    abort();
}

static bool same(struct span ours, struct oracle_text theirs)
{
    return ours.data == theirs.data && ours.bytes == theirs.bytes;
}

/* message.c leaves escapes to route.c: what the Engine would not parse must be refused there. */
static bool route_refuses(const struct message_request *request)
{
    struct route route;
    const char *wrong;
    int method = request->method == METHOD_OTHER ? METHOD_GET : request->method;
    struct route_index index;
    route_index_init(&index);
    return route_parse(&index, method, request->target.data, request->target.bytes, &route,
                       &wrong) == REASON_TARGET_MALFORMED;
}

static void check_head(const struct message_request *ours, size_t head,
                       const struct oracle_request *theirs)
{
    must(theirs->head_bytes == head, "the head ends elsewhere");
    must(same(ours->target, theirs->target), "another target");
    must(ours->method == METHOD_OTHER ||
             (strlen(method_name((enum method) ours->method)) == theirs->method.bytes &&
              memcmp(method_name((enum method) ours->method), theirs->method.data,
                     theirs->method.bytes) == 0),
         "another method");
    must(theirs->minor == (ours->http10 ? 0 : 1), "another version");
    must(theirs->chunked == (ours->framing == FRAMING_CHUNKED), "chunked, or not");
    must(theirs->length == (ours->framing == FRAMING_LENGTH ? ours->content_bytes : 0),
         "another length");
    must(theirs->keep_alive || !ours->keep_alive, "a connection is kept that is to end");
    must(theirs->expects == ours->expect_continue, "100 Continue, or not");
}

/* Reads the body as conn.c does; returns how much of data it took, -1 when it is broken. */
static ssize_t read_body(const struct message_request *request, const char *data, size_t bytes,
                         struct buf *chunks, struct buf *payload, bool *ret_done)
{
    struct message_body body;
    size_t at = 0;
    message_body_init(&body, request->framing, request->content_bytes);
    while (!body.done && at < bytes) {
        char line[MESSAGE_CHUNK_BYTES];
        struct span part;
        ssize_t taken = message_body_read(&body, data + at, bytes - at, &part);
        if (taken < 0)
            return -1;
        must(taken > 0, "no progress");
        at += (size_t) taken;
        if (part.bytes == 0)
            continue;
        must(buf_add(payload, part.data, part.bytes) == 0 &&
                 buf_add(chunks, line, message_write_chunk(line, part.bytes)) == 0 &&
                 buf_add(chunks, part.data, part.bytes) == 0 && buf_add(chunks, "\r\n", 2) == 0,
             "no memory");
    }
    *ret_done = body.done;
    return (ssize_t) at;
}

/* The request that would be sent, as the other reader takes it. */
static void check_written(const struct message_request *request, const struct buf *chunks,
                          const struct buf *payload, uint8_t choice)
{
    struct message_to_engine to = {.method = request->method,
                                   .chunked = request->framing == FRAMING_CHUNKED && choice & 1,
                                   .body_bytes = buf_bytes(payload),
                                   .json = choice & 2,
                                   .tar = (choice & 6) == 4,
                                   .upgrade = choice & 8 ? "tcp" : NULL};
    struct oracle_request read;
    struct buf out = {0};
    size_t body_bytes = 0, payload_bytes = 0;
    char target[2049];

    if (request->method == METHOD_OTHER) /* of which none is ever sent */
        return;
    snprintf(target, sizeof target, "%.*s", (int) request->target.bytes, request->target.data);
    to.target = target;
    must(message_write_request(&out, &to) == 0, "no memory");
    size_t head = buf_bytes(&out);
    const struct buf *body = to.chunked ? chunks : payload;
    must(buf_add(&out, buf_data(body), buf_bytes(body)) == 0 &&
             (!to.chunked || buf_add(&out, "0\r\n\r\n", 5) == 0),
         "no memory");

    must(oracle_head_read(buf_data(&out), buf_bytes(&out), &read) == ORACLE_WHOLE &&
             read.head_bytes == head,
         "what is written is no head");
    must(read.target.bytes == strlen(target) &&
             memcmp(read.target.data, target, read.target.bytes) == 0,
         "another target is written");
    char *copy = malloc(buf_bytes(&out));
    must(copy != NULL, "no memory");
    must(oracle_body_read(&read, buf_data(&out) + head, buf_bytes(&out) - head, copy, &body_bytes,
                          &payload_bytes) == ORACLE_WHOLE,
         "what is written has no whole body");
    must(head + body_bytes == buf_bytes(&out), "something is left over behind what is written");
    must(payload_bytes == buf_bytes(payload) &&
             (payload_bytes == 0 || memcmp(copy, buf_data(payload), payload_bytes) == 0),
         "another body is written");
    must(read.keep_alive && !read.expects, "what is written ends the connection");
    free(copy);
    buf_done(&out);
}

/* Returns how many bytes the first request took; 0 when there is no whole one, or no next one. */
static size_t check_request(const char *data, size_t bytes, uint8_t choice)
{
    struct message_request ours;
    struct oracle_request theirs;
    struct buf chunks = {0}, payload = {0};
    size_t their_bytes = 0, their_payload_bytes = 0;
    bool done = false;
    int reason = REASON_UNDECIDED;

    ssize_t head = known_parse(data, bytes, &LIMITS, &ours, &reason);
    if (head <= 0)
        return 0;
    if (oracle_head_read(data, bytes, &theirs) != ORACLE_WHOLE) {
        must(route_refuses(&ours), "we accept a head that the Engine would not");
        return 0;
    }
    check_head(&ours, (size_t) head, &theirs);
    data += head;
    bytes -= (size_t) head;

    ssize_t used = read_body(&ours, data, bytes, &chunks, &payload, &done);
    char *copy = malloc(bytes ? bytes : 1);
    must(copy != NULL, "no memory");
    enum oracle_read read =
        oracle_body_read(&theirs, data, bytes, copy, &their_bytes, &their_payload_bytes);
    must(used < 0 || done == (read == ORACLE_WHOLE), "a body is whole to one alone");
    if (done) {
        must((size_t) used == their_bytes, "the body ends elsewhere");
        must(buf_bytes(&payload) == their_payload_bytes &&
                 (their_payload_bytes == 0 ||
                  memcmp(buf_data(&payload), copy, their_payload_bytes) == 0),
             "another body");
        check_written(&ours, &chunks, &payload, choice);
    }
    free(copy);
    buf_done(&chunks);
    buf_done(&payload);
    return done && ours.keep_alive ? (size_t) (head + used) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 1 || bytes > 8192)
        return 0;
    size_t left = bytes - 1;
    char *text = malloc(left ? left : 1); /* exactly as long, for the sanitizers */
    must(text != NULL, "no memory");
    memcpy(text, data + 1, left);
    for (size_t at = 0, used = 1; used > 0 && left > 0; left -= used, at += used)
        used = check_request(text + at, left, data[0]);
    free(text);
    return 0;
}
