/* SPDX-License-Identifier: Apache-2.0 */
/* What a path is made of: every byte, at every place of texts of every length around a block's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "letters.h"

enum { MOST_BYTES = 50 };

static bool is_letter(int byte)
{
    return byte != 0 && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-.:@/",
                               byte) != NULL;
}

static void test_every_byte_at_every_place(void **state)
{
    (void) state;
    for (size_t bytes = 1; bytes <= MOST_BYTES; bytes++) {
        char *text = malloc(bytes); /* exactly as long, so that a sanitizer sees one too many */
        assert_non_null(text);
        for (size_t i = 0; i < bytes; i++)
            text[i] = "aZ09_-.:@/"[i % 10];
        for (size_t at = 0; at < bytes; at++) {
            char before = text[at];
            for (int byte = 0; byte < 256; byte++) {
                text[at] = (char) byte;
                if (letters_are_path(text, bytes) != is_letter(byte))
                    fail_msg("byte %d at %zu of %zu", byte, at, bytes);
            }
            text[at] = before;
        }
        free(text);
    }
}

static void test_nothing(void **state)
{
    (void) state;
    assert_true(letters_are_path(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
