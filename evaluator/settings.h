/* SPDX-License-Identifier: Apache-2.0 */
/* settings: what a command line says, read by the table options.def. */
#ifndef EVALUATOR_SETTINGS_H
#define EVALUATOR_SETTINGS_H

#include "job.h"

/* Commands, as bits: an option says which take it. */
enum command_bit {
    COMMAND_RUN = 1,
    COMMAND_BATCH = 2,
    COMMAND_DOCTOR = 4,
    COMMAND_STANDBY = 8,
    COMMAND_SWEEP = 16,
};

struct settings {
    struct job *job; /* what to run; the defaults in a batch */
    char *in;
    char *out;
    char *instance;
    int64_t jobs; /* 0: not said */
    bool allow_raw_socket;
    bool passthrough;
    bool summary;
    bool canary;
};

void settings_init(struct settings *settings);
void settings_done(struct settings *settings);

/* Reads argv[0..argc), the words after the command; "--" begins the program's command. */
int settings_parse(struct settings *settings, enum command_bit command, int argc, char **argv,
                   struct fault *fault);

/* Prints the rows that the command takes. */
void settings_print_options(enum command_bit command);
/* Prints all rows, and the limits of a request, as sections of the man page. */
void settings_print_man(void);

#endif
