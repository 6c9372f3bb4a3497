/* SPDX-License-Identifier: Apache-2.0 */
/* verdict: facts to verdict, one question per row, the first yes wins; see verdict.h. */
#include "verdict.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define STATUS_SIGKILL 137

struct verdict_row {
    const char *word;
    const char *code;
    int exit_status;
    const char *meaning;
};

static const struct verdict_row verdict_rows[VERDICT_COUNT] = {
#define VERDICT(name, word, code, status, meaning) {word, code, status, meaning},
#include "verdicts.def"
#undef VERDICT
};

/* Signals that end a process unless it handles them; the gaps are those that do not. */
static const char *const signal_names[] = {
    [1] = "SIGHUP",     [2] = "SIGINT",   [3] = "SIGQUIT",  [4] = "SIGILL",     [5] = "SIGTRAP",
    [6] = "SIGABRT",    [7] = "SIGBUS",   [8] = "SIGFPE",   [9] = "SIGKILL",    [10] = "SIGUSR1",
    [11] = "SIGSEGV",   [12] = "SIGUSR2", [13] = "SIGPIPE", [14] = "SIGALRM",   [15] = "SIGTERM",
    [16] = "SIGSTKFLT", [24] = "SIGXCPU", [25] = "SIGXFSZ", [26] = "SIGVTALRM", [27] = "SIGPROF",
    [29] = "SIGIO",     [30] = "SIGPWR",  [31] = "SIGSYS",
};

const char *verdict_word(enum verdict verdict)
{
    return verdict_rows[verdict].word;
}

const char *verdict_code(enum verdict verdict)
{
    return verdict_rows[verdict].code;
}

int verdict_exit_status(enum verdict verdict)
{
    return verdict_rows[verdict].exit_status;
}

void verdict_print_man(void)
{
    puts(".Sh VERDICTS\n"
         "In the order in which they are decided, each with its code and the exit status\nof\n"
         ".Cm run :\n.Bl -tag -width sandbox_error");
    for (enum verdict v = 0; v < VERDICT_COUNT; v++)
        printf(".It Sy %s Pq %s , %d\n%s\n", verdict_rows[v].word, verdict_rows[v].code,
               verdict_rows[v].exit_status, verdict_rows[v].meaning);
    puts(".El");
}

enum verdict verdict_from_word(const char *word)
{
    enum verdict verdict = 0;

    while (verdict < VERDICT_COUNT && strcmp(verdict_rows[verdict].word, word))
        verdict++;
    return verdict;
}

void trouble_set(struct trouble *trouble, enum trouble_kind kind, const char *code, bool retryable,
                 const char *format, ...)
{
    va_list args;

    if (trouble->kind)
        return;
    trouble->kind = kind;
    trouble->retryable = retryable;
    (void) snprintf(trouble->code, sizeof(trouble->code), "%s", code);
    va_start(args, format);
    (void) vsnprintf(trouble->text, sizeof(trouble->text), format, args);
    va_end(args);
}

/* The container ended, or may have ended, by the SIGKILL of our own DELETE. */
static bool ended_by_us(const struct facts *facts)
{
    if (!facts->killed)
        return false;
    return facts->has_status ? facts->status == STATUS_SIGKILL : facts->waiting;
}

/* What makes the outcome unknowable although no step failed outright. */
static void find_doubt(const struct facts *facts, struct trouble *trouble)
{
    bool killed_by_someone = facts->has_status && facts->status == STATUS_SIGKILL && !facts->killed;

    if (facts->unpack_failed)
        trouble_set(trouble, TROUBLE_SANDBOX, "unpack_failed", false,
                    "the files could not be unpacked in the container; the image needs sh, "
                    "base64, tar and gzip, and the memory and tmp limits must hold the files");
    if (facts->output_damaged && !facts->killed)
        trouble_set(trouble, TROUBLE_SANDBOX, "output_damaged", true,
                    "the engine's log stream was damaged or incomplete");
    if (facts->vanished && (killed_by_someone || !facts->has_status))
        trouble_set(trouble, TROUBLE_SANDBOX, "container_removed", true,
                    "the container was removed by someone else while it ran");
    if (killed_by_someone && facts->interrupted)
        trouble_set(trouble, TROUBLE_SANDBOX, "engine_interrupted", true,
                    "the program was killed while the connection to the engine was down");
    if (!facts->has_status && !ended_by_us(facts))
        trouble_set(trouble, TROUBLE_SANDBOX, "no_status", true, "the engine gave no exit status");
}

