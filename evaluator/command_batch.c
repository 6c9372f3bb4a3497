/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_batch: run requests from a file of lines, results to another, resumed by id.
 *
 * A file is read twice: first all of it is checked, so that a broken line is told before anything
 * runs.  What comes through a pipe is checked line by line.
 */
#include "command.h"
#include "engine.h"
#include "ledger.h"
#include "mem.h"
#include "request.h"
#include "result.h"
#include "runner.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct batch {
    const struct settings *settings;
    FILE *in;
    const char *in_name;
    size_t line; /* the last that was read */
    char *text;
    size_t text_room;
    json_t *seen; /* the ids of this input */
    struct ledger *ledger;
    size_t total; /* requests in the input; 0: not known */
    size_t skipped;
    size_t counts[VERDICT_COUNT];
    bool show_progress;
    int failure; /* exit status of what stopped the batch, or 0 */
};

/* ---- the input ---- */

static int note_id(struct batch *batch, const struct job *job, struct fault *fault)
{
    if (!job->id)
        return fault_set(fault, "id is missing; a run in a batch needs one to be found again");
    if (json_object_get(batch->seen, job->id))
        return fault_set(fault, "id \"%.60s\" is there twice", job->id);
    json_object_set_new(batch->seen, job->id, json_true());
    return 0;
}

/* 1 and the next request, 0 at the end, < 0 with the reason said.  Blank lines are passed over. */
static int read_request(struct batch *batch, struct job **ret_job)
{
    struct fault fault;
    struct job *job = NULL;
    ssize_t len;

    do {
        errno = 0;
        len = getline(&batch->text, &batch->text_room, batch->in);
        batch->line++;
    } while (len > 0 && strspn(batch->text, " \t\r\n") == (size_t) len);
    if (len < 0 && !ferror(batch->in))
        return 0;
    if (len < 0)
        fault_set(&fault, "%s", strerror(errno));
    else if (request_parse(batch->text, (size_t) len, batch->settings->job, &job, &fault) >= 0 &&
             note_id(batch, job, &fault) >= 0) {
        *ret_job = job;
        return 1;
    }
    job_free(job);
    command_say("%s:%zu: %s", batch->in_name, batch->line, fault.text);
    batch->failure = EXIT_USAGE;
    return -1;
}

/* Reads all of a file for its errors and its length, and goes back to its start. */
static int check_input(struct batch *batch)
{
    struct stat status;
    struct job *job;
    int r;

    if (fstat(fileno(batch->in), &status) < 0 || !S_ISREG(status.st_mode))
        return 0;
    while ((r = read_request(batch, &job)) > 0) {
        batch->total++;
        job_free(job);
    }
    rewind(batch->in);
    json_object_clear(batch->seen);
    batch->line = 0;
    return r;
}

/* ---- progress ---- */

static size_t count_done(const struct batch *batch)
{
    size_t done = 0;

    for (size_t i = 0; i < VERDICT_COUNT; i++)
        done += batch->counts[i];
    return done;
}

static void show_progress(const struct batch *batch)
{
    size_t done = count_done(batch);

    if (!batch->show_progress)
        return;
    fprintf(stderr, "\r\033[K%zu", done);
    if (batch->total)
        fprintf(stderr, "/%zu", batch->total);
    fprintf(stderr, " done, %zu ok", batch->counts[VERDICT_OK]);
    if (batch->counts[VERDICT_SANDBOX_ERROR])
        fprintf(stderr, ", %zu sandbox_error", batch->counts[VERDICT_SANDBOX_ERROR]);
    fflush(stderr);
}

static void print_summary(const struct batch *batch)
{
    for (enum verdict v = 0; v < VERDICT_COUNT; v++) {
        if (batch->counts[v])
            fprintf(stderr, "%-14s %zu\n", verdict_word(v), batch->counts[v]);
    }
    fprintf(stderr, "%-14s %zu, of them %zu from an earlier batch\n", "runs", count_done(batch),
            batch->skipped);
}

/* ---- the runs ---- */

