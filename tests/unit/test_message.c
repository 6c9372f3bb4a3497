/* SPDX-License-Identifier: Apache-2.0 */
/* Heads: what is read from them, and everything that must be refused rather than guessed at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/known.h"
#include "buf.h"
#include "message.h"
#include "message_known.h"
#include "operation.h"
#include "reason.h"

static const struct message_limits LIMITS = {
    .head_bytes = 2048, .target_bytes = 256, .headers = 16};

/* Of a copy that is exactly as long, so that a sanitizer sees one byte read too many. */
static ssize_t parse(const char *text, size_t bytes, struct message_request *ret, int *ret_reason)
{
    static char *copy;
    free(copy);
    copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    *ret_reason = REASON_NONE;
    return known_parse(copy, bytes, &LIMITS, ret, ret_reason);
}

static struct message_request read_head(const char *text)
{
    struct message_request request;
    int reason;
    ssize_t head = parse(text, strlen(text), &request, &reason);
    if (head != (ssize_t) strlen(text))
        fail_msg("%s: %zd, %s", text, head, reason_word((enum reason) reason));
    return request;
}

static void refuse_bytes(const char *text, size_t bytes, int wanted)
{
    struct message_request request;
    int reason;
    ssize_t head = parse(text, bytes, &request, &reason);
    if (head != -1 || reason != wanted)
        fail_msg("%.*s: %zd, %s, not %s", (int) bytes, text, head,
                 reason_word((enum reason) reason), reason_word((enum reason) wanted));
}

static void refuse(const char *text, int wanted)
{
    refuse_bytes(text, strlen(text), wanted);
}

/* The same fields behind a plain request line and Host. */
static void refuse_fields(const char *fields, int wanted)
{
    char text[1024];
    snprintf(text, sizeof text, "POST /x HTTP/1.1\r\nHost: d\r\n%s\r\n", fields);
    refuse(text, wanted);
}

static struct message_request read_fields(const char *fields)
{
    char text[1024];
    snprintf(text, sizeof text, "POST /x HTTP/1.1\r\nHost: d\r\n%s\r\n", fields);
    return read_head(text);
}

static void test_plain_request(void **state)
{
    (void) state;
    struct message_request request =
        read_head("POST /v1.41/containers/create?name=a HTTP/1.1\r\nHost: docker\r\n"
                  "User-Agent: Docker-Client/28.2.2 (linux)\r\nContent-Length: 1234\r\n"
                  "Content-Type: application/json\r\n\r\n");
    assert_int_equal(request.method, METHOD_POST);
    assert_int_equal(request.target.bytes, strlen("/v1.41/containers/create?name=a"));
    assert_memory_equal(request.target.data, "/v1.41/containers/create?name=a",
                        request.target.bytes);
    assert_int_equal(request.framing, FRAMING_LENGTH);
    assert_int_equal(request.content_bytes, 1234);
    assert_true(request.keep_alive);
    assert_true(request.json);
    assert_false(request.http10);
    assert_false(request.expect_continue);
    assert_false(request.upgrade);
}

