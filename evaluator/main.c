/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluator: runs untrusted programs in containers and says how they ended.
 *
 * It knows one thing about its surroundings, DOCKER_HOST, and runs nothing outside the engine
 * that it finds there.  main: the table of commands, and what every command needs.
 */
#include "command.h"
#include "engine.h"
#include "verdict.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef EVALUATOR_VERSION
#define EVALUATOR_VERSION "0.1.0"
#endif

struct command_row {
    const char *name;
    enum command_bit bit;
    int (*run)(struct command *command);
    const char *arguments;
    const char *help;
};

static const struct command_row command_rows[] = {
    {"run", COMMAND_RUN, command_run, "[OPTIONS] -- CMD ARG...",
     "run one program; its result is one JSON object on stdout"},
    {"batch", COMMAND_BATCH, command_batch, "--in FILE --out FILE [OPTIONS]",
     "run many, one JSON request a line; the options give defaults"},
    {"doctor", COMMAND_DOCTOR, command_doctor, "[--canary]",
     "say whether there is an engine to work with"},
    {"standby", COMMAND_STANDBY, command_standby, "", "sweep, then wait for SIGTERM"},
    {"sweep", COMMAND_SWEEP, command_sweep, "", "remove containers that a crash left behind"},
    {NULL, 0, NULL, NULL, NULL},
};

/* What evaluator.1 takes from the tables. */
static int print_reference(void)
{
    settings_print_man();
    verdict_print_man();
    return EXIT_YES;
}

static int print_help(void)
{
    puts("usage: evaluator COMMAND ...    (DOCKER_HOST=unix://PATH names the engine)\n");
    for (const struct command_row *row = command_rows; row->name; row++) {
        printf("evaluator %s%s%s\n  %s\n", row->name, *row->arguments ? " " : "", row->arguments,
               row->help);
        settings_print_options(row->bit);
        putchar('\n');
    }
    puts("evaluator version\n"
         "evaluator reference\n  what evaluator.1 takes from the tables\n"
         "evaluator help\n\n"
         "Exit status of run: 0 verdict ok; 1 another verdict that is the program's doing;\n"
         "2 usage or invalid request; 3 refused; 4 sandbox_error; 130 cancelled.\n"
         "Of batch: 0 every run has a verdict of its own; else 2, 3, 4 or 130 as above.");
    return EXIT_YES;
}

static int run_command(const struct command_row *row, int argc, char **argv)
{
    struct settings settings;
    struct command command = {.settings = &settings};
    struct engine_conf conf = {.docker_host = getenv("DOCKER_HOST")};
    struct fault fault;
    int status = EXIT_USAGE;

    settings_init(&settings);
    if (settings_parse(&settings, row->bit, argc, argv, &fault) < 0) {
        command_say("%s", fault.text);
    } else {
        conf.instance = settings.instance;
        conf.allow_raw_socket = settings.allow_raw_socket;
        command.base = event_base_new();
        command.engine = engine_open(command.base, &conf);
        status = row->run(&command);
        engine_close(command.engine);
        event_base_free(command.base);
    }
    settings_done(&settings);
    return status;
}

static bool asks_help(const char *word)
{
    return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    signal(SIGPIPE, SIG_IGN);
    if (asks_help(name) || (argc > 2 && asks_help(argv[2])))
        return print_help();
    for (const struct command_row *row = command_rows; row->name; row++) {
        if (!strcmp(name, row->name))
            return run_command(row, argc - 2, argv + 2);
    }
    if (!strcmp(name, "version") || !strcmp(name, "--version"))
        return puts("evaluator " EVALUATOR_VERSION) < 0;
    if (!strcmp(name, "reference"))
        return print_reference();
    if (argc < 2)
        command_say("a command is missing; `evaluator help` lists them");
    else
        command_say("\"%s\" is no command; `evaluator help` lists them", name);
    return EXIT_USAGE;
}
