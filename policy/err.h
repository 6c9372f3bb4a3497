/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: why something could not start or load, by value.
 *
 * Functions that can fail this way return < 0 and fill the struct err that their last argument
 * names; on success they leave it alone.  The text is one line for people, without a newline:
 * "FILE:LINE: what is wrong; what would be right".
 */
#ifndef CAISSON_POLICY_ERR_H
#define CAISSON_POLICY_ERR_H

struct err {
    char text[512];
};

/* Sets the text (cut, never overrun) and returns -1, so that a caller can `return err_set(...)`. */
int err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* Puts "CONTEXT: " before the text that is there; returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

#endif
