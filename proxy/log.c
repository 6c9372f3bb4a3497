/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line per call, made on the stack and written by one system call, so that lines of
 * several processes on one stderr do not mix.  A stderr that nobody reads loses lines rather than
 * stopping the proxy.
 */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LOG_TEXT_BYTES = 1000, /* of the text, so that a line never passes PIPE_BUF; the rest is cut */
    LOG_ESCAPE_BYTES = 4,  /* \xNN */
    LOG_PREFIX_BYTES = 32
};

static enum log_level log_level_wanted = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    log_level_wanted = level;
}

static const char *level_name(enum log_level level)
{
    static const char *const NAMES[] = {
        [LOG_LEVEL_NONE] = "none", [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn",
        [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug",
    };
    return NAMES[level];
}

/* Writes text with all that is not printable ASCII as \xNN; returns the end. */
static char *put_escaped(char *to, const char *text)
{
    static const char HEX[] = "0123456789abcdef";
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;
        if (c >= 0x20 && c < 0x7f) {
            *to++ = (char) c;
            continue;
        }
        *to++ = '\\';
        *to++ = 'x';
        *to++ = HEX[c >> 4];
        *to++ = HEX[c & 15];
    }
    return to;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > log_level_wanted)
        return;
    int saved_errno = errno;

    char text[LOG_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);

    char line[LOG_PREFIX_BYTES + LOG_TEXT_BYTES * LOG_ESCAPE_BYTES + 1];
    char *end = stpcpy(line, "caisson: ");
    end = stpcpy(stpcpy(end, level_name(level)), ": ");
    end = put_escaped(end, text);
    *end++ = '\n';

    struct pollfd stderr_ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&stderr_ready, 1, 0) == 1 && stderr_ready.revents & POLLOUT) {
        ssize_t written;
        do
            written = write(STDERR_FILENO, line, (size_t) (end - line));
        while (written < 0 &&
               errno == EINTR); /* else there is nowhere left to say that it failed */
    }
    errno = saved_errno;
}
