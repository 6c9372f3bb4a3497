/* SPDX-License-Identifier: Apache-2.0 */
/* request: JSON to job, by one table of members per object; see request.h. */
#include "request.h"
#include "bytes.h"
#include "mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Reads one member into the job (or file); `where` is its name for messages. */
typedef int read_fn(void *into, const char *where, const json_t *value, struct fault *fault);

struct member {
    const char *name;
    read_fn *read;
};

static int read_object(const struct member *members, void *into, const char *where,
                       const json_t *object, struct fault *fault)
{
    const char *prefix = *where ? "." : "";
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return fault_set(fault, "%s must be an object", *where ? where : "the request");
    json_object_foreach ((json_t *) object, key, value) {
        const struct member *member = members;
        char name[128];

        (void) snprintf(name, sizeof(name), "%s%s%.60s", where, prefix, key);
        while (member->name && strcmp(member->name, key))
            member++;
        if (!member->name)
            return fault_set(fault, "%s is not a member that is known here", name);
        if (member->read(into, name, value, fault) < 0)
            return -1;
    }
    return 0;
}

/* A string without NUL, or NULL with the fault set. */
static const char *plain_text(const char *where, const json_t *value, struct fault *fault)
{
    const char *text = json_string_value(value);

    if (!text) {
        fault_set(fault, "%s must be a string", where);
        return NULL;
    }
    if (strlen(text) != json_string_length(value)) {
        fault_set(fault, "%s must not hold a NUL character", where);
        return NULL;
    }
    return text;
}

static int read_id(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct job *job = into;
    const char *text = plain_text(where, value, fault);

    if (!text)
        return -1;
    job_set_text(&job->id, text);
    return 0;
}

static int read_image(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct job *job = into;
    const char *text = plain_text(where, value, fault);

    if (!text)
        return -1;
    job_set_text(&job->image, text);
    return 0;
}

static int read_cmd(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct job *job = into;
    size_t index;
    json_t *item;

    if (!json_is_array(value))
        return fault_set(fault, "%s must be a list of strings", where);
    job_clear_cmd(job);
    json_array_foreach (value, index, item) {
        const char *text = plain_text(where, item, fault);

        if (!text)
            return -1;
        job_add_arg(job, text);
    }
    return 0;
}

static int read_env(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct job *job = into;
    const char *key;
    json_t *item;

    if (!json_is_object(value))
        return fault_set(fault, "%s must be an object of strings", where);
    json_object_foreach ((json_t *) value, key, item) {
        const char *text = plain_text(where, item, fault);
        char *pair;
        int r;

        if (!text)
            return fault_wrap(fault, "%.60s", key);
        pair = mem_format("%s=%s", key, text);
        r = strchr(key, '=') ? fault_set(fault, "the name \"%.60s\" has a \"=\"", key)
                             : job_add_env(job, pair, fault);
        free(pair);
        if (r < 0)
            return fault_wrap(fault, "%s", where);
    }
    return 0;
}

static int read_exec(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct job *job = into;

    if (!json_is_boolean(value))
        return fault_set(fault, "%s must be true or false", where);
    job->exec = json_is_true(value);
    return 0;
}

#define LIMIT(member, standard, least, most)                                     \
    static int read_##member(void *into, const char *where, const json_t *value, \
                             struct fault *fault)                                \
    {                                                                            \
        struct job *job = into;                                                  \
                                                                                 \
        if (!json_is_integer(value))                                             \
            return fault_set(fault, "%s must be an integer", where);             \
        job->limits.member = json_integer_value(value);                          \
        return 0;                                                                \
    }
#include "limits.def"
#undef LIMIT

static int read_cpus(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct job *job = into;
    double cpus = json_number_value(value);

    if (!json_is_number(value) || !(cpus >= 0) || cpus > 1e6)
        return fault_set(fault, "%s must be a number of CPUs such as 0.5", where);
    job->limits.nano_cpus = (int64_t) (cpus * 1e9 + 0.5);
    return 0;
}

static int refuse_cpu_ms(void *into, const char *where, const json_t *value, struct fault *fault)
{
    (void) into;
    (void) value;
    return fault_set(fault, "%s: no engine here measures CPU time; limit wall_ms", where);
}