static void test_methods(void **state)
{
    (void) state;
    static const struct {
        const char *head;
        int method;
    } ROWS[] = {
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_GET},
        {"HEAD / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_HEAD},
        {"POST / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_POST},
        {"PUT / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_PUT},
        {"DELETE / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_DELETE},
        {"PATCH / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_OTHER},
        {"CONNECT / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_OTHER},
        {"OPTIONS / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_OTHER},
        {"get / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_OTHER},
        {"GETS / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_OTHER},
        {"G / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_OTHER},
        {"!#$%&'*+-.^_`|~09 / HTTP/1.1\r\nHost:\r\n\r\n", METHOD_OTHER},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        assert_int_equal(read_head(ROWS[i].head).method, ROWS[i].method);
    assert_int_equal(
        read_head("MKCOL / HTTP/1.1\r\nHost:\r\nContent-Length: 7\r\n\r\n").content_bytes, 7);
}

static void test_request_line_refused(void **state)
{
    (void) state;
    refuse("\r\nGET / HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("\nGET / HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse(" GET / HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET  / HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET /  HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1 \r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET\t/ HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET /\tx HTTP/1.1\r\nHost: d\r\n\r\n", REASON_TARGET_MALFORMED);
    refuse("GET / HTTP/1.1\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\rHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / x HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / http/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/11\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/2x0\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET  HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.10\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET /\r\n\r\n", REASON_HEAD_MALFORMED); /* HTTP/0.9 */
    refuse("GET /\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("G\xc3\x89T / HTTP/1.1\r\nHost: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("\x16\x03\x01", REASON_HEAD_MALFORMED); /* TLS says hello: known at once */
    refuse("{\"Image\":\"x\"}", REASON_HEAD_MALFORMED);
    refuse("AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDD", REASON_HEAD_MALFORMED);
}

static void test_versions_refused(void **state)
{
    (void) state;
    refuse("GET / HTTP/1.2\r\nHost: d\r\n\r\n", REASON_VERSION_UNSUPPORTED);
    refuse("GET / HTTP/2.0\r\nHost: d\r\n\r\n", REASON_VERSION_UNSUPPORTED);
    refuse("GET / HTTP/0.9\r\nHost: d\r\n\r\n", REASON_VERSION_UNSUPPORTED);
    refuse("GET / HTTP/9.9\r\n", REASON_VERSION_UNSUPPORTED); /* before the head is whole */
    refuse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REASON_VERSION_UNSUPPORTED);
}

static void test_targets_refused(void **state)
{
    (void) state;
    refuse("GET http://docker/info HTTP/1.1\r\nHost: d\r\n\r\n", REASON_TARGET_MALFORMED);
    refuse("CONNECT docker:80 HTTP/1.1\r\nHost: d\r\n\r\n", REASON_TARGET_MALFORMED);
    refuse("OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n", REASON_TARGET_MALFORMED);
    refuse("GET info HTTP/1.1\r\nHost: d\r\n\r\n", REASON_TARGET_MALFORMED);
    refuse("GET /info#x HTTP/1.1\r\nHost: d\r\n\r\n", REASON_TARGET_MALFORMED);
    refuse("GET /a?b#c HTTP/1.1\r\nHost: d\r\n\r\n", REASON_TARGET_MALFORMED);
}

/* Every byte in the target, in a name and in a value: either understood or refused. */
static void test_every_byte(void **state)
{
    (void) state;
    const char *pchars = "!$&'()*+,-./:;=?@_~%";
    const char *tchars = "!#$%&'*+-.^_`|~";
    for (int c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        char target[] = "GET /a.b HTTP/1.1\r\nHost: d\r\n\r\n";
        char name[] = "GET / HTTP/1.1\r\nHost: d\r\nX.Y: z\r\n\r\n";
        char value[] = "GET / HTTP/1.1\r\nHost: d\r\nX: a.b\r\n\r\n";
        char host[] = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";
        struct message_request request;
        int reason;

        target[6] = name[26] = value[29] = host[23] = (char) c;
        bool good = parse(target, sizeof target - 1, &request, &reason) > 0;
        assert_int_equal(good, alnum || (c && strchr(pchars, c)));
        good = parse(name, sizeof name - 1, &request, &reason) > 0;
        assert_int_equal(good, alnum || (c && strchr(tchars, c)) || c == ':');
        good = parse(value, sizeof value - 1, &request, &reason) > 0;
        assert_int_equal(good, c == '\t' || (c >= ' ' && c != 0x7f));
        good = parse(host, sizeof host - 1, &request, &reason) > 0;
        assert_int_equal(good, alnum || (c && strchr(".:_-[]%~", c)));
    }
}

static void test_lines_refused(void **state)
{
    (void) state;
    refuse_fields("X: a\r\n b\r\n", REASON_HEAD_MALFORMED); /* obs-fold */
    refuse_fields("X: a\r\n\tb\r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X: a\r\n \r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X : a\r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X\t: a\r\n", REASON_HEAD_MALFORMED);
    refuse_fields(": a\r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X\r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X: a\n", REASON_HEAD_MALFORMED);
    refuse_fields("X: a\nContent-Length: 5\r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X: a\rb\r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X: a\r\r\n", REASON_HEAD_MALFORMED);
    refuse_fields("X: a\x7f\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\n Host: d\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nHost: d\r\n\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\n\n", REASON_HEAD_MALFORMED);
    static const char WITH_NUL[] = "GET / HTTP/1.1\r\nHost: d\r\nX: a\0b\r\n\r\n";
    refuse_bytes(WITH_NUL, sizeof WITH_NUL - 1, REASON_HEAD_MALFORMED);
    read_fields("X:a\r\nY: \t b \t\r\nZ:\r\n");
}

static void test_host(void **state)
{
    (void) state;
    static const char *const GOOD[] = {"docker",
                                       "localhost",
                                       "api.moby.localhost",
                                       "127.0.0.1:2375",
                                       "[::1]:80",
                                       "%2Fvar%2Frun%2Fdocker.sock",
                                       ""};
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        char head[128];
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\nhOsT: %s \r\n\r\n", GOOD[i]);
        read_head(head);
    }
    refuse("GET / HTTP/1.1\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nX: y\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nHost: a\r\nHOST: b\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", REASON_HEAD_MALFORMED);
    refuse("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", REASON_HEAD_MALFORMED);
    read_head("GET / HTTP/1.0\r\n\r\n");
}

static void test_length(void **state)
{
    (void) state;
    assert_int_equal(read_fields("Content-Length: 5\r\n").content_bytes, 5);
    assert_int_equal(read_fields("content-LENGTH:5 \r\n").content_bytes, 5);
    assert_int_equal(read_fields("Content-Length: 999999999999999\r\n").content_bytes,
                     999999999999999);
    assert_int_equal(read_fields("Content-Length: 0\r\n").framing, FRAMING_NONE);
    assert_int_equal(read_fields("").framing, FRAMING_NONE);
    refuse_fields("Content-Length: 1000000000000000\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 18446744073709551621\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 5\r\nContent-Length: 5\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 0\r\nContent-Length: 0\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 5, 5\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 5 5\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 005\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 00\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: +5\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: -5\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 0x5\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: 5;\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length:\r\n", REASON_FRAMING_REFUSED);
    refuse_fields("Content-Length: x\r\n", REASON_FRAMING_REFUSED);
}

static void test_transfer_encoding(void **state)
{
    (void) state;
    assert_int_equal(read_fields("Transfer-Encoding: chunked\r\n").framing, FRAMING_CHUNKED);
    assert_int_equal(read_fields("transfer-encoding:CHUNKED\r\n").framing, FRAMING_CHUNKED);
    static const char *const BAD[] = {
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTrailer: X\r\n",
        "Trailer: X\r\n",
        "Content-Encoding: gzip\r\n",
        "Content-Encoding: identity, gzip\r\n",
        "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding:\r\n",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        refuse_fields(BAD[i], REASON_FRAMING_REFUSED);
    read_fields("Content-Encoding: identity\r\n");
    /* The name in full, or it is another field. */
    assert_int_equal(read_fields("Transfer-Encodin: chunked\r\n").framing, FRAMING_NONE);
    assert_int_equal(read_fields("XTransfer-Encoding: chunked\r\n").framing, FRAMING_NONE);
    assert_int_equal(read_fields("Transfer_Encoding: chunked\r\n").framing, FRAMING_NONE);
}

static void test_http10(void **state)
{
    (void) state;
    struct message_request request =
        read_head("POST /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n"
                  "Expect: 100-continue\r\n\r\n");
    assert_true(request.http10);
    assert_false(request.keep_alive);
    assert_false(request.expect_continue);
    assert_int_equal(request.content_bytes, 3);
    /* dockerd ignores the field there and reads the chunks as the next request. */
    refuse("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", REASON_FRAMING_REFUSED);
    refuse("POST /x HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
           "Host: d\r\n\r\nF00D /x HTTP/1.1\r\n",
           REASON_FRAMING_REFUSED);
}

static void test_keep_alive(void **state)
{
    (void) state;
    assert_true(read_fields("").keep_alive);
    assert_true(read_fields("Connection: keep-alive\r\n").keep_alive);
    assert_true(read_fields("Connection: closed\r\n").keep_alive);
    assert_false(read_fields("Connection: close\r\n").keep_alive);
    assert_false(read_fields("connection:CLOSE\r\n").keep_alive);
    assert_false(read_fields("Connection: x, close\r\n").keep_alive);
    assert_false(read_fields("Connection: c, close\r\n").keep_alive); /* http-parser: true */
    assert_false(read_fields("Connection: c,Close ,d\r\n").keep_alive);
    assert_true(read_fields("Connection: c, closer, un-close\r\n").keep_alive);
    assert_false(read_fields("Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
}

static void test_expectations(void **state)
{
    (void) state;
    assert_true(read_fields("Expect: 100-continue\r\nContent-Length: 5\r\n").expect_continue);
    assert_true(
        read_fields("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n").expect_continue);
    assert_false(read_fields("Expect: 100-continue\r\n").expect_continue);
    assert_false(read_fields("Expect: 100-continue\r\nContent-Length: 0\r\n").expect_continue);
    refuse_fields("Expect: 200-ok\r\n", REASON_EXPECTATION_REFUSED);
    refuse_fields("Expect:\r\n", REASON_EXPECTATION_REFUSED);
    refuse_fields("Expect: 100-continue, x\r\n", REASON_EXPECTATION_REFUSED);
    refuse_fields("Expect: 100-continue\r\nExpect: 100-continue\r\n", REASON_EXPECTATION_REFUSED);
}

static void test_upgrade(void **state)
{
    (void) state;
    static const char *const ROWS[] = {
        "Upgrade: tcp\r\nConnection: Upgrade\r\n",
        "Upgrade: foo\r\n",
        "Upgrade:\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
        "HTTP2-Settings: AAMAAABk\r\n",
        "Upgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 5\r\n",
        "Upgrade: tcp\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n",
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        assert_true(read_fields(ROWS[i]).upgrade);
    assert_false(read_fields("Connection: Upgrade\r\n").upgrade);
    /* The head ends where it ends: what follows is not part of it, upgrade or not. */
    struct message_request request;
    int reason;
    const char *two = "GET /a HTTP/1.1\r\nHost: d\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
                      "GET /b HTTP/1.1\r\nHost: d\r\n\r\n";
    assert_int_equal(parse(two, strlen(two), &request, &reason), strstr(two, "GET /b") - two);
}

static void test_content_type(void **state)
{
    (void) state;
    assert_true(read_fields("Content-Type: application/json\r\n").json);
    assert_true(read_fields("Content-Type: Application/JSON ; charset=utf-8\r\n").json);
    assert_true(read_fields("Content-Type:application/json;x\r\n").json);
    assert_false(read_fields("").json);
    assert_true(read_fields("").opaque);
    assert_true(read_fields("Content-Type: application/x-tar\r\n").opaque);
    assert_true(read_fields("Content-Type: Text/Plain ;charset=x\r\n").opaque);
    assert_false(read_fields("Content-Type:\r\n").opaque);
    assert_false(read_fields("Content-Type: application/x-tar, a/b\r\n").opaque);
    assert_false(read_fields("Content-Type: application/json\r\n").opaque);
    assert_false(read_fields("Content-Type: application/x-www-form-urlencoded\r\n").opaque);
    assert_false(read_fields("Content-Type: application/x-www-form-urlencoded; a\r\n").opaque);
    assert_false(read_fields("Content-Type: ;application/x-tar\r\n").opaque);
    assert_false(read_fields("Content-Type:\r\n").json);
    assert_false(read_fields("Content-Type: application/jsonp\r\n").json);
    assert_false(read_fields("Content-Type: application/json, text/plain\r\n").json);
    assert_false(read_fields("Content-Type: application/json text/plain\r\n").json);
    assert_false(read_fields("Content-Type: application/x-www-form-urlencoded\r\n").json);
    assert_false(read_fields("Content-Type: text/plain; application/json\r\n").json);
    refuse_fields("Content-Type: application/json\r\nContent-Type: application/json\r\n",
                  REASON_HEAD_MALFORMED);
}

/* A head of these lines; the caller frees it. */
static char *many_lines(unsigned lines, const char *line, const char *end)
{
    char *text = malloc(64 + lines * strlen(line));
    assert_non_null(text);
    char *to = stpcpy(text, "GET / HTTP/1.1\r\nHost: d\r\n");
    while (lines-- > 0)
        to = stpcpy(to, line);
    strcpy(to, end);
    return text;
}

static void test_limits(void **state)
{
    (void) state;
    struct message_request request;
    int reason;

    char *head = many_lines(15, "X: y\r\n", "\r\n");
    assert_int_equal(parse(head, strlen(head), &request, &reason), strlen(head));
    free(head);
    head = many_lines(16, "X: y\r\n", "\r\n");
    refuse(head, REASON_HEAD_TOO_LARGE);
    free(head);
    head = many_lines(16, "X: y\r\n", ""); /* known before the head is whole */
    refuse(head, REASON_HEAD_TOO_LARGE);
    free(head);

    char text[4096];
    int room = (int) LIMITS.head_bytes - (int) strlen("GET / HTTP/1.1\r\nHost: d\r\nX: \r\n\r\n");
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: d\r\nX: %0*d\r\n\r\n", room, 0);
    assert_int_equal(parse(text, strlen(text), &request, &reason), LIMITS.head_bytes);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: d\r\nX: %0*d\r\n\r\n", room + 1, 0);
    refuse(text, REASON_HEAD_TOO_LARGE);
    assert_int_equal(parse(text, LIMITS.head_bytes - 1, &request, &reason), 0);
    refuse_bytes(text, LIMITS.head_bytes, REASON_HEAD_TOO_LARGE);

    snprintf(text, sizeof text, "GET /%0255d HTTP/1.1\r\nHost: d\r\n\r\n", 0);
    assert_int_equal(parse(text, strlen(text), &request, &reason), strlen(text));
    snprintf(text, sizeof text, "GET /%0256d HTTP/1.1\r\nHost: d\r\n\r\n", 0);
    refuse(text, REASON_TARGET_TOO_LONG);
    assert_int_equal(parse(text, 4 + 256, &request, &reason), 0);
    refuse_bytes(text, 4 + 257, REASON_TARGET_TOO_LONG);
}

/* The audit log can say what was asked for in vain. */
static void test_refusals_keep_the_request_line(void **state)
{
    (void) state;
    struct message_request request;
    int reason;
    const char *text = "HEAD /a#b HTTP/1.1\r\nHost : d\r\n\r\n";
    assert_int_equal(parse(text, strlen(text), &request, &reason), -1);
    assert_int_equal(request.method, METHOD_HEAD);
    assert_int_equal(request.target.bytes, 4);
    assert_memory_equal(request.target.data, "/a#b", 4);
    assert_int_equal(parse("\x16\x03", 2, &request, &reason), -1);
    assert_int_equal(request.method, METHOD_OTHER);
    assert_null(request.target.data);
}

/* What http-parser's own limit would be is no limit of ours. */
static void test_large_limits(void **state)
{
    (void) state;
    struct message_limits limits = {.head_bytes = 1 << 20, .target_bytes = 65536, .headers = 1000};
    struct message_request request;
    int reason = REASON_NONE;
    char line[1024];
    snprintf(line, sizeof line, "X: %01000d\r\n", 0);
    char *head = many_lines(900, line, "\r\n");
    assert_int_equal(message_parse_request(head, strlen(head), &limits, &request, &reason),
                     strlen(head));
    free(head);
}

/* What is judged beside the lines that were read before: the method, the target, the limits. */
static void test_known_heads(void **state)
{
    (void) state;
    static const char lines[] = " HTTP/1.1\r\nHost: d\r\nUser-Agent: x\r\n\r\n";
    struct message_known *known = message_known_new();
    struct message_request request;
    struct message_limits limits = LIMITS;
    char text[256];
    int reason = REASON_NONE, bytes = snprintf(text, sizeof text, "GET /a%s", lines);
    assert_int_equal(
        message_parse_request_known(known, text, (size_t) bytes, &limits, &request, &reason),
        bytes);

    bytes = snprintf(text, sizeof text, "HEAD /other?b=1%s", lines);
    assert_int_equal(
        message_parse_request_known(known, text, (size_t) bytes, &limits, &request, &reason),
        bytes);
    assert_int_equal(request.method, METHOD_HEAD);
    assert_int_equal(request.target.bytes, strlen("/other?b=1"));
    bytes = snprintf(text, sizeof text, "GET /a\"%s", lines);
    assert_int_equal(
        message_parse_request_known(known, text, (size_t) bytes, &limits, &request, &reason), -1);
    assert_int_equal(reason, REASON_TARGET_MALFORMED);

    bytes = snprintf(text, sizeof text, "GET /a%s", lines);
    limits.headers = 1;
    assert_int_equal(
        message_parse_request_known(known, text, (size_t) bytes, &limits, &request, &reason), -1);
    assert_int_equal(reason, REASON_HEAD_TOO_LARGE);
    limits = LIMITS;
    limits.head_bytes = (size_t) bytes - 1;
    assert_int_equal(
        message_parse_request_known(known, text, (size_t) bytes, &limits, &request, &reason), -1);
    assert_int_equal(reason, REASON_HEAD_TOO_LARGE);
    limits.head_bytes = (size_t) bytes;
    for (size_t part = 0; part <= (size_t) bytes; part++)
        assert_int_equal(message_parse_request_known(known, text, part, &limits, &request, &reason),
                         part < (size_t) bytes ? 0 : bytes);
    message_known_free(known);
}

/* Of a body the digits of its length alone may be others; they are read as they always are. */
static void test_known_lengths(void **state)
{
    (void) state;
    static const struct {
        const char *digits;
        long long bytes; /* -1: not known */
    } LENGTHS[] = {
        {"2048", 2048},
        {"1", 1},
        {"7000000000", 7000000000},
        {"999999999999999", 999999999999999},
        {"", -1},
        {"0", -1},
        {"02048", -1},
        {"1000000000000000", -1},
        {"20 48", -1},
        {"+1", -1},
        {"1a", -1},
        {"1,1", -1},
        {"2048\r\nX: y", -1},
        {"2048 ", -1},
    };
    static const char lines[] =
        " HTTP/1.1\r\nHost: d\r\nContent-Length: %s\r\nContent-Type: application/json\r\n\r\n";
    struct message_known *known = message_known_new();
    struct message_request request, again;
    char text[512], rest[256];
    int reason = REASON_NONE, bytes = snprintf(rest, sizeof rest, lines, "100");
    snprintf(text, sizeof text, "POST /a%s", rest);
    assert_int_equal(
        message_parse_request_known(known, text, strlen(text), &LIMITS, &request, &reason),
        strlen(text));
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        bytes = snprintf(rest, sizeof rest, lines, LENGTHS[i].digits);
        size_t found =
            message_known_find(known, METHOD_POST, (struct span){rest, (size_t) bytes}, &request);
        assert_int_equal(found, LENGTHS[i].bytes < 0 ? 0 : bytes);
        assert_int_equal(
            message_known_find(known, METHOD_PUT, (struct span){rest, (size_t) bytes}, &again), 0);
        for (size_t part = 0; part < (size_t) bytes; part++)
            assert_int_equal(
                message_known_find(known, METHOD_POST, (struct span){rest, part}, &again), 0);
        if (found == 0)
            continue;
        assert_int_equal(request.content_bytes, LENGTHS[i].bytes);
        assert_int_equal(request.framing, FRAMING_LENGTH);
        assert_true(request.json);
    }
    message_known_free(known);
}

/* Whether a head with this line stays in memory. */
static bool is_kept(const char *line)
{
    struct message_known *known = message_known_new();
    struct message_request request;
    char text[512];
    int reason = REASON_NONE;
    int bytes = snprintf(text, sizeof text, "GET /a HTTP/1.1\r\nHost: d\r\n%s\r\n", line);

    assert_int_equal(
        message_parse_request_known(known, text, (size_t) bytes, &LIMITS, &request, &reason),
        bytes);
    const char *rest = text + strlen("GET /a");
    bool kept =
        message_known_find(known, METHOD_GET, (struct span){rest, strlen(rest)}, &request) > 0;
    message_known_free(known);
    return kept;
}

/* No secret of a client's stays in memory: what a field is not known to be harmless for, it is. */
static void test_kept_heads(void **state)
{
    (void) state;
    assert_true(is_kept(""));
    assert_true(is_kept("user-agent: x\r\nACCEPT: */*\r\nAccept-Encoding: gzip\r\n"));
    static const char *const SECRET[] = {
        "Authorization: Basic eA==\r\n",
        "proxy-authorization: Basic eA==\r\n",
        "Cookie: session=x\r\n",
        "X-Registry-Auth: e30=\r\n",
        "X-Registry-Auth:\r\n",
        "X-REGISTRY-CONFIG: e30=\r\n",
        "X-Api-Key: x\r\n",
        "Accept: */*\r\nX-Gitlab-Token: x\r\nUser-Agent: x\r\n",
    };
    for (size_t i = 0; i < sizeof SECRET / sizeof SECRET[0]; i++)
        assert_false(is_kept(SECRET[i]));
}

/* Of a good head every part is "not yet", and what follows it changes nothing. */
static void test_prefixes(void **state)
{
    (void) state;
    const char *text = "DELETE /containers/x?v=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n"
                       "Connection: close\r\n\r\n\r\n\r\nGET  junk\n\n";
    size_t head = strlen(text) - strlen("\r\n\r\nGET  junk\n\n");
    struct message_request request;
    int reason;
    for (size_t bytes = 0; bytes <= strlen(text); bytes++)
        assert_int_equal(parse(text, bytes, &request, &reason), bytes < head ? 0 : head);
}

/* Replies */

static ssize_t parse_reply(const char *text, bool to_head, struct message_reply *ret)
{
    static char *copy;
    free(copy);
    copy = malloc(strlen(text) + 1);
    assert_non_null(copy);
    memcpy(copy, text, strlen(text));
    return known_parse_reply(copy, strlen(text), to_head, ret);
}

static struct message_reply read_reply(const char *text, bool to_head)
{
    struct message_reply reply;
    assert_int_equal(parse_reply(text, to_head, &reply), strlen(text));
    return reply;
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.bytes, strlen(text));
    if (span.bytes > 0)
        assert_memory_equal(span.data, text, span.bytes);
}

static void test_replies(void **state)
{
    (void) state;
    struct message_reply reply =
        read_reply("HTTP/1.1 201 Created\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"
                   "Docker-Experimental: false\r\nOstype: linux\r\n"
                   "Server: Docker/20.10.24 (linux)\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\n"
                   "Content-Length: 88\r\n\r\n",
                   false);
    assert_int_equal(reply.status, 201);
    assert_int_equal(reply.framing, FRAMING_LENGTH);
    assert_int_equal(reply.content_bytes, 88);
    assert_true(reply.keep_alive);
    assert_span(reply.api_version, "1.41");
    assert_span(reply.content_type, "application/json");
    assert_span(reply.ostype, "linux");

    reply = read_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    assert_int_equal(reply.framing, FRAMING_CHUNKED);
    assert_true(reply.keep_alive);
    assert_span(reply.content_type, "");

    reply = read_reply("HTTP/1.1 200 OK\r\n\r\n", false);
    assert_int_equal(reply.framing, FRAMING_CLOSE);
    assert_false(reply.keep_alive);

    reply = read_reply("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false);
    assert_int_equal(reply.framing, FRAMING_LENGTH);
    assert_false(reply.keep_alive);

    reply = read_reply("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false);
    assert_false(reply.keep_alive);
    reply =
        read_reply("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", false);
    assert_true(reply.keep_alive);
    assert_int_equal(read_reply("HTTP/1.1 599\r\n\r\n", false).status, 599);
}

static void test_replies_without_body(void **state)
{
    (void) state;
    static const struct {
        const char *head;
        bool to_head, keep_alive;
    } ROWS[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n", false, true},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", false, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 29\r\n\r\n", false, false},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 29\r\n\r\n", true, false},
        {"HTTP/1.1 200 OK\r\n\r\n", true, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, false},
        {"HTTP/1.1 100 Continue\r\n\r\n", false, true},
        {"HTTP/1.1 102 Processing\r\n\r\n", false, true},
        {"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", false, false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct message_reply reply = read_reply(ROWS[i].head, ROWS[i].to_head);
        assert_int_equal(reply.framing, FRAMING_NONE);
        assert_int_equal(reply.keep_alive, ROWS[i].keep_alive);
    }
}

static void test_replies_refused(void **state)
{
    (void) state;
    static const char *const BAD[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x01\r\n\r\n",
        "HTTP/1.1 200 \x01\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 600 High\r\n\r\n",
        "HTTP/1.1 2000 Long\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: d\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "\r\n\r\n",
        "x\r\n\r\n",
    };
    struct message_reply reply;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (parse_reply(BAD[i], false, &reply) != -1)
            fail_msg("accepted: %s", BAD[i]);
    }
}

static void test_reply_limit(void **state)
{
    (void) state;
    struct message_reply reply;
    const size_t most = 64 << 10;
    char *text = malloc(most + 64);
    assert_non_null(text);
    memset(text, 'x', most + 64);
    memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
    assert_int_equal(known_parse_reply(text, most - 1, false, &reply), 0);
    assert_int_equal(known_parse_reply(text, most, false, &reply), -1);
    memcpy(text + most - 4, "\r\n\r\n", 4);
    assert_int_equal(known_parse_reply(text, most, false, &reply), most);
    memset(text + most - 4, 'x', 4);
    memcpy(text + most - 3, "\r\n\r\n", 4);
    assert_int_equal(known_parse_reply(text, most + 1, false, &reply), -1);
    free(text);
}

/* Heads out */

static void assert_written(struct buf *out, const char *text)
{
    if (buf_bytes(out) != strlen(text) || memcmp(buf_data(out), text, strlen(text)) != 0)
        fail_msg("wrote:\n%.*s\nnot:\n%s", (int) buf_bytes(out), buf_data(out), text);
    buf_done(out);
}

static void test_write_request(void **state)
{
    (void) state;
    struct buf out = {0};
    assert_int_equal(
        message_write_request(&out, &(struct message_to_engine){.method = METHOD_POST,
                                                                .target = "/v1.41/x?a=b",
                                                                .body_bytes = 1234,
                                                                .json = true}),
        0);
    assert_written(&out, "POST /v1.41/x?a=b HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n"
                         "Content-Type: application/json\r\nContent-Length: 1234\r\n\r\n");
    assert_int_equal(message_write_request(
                         &out, &(struct message_to_engine){.method = METHOD_POST, .target = "/y"}),
                     0);
    assert_written(&out, "POST /y HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n"
                         "Content-Length: 0\r\n\r\n");
    assert_int_equal(
        message_write_request(&out,
                              &(struct message_to_engine){.method = METHOD_DELETE, .target = "/z"}),
        0);
    assert_written(&out, "DELETE /z HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n\r\n");
    assert_int_equal(
        message_write_request(&out, &(struct message_to_engine){.method = METHOD_PUT,
                                                                .target = "/a",
                                                                .body_bytes = 1ull << 40,
                                                                .tar = true}),
        0);
    assert_written(&out,
                   "PUT /a HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n"
                   "Content-Type: application/x-tar\r\nContent-Length: 1099511627776\r\n\r\n");
    assert_int_equal(message_write_request(&out, &(struct message_to_engine){.method = METHOD_PUT,
                                                                             .target = "/b",
                                                                             .chunked = true,
                                                                             .tar = true}),
                     0);
    assert_written(&out, "PUT /b HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n"
                         "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static struct span path_stat_of(const char *value)
{
    char head[256];
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: %s\r\nContent-Length: 0\r\n\r\n",
             value);
    struct message_reply reply;
    assert_int_equal(known_parse_reply(head, strlen(head), false, &reply), strlen(head));
    return reply.path_stat;
}

static void test_path_stat(void **state)
{
    (void) state;
    static const char *const good[] = {"eyJhIjoxfQ==", "eyJhIjoxMX0=", "eyJhIjoiK/8ifQ+/"};
    static const char *const bad[] = {"",
                                      "=",
                                      "==",
                                      "====",
                                      "eyJ",
                                      "a===",
                                      "eyJhIj=x",
                                      "eyJ hIjo",
                                      "eyJhIjo-",
                                      "eyJhIjo_",
                                      "eyJh\tIjo",
                                      "{\"a\":1}",
                                      ("eyJhIjoxfQ=="
                                       "\r\nX-Docker-Container-Path-Stat: eyJh")};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_span(path_stat_of(good[i]), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(path_stat_of(bad[i]).bytes, 0);

    struct buf out = {0};
    assert_int_equal(
        message_write_reply(&out, &(struct message_to_client){.status = 200,
                                                              .keep_alive = true,
                                                              .path_stat = {"eyJh", 4}}),
        0);
    assert_written(&out, "HTTP/1.1 200 OK\r\nServer: caisson\r\n"
                         "X-Docker-Container-Path-Stat: eyJh\r\n\r\n");
}

static void test_write_chunk(void **state)
{
    (void) state;
    static const struct {
        size_t bytes;
        const char *line;
    } lines[] = {{1, "1\r\n"},
                 {15, "f\r\n"},
                 {16, "10\r\n"},
                 {0xabcdef, "abcdef\r\n"},
                 {SIZE_MAX, "ffffffffffffffff\r\n"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[MESSAGE_CHUNK_BYTES];
        assert_int_equal(message_write_chunk(line, lines[i].bytes), strlen(lines[i].line));
        assert_memory_equal(line, lines[i].line, strlen(lines[i].line));
    }
}

static void test_write_reply(void **state)
{
    (void) state;
    struct buf out = {0};
    struct message_to_client reply = {.status = 403,
                                      .framing = FRAMING_LENGTH,
                                      .content_bytes = UINT64_MAX,
                                      .keep_alive = true,
                                      .content_type = "application/jsonXX",
                                      .content_type_bytes = 16,
                                      .api_minor = 41,
                                      .ostype = "linux",
                                      .retry_after_s = 7};
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 403 Forbidden\r\nApi-Version: 1.41\r\nOstype: linux\r\n"
                         "Server: caisson\r\nContent-Type: application/json\r\nRetry-After: 7\r\n"
                         "Content-Length: 18446744073709551615\r\n\r\n");

    reply = (struct message_to_client){.status = 200, .framing = FRAMING_CHUNKED, .ostype = ""};
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 200 OK\r\nServer: caisson\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\n");

    /* Until the connection ends: then it ends, whatever the caller says of it. */
    reply = (struct message_to_client){
        .status = 299, .framing = FRAMING_CLOSE, .keep_alive = true, .ostype = ""};
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 299 Status\r\nServer: caisson\r\nConnection: close\r\n\r\n");

    reply = (struct message_to_client){.status = 404,
                                       .framing = FRAMING_LENGTH,
                                       .content_bytes = 0,
                                       .http10 = true,
                                       .keep_alive = true,
                                       .ostype = ""};
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 404 Not Found\r\nServer: caisson\r\nContent-Length: 0\r\n"
                         "Connection: close\r\n\r\n");
}

static void test_write_reply_without_body(void **state)
{
    (void) state;
    struct buf out = {0};
    struct message_to_client reply = {
        .status = 204, .framing = FRAMING_LENGTH, .keep_alive = true, .ostype = ""};
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 204 No Content\r\nServer: caisson\r\n\r\n");
    reply.status = 304;
    reply.framing = FRAMING_CHUNKED;
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 304 Not Modified\r\nServer: caisson\r\n\r\n");
    reply = (struct message_to_client){.status = 100, .api_minor = 41, .ostype = "linux"};
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 100 Continue\r\n\r\n");
    /* To a HEAD: no body, so the connection can stay. */
    reply = (struct message_to_client){
        .status = 200, .framing = FRAMING_NONE, .keep_alive = true, .ostype = "linux"};
    assert_int_equal(message_write_reply(&out, &reply), 0);
    assert_written(&out, "HTTP/1.1 200 OK\r\nOstype: linux\r\nServer: caisson\r\n\r\n");
}

/* Every status has one line of its own or the word "Status", and we can read what we write. */
static void test_written_replies_are_read(void **state)
{
    (void) state;
    struct buf out = {0};
    for (int status = 100; status <= 599; status++) {
        struct message_to_client reply = {.status = status,
                                          .framing = FRAMING_LENGTH,
                                          .content_bytes = 12,
                                          .content_type = "a/b",
                                          .content_type_bytes = 3,
                                          .ostype = "linux"};
        struct message_reply read;
        assert_int_equal(message_write_reply(&out, &reply), 0);
        assert_int_equal(known_parse_reply(buf_data(&out), buf_bytes(&out), false, &read),
                         buf_bytes(&out));
        assert_int_equal(read.status, status);
        bool has_body = status >= 200 && status != 204 && status != 304;
        assert_int_equal(read.framing, has_body ? FRAMING_LENGTH : FRAMING_NONE);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_request),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_request_line_refused),
        cmocka_unit_test(test_versions_refused),
        cmocka_unit_test(test_targets_refused),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_lines_refused),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_transfer_encoding),
        cmocka_unit_test(test_http10),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_content_type),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refusals_keep_the_request_line),
        cmocka_unit_test(test_large_limits),
        cmocka_unit_test(test_known_heads),
        cmocka_unit_test(test_known_lengths),
        cmocka_unit_test(test_kept_heads),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_replies_without_body),
        cmocka_unit_test(test_replies_refused),
        cmocka_unit_test(test_reply_limit),
        cmocka_unit_test(test_write_request),
        cmocka_unit_test(test_path_stat),
        cmocka_unit_test(test_write_chunk),
        cmocka_unit_test(test_write_reply),
        cmocka_unit_test(test_write_reply_without_body),
        cmocka_unit_test(test_written_replies_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
