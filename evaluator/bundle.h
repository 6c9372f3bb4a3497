/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle: a job as the command line and the environment of a container.
 *
 * The five operations leave no other way in: the files travel as tar.gz, in base64, in chunks
 * D0, D1, ... of the environment, and one line of sh unpacks them into the tmpfs /code and
 * becomes the program.  The program sees none of it.  The kernel bounds each string and their
 * sum, and the engine tells nobody when they are too large, so bundle_make() checks first.
 */
#ifndef EVALUATOR_BUNDLE_H
#define EVALUATOR_BUNDLE_H

#include "job.h"

#define BUNDLE_STRING_MAX 131071             /* one argument or K=V, without its NUL */
#define BUNDLE_TOTAL_MAX  ((2 << 20) - 4096) /* all of them with NULs and pointers */
#define BUNDLE_CHUNK      131000
#define BUNDLE_MARK_SIZE  33

struct bundle {
    char **cmd; /* NULL terminated, like env */
    size_t cmd_count;
    char **env;
    size_t env_count;
    /* Unguessable; the unpacker prints it on stdout and exits with 125 when it fails. */
    char mark[BUNDLE_MARK_SIZE];
};

/* < 0: the job does not fit. */
int bundle_make(const struct job *job, struct bundle *ret_bundle, struct fault *fault);
void bundle_done(struct bundle *bundle);

/* The exit status and the kept stdout say that the unpacker gave up. */
bool bundle_unpack_failed(const struct bundle *bundle, int status, const void *out, size_t len);

#endif
