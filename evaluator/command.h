/* SPDX-License-Identifier: Apache-2.0 */
/* command: what `evaluator COMMAND` does; each returns the exit status. */
#ifndef EVALUATOR_COMMAND_H
#define EVALUATOR_COMMAND_H

#include "settings.h"

struct engine;
struct event_base;

enum {
    EXIT_YES = 0,
    EXIT_NO = 1,
    EXIT_USAGE = 2,
    EXIT_REFUSED = 3,
    EXIT_SANDBOX = 4,
    EXIT_CANCELLED = 130,
};

/* What a command works with. */
struct command {
    struct event_base *base;
    struct engine *engine;
    struct settings *settings;
};

int command_run(struct command *command);
int command_batch(struct command *command);
int command_doctor(struct command *command);
int command_standby(struct command *command);
int command_sweep(struct command *command);

/* One line on stderr. */
void command_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
