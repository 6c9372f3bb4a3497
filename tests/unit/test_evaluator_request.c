/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: every member arrives, and every mistake is told by the name of its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "request.h"

static int parse(const char *text, struct job **ret_job, struct fault *fault)
{
    struct job *defaults = job_new();
    int r;

    defaults->limits.wall_ms = 5000;
    r = request_parse(text, strlen(text), defaults, ret_job, fault);
    job_free(defaults);
    return r;
}

static void test_all_members(void **state)
{
    (void) state;
    static const char text[] =
        "{\"id\":\"he-17\",\"image\":\"busybox:1\",\"cmd\":[\"python3\",\"/code/main.py\"],"
        "\"files\":[{\"path\":\"main.py\",\"text\":\"print(1)\\n\"},"
        "{\"path\":\"d/x.bin\",\"b64\":\"AP8=\",\"mode\":\"0444\"},"
        "{\"path\":\"nul\",\"text\":\"a\\u0000b\"}],"
        "\"stdin\":{\"text\":\"1 2\\n\"},\"env\":{\"A\":\"1\",\"B\":\"x=y\"},\"exec\":true,"
        "\"limits\":{\"memory_bytes\":33554432,\"cpus\":0.25,\"pids\":16,\"stdout_bytes\":100,"
        "\"stderr_bytes\":200,\"file_bytes\":4096,\"tmp_bytes\":65536,\"open_files\":32}}";
    struct job *job;
    struct fault fault;

    if (parse(text, &job, &fault) < 0)
        fail_msg("%s", fault.text);
    assert_string_equal(job->id, "he-17");
    assert_string_equal(job->image, "busybox:1");
    assert_int_equal(job->cmd_count, 2);
    assert_string_equal(job->cmd[1], "/code/main.py");
    assert_int_equal(job->file_count, 3);
    assert_int_equal(job->files[0].mode, 0644);
    assert_memory_equal(job->files[0].data, "print(1)\n", 9);
    assert_int_equal(job->files[1].mode, 0444);
    assert_int_equal(job->files[1].len, 2);
    assert_memory_equal(job->files[1].data, "\0\xff", 2);
    assert_int_equal(job->files[2].len, 3);
    assert_true(job->has_stdin);
    assert_memory_equal(job->stdin_data, "1 2\n", 4);
    assert_int_equal(job->env_count, 2);
    assert_string_equal(job->env[1], "B=x=y");
    assert_true(job->exec);
    assert_int_equal(job->limits.wall_ms, 5000);
    assert_int_equal(job->limits.memory_bytes, 33554432);
    assert_int_equal(job->limits.nano_cpus, 250000000);
    assert_int_equal(job->limits.stderr_bytes, 200);
    assert_int_equal(job->limits.open_files, 32);
    job_free(job);
}

struct mistake {
    const char *text;
    const char *said;
};

#define CMD "\"cmd\":[\"x\"]"

