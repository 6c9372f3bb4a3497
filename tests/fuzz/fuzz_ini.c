/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ini: any bytes as a policy file.
 *
 * What is read must be read again from a plain rewriting of it; a policy is loaded or there is an
 * error that names the file.
 */
#include "config.h"
#include "err.h"
#include "policy.h"
#include "verdict.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_ini: %s\n", what);
    abort();
}

struct copy {
    FILE *out; /* the rewriting */
    char section[64];
};

static int take(void *arg, const char *section, const char *key, const char *value, unsigned line,
                struct err *err)
{
    struct copy *copy = arg;
    (void) err;
    if (!key) /* the line that begins a section */
        return 0;
    must(line > 0 && key[0] && strlen(section) < sizeof(copy->section), "a pair without a place");
    if (strcmp(copy->section, section) != 0 || ftell(copy->out) == 0)
        fprintf(copy->out, "[%s]\n", section);
    strcpy(copy->section, section);
    fprintf(copy->out, "%s=%s\n", key, value);
    return 0;
}

/* Puts the bytes into a file that has a path but no place on a disk. */
static int file_new(const void *data, size_t bytes, char path[64])
{
    int fd = memfd_create("ini", 0);
    must(fd >= 0 && write(fd, data, bytes) == (ssize_t) bytes, "no memfd");
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* Reads the bytes; returns whether they are fine, with their rewriting. */
static bool rewrite(const void *data, size_t bytes, char **ret_text, size_t *ret_bytes)
{
    char path[64];
    struct err err = {""};
    struct copy copy = {.out = open_memstream(ret_text, ret_bytes)};
    must(copy.out != NULL, "no memory");
    int fd = file_new(data, bytes, path);
    int rc = config_read(path, take, &copy, NULL, &err);
    must((rc < 0) == (err.text[0] != '\0'), "an error without a word");
    must(rc == 0 || strncmp(err.text, path, strlen(path)) == 0, "an error without a place");
    close(fd);
    fclose(copy.out);
    return rc == 0;
}

/* Loading builds all of create.def's rules: only for files that are ini files at all. */
static void load(const void *data, size_t bytes)
{
    char path[64];
    struct policy *policy;
    struct err err = {""};
    int fd = file_new(data, bytes, path);
    if (policy_load(path, &policy, &err) == 0) {
        must(verdict_of(policy, NULL, NULL) <= VERDICT_HOST_ROOT, "no verdict");
        policy_unref(policy);
    } else {
        must(strncmp(err.text, path, strlen(path)) == 0, "an error without a place");
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *once, *twice;
    size_t once_bytes, twice_bytes;
    if (bytes > 65536)
        return 0;
    if (rewrite(data, bytes, &once, &once_bytes)) {
        must(rewrite(once, once_bytes, &twice, &twice_bytes), "the rewriting is refused");
        must(once_bytes == twice_bytes && memcmp(once, twice, once_bytes) == 0, "read otherwise");
        free(twice);
        load(data, bytes);
    }
    free(once);
    return 0;
}
