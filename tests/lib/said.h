/* SPDX-License-Identifier: Apache-2.0 */
/*
 * said: a command line run within a test, and what it said.
 */
#ifndef CAISSON_TESTS_SAID_H
#define CAISSON_TESTS_SAID_H

#include "commands.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct said {
    int code;
    char out[65536 * 8], err[4096];
};

static struct said said; /* large, and one test runs at a time */

/* A file without a place on a disk; its path stays good until the program ends. */
static const char *file_of(const char *content, size_t bytes)
{
    static char paths[512][32];
    static unsigned next;
    int fd = memfd_create("test", 0);
    assert_true(fd >= 0 && next < 512);
    assert_int_equal(write(fd, content, bytes), bytes);
    snprintf(paths[next], sizeof(paths[next]), "/proc/self/fd/%d", fd);
    return paths[next++];
}

static const char *text_file(const char *content)
{
    return file_of(content, strlen(content));
}

static void slurp(int fd, char *buffer, size_t room)
{
    ssize_t bytes = pread(fd, buffer, room - 1, 0);
    assert_true(bytes >= 0 && (size_t) bytes < room - 1);
    buffer[bytes] = '\0';
    close(fd);
}

/* Runs one command line, up to NULL, with its output in `said`. */
static void run(const char *verb, ...)
{
    char *argv[24] = {(char *) verb};
    int argc = 1;
    va_list args;
    va_start(args, verb);
    while ((argv[argc] = va_arg(args, char *)))
        argc++;
    va_end(args);

    int out = memfd_create("out", 0), err = memfd_create("err", 0);
    fflush(stdout);
    int kept_out = dup(1), kept_err = dup(2);
    dup2(out, 1);
    dup2(err, 2);
    optind = 0;
    said.code = commands_run(argc, argv);
    fflush(stdout);
    dup2(kept_out, 1);
    dup2(kept_err, 2);
    close(kept_out);
    close(kept_err);
    slurp(out, said.out, sizeof(said.out));
    slurp(err, said.err, sizeof(said.err));
}

static void assert_said(int code, const char *out, const char *err)
{
    if (said.code != code || strcmp(said.out, out) != 0 || !strstr(said.err, err))
        fail_msg("%d, not %d\n%s\n%s", said.code, code, said.out, said.err);
}

static inline void assert_has(const char *text)
{
    if (!strstr(said.out, text))
        fail_msg("'%s' is not in\n%s", text, said.out);
}

static inline void assert_lacks(const char *text)
{
    if (strstr(said.out, text))
        fail_msg("'%s' is in\n%s", text, said.out);
}

/* Runs a verb that makes a policy of a text; what it says must be one. */
static inline void run_for_policy(const char *verb, const char *text)
{
    static char out[sizeof(said.out)], err[sizeof(said.err)];
    run(verb, text_file(text), NULL);
    assert_int_equal(said.code, 0);
    strcpy(out, said.out);
    strcpy(err, said.err);
    run("check", text_file(out), NULL);
    if (said.code != 0)
        fail_msg("%s\n%s", said.err, out);
    strcpy(said.out, out);
    strcpy(said.err, err);
}

#endif