static const struct member limit_members[] = {
#define LIMIT(member, standard, least, most) {#member, read_##member},
#include "limits.def"
#undef LIMIT
    {"cpus", read_cpus},
    {"cpu_ms", refuse_cpu_ms},
    {NULL, NULL},
};

static int read_limits(void *into, const char *where, const json_t *value, struct fault *fault)
{
    return read_object(limit_members, into, where, value, fault);
}

/* The members of "stdin" and of one of "files". */
struct content {
    const char *path;
    unsigned mode;
    bool given;
    struct bytes data;
};

static int read_path(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct content *content = into;

    content->path = plain_text(where, value, fault);
    return content->path ? 0 : -1;
}

static int read_mode(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct content *content = into;
    const char *text = json_string_value(value);

    if (!text || !*text || strspn(text, "01234567") != strlen(text) || strlen(text) > 4)
        return fault_set(fault, "%s must be a string of octal digits such as \"0644\"", where);
    content->mode = (unsigned) strtoul(text, NULL, 8);
    return 0;
}

static int read_text(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct content *content = into;

    if (!json_is_string(value) || content->given)
        return fault_set(fault, "%s must be a string, and the only one of text and b64", where);
    content->given = true;
    bytes_append(&content->data, json_string_value(value), json_string_length(value));
    return 0;
}

static int read_b64(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct content *content = into;

    if (!json_is_string(value) || content->given ||
        !bytes_append_decoded(&content->data, json_string_value(value), json_string_length(value)))
        return fault_set(fault, "%s must be padded base64, and the only one of text and b64",
                         where);
    content->given = true;
    return 0;
}

static const struct member stdin_members[] = {
    {"text", read_text},
    {"b64", read_b64},
    {NULL, NULL},
};

static const struct member file_members[] = {
    {"path", read_path}, {"mode", read_mode}, {"text", read_text}, {"b64", read_b64}, {NULL, NULL},
};

static int read_stdin(void *into, const char *where, const json_t *value, struct fault *fault)
{
    struct content content = {0};
    int r = read_object(stdin_members, &content, where, value, fault);

    if (r >= 0 && !content.given)
        r = fault_set(fault, "%s needs text or b64", where);
    if (r >= 0)
        job_set_stdin(into, content.data.data, content.data.len);
    bytes_done(&content.data);
    return r;
}

static int read_file(struct job *job, const char *where, const json_t *value, struct fault *fault)
{
    struct content content = {.mode = 0644};
    int r = read_object(file_members, &content, where, value, fault);

    if (r >= 0 && (!content.path || !content.given))
        r = fault_set(fault, "%s needs path, and text or b64", where);
    if (r >= 0) {
        r = job_add_file(job, content.path, content.data.data, content.data.len, content.mode,
                         fault);
        if (r < 0)
            fault_wrap(fault, "%s", where);
    }
    bytes_done(&content.data);
    return r;
}

static int read_files(void *into, const char *where, const json_t *value, struct fault *fault)
{
    size_t index;
    json_t *item;

    if (!json_is_array(value))
        return fault_set(fault, "%s must be a list", where);
    json_array_foreach (value, index, item) {
        char name[64];

        (void) snprintf(name, sizeof(name), "%s[%zu]", where, index);
        if (read_file(into, name, item, fault) < 0)
            return -1;
    }
    return 0;
}

static const struct member request_members[] = {
    {"id", read_id},       {"image", read_image},   {"cmd", read_cmd},
    {"files", read_files}, {"env", read_env},       {"stdin", read_stdin},
    {"exec", read_exec},   {"limits", read_limits}, {NULL, NULL},
};

int request_parse(const char *text, size_t len, const struct job *defaults, struct job **ret_job,
                  struct fault *fault)
{
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    struct job *job;
    int r;

    if (!root)
        return fault_set(fault, "not JSON: %.200s (at byte %d)", error.text, error.position);
    job = job_copy(defaults);
    r = read_object(request_members, job, "", root, fault);
    json_decref(root);
    if (r >= 0)
        r = job_check(job, fault);
    if (r < 0) {
        job_free(job);
        return r;
    }
    *ret_job = job;
    return 0;
}
