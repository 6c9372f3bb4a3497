/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: what goes in comes out of tar as it was, and what cannot get through is refused before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bundle.h"
#include "bytes.h"

static struct job *make_job(void)
{
    struct job *job = job_new();

    job_add_arg(job, "true");
    return job;
}

static void add_file(struct job *job, const char *path, const void *data, size_t len, unsigned mode)
{
    struct fault fault;

    if (job_add_file(job, path, data, len, mode, &fault) < 0)
        fail_msg("%s: %s", path, fault.text);
}

/* What the container's loop would print: the chunks in order, up to the empty one. */
static void join_chunks(const struct bundle *bundle, struct bytes *text)
{
    size_t number = 0;

    for (size_t i = 1; i < bundle->env_count; i++) {
        char name[16];
        size_t len = (size_t) snprintf(name, sizeof(name), "D%zu=", number++);

        assert_memory_equal(bundle->env[i], name, len);
        assert_true(strlen(bundle->env[i]) <= BUNDLE_STRING_MAX);
        assert_int_equal(!bundle->env[i][len], i + 1 == bundle->env_count);
        bytes_append(text, bundle->env[i] + len, strlen(bundle->env[i] + len));
    }
}

static void unpack(const struct bundle *bundle, const char *folder)
{
    struct bytes text = {0}, packed = {0};
    char command[128];
    FILE *tar;

    join_chunks(bundle, &text);
    assert_true(bytes_append_decoded(&packed, (const char *) text.data, text.len));
    (void) snprintf(command, sizeof(command), "tar -xz -C %s -f -", folder);
    tar = popen(command, "w");
    assert_non_null(tar);
    assert_int_equal(fwrite(packed.data, 1, packed.len, tar), packed.len);
    assert_int_equal(pclose(tar), 0);
    bytes_done(&text);
    bytes_done(&packed);
}

static void assert_file(const char *folder, const char *name, const void *data, size_t len,
                        unsigned mode)
{
    char path[512], *content = malloc(len + 2);
    struct stat status;
    FILE *file;

    assert_non_null(content);
    (void) snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, mode);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(content, 1, len + 1, file), len);
    if (len)
        assert_memory_equal(content, data, len);
    fclose(file);
    free(content);
}