/* An earlier batch has it, and it was no fault of the sandbox or of an early end. */
static bool is_settled(struct batch *batch, const struct job *job)
{
    const char *word = ledger_verdict(batch->ledger, job->id);
    enum verdict verdict = word ? verdict_from_word(word) : VERDICT_COUNT;

    if (verdict == VERDICT_COUNT || verdict == VERDICT_SANDBOX_ERROR ||
        verdict == VERDICT_CANCELLED)
        return false;
    batch->counts[verdict]++;
    batch->skipped++;
    return true;
}

static int next_job(void *context, struct job **ret_job)
{
    struct batch *batch = context;
    int r;

    while ((r = read_request(batch, ret_job)) > 0 && is_settled(batch, *ret_job))
        job_free(*ret_job);
    return r;
}

static int write_result(void *context, const struct job *job, const struct result *result)
{
    struct batch *batch = context;
    struct fault fault;
    char *line;
    int r;

    if (result->outcome.verdict == VERDICT_CANCELLED)
        return 0;
    line = result_format(result, job);
    r = ledger_append(batch->ledger, line, &fault);
    free(line);
    if (r < 0) {
        command_say("%s", fault.text);
        batch->failure = EXIT_SANDBOX;
        return -1;
    }
    batch->counts[result->outcome.verdict]++;
    show_progress(batch);
    return 0;
}

/* 0 when every run has a verdict of its own, whatever it is. */
static int batch_exit_status(const struct batch *batch)
{
    if (batch->failure)
        return batch->failure;
    if (batch->counts[VERDICT_SANDBOX_ERROR])
        return EXIT_SANDBOX;
    return batch->counts[VERDICT_REFUSED] ? EXIT_REFUSED : EXIT_YES;
}

static int batch_run(struct batch *batch, struct command *command)
{
    const struct settings *settings = command->settings;
    struct runner_conf conf = {
        .base = command->base,
        .engine = command->engine,
        .at_once = settings->jobs ? (size_t) settings->jobs : runner_default_at_once(),
        .context = batch,
        .next = next_job,
        .done = write_result,
    };
    enum runner_end end = runner_run(&conf);

    if (batch->show_progress)
        fputc('\n', stderr);
    if (settings->summary)
        print_summary(batch);
    return end == RUNNER_SIGNALED ? EXIT_CANCELLED : batch_exit_status(batch);
}

static int check_settings(const struct command *command)
{
    const struct settings *settings = command->settings;

    if (!settings->in || !settings->out) {
        command_say("batch needs --in FILE and --out FILE");
        return EXIT_USAGE;
    }
    if (settings->jobs > RUNNER_MAX) {
        command_say("--jobs: at most %d runs at once", RUNNER_MAX);
        return EXIT_USAGE;
    }
    if (command->engine->trouble.kind) {
        command_say("%s", command->engine->trouble.text);
        return command->engine->trouble.kind == TROUBLE_REFUSED ? EXIT_REFUSED : EXIT_SANDBOX;
    }
    return EXIT_YES;
}

static int batch_open(struct batch *batch)
{
    const struct settings *settings = batch->settings;
    bool is_stdin = !strcmp(settings->in, "-");
    struct fault fault;

    batch->in_name = is_stdin ? "stdin" : settings->in;
    batch->in = is_stdin ? stdin : fopen(settings->in, "re");
    if (!batch->in) {
        command_say("%s: %s", settings->in, strerror(errno));
        return EXIT_USAGE;
    }
    if (check_input(batch) < 0)
        return batch->failure;
    if (ledger_open(settings->out, &batch->ledger, &fault) < 0) {
        command_say("%s", fault.text);
        return EXIT_USAGE;
    }
    return EXIT_YES;
}

int command_batch(struct command *command)
{
    struct batch batch = {
        .settings = command->settings,
        .show_progress = isatty(STDERR_FILENO),
    };
    int status = check_settings(command);

    if (status)
        return status;
    batch.seen = json_object();
    status = batch_open(&batch);
    if (!status)
        status = batch_run(&batch, command);
    ledger_close(batch.ledger);
    if (batch.in && batch.in != stdin)
        fclose(batch.in);
    json_decref(batch.seen);
    free(batch.text);
    return status;
}
