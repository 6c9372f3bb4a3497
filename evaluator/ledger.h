/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger: the results file of a batch, one JSON object a line, and what is already in it.
 *
 * A line is on the disk before the next is written.  What a crash leaves of a last line is cut off
 * when the file is opened again.  Where an id has several lines, the last counts.
 */
#ifndef EVALUATOR_LEDGER_H
#define EVALUATOR_LEDGER_H

#include <stdbool.h>

#include "fault.h"

struct ledger;

/* "-" is stdout, which remembers nothing. */
int ledger_open(const char *path, struct ledger **ret_ledger, struct fault *fault);
void ledger_close(struct ledger *ledger);

/* The word of the verdict that stands for that id, or NULL; it lives as long as the ledger. */
const char *ledger_verdict(const struct ledger *ledger, const char *id);

int ledger_append(struct ledger *ledger, const char *line, struct fault *fault);

#endif