static const char *fatal_signal(int status)
{
    size_t number = status > 128 ? (size_t) status - 128 : 0;

    return number < sizeof(signal_names) / sizeof(*signal_names) ? signal_names[number] : NULL;
}

static enum verdict decide(const struct facts *facts, const struct trouble *trouble)
{
    if (trouble->kind == TROUBLE_REFUSED)
        return VERDICT_REFUSED;
    if (trouble->kind)
        return VERDICT_SANDBOX_ERROR;
    if (facts->cancelled)
        return VERDICT_CANCELLED;
    if (ended_by_us(facts))
        return facts->killed == KILL_OUTPUT ? VERDICT_OUTPUT_LIMIT : VERDICT_TIME_LIMIT;
    if (facts->status == STATUS_SIGKILL)
        return VERDICT_MEMORY_LIMIT;
    if (fatal_signal(facts->status))
        return VERDICT_SIGNALED;
    return facts->status ? VERDICT_RUNTIME_ERROR : VERDICT_OK;
}

static void describe(const struct facts *facts, struct outcome *outcome)
{
    char *text = outcome->detail;
    size_t size = sizeof(outcome->detail);

    switch (outcome->verdict) {
    case VERDICT_REFUSED:
    case VERDICT_SANDBOX_ERROR:
        (void) snprintf(text, size, "%s", outcome->trouble.text);
        break;
    case VERDICT_CANCELLED:
        (void) snprintf(text, size, "cancelled before the program ended");
        break;
    case VERDICT_MEMORY_LIMIT:
        (void) snprintf(text, size, "killed at the memory limit of %lld bytes",
                        facts->memory_limit_bytes);
        break;
    case VERDICT_TIME_LIMIT:
        (void) snprintf(text, size, "wall limit of %lld ms", facts->wall_limit_ms);
        break;
    case VERDICT_OUTPUT_LIMIT:
        (void) snprintf(text, size, "more than 64 times the output cap of %lld bytes",
                        facts->output_limit_bytes);
        break;
    case VERDICT_SIGNALED:
        (void) snprintf(text, size, "ended by %s", outcome->signal);
        break;
    case VERDICT_RUNTIME_ERROR:
        (void) snprintf(text, size, "exit code %d", outcome->exit_code);
        break;
    case VERDICT_OK:
    case VERDICT_COUNT:
        break;
    }
}

struct outcome verdict_decide(const struct facts *facts)
{
    struct outcome outcome = {.exit_code = -1, .trouble = facts->trouble};

    if (!facts->cancelled)
        find_doubt(facts, &outcome.trouble);
    outcome.verdict = decide(facts, &outcome.trouble);
    switch (outcome.verdict) {
    case VERDICT_MEMORY_LIMIT:
    case VERDICT_TIME_LIMIT:
    case VERDICT_OUTPUT_LIMIT:
        outcome.signal = signal_names[9];
        break;
    case VERDICT_SIGNALED:
        outcome.signal = fatal_signal(facts->status);
        break;
    case VERDICT_RUNTIME_ERROR:
    case VERDICT_OK:
        outcome.exit_code = facts->status;
        break;
    default:
        break;
    }
    if (outcome.verdict != VERDICT_REFUSED && outcome.verdict != VERDICT_SANDBOX_ERROR)
        outcome.trouble = (struct trouble){0};
    describe(facts, &outcome);
    return outcome;
}
