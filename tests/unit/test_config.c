/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: values, options and ini files; every class of error message once.
 */
#include "config.h"

#include "err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- values ---- */

typedef int parse_value(const char *text, int64_t *ret_value, struct err *err);

struct value_case {
    parse_value *parse;
    const char *text;
    int64_t value; /* -1: refused */
};

static const struct value_case value_cases[] = {
    {config_parse_size, "4096", 4096},
    {config_parse_size, "0", 0},
    {config_parse_size, "1b", 1},
    {config_parse_size, "1k", 1024},
    {config_parse_size, "1KiB", 1024},
    {config_parse_size, "2g", INT64_C(2) << 30},
    {config_parse_size, "100MiB", 100 << 20},
    {config_parse_size, "100MB", 100 << 20},
    {config_parse_size, "0.5m", 512 << 10},
    {config_parse_size, "1.5g", INT64_C(3) << 29},
    {config_parse_size, "1t", INT64_C(1) << 40},
    {config_parse_size, "9223372036854775807", INT64_MAX},
    {config_parse_size, "9223372036854775808", -1},
    {config_parse_size, "9223372036854775807k", -1},
    {config_parse_size, "99999999999999999999999", -1},
    {config_parse_size, "0.3", -1},
    {config_parse_size, "0.0001k", -1},
    {config_parse_size, "1.", -1},
    {config_parse_size, ".5g", -1},
    {config_parse_size, "1.0000000001g", -1},
    {config_parse_size, "", -1},
    {config_parse_size, "-1", -1},
    {config_parse_size, "+1", -1},
    {config_parse_size, " 1", -1},
    {config_parse_size, "1 k", -1},
    {config_parse_size, "1kk", -1},
    {config_parse_size, "1s", -1},
    {config_parse_size, "0x10", -1},
    {config_parse_size, "1e3", -1},
    {config_parse_size, "max", -1},
    {config_parse_time, "250ms", 250},
    {config_parse_time, "30s", 30000},
    {config_parse_time, "1.5s", 1500},
    {config_parse_time, "10m", 600000},
    {config_parse_time, "2h", 7200000},
    {config_parse_time, "1d", 86400000},
    {config_parse_time, "0", 0},
    {config_parse_time, "0s", 0},
    {config_parse_time, "30", -1},
    {config_parse_time, "10min", -1},
    {config_parse_time, "0.5ms", -1},
    {config_parse_time, "", -1},
    {config_parse_time, "-1s", -1},
    {config_parse_cpus, "1", 1000000000},
    {config_parse_cpus, "0.5", 500000000},
    {config_parse_cpus, "0.000000001", 1},
    {config_parse_cpus, "64", INT64_C(64000000000)},
    {config_parse_cpus, "0.0000000001", -1},
    {config_parse_cpus, "1,5", -1},
    {config_parse_cpus, "half", -1},
    {config_parse_cpus, "", -1},
    {config_parse_count, "7", 7},
    {config_parse_count, "0", 0},
    {config_parse_count, "1.0", -1},
    {config_parse_count, "7k", -1},
    {config_parse_count, "", -1},
};

static void values(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(value_cases) / sizeof(value_cases[0]); i++) {
        const struct value_case *c = &value_cases[i];
        struct err err = {""};
        int64_t value = -7;
        int rc = c->parse(c->text, &value, &err);
        if (rc != (c->value < 0 ? -1 : 0) || (rc == 0 && value != c->value))
            fail_msg("'%s' gave %d and %lld", c->text, rc, (long long) value);
        assert_int_equal(rc < 0, err.text[0] != '\0');
    }
}

static void values_say_what_would_be_right(void **state)
{
    (void) state;
    struct err err;
    int64_t value;
    config_parse_size("big", &value, &err);
    assert_string_equal(err.text, "'big' is no size; write it like 100MiB, 2g or 4096");
    config_parse_time("soon", &value, &err);
    assert_string_equal(err.text, "'soon' is no time; write it like 250ms, 30s, 10m or 2h");
    config_parse_cpus("all", &value, &err);
    assert_string_equal(err.text, "'all' is no number of CPUs; write it like 0.5 or 2");
    config_parse_count("many", &value, &err);
    assert_string_equal(err.text, "'many' is no count; write a plain number");
}

/* ---- options ---- */

