/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: where they end, at every split of the input; and chunked coding that is not plain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "message.h"

enum { AFTER_BYTES = 3 };
static const char AFTER[] = "GET"; /* of the next message: must never be touched */

/* Feeds one piece; false when the framing is broken. Adds to the payload and to *used. */
static bool feed(struct message_body *body, const char *data, size_t bytes, struct buf *payload,
                 size_t *used)
{
    char *copy = malloc(bytes ? bytes : 1); /* exactly as long, for the sanitizers */
    assert_non_null(copy);
    memcpy(copy, data, bytes);
    size_t at = 0;
    bool good = true;
    while (good && at < bytes && !body->done) {
        struct span part;
        ssize_t taken = message_body_read(body, copy + at, bytes - at, &part);
        good = taken >= 0;
        if (!good)
            break;
        assert_in_range(taken, 1, bytes - at);
        if (part.bytes > 0) {
            assert_true(part.data >= copy + at && part.data + part.bytes <= copy + at + taken);
            assert_int_equal(buf_add(payload, part.data, part.bytes), 0);
        }
        at += (size_t) taken;
    }
    *used += at;
    free(copy);
    return good;
}

/* Reads text in two or three pieces, at every split, and expects the same each time. */
static void read_all(enum framing framing, uint64_t content_bytes, const char *text, size_t bytes,
                     const char *payload, bool done)
{
    for (size_t first = 0; first <= bytes; first++) {
        for (size_t second = first; second <= bytes; second++) {
            struct message_body body;
            struct buf got = {0};
            size_t used = 0;
            message_body_init(&body, framing, content_bytes);
            assert_true(feed(&body, text, first, &got, &used));
            assert_true(feed(&body, text + first, second - first, &got, &used));
            assert_true(feed(&body, text + second, bytes - second, &got, &used));
            assert_int_equal(body.done, done);
            assert_int_equal(used, done ? bytes - AFTER_BYTES : bytes);
            assert_int_equal(buf_bytes(&got), strlen(payload));
            if (buf_bytes(&got) > 0)
                assert_memory_equal(buf_data(&got), payload, strlen(payload));
            buf_done(&got);
        }
    }
}

static void read_chunks(const char *text, const char *payload)
{
    char whole[256];
    size_t bytes = strlen(text);
    memcpy(whole, text, bytes);
    memcpy(whole + bytes, AFTER, AFTER_BYTES);
    read_all(FRAMING_CHUNKED, 0, whole, bytes + AFTER_BYTES, payload, true);
}

static void test_no_body(void **state)
{
    (void) state;
    read_all(FRAMING_NONE, 0, AFTER, AFTER_BYTES, "", true);
    read_all(FRAMING_LENGTH, 0, AFTER, AFTER_BYTES, "", true);
}

static void test_length(void **state)
{
    (void) state;
    read_all(FRAMING_LENGTH, 5, "helloGET", 8, "hello", true);
    read_all(FRAMING_LENGTH, 6, "hello", 5, "hello", false);
    read_all(FRAMING_LENGTH, UINT64_MAX, "hello", 5, "hello", false);
}

static void test_until_close(void **state)
{
    (void) state;
    read_all(FRAMING_CLOSE, 0, "0\r\n\r\nHTTP/1.1 200", 17, "0\r\n\r\nHTTP/1.1 200", false);
}

static void test_chunks(void **state)
{
    (void) state;
    read_chunks("0\r\n\r\n", "");
    read_chunks("000\r\n\r\n", "");
    read_chunks("5\r\nhello\r\n0\r\n\r\n", "hello");
    read_chunks("1\r\na\r\n1\r\nb\r\n2\r\n\r\n\r\n0\r\n\r\n", "ab\r\n");
    read_chunks("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789");
    read_chunks("00000000000000f\r\n0123456789abcde\r\n000000000000000\r\n\r\n", "0123456789abcde");
    read_all(FRAMING_CHUNKED, 0, "5\r\nhello\r\n0\r\n\r", 14, "hello", false);
    read_all(FRAMING_CHUNKED, 0, "fffffffffffffff\r\nhello", 22, "hello", false);
}

/* Broken at its last byte: good at every split before it, refused at every split with it. */
static void refuse_chunks(const char *text)
{
    size_t bytes = strlen(text);
    for (size_t first = 0; first < bytes; first++) {
        struct message_body body;
        struct buf got = {0};
        size_t used = 0;
        message_body_init(&body, FRAMING_CHUNKED, 0);
        if (!feed(&body, text, first, &got, &used) || body.done)
            fail_msg("%s: ends or breaks before byte %zu", text, first);
        if (feed(&body, text + first, bytes - first, &got, &used))
            fail_msg("%s: accepted", text);
        assert_false(body.done);
        buf_done(&got);
    }
}

static void test_chunks_refused(void **state)
{
    (void) state;
    refuse_chunks("\r"); /* a size of no digits */
    refuse_chunks("\n");
    refuse_chunks(" ");
    refuse_chunks("g");
    refuse_chunks("@");
    refuse_chunks("`");
    refuse_chunks("-");
    refuse_chunks("+");
    refuse_chunks("0x");
    refuse_chunks("5 "); /* blanks before CRLF */
    refuse_chunks("5\t");
    refuse_chunks("5;");  /* an extension */
    refuse_chunks("5\n"); /* bare LF */
    refuse_chunks("5\r5");
    refuse_chunks("5\r\r");
    refuse_chunks("1\r\nab"); /* longer than its size */
    refuse_chunks("1\r\na\n");
    refuse_chunks("1\r\na\rb");
    refuse_chunks("1\r\na\r\n\r"); /* an empty line where a size belongs */
    refuse_chunks("0\n");
    refuse_chunks("0\r\n\n");
    refuse_chunks("0\r\nX"); /* a trailer */
    refuse_chunks("0\r\n\r\r");
    refuse_chunks("0\r\n0");
    refuse_chunks("1000000000000000"); /* 16 digits */
    refuse_chunks("0000000000000000");
}

