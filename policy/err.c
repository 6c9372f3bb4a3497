/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: one line of text about why something could not start or load.
 */
#include "err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    struct err inner = *err;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    assert(used >= 0);
    if ((size_t) used + 2 < sizeof(err->text)) {
        size_t room = sizeof(err->text) - (size_t) used - 3;
        snprintf(err->text + used, room + 3, ": %.*s", (int) room, inner.text);
    }
    return -1;
}