static void test_round_trip(void **state)
{
    (void) state;
    struct job *job = make_job();
    struct bundle bundle;
    struct fault fault;
    char folder[] = "/tmp/test_evaluator_bundle.XXXXXX", remove[64], longest[256];
    unsigned char noise[300000];
    unsigned seed = 7;

    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (unsigned char) ((seed = seed * 1103515245 + 12345) >> 16);
    memset(longest, 'n', 255);
    longest[255] = '\0';
    add_file(job, "main.py", "print(1)\n", 9, 0644);
    add_file(job, "a/b/run", "#!/bin/sh\n", 10, 0755);
    add_file(job, "a/empty", "", 0, 0400);
    add_file(job, "block", noise, 512, 0600);
    add_file(job, "noise", noise, sizeof(noise), 0644);
    add_file(job, longest, "x", 1, 0644);
    job_set_stdin(job, "a\0b", 3);
    assert_int_equal(bundle_make(job, &bundle, &fault), 0);
    assert_true(bundle.env_count > 4); /* the noise needs several chunks */
    assert_non_null(mkdtemp(folder));
    unpack(&bundle, folder);
    assert_file(folder, "main.py", "print(1)\n", 9, 0644);
    assert_file(folder, "a/b/run", "#!/bin/sh\n", 10, 0755);
    assert_file(folder, "a/empty", "", 0, 0400);
    assert_file(folder, "block", noise, 512, 0600);
    assert_file(folder, "noise", noise, sizeof(noise), 0644);
    assert_file(folder, longest, "x", 1, 0644);
    assert_file(folder, ".stdin", "a\0b", 3, 0400);
    (void) snprintf(remove, sizeof(remove), "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
    bundle_done(&bundle);
    job_free(job);
}

static void test_command(void **state)
{
    (void) state;
    struct job *job = make_job();
    struct bundle bundle;
    struct fault fault;

    job_add_arg(job, "two words");
    assert_int_equal(job_add_env(job, "A=1", &fault), 0);
    assert_int_equal(bundle_make(job, &bundle, &fault), 0);
    assert_int_equal(bundle.cmd_count, 7);
    assert_string_equal(bundle.cmd[0], "sh");
    assert_string_equal(bundle.cmd[1], "-c");
    assert_non_null(strstr(bundle.cmd[2], "</dev/null;"));
    assert_string_equal(bundle.cmd[4], "A=1");
    assert_string_equal(bundle.cmd[6], "two words");
    assert_null(bundle.cmd[7]);
    bundle_done(&bundle);
    job_free(job);
}

static int try_bundle(const struct job *job, struct fault *fault)
{
    struct bundle bundle;
    int r = bundle_make(job, &bundle, fault);

    if (r >= 0)
        bundle_done(&bundle);
    return r;
}

static void test_string_limit(void **state)
{
    (void) state;
    char *text = malloc(BUNDLE_STRING_MAX + 2);
    struct job *job;
    struct fault fault;

    assert_non_null(text);
    for (size_t len = BUNDLE_STRING_MAX; len <= BUNDLE_STRING_MAX + 1; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        job = make_job();
        job_add_arg(job, text);
        assert_int_equal(try_bundle(job, &fault), len > BUNDLE_STRING_MAX ? -1 : 0);
        job_free(job);
    }
    assert_non_null(strstr(fault.text, "over 131071"));
    free(text);
}

/* One byte more is refused where the sum just fits: the sum is counted as the kernel does. */
static void test_total_limit(void **state)
{
    (void) state;
    struct job *job = make_job();
    struct bundle bundle;
    struct fault fault;
    size_t total = 0, left;
    char *text = malloc(BUNDLE_STRING_MAX + 1);

    assert_non_null(text);
    assert_int_equal(bundle_make(job, &bundle, &fault), 0);
    for (size_t i = 0; i < bundle.cmd_count; i++)
        total += strlen(bundle.cmd[i]) + 9;
    for (size_t i = 0; i < bundle.env_count; i++)
        total += strlen(bundle.env[i]) + 9;
    bundle_done(&bundle);
    for (left = BUNDLE_TOTAL_MAX - total; left > BUNDLE_STRING_MAX + 9; left -= 100009) {
        memset(text, 'x', 100000);
        text[100000] = '\0';
        job_add_arg(job, text);
    }
    memset(text, 'x', left - 9);
    text[left - 9] = '\0';
    job_add_arg(job, text);
    assert_int_equal(try_bundle(job, &fault), 0);
    job_set_text(&job->cmd[0], "true!");
    assert_int_equal(try_bundle(job, &fault), -1);
    assert_non_null(strstr(fault.text, "2093057 bytes packed"));
    free(text);
    job_free(job);
}

static void test_tmpfs_limits(void **state)
{
    (void) state;
    struct job *job = make_job();
    struct fault fault;
    char page[8192] = "";

    job->limits.tmp_bytes = 65536;
    job->limits.file_bytes = 8191;
    add_file(job, "f", page, sizeof(page), 0644);
    assert_int_equal(try_bundle(job, &fault), -1);
    assert_non_null(strstr(fault.text, "limits.file_bytes"));
    job->limits.file_bytes = 8192;
    assert_int_equal(try_bundle(job, &fault), 0);
    for (int i = 0; i < 14; i++) {
        char name[16];

        (void) snprintf(name, sizeof(name), "g%d", i);
        add_file(job, name, page, 1, 0644);
    }
    assert_int_equal(try_bundle(job, &fault), 0);
    add_file(job, "last", page, 1, 0644); /* each takes a page: 2 + 14 + 1 are too many */
    assert_int_equal(try_bundle(job, &fault), -1);
    assert_non_null(strstr(fault.text, "limits.tmp_bytes"));
    job_free(job);
}

static void test_unpack_failed(void **state)
{
    (void) state;
    struct job *job = make_job();
    struct bundle bundle, other;
    struct fault fault;
    size_t len;

    assert_int_equal(bundle_make(job, &bundle, &fault), 0);
    assert_int_equal(bundle_make(job, &other, &fault), 0);
    len = strlen(bundle.mark);
    assert_int_equal(len, 32);
    assert_string_not_equal(bundle.mark, other.mark);
    assert_true(bundle_unpack_failed(&bundle, 125, bundle.mark, len));
    assert_false(bundle_unpack_failed(&bundle, 1, bundle.mark, len));
    assert_false(bundle_unpack_failed(&bundle, 125, other.mark, len));
    assert_false(bundle_unpack_failed(&bundle, 125, bundle.mark, len - 1));
    assert_false(bundle_unpack_failed(&bundle, 125, NULL, 0));
    bundle_done(&bundle);
    bundle_done(&other);
    job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_command),
        cmocka_unit_test(test_string_limit), cmocka_unit_test(test_total_limit),
        cmocka_unit_test(test_tmpfs_limits), cmocka_unit_test(test_unpack_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