static const struct mistake mistakes[] = {
    {"", "not JSON"},
    {"{" CMD "} x", "not JSON"},
    {"[]", "the request must be an object"},
    {"{}", "cmd: there is no command"},
    {"{" CMD "," CMD "}", "duplicate"},
    {"{" CMD ",\"Cmd\":1}", "Cmd is not a member that is known here"},
    {"{\"cmd\":\"x\"}", "cmd must be a list of strings"},
    {"{\"cmd\":[]}", "there is no command"},
    {"{\"cmd\":[\"\"]}", "there is no command"},
    {"{\"cmd\":[\"a=b\"]}", "with \"=\""},
    {"{\"cmd\":[1]}", "cmd must be a string"},
    {"{\"cmd\":[\"a\\u0000b\"]}", "NUL"},
    {"{" CMD ",\"id\":\"\"}", "id: it is empty"},
    {"{" CMD ",\"id\":7}", "id must be a string"},
    {"{" CMD ",\"image\":\"\"}", "image: "},
    {"{" CMD ",\"image\":\"a b\"}", "image: "},
    {"{" CMD ",\"exec\":1}", "exec must be true or false"},
    {"{" CMD ",\"env\":[]}", "env must be an object"},
    {"{" CMD ",\"env\":{\"A\":1}}", "env must be a string"},
    {"{" CMD ",\"env\":{\"1A\":\"\"}}", "env: "},
    {"{" CMD ",\"env\":{\"A-B\":\"\"}}", "env: "},
    {"{" CMD ",\"env\":{\"A=B\":\"\"}}", "env: the name \"A=B\""},
    {"{" CMD ",\"stdin\":\"x\"}", "stdin must be an object"},
    {"{" CMD ",\"stdin\":{}}", "stdin needs text or b64"},
    {"{" CMD ",\"stdin\":{\"text\":\"\",\"b64\":\"\"}}", "the only one"},
    {"{" CMD ",\"stdin\":{\"b64\":\"x\"}}", "stdin.b64 must be padded base64"},
    {"{" CMD ",\"stdin\":{\"path\":\"x\"}}", "stdin.path is not a member"},
    {"{" CMD ",\"files\":{}}", "files must be a list"},
    {"{" CMD ",\"files\":[1]}", "files[0] must be an object"},
    {"{" CMD ",\"files\":[{\"path\":\"a\"}]}", "files[0] needs path"},
    {"{" CMD ",\"files\":[{\"text\":\"a\"}]}", "files[0] needs path"},
    {"{" CMD ",\"files\":[{\"path\":\"a\",\"text\":\"\",\"mod\":1}]}", "files[0].mod is not"},
    {"{" CMD ",\"files\":[{\"path\":\"a\",\"text\":\"\",\"mode\":420}]}", "files[0].mode must"},
    {"{" CMD ",\"files\":[{\"path\":\"a\",\"text\":\"\",\"mode\":\"0888\"}]}", "files[0].mode"},
    {"{" CMD ",\"files\":[{\"path\":\"a\",\"text\":\"\",\"mode\":\"4755\"}]}", "permission bits"},
    {"{" CMD ",\"files\":[{\"path\":\"/a\",\"text\":\"\"}]}", "files[0]: path \"/a\" is absolute"},
    {"{" CMD ",\"files\":[{\"path\":\"\",\"text\":\"\"}]}", "files[0]: path \"\" has an empty"},
    {"{" CMD ",\"files\":[{\"path\":\"a//b\",\"text\":\"\"}]}", "empty"},
    {"{" CMD ",\"files\":[{\"path\":\"a/\",\"text\":\"\"}]}", "empty"},
    {"{" CMD ",\"files\":[{\"path\":\"..\",\"text\":\"\"}]}", "\"..\""},
    {"{" CMD ",\"files\":[{\"path\":\"a/../b\",\"text\":\"\"}]}", "\"..\""},
    {"{" CMD ",\"files\":[{\"path\":\"./b\",\"text\":\"\"}]}", "\"..\""},
    {"{" CMD ",\"files\":[{\"path\":\"a\\u0000\",\"text\":\"\"}]}", "files[0].path must not hold"},
    {"{" CMD ",\"files\":[{\"path\":\".stdin\",\"text\":\"\"}]}", "standard input"},
    {"{" CMD ",\"files\":[{\"path\":\"a\",\"text\":\"\"},{\"path\":\"a\",\"text\":\"\"}]}",
     "files[1]: path \"a\" is there twice"},
    {"{" CMD ",\"files\":[{\"path\":\"a\",\"text\":\"\"},{\"path\":\"a/b\",\"text\":\"\"}]}",
     "files[1]: path \"a/b\" is there twice"},
    {"{" CMD ",\"limits\":{\"wall\":1}}", "limits.wall is not a member"},
    {"{" CMD ",\"limits\":{\"wall_ms\":\"1\"}}", "limits.wall_ms must be an integer"},
    {"{" CMD ",\"limits\":{\"wall_ms\":1.5}}", "limits.wall_ms must be an integer"},
    {"{" CMD ",\"limits\":{\"wall_ms\":99}}", "limits.wall_ms: 99 is not in 100..300000"},
    {"{" CMD ",\"limits\":{\"wall_ms\":300001}}", "limits.wall_ms: 300001"},
    {"{" CMD ",\"limits\":{\"memory_bytes\":-1}}", "limits.memory_bytes: -1"},
    {"{" CMD ",\"limits\":{\"memory_bytes\":2147483649}}", "limits.memory_bytes"},
    {"{" CMD ",\"limits\":{\"pids\":0}}", "limits.pids: 0 is not in 8..512"},
    {"{" CMD ",\"limits\":{\"cpus\":0}}", "limits.cpus"},
    {"{" CMD ",\"limits\":{\"cpus\":100000}}", "limits.cpus"},
    {"{" CMD ",\"limits\":{\"cpus\":\"1\"}}", "limits.cpus must be a number"},
    {"{" CMD ",\"limits\":{\"cpu_ms\":5}}", "limits.cpu_ms: no engine here measures"},
};

static void test_mistakes(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
        struct fault fault = {""};
        struct job *job = NULL;

        if (parse(mistakes[i].text, &job, &fault) >= 0)
            fail_msg("%s was taken", mistakes[i].text);
        if (!strstr(fault.text, mistakes[i].said))
            fail_msg("%s: \"%s\" does not say \"%s\"", mistakes[i].text, fault.text,
                     mistakes[i].said);
        assert_null(job);
    }
}

static void test_names_alike_are_no_clash(void **state)
{
    (void) state;
    struct job *job;
    struct fault fault;

    if (parse("{" CMD ",\"files\":[{\"path\":\"a\",\"text\":\"\"},{\"path\":\"ab\",\"text\":\"\"},"
              "{\"path\":\"b/a\",\"text\":\"\"},{\"path\":\"b/c\",\"text\":\"\"},"
              "{\"path\":\"...\",\"text\":\"\"}]}",
              &job, &fault) < 0)
        fail_msg("%s", fault.text);
    assert_int_equal(job->file_count, 5);
    job_free(job);
}

static void test_defaults_are_kept_and_overridden(void **state)
{
    (void) state;
    static const char text[] = "{\"env\":{\"A\":\"2\"}}";
    struct job *defaults = job_new(), *job;
    struct fault fault;

    job_add_arg(defaults, "sh");
    assert_int_equal(job_add_env(defaults, "A=1", &fault), 0);
    assert_int_equal(job_add_env(defaults, "AB=1", &fault), 0);
    assert_int_equal(job_add_file(defaults, "lib.py", "x", 1, 0644, &fault), 0);
    assert_int_equal(request_parse(text, strlen(text), defaults, &job, &fault), 0);
    assert_string_equal(job->cmd[0], "sh");
    assert_int_equal(job->env_count, 2);
    assert_string_equal(job->env[0], "A=2");
    assert_string_equal(job->env[1], "AB=1");
    assert_string_equal(job->files[0].path, "lib.py");
    job_free(job);
    job_free(defaults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_members),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_names_alike_are_no_clash),
        cmocka_unit_test(test_defaults_are_kept_and_overridden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
