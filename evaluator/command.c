/* SPDX-License-Identifier: Apache-2.0 */
/* command: what all commands share; see command.h. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>

void command_say(const char *format, ...)
{
    va_list args;

    fputs("evaluator: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
