/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: lines for the operator, on stderr.  The level is the program's one global.
 *
 * What the operator should conclude: ERROR, something does not work; WARN, it works but look at
 * it; INFO, a life event of the proxy; DEBUG, for its developers.
 */
#ifndef CAISSON_PROXY_LOG_H
#define CAISSON_PROXY_LOG_H

enum log_level { LOG_LEVEL_NONE, LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/*
 * One line, "caisson: LEVEL: TEXT". What is not printable ASCII is written as \xNN; a text of more
 * than 999 bytes is cut. Leaves errno alone.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
