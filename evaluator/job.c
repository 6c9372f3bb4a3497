/* SPDX-License-Identifier: Apache-2.0 */
/* job: one run as it was asked for, and what may be asked; see job.h. */
#include "job.h"
#include "bytes.h"
#include "mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOB_PATH_MAX 255
#define JOB_ID_MAX   200

struct limit_row {
    const char *name;
    size_t offset;
    int64_t least, most;
};

static const struct limit_row limit_rows[] = {
#define LIMIT(member, standard, least, most) \
    {#member, offsetof(struct limits, member), least, most},
#include "limits.def"
#undef LIMIT
};

static const struct limits limits_standard = {
#define LIMIT(member, standard, least, most) .member = (standard),
#include "limits.def"
#undef LIMIT
    .nano_cpus = 500000000,
};

struct job *job_new(void)
{
    struct job *job = mem_alloc(sizeof(*job));

    job->image = mem_copy_text(JOB_IMAGE_DEFAULT);
    job->limits = limits_standard;
    return job;
}

static void *copy_data(const void *data, size_t len)
{
    void *copy = mem_alloc(len);

    if (len)
        memcpy(copy, data, len);
    return copy;
}

static char **copy_texts(char *const *texts, size_t count)
{
    char **copy = mem_alloc((count + 1) * sizeof(*copy));

    for (size_t i = 0; i < count; i++)
        copy[i] = mem_copy_text(texts[i]);
    return copy;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

struct job *job_copy(const struct job *job)
{
    struct job *copy = mem_alloc(sizeof(*copy));

    *copy = *job;
    copy->id = mem_copy_text(job->id);
    copy->image = mem_copy_text(job->image);
    copy->cmd = copy_texts(job->cmd, job->cmd_count);
    copy->env = copy_texts(job->env, job->env_count);
    copy->stdin_data = copy_data(job->stdin_data, job->stdin_len);
    copy->files = mem_alloc(job->file_count * sizeof(*copy->files));
    for (size_t i = 0; i < job->file_count; i++) {
        const struct job_file *file = &job->files[i];

        copy->files[i] = *file;
        copy->files[i].path = mem_copy_text(file->path);
        copy->files[i].data = copy_data(file->data, file->len);
    }
    return copy;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    free(job->id);
    free(job->image);
    free_texts(job->cmd, job->cmd_count);
    free_texts(job->env, job->env_count);
    for (size_t i = 0; i < job->file_count; i++) {
        free(job->files[i].path);
        free(job->files[i].data);
    }
    free(job->files);
    free(job->stdin_data);
    free(job);
}

void job_set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_copy_text(text);
}

static void append_text(char ***texts, size_t *count, const char *text)
{
    *texts = mem_resize(*texts, *count + 2, sizeof(**texts));
    (*texts)[(*count)++] = mem_copy_text(text);
    (*texts)[*count] = NULL;
}

void job_add_arg(struct job *job, const char *arg)
{
    append_text(&job->cmd, &job->cmd_count, arg);
}

void job_clear_cmd(struct job *job)
{
    free_texts(job->cmd, job->cmd_count);
    job->cmd = NULL;
    job->cmd_count = 0;
}

int job_add_env(struct job *job, const char *pair, struct fault *fault)
{
    size_t name = strspn(pair, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    if (!name || pair[name] != '=' || (*pair >= '0' && *pair <= '9'))
        return fault_set(fault, "\"%.60s\" is no NAME=VALUE with a name of letters, digits and _",
                         pair);
    for (size_t i = 0; i < job->env_count; i++) {
        if (!strncmp(job->env[i], pair, name + 1)) {
            job_set_text(&job->env[i], pair);
            return 0;
        }
    }
    append_text(&job->env, &job->env_count, pair);
    return 0;
}

static int check_path(const char *path, struct fault *fault)
{
    if (*path == '/')
        return fault_set(fault, "path \"%.100s\" is absolute; paths are relative to /code", path);
    if (strlen(path) > JOB_PATH_MAX)
        return fault_set(fault, "path \"%.60s...\" is longer than %d bytes", path, JOB_PATH_MAX);
    if (!bytes_is_utf8(path))
        return fault_set(fault, "a path is no UTF-8");
    for (const char *part = path; part; part = strchr(part, '/')) {
        size_t len;

        part += *part == '/';
        len = strcspn(part, "/");
        if (!len || (len == 1 && *part == '.') || (len == 2 && !strncmp(part, "..", 2)))
            return fault_set(fault, "path \"%.100s\" has an empty, \".\" or \"..\" part", path);
    }
    if (!strcmp(path, JOB_STDIN_PATH))
        return fault_set(fault, "path \"%s\" is taken by the standard input", path);
    return 0;
}

/* One path names a file and the other the same file, or a file below it. */
static bool paths_clash(const char *one, const char *other)
{
    size_t shorter = strlen(one) < strlen(other) ? strlen(one) : strlen(other);

    if (strncmp(one, other, shorter))
        return false;
    return (one[shorter] == '/' || !one[shorter]) && (other[shorter] == '/' || !other[shorter]);
}

int job_add_file(struct job *job, const char *path, const void *data, size_t len, unsigned mode,
                 struct fault *fault)
{
    if (check_path(path, fault) < 0)
        return -1;
    if (mode & ~0777u)
        return fault_set(fault, "mode %o of \"%.100s\" has more than permission bits", mode, path);
    if (job->file_count == JOB_FILES_MAX)
        return fault_set(fault, "more than %d files", JOB_FILES_MAX);
    for (size_t i = 0; i < job->file_count; i++) {
        if (paths_clash(job->files[i].path, path))
            return fault_set(fault, "path \"%.100s\" is there twice, or once as a folder", path);
    }
    job->files = mem_resize(job->files, job->file_count + 1, sizeof(*job->files));
    job->files[job->file_count++] = (struct job_file){
        .path = mem_copy_text(path),
        .data = copy_data(data, len),
        .len = len,
        .mode = mode,
    };
    return 0;
}

void job_set_stdin(struct job *job, const void *data, size_t len)
{
    free(job->stdin_data);
    job->stdin_data = copy_data(data, len);
    job->stdin_len = len;
    job->has_stdin = true;
}

static int check_limits(const struct limits *limits, struct fault *fault)
{
    int64_t cores = sysconf(_SC_NPROCESSORS_CONF);

    for (size_t i = 0; i < sizeof(limit_rows) / sizeof(*limit_rows); i++) {
        const struct limit_row *row = &limit_rows[i];
        int64_t value;

        memcpy(&value, (const char *) limits + row->offset, sizeof(value));
        if (value < row->least || value > row->most)
            return fault_set(fault, "limits.%s: %" PRId64 " is not in %" PRId64 "..%" PRId64,
                             row->name, value, row->least, row->most);
    }
    if (limits->nano_cpus < 10000000 || limits->nano_cpus > cores * 1000000000)
        return fault_set(fault, "limits.cpus: %g is not in 0.01..%" PRId64 ", the CPUs here",
                         (double) limits->nano_cpus / 1e9, cores);
    return 0;
}

/* What goes to the engine goes as JSON, and what is no UTF-8 would arrive as something else. */
static int check_texts(char *const *texts, size_t count, const char *what, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        if (!bytes_is_utf8(texts[i]))
            return fault_set(fault, "%s[%zu]: it is no UTF-8; put such bytes into a file", what, i);
    }
    return 0;
}

int job_check(const struct job *job, struct fault *fault)
{
    if (!job->cmd_count || !*job->cmd[0])
        return fault_set(fault, "cmd: there is no command to run");
    if (strchr(job->cmd[0], '='))
        return fault_set(fault, "cmd: a program name with \"=\" cannot be run; use a wrapper");
    if (check_texts(job->cmd, job->cmd_count, "cmd", fault) < 0 ||
        check_texts(job->env, job->env_count, "env", fault) < 0)
        return -1;
    if (!job->image || !*job->image || strlen(job->image) > 512)
        return fault_set(fault, "image: the name is empty or longer than 512 bytes");
    for (const char *at = job->image; *at; at++) {
        if (*at <= ' ' || *at > '~')
            return fault_set(fault, "image: the name has a blank or a strange character");
    }
    if (job->id && (!*job->id || strlen(job->id) > JOB_ID_MAX || !bytes_is_utf8(job->id)))
        return fault_set(fault, "id: it is empty, longer than %d bytes or no UTF-8", JOB_ID_MAX);
    return check_limits(&job->limits, fault);
}
