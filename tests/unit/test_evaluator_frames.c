/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: the same payload whatever the cuts; anything that is no frame is damage for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"
#include "frames.h"

static const unsigned char stream[] = {
    1, 0, 0, 0, 0, 0, 0, 3, 'o', 'n',  'e',       /* */
    2, 0, 0, 0, 0, 0, 0, 4, 'e', 'r',  'r', '\n', /* */
    1, 0, 0, 0, 0, 0, 0, 0,                       /* an empty frame */
    1, 0, 0, 0, 0, 0, 0, 2, 0,   0xff,            /* */
    3, 0, 0, 0, 0, 0, 0, 1, '!',
};

struct seen {
    char text[4][16];
    size_t len[4];
};

static void take(void *context, enum frames_stream number, const void *data, size_t len)
{
    struct seen *seen = context;

    assert_true(seen->len[number] + len <= sizeof(seen->text[number]));
    memcpy(seen->text[number] + seen->len[number], data, len);
    seen->len[number] += len;
}

static void assert_seen(const struct seen *seen)
{
    assert_int_equal(seen->len[1], 5);
    assert_memory_equal(seen->text[1], "one\0\xff", 5);
    assert_int_equal(seen->len[2], 4);
    assert_memory_equal(seen->text[2], "err\n", 4);
    assert_int_equal(seen->len[3], 1);
}

/* Two cuts at every pair of places: three pieces, down to empty ones. */
static void test_every_split(void **state)
{
    (void) state;
    for (size_t i = 0; i <= sizeof(stream); i++) {
        for (size_t j = i; j <= sizeof(stream); j++) {
            struct frames frames = {0};
            struct seen seen = {0};

            assert_true(frames_feed(&frames, stream, i, take, &seen));
            assert_true(frames_feed(&frames, stream + i, j - i, take, &seen));
            assert_true(frames_feed(&frames, stream + j, sizeof(stream) - j, take, &seen));
            assert_true(frames_whole(&frames));
            assert_seen(&seen);
        }
    }
}

static void test_where_it_may_end(void **state)
{
    (void) state;
    static const size_t ends[] = {0, 11, 23, 31, 41, 50};
    size_t next = 0;

    for (size_t i = 0; i <= sizeof(stream); i++) {
        struct frames frames = {0};
        struct seen seen = {0};

        assert_true(frames_feed(&frames, stream, i, take, &seen));
        assert_int_equal(frames_whole(&frames), i == ends[next]);
        next += i == ends[next];
    }
    assert_int_equal(next, sizeof(ends) / sizeof(*ends));
}

static void test_damage(void **state)
{
    (void) state;
    static const unsigned char bad[][8] = {
        {0, 0, 0, 0, 0, 0, 0, 1}, {4, 0, 0, 0, 0, 0, 0, 1},
        {1, 1, 0, 0, 0, 0, 0, 1}, {1, 0, 1, 0, 0, 0, 0, 1},
        {1, 0, 0, 1, 0, 0, 0, 1}, {'H', 'T', 'T', 'P', '/', '1', '.', '1'},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct frames frames = {0};
        struct seen seen = {0};

        assert_false(frames_feed(&frames, bad[i], 8, take, &seen));
        assert_false(frames_feed(&frames, stream, sizeof(stream), take, &seen));
        assert_false(frames_whole(&frames));
        assert_int_equal(seen.len[1], 0);
    }
}

static void test_capture(void **state)
{
    (void) state;
    struct capture capture, other;

    capture_init(&capture, 4);
    capture_init(&other, 9);
    assert_false(capture_truncated(&capture));
    capture_add(&capture, "abc", 3);
    assert_false(capture_truncated(&capture));
    capture_add(&capture, "def", 3);
    assert_true(capture_truncated(&capture));
    assert_int_equal(capture.head.len, 4);
    assert_memory_equal(capture.head.data, "abcd", 4);
    for (int i = 0; i < 250; i++)
        capture_add(&capture, "x", 1);
    assert_int_equal(capture.total_bytes, 256);
    assert_false(capture_flooded(&capture));
    capture_add(&capture, "x", 1);
    assert_true(capture_flooded(&capture));
    capture_take(&other, &capture);
    assert_int_equal(other.total_bytes, 257);
    assert_int_equal(capture.total_bytes, 0);
    capture_reset(&other);
    assert_int_equal(other.total_bytes, 0);
    assert_int_equal(other.head.len, 0);
    capture_done(&other);
    capture_done(&capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_where_it_may_end),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
