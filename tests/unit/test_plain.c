/* SPDX-License-Identifier: Apache-2.0 */
/* Plain bytes: every byte, at every place of a text of every length around a block's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plain.h"

enum { LONGEST = 40 };

/* Copies of exactly the length, so that a sanitizer sees one byte read too many. */
static size_t plain_of(const char *text, size_t bytes)
{
    char *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    size_t plain = plain_bytes(copy, bytes);
    free(copy);
    return plain;
}

static bool is_plain(int c)
{
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

static void every_byte_everywhere(void **state)
{
    (void) state;
    char text[LONGEST];
    memset(text, 'x', sizeof text);
    for (size_t bytes = 0; bytes <= LONGEST; bytes++) {
        assert_int_equal(plain_of(text, bytes), bytes);
        for (size_t at = 0; at < bytes; at++) {
            for (int c = 0; c < 256; c++) {
                text[at] = (char) c;
                assert_int_equal(plain_of(text, bytes), is_plain(c) ? bytes : at);
            }
            text[at] = 'x';
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_everywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
