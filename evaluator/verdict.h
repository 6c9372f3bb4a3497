/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict: what a run comes to, as a pure function of what was observed.
 *
 * An infrastructure failure must never look like the program's failure: when the facts do not
 * prove that the program ended as it did by its own doing, the verdict is sandbox_error.
 *
 * Without an init in the container the exit status is all that the engine tells:
 * - 137 that nobody of us asked for is the kernel's out-of-memory kill.  The program is PID 1 of
 *   its namespace, so it cannot send itself SIGKILL; a program that calls exit(137) is misread.
 * - 128+n is taken for death by signal n where n is a signal that ends a process.  Here, too, a
 *   program that calls exit(139) cannot be told from one that crashed.  As PID 1 it is killed by
 *   the signals of a fault (SEGV, BUS, FPE, ILL, ...), while ABRT, TERM and the like pass it by:
 *   abort() then ends in the SIGSEGV that the C library keeps as its last resort.
 */
#ifndef EVALUATOR_VERDICT_H
#define EVALUATOR_VERDICT_H

#include <stdbool.h>

enum verdict {
#define VERDICT(name, word, code, status, meaning) VERDICT_##name,
#include "verdicts.def"
#undef VERDICT
    VERDICT_COUNT,
};

/* Why we had the container deleted before it ended. */
enum kill_cause { KILL_NONE, KILL_WALL, KILL_OUTPUT, KILL_CANCEL };

/* Whose doing it is that a run could not be carried through. */
enum trouble_kind { TROUBLE_NONE, TROUBLE_REFUSED, TROUBLE_SANDBOX };

struct trouble {
    enum trouble_kind kind;
    bool retryable; /* the same run may fare better later */
    bool invalid;   /* refused for what the request itself is */
    char code[32];  /* one word for programs */
    char text[512];
};

struct facts {
    struct trouble trouble; /* the first that occurred */
    bool cancelled;
    enum kill_cause killed;
    bool waiting; /* the engine had taken our wait when we killed */
    bool has_status;
    int status;         /* the engine's StatusCode */
    bool unpack_failed; /* the program never started */
    bool vanished;      /* someone else removed the container */
    bool interrupted;   /* the connection to the engine broke while the program ran */
    bool output_damaged;
    long long wall_limit_ms;
    long long memory_limit_bytes;
    long long output_limit_bytes; /* the cap of the stream that ran over */
};

struct outcome {
    enum verdict verdict;
    int exit_code;      /* -1: the program did not exit by itself */
    const char *signal; /* NULL: no signal ended it */
    char detail[512];
    struct trouble trouble; /* of refused and sandbox_error */
};

struct outcome verdict_decide(const struct facts *facts);

const char *verdict_word(enum verdict verdict);
const char *verdict_code(enum verdict verdict);
int verdict_exit_status(enum verdict verdict);

/* Prints all rows as a section of the man page. */
void verdict_print_man(void);

/* The verdict with that word, or VERDICT_COUNT. */
enum verdict verdict_from_word(const char *word);

/* Fills `trouble` unless there is one already: the first cause is the one that counts. */
void trouble_set(struct trouble *trouble, enum trouble_kind kind, const char *code, bool retryable,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
