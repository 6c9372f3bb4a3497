/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest: edit distance between short words, blind to case.
 */
#include "suggest.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { SUGGEST_WORD_BYTES = 80 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* How many letters must be changed, added, left out, or swapped with their neighbour. */
static unsigned distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    unsigned rows[3][SUGGEST_WORD_BYTES + 1]; /* of the table of all prefixes, the last three */
    for (size_t j = 0; j <= b_bytes; j++)
        rows[0][j] = (unsigned) j;
    for (size_t i = 1; i <= a_bytes; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *second = rows[(i + 1) % 3];
        row[0] = (unsigned) i;
        for (size_t j = 1; j <= b_bytes; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = least(above[j - 1] + !same, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], second[j - 2] + 1);
        }
    }
    return rows[a_bytes % 3][b_bytes];
}

void suggest_offer(struct suggest *suggest, const char *word)
{
    size_t wrong_bytes = strlen(suggest->wrong), word_bytes = strlen(word);
    if (wrong_bytes > SUGGEST_WORD_BYTES || word_bytes > SUGGEST_WORD_BYTES)
        return;
    unsigned far = distance(suggest->wrong, wrong_bytes, word, word_bytes);
    if (far > (word_bytes + 3) / 4 + 1 || far >= word_bytes)
        return;
    if (!suggest->best || far < suggest->distance) {
        suggest->best = word;
        suggest->distance = far;
    }
}
