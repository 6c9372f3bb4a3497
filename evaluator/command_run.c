/* SPDX-License-Identifier: Apache-2.0 */
/* command_run: one program, one result on stdout. */
#include "command.h"
#include "result.h"
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>

struct one_run {
    struct job *job; /* to be given away */
    bool passthrough;
    int exit_status;
};

static int next_job(void *context, struct job **ret_job)
{
    struct one_run *one = context;

    *ret_job = one->job;
    one->job = NULL;
    return *ret_job != NULL;
}

static int exit_status_of(const struct one_run *one, const struct outcome *outcome)
{
    if (one->passthrough && outcome->exit_code >= 0)
        return outcome->exit_code;
    return outcome->trouble.invalid ? EXIT_USAGE : verdict_exit_status(outcome->verdict);
}

static int print_result(void *context, const struct job *job, const struct result *result)
{
    struct one_run *one = context;
    char *line = result_format(result, job);

    one->exit_status = exit_status_of(one, &result->outcome);
    if (puts(line) < 0 || fflush(stdout)) {
        command_say("cannot write the result");
        one->exit_status = EXIT_SANDBOX;
    }
    free(line);
    if (result->outcome.trouble.kind)
        command_say("%s", result->outcome.detail);
    return 0;
}

int command_run(struct command *command)
{
    struct one_run one = {.passthrough = command->settings->passthrough};
    struct runner_conf conf = {
        .base = command->base,
        .engine = command->engine,
        .at_once = 1,
        .context = &one,
        .next = next_job,
        .done = print_result,
    };
    struct fault fault;

    if (job_check(command->settings->job, &fault) < 0) {
        command_say("%s", fault.text);
        return EXIT_USAGE;
    }
    one.job = job_copy(command->settings->job);
    if (runner_run(&conf) == RUNNER_SIGNALED)
        return EXIT_CANCELLED;
    return one.exit_status;
}
