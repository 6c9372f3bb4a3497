/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason: the rows of reasons.def as arrays.
 */
#include "reason.h"

#include <assert.h>

static const struct {
    int status;
    const char *word, *text;
} reasons[REASON_COUNT] = {
#define REASON(name, status, word, text) [REASON_##name] = {status, word, text},
#include "reasons.def"
#undef REASON
};

int reason_status(enum reason reason)
{
    assert((unsigned) reason < REASON_COUNT);
    return reasons[reason].status;
}

const char *reason_word(enum reason reason)
{
    assert((unsigned) reason < REASON_COUNT);
    return reasons[reason].word;
}

const char *reason_text(enum reason reason)
{
    assert((unsigned) reason < REASON_COUNT);
    return reasons[reason].text;
}