/* Random chunks, random pieces: the payload does not depend on where the pieces end. */
static void test_random_splits(void **state)
{
    (void) state;
    unsigned short seed[3] = {1, 2, 3};
    for (int round = 0; round < 2000; round++) {
        struct buf text = {0}, payload = {0}, got = {0};
        for (long chunks = nrand48(seed) % 6; chunks > 0; chunks--) {
            char data[64];
            size_t bytes = 1 + (size_t) nrand48(seed) % sizeof data;
            for (size_t i = 0; i < bytes; i++)
                data[i] = "\r\n0;aF"[nrand48(seed) % 6];
            char size[16];
            int written =
                snprintf(size, sizeof size, nrand48(seed) % 2 ? "%zx\r\n" : "%04zX\r\n", bytes);
            assert_int_equal(buf_add(&text, size, (size_t) written), 0);
            assert_int_equal(buf_add(&text, data, bytes), 0);
            assert_int_equal(buf_add(&text, "\r\n", 2), 0);
            assert_int_equal(buf_add(&payload, data, bytes), 0);
        }
        assert_int_equal(buf_add(&text, "0\r\n\r\n", 5), 0);

        struct message_body body;
        message_body_init(&body, FRAMING_CHUNKED, 0);
        size_t used = 0;
        while (used < buf_bytes(&text)) {
            assert_false(body.done);
            size_t left = buf_bytes(&text) - used;
            size_t piece = 1 + (size_t) nrand48(seed) % left;
            assert_true(feed(&body, buf_data(&text) + used, piece, &got, &used));
        }
        assert_true(body.done);
        assert_int_equal(buf_bytes(&got), buf_bytes(&payload));
        if (buf_bytes(&got) > 0)
            assert_memory_equal(buf_data(&got), buf_data(&payload), buf_bytes(&got));
        buf_done(&text);
        buf_done(&payload);
        buf_done(&got);
    }
}

/* Who takes payload by other means and the rest by message_body_gap() reads the same body. */
static void test_parts_are_told(void **state)
{
    static const char text[] = "\r\n3\r\nxyz\r\n0004\r\nabcd\r\n12345\r\n";
    struct message_body body;
    struct span payload;
    (void) state;

    message_body_init(&body, FRAMING_CHUNKED, 0);
    assert_int_equal(message_body_payload(&body), 0);
    assert_int_equal(message_body_read(&body, "12\r", 3, &payload), 3);
    assert_int_equal(message_body_payload(&body), 0);
    assert_int_equal(message_body_read(&body, "\nab", 3, &payload), 3);
    assert_int_equal(body.chunk, 0x12);
    assert_int_equal(message_body_payload(&body), 0x10);
    message_body_skip(&body, 0xf);
    assert_int_equal(message_body_payload(&body), 1);
    message_body_skip(&body, 1);
    assert_int_equal(message_body_payload(&body), 0);
    /* As many digits are expected as the last size had: "CR LF 1 2 CR LF". */
    assert_int_equal(message_body_gap(&body), 6);
    assert_int_equal(message_body_read(&body, text, 1, &payload), 1);
    assert_int_equal(message_body_gap(&body), 5);
    assert_int_equal(message_body_read(&body, text + 1, 1, &payload), 1);
    assert_int_equal(message_body_gap(&body), 4);
    assert_int_equal(message_body_read(&body, text + 2, 1, &payload), 1);
    assert_int_equal(message_body_gap(&body), 3);
    assert_int_equal(message_body_read(&body, text + 3, 2, &payload), 2);
    assert_int_equal(message_body_payload(&body), 3);
    message_body_skip(&body, 3);
    assert_int_equal(message_body_gap(&body), 5);
    assert_int_equal(message_body_read(&body, text + 8, 8, &payload), 8);
    assert_int_equal(message_body_payload(&body), 4);
    assert_int_equal(body.chunk, 4);

    message_body_init(&body, FRAMING_LENGTH, 5);
    assert_int_equal(message_body_payload(&body), 5);
    message_body_skip(&body, 5);
    assert_true(body.done);
    assert_int_equal(message_body_payload(&body), 0);
    message_body_init(&body, FRAMING_CLOSE, 0);
    message_body_skip(&body, 100);
    assert_true(message_body_payload(&body) > UINT32_MAX);
}

/* However large a size is, what is read of the next is a line's worth. */
static void test_the_largest_gap(void **state)
{
    struct message_body body;
    struct span payload;
    (void) state;

    message_body_init(&body, FRAMING_CHUNKED, 0);
    assert_int_equal(message_body_read(&body, "fffffffffffffff\r\n", 17, &payload), 17);
    message_body_skip(&body, SIZE_MAX);
    assert_int_equal(message_body_gap(&body), 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_body),        cmocka_unit_test(test_length),
        cmocka_unit_test(test_until_close),    cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunks_refused), cmocka_unit_test(test_random_splits),
        cmocka_unit_test(test_parts_are_told), cmocka_unit_test(test_the_largest_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
