/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer: bytes come out as they went in, memory goes when they do, and there is a maximum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"

static void assert_holds(const struct buf *buf, const char *text)
{
    assert_int_equal(buf_bytes(buf), strlen(text));
    if (buf_bytes(buf) > 0)
        assert_memory_equal(buf_data(buf), text, strlen(text));
}

static void assert_no_memory(const struct buf *buf)
{
    assert_null(buf->data);
    assert_null(buf_data(buf));
    assert_int_equal(buf->room, 0);
    assert_int_equal(buf_bytes(buf), 0);
}

static void test_add_and_consume(void **state)
{
    (void) state;
    struct buf buf = {0};
    assert_int_equal(buf_add(&buf, "", 0), 0);
    assert_no_memory(&buf);
    assert_int_equal(buf_add(&buf, "hello ", 6), 0);
    assert_int_equal(buf_add(&buf, "world 7", 7), 0);
    assert_holds(&buf, "hello world 7");
    buf_consume(&buf, 0);
    buf_consume(&buf, 6);
    assert_holds(&buf, "world 7");
    buf_consume(&buf, 7);
    assert_no_memory(&buf);
    buf_done(&buf);
    buf_done(&buf);
}

static void test_clear(void **state)
{
    (void) state;
    static char much[100 * 1024];
    struct buf buf = {0};
    buf_clear(&buf);
    assert_no_memory(&buf);
    assert_int_equal(buf_add(&buf, "some", 4), 0);
    buf_clear(&buf);
    assert_holds(&buf, "");
    assert_non_null(buf.data); /* for the next */
    assert_int_equal(buf_add(&buf, "more", 4), 0);
    assert_holds(&buf, "more");
    assert_int_equal(buf_add(&buf, much, sizeof much), 0);
    buf_clear(&buf);
    assert_no_memory(&buf);
}

static void test_reserve_and_commit(void **state)
{
    (void) state;
    struct buf buf = {0};
    char *to = buf_reserve(&buf, 5000);
    assert_non_null(to);
    memset(to, 'x', 5000);
    buf_commit(&buf, 5000);
    assert_int_equal(buf_bytes(&buf), 5000);
    assert_non_null(buf_reserve(&buf, 100));
    buf_commit(&buf, 0);
    assert_int_equal(buf_bytes(&buf), 5000);
    buf_consume(&buf, 5000);
    /* Room that was not used goes back: an idle connection that was read from in vain. */
    assert_non_null(buf_reserve(&buf, 4096));
    buf_commit(&buf, 0);
    assert_no_memory(&buf);
}

static void test_maximum(void **state)
{
    (void) state;
    struct buf buf = {0};
    assert_null(buf_reserve(&buf, BUF_MAX_BYTES + 1));
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_no_memory(&buf);
    assert_non_null(buf_reserve(&buf, BUF_MAX_BYTES));
    buf_commit(&buf, BUF_MAX_BYTES);
    assert_int_equal(buf_add(&buf, "x", 1), -1);
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_int_equal(buf_bytes(&buf), BUF_MAX_BYTES);
    buf_consume(&buf, 1);
    assert_int_equal(buf_add(&buf, "x", 1), 0);
    assert_int_equal(buf_bytes(&buf), BUF_MAX_BYTES);
    assert_int_equal(buf.room, BUF_MAX_BYTES);
    assert_int_equal(buf_data(&buf)[BUF_MAX_BYTES - 1], 'x');
    buf_done(&buf);
}

/* A queue that never runs empty keeps a bounded room, however long it lasts. */
static void test_room_stays_bounded(void **state)
{
    (void) state;
    struct buf buf = {0};
    char data[100];
    memset(data, 'y', sizeof data);
    assert_int_equal(buf_add(&buf, data, 50), 0);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buf_add(&buf, data, sizeof data), 0);
        buf_consume(&buf, sizeof data);
        assert_int_equal(buf_bytes(&buf), 50);
    }
    assert_in_range(buf.room, 150, 1024);
    buf_done(&buf);
}

/* Against a plain array: any order of calls gives the bytes in order. */
static void test_random_calls(void **state)
{
    (void) state;
    unsigned short seed[3] = {4, 5, 6};
    struct buf buf = {0};
    unsigned char next_in = 0, next_out = 0;
    size_t model = 0;
    for (int round = 0; round < 20000; round++) {
        size_t bytes = (size_t) nrand48(seed) % 700;
        if (nrand48(seed) % 2) {
            char *to = buf_reserve(&buf, bytes + 1);
            assert_non_null(to);
            for (size_t i = 0; i < bytes; i++)
                to[i] = (char) next_in++;
            buf_commit(&buf, bytes);
            model += bytes;
        } else {
            bytes = bytes < model ? bytes : model;
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal((unsigned char) buf_data(&buf)[i], next_out++);
            buf_consume(&buf, bytes);
            model -= bytes;
        }
        assert_int_equal(buf_bytes(&buf), model);
        assert_int_equal(buf.data == NULL, model == 0);
    }
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_consume), cmocka_unit_test(test_reserve_and_commit),
        cmocka_unit_test(test_maximum),         cmocka_unit_test(test_room_stays_bounded),
        cmocka_unit_test(test_random_calls),    cmocka_unit_test(test_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
