/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_doctor: is there an engine to work with; and, with --canary, does it keep programs in.
 *
 * The canaries are programs of sh, so they run in any image that runs can be done in.
 */
#include "capture.h"
#include "command.h"
#include "engine.h"
#include "result.h"
#include "runner.h"

#include <stdio.h>
#include <string.h>

struct canary {
    const char *name;
    const char *promise;
    const char *script;
    enum verdict verdict;
    const char *output; /* of an ok one */
};

static const struct canary canaries[] = {
    {"user", "runs as uid and gid 65534", "id -u; id -g", VERDICT_OK, "65534\n65534\n"},
    {"groups", "has no other group", "id -G", VERDICT_OK, "65534\n"},
    {"capabilities", "has no capabilities",
     "while read k v; do case $k in Cap[IPEBA]*) echo $v;; esac; done </proc/self/status | sort -u",
     VERDICT_OK, "0000000000000000\n"},
    {"privileges", "gains no privileges",
     "while read k v; do case $k in NoNewPrivs:) echo $v;; esac; done </proc/self/status",
     VERDICT_OK, "1\n"},
    {"seccomp", "is under a system call filter",
     "while read k v; do case $k in Seccomp:) echo $v;; esac; done </proc/self/status", VERDICT_OK,
     "2\n"},
    {"network", "sees no network but its own loopback",
     "while read k v; do case $k in *:*) echo ${k%%:*};; esac; done </proc/net/dev", VERDICT_OK,
     "lo\n"},
    {"root", "cannot write to the root file system",
     "for d in / /etc /usr /var /root /home; do [ -d $d ] || continue; "
     "(: >$d/canary) 2>/dev/null && echo $d; done; true",
     VERDICT_OK, ""},
    {"environment", "sees only PATH, HOME and what was asked for",
     "env | while IFS= read -r v; do case $v in PATH=*|PWD=*|OLDPWD=*|SHLVL=*|_=*);; "
     "*) echo \"$v\";; esac; done",
     VERDICT_OK, "HOME=/tmp\n"},
    {"memory", "is killed at its memory limit", "x=$(head -c 200000000 /dev/zero | tr '\\0' x)",
     VERDICT_MEMORY_LIMIT, NULL},
    {"time", "is killed at its wall limit", "sleep 60", VERDICT_TIME_LIMIT, NULL},
    {"output", "is killed for a flood of output", "yes", VERDICT_OUTPUT_LIMIT, NULL},
};

#define CANARY_COUNT (sizeof(canaries) / sizeof(*canaries))

struct doctor {
    const struct settings *settings;
    size_t given;
    size_t failed;
};

static int next_canary(void *context, struct job **ret_job)
{
    struct doctor *doctor = context;
    struct job *job;

    if (doctor->given == CANARY_COUNT)
        return 0;
    job = job_new();
    job_set_text(&job->id, canaries[doctor->given].name);
    job_set_text(&job->image, doctor->settings->job->image);
    job_add_arg(job, "sh");
    job_add_arg(job, "-c");
    job_add_arg(job, canaries[doctor->given].script);
    job->limits.memory_bytes = 64 << 20;
    job->limits.wall_ms = canaries[doctor->given].verdict == VERDICT_TIME_LIMIT ? 1000 : 20000;
    job->limits.stdout_bytes = 1024;
    doctor->given++;
    *ret_job = job;
    return 1;
}

static const struct canary *find_canary(const char *name)
{
    const struct canary *canary = canaries;

    while (strcmp(canary->name, name))
        canary++;
    return canary;
}

/* The start of what a canary printed, on one line. */
static void print_seen(const struct bytes *seen)
{
    for (size_t i = 0; i < seen->len && i < 100; i++) {
        unsigned char c = seen->data[i];

        putchar(c == '\n' ? ' ' : c < ' ' || c > '~' ? '?' : c);
    }
}

static int judge_canary(void *context, const struct job *job, const struct result *result)
{
    struct doctor *doctor = context;
    const struct canary *canary = find_canary(job->id);
    const struct bytes *seen = &result->out->head;
    bool good = result->outcome.verdict == canary->verdict;

    if (good && canary->output)
        good = seen->len == strlen(canary->output) &&
               !(seen->len && memcmp(seen->data, canary->output, seen->len));
    doctor->failed += !good;
    printf("%-4s %-12s %s: ", good ? "ok" : "FAIL", canary->name, canary->promise);
    if (canary->output && result->outcome.verdict == VERDICT_OK) {
        print_seen(seen);
    } else {
        printf("%s%s%s", verdict_word(result->outcome.verdict), *result->outcome.detail ? ", " : "",
               result->outcome.detail);
    }
    putchar('\n');
    fflush(stdout);
    return 0;
}

static int run_canaries(struct command *command)
{
    struct doctor doctor = {.settings = command->settings};
    struct runner_conf conf = {
        .base = command->base,
        .engine = command->engine,
        .at_once = 2,
        .context = &doctor,
        .next = next_canary,
        .done = judge_canary,
    };

    if (runner_run(&conf) == RUNNER_SIGNALED)
        return EXIT_CANCELLED;
    printf("%zu of %zu canaries saw what they should\n", CANARY_COUNT - doctor.failed,
           CANARY_COUNT);
    return doctor.failed ? EXIT_NO : EXIT_YES;
}

int command_doctor(struct command *command)
{
    const struct engine *engine = command->engine;

    if (engine->trouble.kind) {
        printf("FAIL %s\n", engine->trouble.text);
        return EXIT_NO;
    }
    printf("ok   %s answers at DOCKER_HOST\n", engine->raw ? "a raw engine" : "caisson");
    return command->settings->canary ? run_canaries(command) : EXIT_YES;
}
