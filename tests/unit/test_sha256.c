/* SPDX-License-Identifier: Apache-2.0 */
/* sha256: the examples of FIPS 180-4, every length around a block, and pieces of any size. */
#include "sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_digest(const void *data, size_t bytes, size_t piece, const char *expected)
{
    struct sha256 hash;
    char hex[2 * SHA256_BYTES + 1];
    sha256_init(&hash);
    for (size_t at = 0; at < bytes; at += piece)
        sha256_add(&hash, (const char *) data + at, bytes - at < piece ? bytes - at : piece);
    sha256_hex(&hash, hex, strlen(expected) + 1);
    assert_string_equal(hex, expected);
}

static void examples(void **state)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abc", "ba7816bf8f01"},
        {"abc", "b"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_digest(cases[i].text, strlen(cases[i].text), 1, cases[i].digest);
}

static void a_million_bytes(void **state)
{
    static const char digest[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    static const size_t pieces[] = {1, 3, 63, 64, 65, 1000, 1000000};
    static char text[1000000];
    (void) state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        assert_digest(text, sizeof(text), pieces[i], digest);
}

/* The digest of the digests of 0 to 200 bytes, as another program computes it. */
static void every_length(void **state)
{
    static const char expected[] =
        "75013a3fd49991ead9d8a57ea80485c088443c3406a0e8fa003ed57144041eb4";
    char text[200], hex[2 * SHA256_BYTES + 1];
    struct sha256 all;
    (void) state;
    sha256_init(&all);
    memset(text, 'x', sizeof(text));
    for (size_t bytes = 0; bytes <= sizeof(text); bytes++) {
        struct sha256 one;
        sha256_init(&one);
        sha256_add(&one, text, bytes);
        sha256_hex(&one, hex, sizeof(hex));
        sha256_add(&all, hex, strlen(hex));
    }
    sha256_hex(&all, hex, sizeof(hex));
    assert_string_equal(hex, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(a_million_bytes),
        cmocka_unit_test(every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
