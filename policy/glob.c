/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching without recursion: on a mismatch the last star takes one byte more; when that byte is
 * the separator, the last double star does.  Earlier stars need no second try, because what the
 * later ones can take only grows when the earlier ones take less.
 */
#include "glob.h"

#include <stddef.h>

/* Where to go on when the current attempt fails. */
struct retry {
    const char *pattern; /* behind the star; NULL: there was none */
    const char *text;    /* the first byte that the star has not taken yet */
};

static bool retry_take(struct retry *retry, char separator)
{
    if (!retry->pattern || *retry->text == '\0' || (separator && *retry->text == separator))
        return false;
    retry->text++;
    return true;
}

static bool is_same(char a, char b, bool any_case)
{
    bool letter = (a >= 'A' && a <= 'Z') || (a >= 'a' && a <= 'z');
    return a == b || (any_case && letter && (a ^ b) == 0x20);
}

bool glob_matches(const char *pattern, const char *text, char separator, bool any_case)
{
    struct retry one = {0}, many = {0};
    for (;;) {
        if (*pattern == '*') {
            bool crosses = !separator || pattern[1] == '*';
            pattern += separator && crosses ? 2 : 1;
            if (crosses && *pattern == '\0')
                return true;
            *(crosses ? &many : &one) = (struct retry){.pattern = pattern, .text = text};
            if (crosses)
                one.pattern = NULL;
        } else if (is_same(*pattern, *text, any_case)) {
            if (*text == '\0')
                return true;
            pattern++;
            text++;
        } else if (retry_take(&one, separator)) {
            pattern = one.pattern;
            text = one.text;
        } else if (retry_take(&many, '\0')) {
            one.pattern = NULL;
            pattern = many.pattern;
            text = many.text;
        } else {
            return false;
        }
    }
}
