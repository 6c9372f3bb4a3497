/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job: one run as it was asked for: files, command, input, environment, image and limits.
 *
 * A job owns everything that it points to.  job_check() is the one judge of what may be asked;
 * whoever made a job calls it before an engine sees the job.
 */
#ifndef EVALUATOR_JOB_H
#define EVALUATOR_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#define JOB_IMAGE_DEFAULT "python:3.11-slim"
#define JOB_FILES_MAX     4000 /* the tmpfs of /code has 4k inodes */
#define JOB_STDIN_PATH    ".stdin"

struct limits {
#define LIMIT(member, standard, least, most) int64_t member;
#include "limits.def"
#undef LIMIT
    int64_t nano_cpus; /* "cpus" in JSON, a fraction there */
};

struct job_file {
    char *path; /* relative to /code */
    unsigned char *data;
    size_t len;
    unsigned mode;
};

struct job {
    char *id; /* NULL: nobody asked for one */
    char *image;
    char **cmd; /* NULL terminated, like env */
    size_t cmd_count;
    char **env; /* "K=V" */
    size_t env_count;
    struct job_file *files;
    size_t file_count;
    bool has_stdin;
    unsigned char *stdin_data;
    size_t stdin_len;
    bool exec; /* programs below /code may be executed */
    struct limits limits;
};

/* A job with the defaults and no command. */
struct job *job_new(void);
struct job *job_copy(const struct job *job);
void job_free(struct job *job);

void job_set_text(char **member, const char *text);
void job_add_arg(struct job *job, const char *arg);
void job_clear_cmd(struct job *job);

/* `pair` is "K=V".  A later pair for the same name replaces the earlier. */
int job_add_env(struct job *job, const char *pair, struct fault *fault);

/* Copies the data.  Refuses unsafe and doubled paths: absolute, "..", ".", empty parts. */
int job_add_file(struct job *job, const char *path, const void *data, size_t len, unsigned mode,
                 struct fault *fault);

void job_set_stdin(struct job *job, const void *data, size_t len);

/* Everything that a request may get wrong and that is not a matter of syntax. */
int job_check(const struct job *job, struct fault *fault);

#endif
