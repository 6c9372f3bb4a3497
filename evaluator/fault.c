/* SPDX-License-Identifier: Apache-2.0 */
/* fault: a reason in words, by value; see fault.h. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault_set(struct fault *fault, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void) vsnprintf(fault->text, sizeof(fault->text), format, args);
    va_end(args);
    return -1;
}

int fault_wrap(struct fault *fault, const char *format, ...)
{
    struct fault inner = *fault;
    char context[160];
    va_list args;

    va_start(args, format);
    (void) vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    return fault_set(fault, "%s: %.*s", context, (int) sizeof(inner.text) - 1, inner.text);
}
