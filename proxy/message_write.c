/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message, writing: heads out, made only of what the caller means.
 *
 * Answers say HTTP/1.1 to an HTTP/1.0 client too: the version is that of the sender (RFC 9110,
 * section 2.5), and what such a client could not follow, chunked coding and a connection that
 * stays open, is not used towards it.
 */
#include <assert.h>
#include <string.h>

#include "buf.h"
#include "message.h"
#include "operation.h"

enum { NUMBER_BYTES = 20, FIELDS_BYTES = 384 /* all names and fixed values of a head */ };

static char *put(char *to, const void *text, size_t bytes)
{
    memcpy(to, text, bytes);
    return to + bytes;
}

#define PUT(to, literal) put(to, literal, sizeof literal - 1)

static char *put_number(char *to, uint64_t number)
{
    char digits[NUMBER_BYTES];
    char *at = digits + sizeof digits;
    do {
        *--at = (char) ('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(to, at, (size_t) (digits + sizeof digits - at));
}

static char *put_upgrade(char *to, const char *protocol)
{
    assert(strlen(protocol) <= 9);
    to = put(PUT(to, "Connection: Upgrade\r\nUpgrade: "), protocol, strlen(protocol));
    return PUT(to, "\r\n");
}

static char *put_websocket(char *to, const char *key)
{
    assert(strlen(key) == MESSAGE_WEBSOCKET_KEY_CHARS);
    to = put(PUT(to, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "), key, strlen(key));
    return PUT(to, "\r\n");
}

int message_write_request(struct buf *out, const struct message_to_engine *request)
{
    const char *method = method_name((enum method) request->method);
    size_t method_bytes = strlen(method), target_bytes = strlen(request->target);
    size_t auth_bytes = request->registry_auth ? strlen(request->registry_auth) : 0;
    size_t session_bytes = request->session ? strlen(request->session) : 0;
    bool has_body =
        request->body_bytes > 0 || request->method == METHOD_POST || request->method == METHOD_PUT;
    assert(!request->json || !request->tar);
    assert(!request->websocket_key || request->upgrade);
    assert(request->target[0] == '/' && !strpbrk(request->target, " \t\r\n"));
    assert(!request->registry_auth || !strpbrk(request->registry_auth, " \t\r\n"));

    char *start =
        buf_reserve(out, method_bytes + target_bytes + auth_bytes + session_bytes + FIELDS_BYTES);
    if (!start)
        return -1;
    char *to = put(start, method, method_bytes);
    to = PUT(to, " ");
    to = put(to, request->target, target_bytes);
    to = PUT(to, " HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n");
    if (request->json)
        to = PUT(to, "Content-Type: application/json\r\n");
    if (request->tar)
        to = PUT(to, "Content-Type: application/x-tar\r\n");
    if (request->upgrade)
        to = put_upgrade(to, request->upgrade);
    if (request->websocket_key)
        to = put_websocket(to, request->websocket_key);
    if (session_bytes > 0)
        to = put(to, request->session, session_bytes);
    if (auth_bytes > 0)
        to = PUT(put(PUT(to, "X-Registry-Auth: "), request->registry_auth, auth_bytes), "\r\n");
    if (request->chunked) {
        to = PUT(to, "Transfer-Encoding: chunked\r\n");
    } else if (has_body) {
        to = PUT(to, "Content-Length: ");
        to = PUT(put_number(to, request->body_bytes), "\r\n");
    }
    to = PUT(to, "\r\n");
    buf_commit(out, (size_t) (to - start));
    return 0;
}

size_t message_write_chunk(char line[MESSAGE_CHUNK_BYTES], size_t payload_bytes)
{
    static const char HEX[] = "0123456789abcdef";
    char digits[2 * sizeof payload_bytes];
    char *at = digits + sizeof digits;
    do {
        *--at = HEX[payload_bytes & 15];
        payload_bytes >>= 4;
    } while (payload_bytes > 0);
    char *to = put(line, at, (size_t) (digits + sizeof digits - at));
    return (size_t) (PUT(to, "\r\n") - line);
}

const char *message_status_text(int status)
{
    switch (status) {
#define STATUS(number, text) \
    case number:             \
        return text
        STATUS(100, "Continue");
        STATUS(101, "UPGRADED");
        STATUS(200, "OK");
        STATUS(201, "Created");
        STATUS(202, "Accepted");
        STATUS(204, "No Content");
        STATUS(301, "Moved Permanently");
        STATUS(302, "Found");
        STATUS(304, "Not Modified");
        STATUS(307, "Temporary Redirect");
        STATUS(308, "Permanent Redirect");
        STATUS(400, "Bad Request");
        STATUS(401, "Unauthorized");
        STATUS(403, "Forbidden");
        STATUS(404, "Not Found");
        STATUS(405, "Method Not Allowed");
        STATUS(406, "Not Acceptable");
        STATUS(408, "Request Timeout");
        STATUS(409, "Conflict");
        STATUS(411, "Length Required");
        STATUS(413, "Content Too Large");
        STATUS(414, "URI Too Long");
        STATUS(415, "Unsupported Media Type");
        STATUS(417, "Expectation Failed");
        STATUS(429, "Too Many Requests");
        STATUS(431, "Request Header Fields Too Large");
        STATUS(500, "Internal Server Error");
        STATUS(501, "Not Implemented");
        STATUS(502, "Bad Gateway");
        STATUS(503, "Service Unavailable");
        STATUS(504, "Gateway Timeout");
        STATUS(505, "HTTP Version Not Supported");
#undef STATUS
    default:
        return "Status";
    }
}

/* The length of the body, as far as this status may speak of one (RFC 9110, section 8.6). */
static char *put_framing(char *to, const struct message_to_client *reply)
{
    if (reply->status == 204 || reply->status == 304)
        return to;
    if (reply->framing == FRAMING_CHUNKED)
        return PUT(to, "Transfer-Encoding: chunked\r\n");
    if (reply->framing == FRAMING_LENGTH)
        return PUT(put_number(PUT(to, "Content-Length: "), reply->content_bytes), "\r\n");
    return to;
}

static char *put_fields(char *to, const struct message_to_client *reply)
{
    if (reply->api_minor > 0)
        to = PUT(put_number(PUT(to, "Api-Version: 1."), reply->api_minor), "\r\n");
    if (reply->ostype && reply->ostype[0] != '\0')
        to = PUT(put(PUT(to, "Ostype: "), reply->ostype, strlen(reply->ostype)), "\r\n");
    to = PUT(to, "Server: caisson\r\n");
    if (reply->content_type)
        to = PUT(put(PUT(to, "Content-Type: "), reply->content_type, reply->content_type_bytes),
                 "\r\n");
    if (reply->path_stat.bytes > 0)
        to = PUT(put(PUT(to, "X-Docker-Container-Path-Stat: "), reply->path_stat.data,
                     reply->path_stat.bytes),
                 "\r\n");
    if (reply->retry_after_s > 0)
        to = PUT(put_number(PUT(to, "Retry-After: "), reply->retry_after_s), "\r\n");
    to = put_framing(to, reply);
    if (reply->websocket_accept.bytes > 0)
        to = PUT(put(PUT(to, "Sec-WebSocket-Accept: "), reply->websocket_accept.data,
                     reply->websocket_accept.bytes),
                 "\r\n");
    if (reply->status == 101)
        return put_upgrade(to, reply->protocol ? reply->protocol : "tcp");
    if (!reply->keep_alive || reply->http10 || reply->framing == FRAMING_CLOSE)
        to = PUT(to, "Connection: close\r\n");
    return to;
}

static char *put_status(char *to, unsigned status)
{
    to[0] = (char) ('0' + status / 100);
    to[1] = (char) ('0' + status / 10 % 10);
    to[2] = (char) ('0' + status % 10);
    to[3] = ' ';
    return to + 4;
}

int message_write_reply(struct buf *out, const struct message_to_client *reply)
{
    const char *text = message_status_text(reply->status);
    size_t text_bytes = strlen(text);
    size_t ostype_bytes = reply->ostype ? strlen(reply->ostype) : 0;
    assert(reply->status >= 100 && reply->status <= 599);
    assert(!(reply->http10 && reply->framing == FRAMING_CHUNKED));

    char *start = buf_reserve(out, text_bytes + ostype_bytes + reply->path_stat.bytes +
                                       reply->websocket_accept.bytes + reply->content_type_bytes +
                                       FIELDS_BYTES + 3 * NUMBER_BYTES);
    if (!start)
        return -1;
    char *to = put_status(PUT(start, "HTTP/1.1 "), (unsigned) reply->status);
    to = PUT(put(to, text, text_bytes), "\r\n");
    if (reply->status >= 200 || reply->status == 101) /* other interim answers are a line */
        to = put_fields(to, reply);
    to = PUT(to, "\r\n");
    buf_commit(out, (size_t) (to - start));
    return 0;
}