static void defaults(void **state)
{
    (void) state;
    struct config config;
    struct err err;
    assert_int_equal(config_init(&config, &err), 0);
    assert_string_equal(config.listen, "unix:/run/caisson/docker.sock");
    assert_string_equal(config.upstream, "unix:/var/run/docker.sock");
    assert_string_equal(config.listen_owner, "");
    assert_string_equal(config.owner, "caisson");
    assert_int_equal(config.listen_mode, 0660);
    assert_int_equal(config.api_floor, 40);
    assert_int_equal(config.containers, 32);
    assert_int_equal(config.lifetime_ms, 600000);
    assert_int_equal(config.body_bytes, 3 << 20);
    config_done(&config);
    config_done(&config);
}

struct option_case {
    const char *section, *key, *value;
    const char *error; /* NULL: accepted */
};

static const struct option_case option_cases[] = {
    {"proxy", "listen", "unix:/tmp/a.sock", NULL},
    {"proxy", "listen", "/tmp/a.sock",
     "listen: '/tmp/a.sock' is no socket; write it like unix:/run/caisson/docker.sock"},
    {"proxy", "listen", "unix:a.sock",
     "listen: 'unix:a.sock' is no socket; write it like unix:/run/caisson/docker.sock"},
    {"proxy", "upstream", "tcp://127.0.0.1:2375",
     "upstream: 'tcp://127.0.0.1:2375' is no socket; write it like unix:/run/caisson/docker.sock"},
    {"proxy", "listen", "", "listen: '' is no socket; write it like unix:/run/caisson/docker.sock"},
    {"proxy", "listen",
     "unix:/01234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "01234567890123456789012345678",
     "listen: the path of a Unix socket has at most 107 bytes, this one has 110"},
    {"proxy", "listen-mode", "0600", NULL},
    {"proxy", "listen-mode", "666", NULL},
    {"proxy", "listen-mode", "rw",
     "listen-mode: 'rw' is no file mode; write octal digits, like 0660"},
    {"proxy", "listen-mode", "0680",
     "listen-mode: '0680' is no file mode; write octal digits, like 0660"},
    {"proxy", "listen-mode", "4755", "listen-mode: 4755 is out of range; it goes up to 0777"},
    {"proxy", "listen-owner", "root:docker", NULL},
    {"proxy", "listen-owner", ":999", NULL},
    {"proxy", "listen-owner", "root", NULL},
    {"proxy", "listen-owner", "", NULL},
    {"proxy", "listen-owner", ":",
     "listen-owner: ':' is no owner; write it like USER:GROUP, USER or :GROUP"},
    {"proxy", "listen-owner", "a:b:c",
     "listen-owner: 'a:b:c' is no owner; write it like USER:GROUP, USER or :GROUP"},
    {"proxy", "listen-owner", "a b",
     "listen-owner: 'a b' is no owner; write it like USER:GROUP, USER or :GROUP"},
    {"proxy", "audit", "none", NULL},
    {"proxy", "audit", "/var/log/caisson.log", NULL},
    {"proxy", "audit", "syslog",
     "audit: 'syslog' is no place for a log; write stderr, stdout, none or /path/to/file"},
    {"proxy", "owner", "team-a.1_x", NULL},
    {"proxy", "owner", "team a",
     "owner: 'team a' is no owner's name; write 1 to 63 of A-Z a-z 0-9 _ . -"},
    {"proxy", "owner", "", "owner: '' is no owner's name; write 1 to 63 of A-Z a-z 0-9 _ . -"},
    {"proxy", "api-floor", "1.24", NULL},
    {"proxy", "api-floor", "1.23", "api-floor: 1.23 is out of range; it goes from 1.24 to 1.99"},
    {"proxy", "api-floor", "40", "api-floor: '40' is no Docker API version; write it like 1.40"},
    {"proxy", "api-floor", "1.040",
     "api-floor: '1.040' is no Docker API version; write it like 1.40"},
    {"proxy", "api-floor", "1.4x",
     "api-floor: '1.4x' is no Docker API version; write it like 1.40"},
    {"proxy", "api-floor", "1.400",
     "api-floor: '1.400' is no Docker API version; write it like 1.40"},
    {"proxy", "lissten", "x", "[proxy] has no key 'lissten'; did you mean 'listen'?"},
    {"proxy", "tcp-socket", "1", "[proxy] has no key 'tcp-socket'; caisson.ini(5) lists them"},
    {"proxy", "containers", "1", "[proxy] has no key 'containers'; caisson.ini(5) lists them"},
    {"limits", "containers", "1", NULL},
    {"limits", "containers", "0", "containers: 0 is out of range; it goes from 1 to 100000"},
    {"limits", "containers", "-1", "containers: '-1' is no count; write a plain number"},
    {"limits", "container", "1", "[limits] has no key 'container'; did you mean 'containers'?"},
    {"limits", "lifetime", "0", NULL},
    {"limits", "lifetime", "2h", NULL},
    {"limits", "lifetime", "10", "lifetime: '10' is no time; write it like 250ms, 30s, 10m or 2h"},
    {"limits", "head-timeout", "10ms",
     "head-timeout: 10ms is out of range; it goes from 100ms to 3600000ms"},
    {"limits", "body", "100GiB",
     "body: 100GiB is out of range; it goes from 1024 bytes to 67108864 bytes"},
    {"limits", "body", "1MiB", NULL},
};

