/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault: why a request or a setting cannot be used, by value.
 *
 * Functions that can fail this way return < 0 and fill the struct fault that their last argument
 * names; on success they leave it alone.  The text is one line for people, without a newline, that
 * says where, what is wrong and what would be right.
 */
#ifndef EVALUATOR_FAULT_H
#define EVALUATOR_FAULT_H

struct fault {
    char text[512];
};

/* Sets the text (cut, never overrun) and returns -1, so that a caller can `return fault_set(...)`.
 */
int fault_set(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "CONTEXT: " before the text that is there; returns -1. */
int fault_wrap(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
