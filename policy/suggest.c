/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest: edit distance (Levenshtein), blind to case, between short words.
 */
#include "suggest.h"

#include <string.h>
#include <strings.h>

enum { SUGGEST_WORD_BYTES = 80 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static unsigned distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    unsigned row[SUGGEST_WORD_BYTES + 1];
    for (size_t i = 0; i <= b_bytes; i++)
        row[i] = (unsigned) i;
    for (size_t i = 0; i < a_bytes; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned) i + 1;
        for (size_t j = 0; j < b_bytes; j++) {
            unsigned change = corner + (lower(a[i]) != lower(b[j]));
            corner = row[j + 1];
            row[j + 1] = least(change, least(row[j], corner) + 1);
        }
    }
    return row[b_bytes];
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
