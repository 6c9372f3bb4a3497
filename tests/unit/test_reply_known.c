/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of replies that were read before: each is read as what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/known.h"

static struct message_reply read_head(const char *text, bool to_head)
{
    struct message_reply reply;
    assert_int_equal(known_parse_reply(text, strlen(text), to_head, &reply), strlen(text));
    return reply;
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.bytes, strlen(text));
    assert_memory_equal(span.data, text, span.bytes);
}

/* Whatever was read before, each of these is read as what it is. */
static void test_replies_known(void **state)
{
    (void) state;
    static const char PLAIN[] = "HTTP/1.1 204 No Content\r\nOstype: linux\r\n\r\n";
    static const char LONGER[] = "HTTP/1.1 204 No Content\r\nOstype: linux\r\nA: b\r\n\r\n";
    static const char LENGTH[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    static const char STAT[] =
        "HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: eyJhIjoxfQ==\r\n\r\n";
    char date[80];
    for (int i = 0; i < 8; i++) { /* more than are kept */
        assert_int_equal(read_head(PLAIN, false).status, 204);
        assert_int_equal(read_head(LONGER, false).fields.bytes,
                         strlen("Ostype: linux\r\nA: b\r\n"));
        assert_int_equal(read_head(LENGTH, false).framing, FRAMING_LENGTH);
        assert_int_equal(read_head(LENGTH, true).framing, FRAMING_NONE);
        assert_span(read_head(STAT, true).path_stat, "eyJhIjoxfQ==");
        snprintf(date, sizeof date, "HTTP/1.1 20%d OK\r\nDate: %d\r\nOstype: x\r\n\r\n", i, i);
        assert_int_equal(read_head(date, true).status, 200 + i);
    }
    struct message_reply reply;
    assert_int_equal(known_parse_reply(PLAIN, strlen(PLAIN) - 1, false, &reply), 0);
    assert_int_equal(known_parse_reply("HTTP/1.1 204 No Content\r\nOstype: linux\r\n\r\nHTTP", 46,
                                       false, &reply),
                     strlen(PLAIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_replies_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