static void options(void **state)
{
    (void) state;
    struct config config;
    struct err err;
    assert_int_equal(config_init(&config, &err), 0);
    for (size_t i = 0; i < sizeof(option_cases) / sizeof(option_cases[0]); i++) {
        const struct option_case *c = &option_cases[i];
        strcpy(err.text, "");
        int rc = config_set(&config, c->section, c->key, c->value, 7, &err);
        if (strcmp(err.text, c->error ? c->error : "") != 0)
            fail_msg("%s = %s: '%s'", c->key, c->value, err.text);
        assert_int_equal(rc, c->error ? -1 : 0);
    }
    assert_string_equal(config.listen, "unix:/tmp/a.sock");
    assert_int_equal(config.listen_mode, 0666);
    assert_int_equal(config.api_floor, 24);
    assert_int_equal(config.lifetime_ms, 7200000);
    config_done(&config);
}

/* ---- files ---- */

struct pairs {
    char text[8192]; /* "section.key=value@line" and a bar, for each pair */
    const char *stop_at;
};

static int take(void *arg, const char *section, const char *key, const char *value, unsigned line,
                struct err *err)
{
    struct pairs *pairs = arg;
    size_t used = strlen(pairs->text);
    if (!key) /* the line that begins a section */
        return 0;
    if (pairs->stop_at && strcmp(key, pairs->stop_at) == 0)
        return err_set(err, "stopped at %s", key);
    snprintf(pairs->text + used, sizeof(pairs->text) - used, "%s.%s=%s@%u|", section, key, value,
             line);
    return 0;
}

static void file_write(char path[64], const char *content, size_t bytes)
{
    strcpy(path, "/tmp/caisson-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, bytes), bytes);
    close(fd);
}

static int file_read(const char *content, size_t bytes, struct pairs *pairs, char *ret_error)
{
    char path[64];
    struct err err = {""};
    file_write(path, content, bytes);
    int rc = config_read(path, take, pairs, NULL, &err);
    unlink(path);
    /* Errors begin with the path, which every run names anew. */
    size_t path_bytes = strlen(path);
    if (rc < 0)
        assert_memory_equal(err.text, path, path_bytes);
    strcpy(ret_error, rc < 0 ? err.text + path_bytes : "");
    return rc;
}

struct file_case {
    const char *content;
    const char *pairs; /* what take() saw, or NULL */
    const char *error; /* behind the path, or NULL */
};

static const struct file_case file_cases[] = {
    {"", "", NULL},
    {"\n\n; comment\n# comment\n", "", NULL},
    {"[a]\nk = v\n", "a.k=v@2|", NULL},
    {"[a]\nk = v", "a.k=v@2|", NULL},
    {"[a]\r\nk = v\r\n", "a.k=v@2|", NULL},
    {"[a]\nk=v=w:x\n", "a.k=v=w:x@2|", NULL},
    {"[a]\n  k  =  v w  \n", "a.k=v w@2|", NULL},
    {"[a]\nk = v ; comment\n", "a.k=v@2|", NULL},
    {"[a]\nk = v;w\n", "a.k=v;w@2|", NULL},
    {"[a]\nk =\n", "a.k=@2|", NULL},
    {"[a]\nk = v\n   l = w\n", "a.k=v@2|a.l=w@3|", NULL},
    {"[a]\nk = 1\n[b]\nk = 2\n[a]\nl = 3\n", "a.k=1@2|b.k=2@4|a.l=3@6|", NULL},
    {"[a] ; comment\nk = 1\n", "a.k=1@2|", NULL},
    {"[a]\nHostConfig.Mounts[].Type = one-of tmpfs\n", "a.HostConfig.Mounts[].Type=one-of tmpfs@2|",
     NULL},
    {"k = v\n", NULL,
     ":1: 'k = v' stands before any section; put it under one like [proxy], [allow], [create], "
     "[exec] or "
     "[limits]"},
    {"[a]\n= v\n", NULL, ":2: there is no key before '='"},
    {"[a]\nk: v\n", NULL, ":2: a key is followed by '=', not ':'"},
    {"[a]\nk\n", NULL, ":2: 'k' is no 'key = value'"},
    {"[a]\nk ; = v\n", NULL, ":2: 'k ; = v' is no 'key = value'"},
    {"[a\nk = v\n", NULL, ":1: the section has no closing bracket; write it like [allow]"},
    {"[a] b\nk = v\n", NULL, ":1: unexpected text after the section; begin a new line"},
    {"[0123456789012345678901234567890123456789x]\n", NULL,
     ":1: the section's name is longer than 40 bytes"},
    {"[a]\nk = 1\nl = 2\nk = 3\n", NULL, ":4: 'k' is repeated; it is already on line 2"},
    {"[a]\nk = 1\n[b]\n[a]\nk = 1\n", NULL, ":5: 'k' is repeated; it is already on line 2"},
    {"\xef\xbb\xbf[a]\nk = 1\n", NULL,
     ":1: the file begins with a byte order mark; save it without one"},
    {"[a]\nk = \x01\n", NULL, ":2: the line has a control character (0x01)"},
    {"[a]\nk = a\rb\n", NULL, ":2: the line has a control character (0x0d)"},
    {"[a]\nk = \x7f\n", NULL, ":2: the line has a control character (0x7f)"},
    {"[a]\nstop = 1\nk = 1\n", NULL, ":2: stopped at stop"},
};

static void files(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(file_cases) / sizeof(file_cases[0]); i++) {
        const struct file_case *c = &file_cases[i];
        struct pairs pairs = {.stop_at = "stop"};
        char error[512];
        int rc = file_read(c->content, strlen(c->content), &pairs, error);
        if (strcmp(error, c->error ? c->error : "") != 0)
            fail_msg("case %zu: error '%s'", i, error);
        if (c->pairs && strcmp(pairs.text, c->pairs) != 0)
            fail_msg("case %zu: pairs '%s'", i, pairs.text);
        assert_int_equal(rc, c->error ? -1 : 0);
    }
}

