/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: base64, UTF-8, sizes, times and CPUs, each at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "units.h"

static void assert_base64(const char *plain, size_t len, const char *coded)
{
    struct bytes text = {0}, back = {0};

    bytes_append_base64(&text, (const unsigned char *) plain, len);
    assert_int_equal(text.len, strlen(coded));
    if (text.len)
        assert_memory_equal(text.data, coded, text.len);
    assert_true(bytes_append_decoded(&back, coded, strlen(coded)));
    assert_int_equal(back.len, len);
    if (len)
        assert_memory_equal(back.data, plain, len);
    bytes_done(&text);
    bytes_done(&back);
}

static void test_base64(void **state)
{
    (void) state;
    static const char *const bad[] = {"A",     "AA",    "AAA",  "A===",     "====",    "AA=A",
                                      "A\nAA", "AAAA=", "AA-_", "AA==AAAA", "AAA AAAA"};

    assert_base64("", 0, "");
    assert_base64("f", 1, "Zg==");
    assert_base64("fo", 2, "Zm8=");
    assert_base64("foo", 3, "Zm9v");
    assert_base64("\0\xff\xfe?", 4, "AP/+Pw==");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct bytes back = {0};

        bytes_append(&back, "x", 1);
        if (bytes_append_decoded(&back, bad[i], strlen(bad[i])))
            fail_msg("\"%s\" was decoded", bad[i]);
        assert_int_equal(back.len, 1);
        bytes_done(&back);
    }
}

static void test_utf8(void **state)
{
    (void) state;
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2g",
                                      "\xe0\x9f\x80",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff"};

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(bytes_is_utf8(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(bytes_is_utf8(bad[i]));
}

/* However a text is cut, what is left of it is whole and lacks at most one character. */
static void test_utf8_cut(void **state)
{
    (void) state;
    static const char text[] = "a\xc2\xa2\xe2\x82\xac\xf0\x90\x8d\x88z";

    for (size_t i = 0; i < sizeof(text); i++) {
        size_t whole = bytes_utf8_whole((const unsigned char *) text, i);
        char copy[sizeof(text)] = "";

        memcpy(copy, text, whole);
        assert_true(whole <= i && i - whole < 4);
        assert_true(bytes_is_utf8(copy));
    }
    assert_int_equal(bytes_utf8_whole((const unsigned char *) "\x80\x80\x80\x80", 4), 4);
}

static void test_units(void **state)
{
    (void) state;
    int64_t n;

    assert_true(units_parse_size("65536", &n) && n == 65536);
    assert_true(units_parse_size("64KiB", &n) && n == 65536);
    assert_true(units_parse_size("100Mi", &n) && n == 104857600);
    assert_true(units_parse_size("2g", &n) && n == INT64_C(2147483648));
    assert_true(units_parse_time("10s", &n) && n == 10000);
    assert_true(units_parse_time("10", &n) && n == 10000);
    assert_true(units_parse_time("500ms", &n) && n == 500);
    assert_true(units_parse_time("2m", &n) && n == 120000);
    assert_true(units_parse_cpus("0.5", &n) && n == 500000000);
    assert_true(units_parse_cpus("2", &n) && n == 2000000000);
    assert_true(units_parse_cpus("1.000000001", &n) && n == 1000000001);
    assert_true(units_parse_count("64", &n) && n == 64);
}

static void test_units_refused(void **state)
{
    (void) state;
    static const char *const bad[] = {"",      "-1", "+1",   " 1",  "1 ",
                                      "x",     "1x", "0x10", "1e3", "99999999999999999999",
                                      "1.2.3", ".5"};
    int64_t n;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (units_parse_size(bad[i], &n) || units_parse_time(bad[i], &n) ||
            units_parse_cpus(bad[i], &n) || units_parse_count(bad[i], &n))
            fail_msg("\"%s\" was taken", bad[i]);
    }
    assert_false(units_parse_count("1k", &n));
    assert_false(units_parse_size("1.5g", &n));
    assert_false(units_parse_cpus("1.0000000001", &n));
    assert_false(units_parse_size("9223372036g", &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_cut),      cmocka_unit_test(test_units),
        cmocka_unit_test(test_units_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
