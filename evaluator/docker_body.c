/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_body: the create body, and the few answers that matter; see docker_body.h.
 *
 * The body asks for every restriction by itself, and the proxy in front of the engine enforces the
 * same: neither relies on the other.
 */
#include "docker_body.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TMPFS_OPTIONS "rw,nosuid,nodev,%s,size=%" PRId64 ",nr_inodes=4096,mode=1777"

static json_t *text_list(char *const *texts, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *ulimit(const char *name, int64_t value)
{
    return json_pack("{s:s, s:I, s:I}", "Name", name, "Soft", (json_int_t) value, "Hard",
                     (json_int_t) value);
}

static json_t *tmpfs_mounts(const struct job *job)
{
    char code[128], tmp[128];

    (void) snprintf(code, sizeof(code), TMPFS_OPTIONS, job->exec ? "exec" : "noexec",
                    job->limits.tmp_bytes);
    (void) snprintf(tmp, sizeof(tmp), TMPFS_OPTIONS, "noexec", job->limits.tmp_bytes);
    return json_pack("{s:s, s:s}", "/code", code, "/tmp", tmp);
}

static json_t *host_config(const struct job *job)
{
    const struct limits *limits = &job->limits;
    json_t *config =
        json_pack("{s:s, s:b, s:[s], s:[s], s:b, s:b, s:{s:s}}", "NetworkMode", "none",
                  "ReadonlyRootfs", 1, "CapDrop", "ALL", "SecurityOpt", "no-new-privileges",
                  "Privileged", 0, "AutoRemove", 0, "RestartPolicy", "Name", "no");

    json_object_set_new(config, "Memory", json_integer(limits->memory_bytes));
    json_object_set_new(config, "MemorySwap", json_integer(limits->memory_bytes));
    json_object_set_new(config, "NanoCpus", json_integer(limits->nano_cpus));
    json_object_set_new(config, "PidsLimit", json_integer(limits->pids));
    json_object_set_new(config, "Tmpfs", tmpfs_mounts(job));
    json_object_set_new(config, "Ulimits",
                        json_pack("[o, o, o]", ulimit("core", 0),
                                  ulimit("nofile", limits->open_files),
                                  ulimit("fsize", limits->file_bytes)));
    json_object_set_new(config, "LogConfig",
                        json_pack("{s:s, s:{s:s, s:s, s:s}}", "Type", "local", "Config", "max-size",
                                  "10m", "max-file", "1", "compress", "false"));
    return config;
}

char *docker_body_create(const struct job *job, const struct bundle *bundle)
{
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b}", "Image", job->image, "User",
                  "65534:65534", "WorkingDir", "/", "NetworkDisabled", 1, "Tty", 0, "OpenStdin", 0,
                  "AttachStdin", 0, "AttachStdout", 0, "AttachStderr", 0);
    char *text;

    /* as Entrypoint, or the image's own would come before it */
    json_object_set_new(body, "Entrypoint", text_list(bundle->cmd, 1));
    json_object_set_new(body, "Cmd", text_list(bundle->cmd + 1, bundle->cmd_count - 1));
    json_object_set_new(body, "Env", text_list(bundle->env, bundle->env_count));
    json_object_set_new(body, "HostConfig", host_config(job));
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

bool docker_body_read_id(const char *text, size_t len, char ret_id[DOCKER_ID_SIZE])
{
    json_t *root = json_loadb(text, len, 0, NULL);
    const char *id = json_string_value(json_object_get(root, "Id"));
    bool sound = id && *id && strlen(id) < DOCKER_ID_SIZE;

    for (const char *at = id; sound && *at; at++)
        sound = isalnum((unsigned char) *at);
    if (sound)
        strcpy(ret_id, id);
    json_decref(root);
    return sound;
}

bool docker_body_read_status(const char *text, size_t len, int *ret_status, struct fault *error)
{
    json_t *root = json_loadb(text, len, 0, NULL);
    const json_t *status = json_object_get(root, "StatusCode");
    const char *message =
        json_string_value(json_object_get(json_object_get(root, "Error"), "Message"));
    bool sound = json_is_integer(status) && (!message || !*message);

    if (sound)
        *ret_status = (int) json_integer_value(status);
    else
        fault_set(error, "%s", message ? message : "the answer to wait has no StatusCode");
    json_decref(root);
    return sound;
}

void docker_body_read_message(const char *text, size_t len, struct fault *ret_message)
{
    json_t *root = json_loadb(text, len, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "message"));

    if (message)
        fault_set(ret_message, "%s", message);
    else
        fault_set(ret_message, "%.*s", len < 300 ? (int) len : 300, text);
    for (char *at = ret_message->text; *at; at++) {
        if ((unsigned char) *at < ' ' || (unsigned char) *at > '~')
            *at = ' ';
    }
    json_decref(root);
}

int docker_body_read_minor(const char *message)
{
    static const char words[] = "API version is 1.";
    const char *at = strstr(message, words);
    long minor;

    if (!at)
        return 0;
    minor = strtol(at + sizeof(words) - 1, NULL, 10);
    return minor > 0 && minor < 1000 ? (int) minor : 0;
}