static void file_with_nul(void **state)
{
    (void) state;
    struct pairs pairs = {0};
    char error[512];
    assert_int_equal(file_read("[a]\nk = v\0w\n", 12, &pairs, error), -1);
    assert_string_equal(error, ":2: the line has a NUL byte; a policy is plain text");
}

/* The longest line arrives whole, one byte more is refused: nothing is ever cut. */
static void file_with_long_lines(void **state)
{
    (void) state;
    for (size_t more = 0; more < 2; more++) {
        size_t line_bytes = CONFIG_LINE_BYTES + more;
        char *content = malloc(line_bytes + 16);
        struct pairs pairs = {0};
        char error[512];
        strcpy(content, "[a]\nk=");
        memset(content + 6, 'x', line_bytes - 2);
        strcpy(content + 4 + line_bytes, "\n");
        int rc = file_read(content, strlen(content), &pairs, error);
        free(content);
        if (more) {
            assert_int_equal(rc, -1);
            assert_string_equal(error, ":2: the line is longer than 4096 bytes");
        } else {
            assert_int_equal(rc, 0);
            assert_int_equal(strspn(pairs.text + 4, "x"), CONFIG_LINE_BYTES - 2);
        }
    }
}

static void file_that_cannot_be_read(void **state)
{
    (void) state;
    struct pairs pairs = {0};
    struct err err;
    assert_int_equal(config_read("/nonexistent/p.ini", take, &pairs, NULL, &err), -1);
    assert_string_equal(err.text, "/nonexistent/p.ini: cannot open it: No such file or directory");
    assert_int_equal(config_read("/tmp", take, &pairs, NULL, &err), -1);
    assert_string_equal(err.text, "/tmp:1: cannot read it: Is a directory");
}

/* ---- errors ---- */

static void errors_are_cut_never_overrun(void **state)
{
    (void) state;
    struct err err;
    char text[600];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(err_set(&err, "%s", text), -1);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(err_wrap(&err, "%s", "where"), -1);
    assert_memory_equal(err.text, "where: xxx", 10);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    err_set(&err, "what");
    err_wrap(&err, "%s:%d", "f", 7);
    assert_string_equal(err.text, "f:7: what");
    err_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(values_say_what_would_be_right),
        cmocka_unit_test(defaults),
        cmocka_unit_test(options),
        cmocka_unit_test(files),
        cmocka_unit_test(file_with_nul),
        cmocka_unit_test(file_with_long_lines),
        cmocka_unit_test(file_that_cannot_be_read),
        cmocka_unit_test(errors_are_cut_never_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
