/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: exact lines, hostile text, and sinks that are full, slow or gone. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit.h"
#include "err.h"

static const struct audit_record RECORD = {
    .time_us = 1767323045678901, /* 2026-01-02T03:04:05.678901Z */
    .connection = 7,
    .request = 2,
    .uid = 1000,
    .gid = 999,
    .pid = 4242,
    .listener = "ci",
    .owner = "robots",
    .policy = "3f2a9c01d4e7",
    .method = "POST",
    .operation = "ContainerCreate",
    .target = "/v1.41/containers/createXXX",
    .target_bytes = 24,
    .decision = "deny",
    .reason = "field-refused",
    .field = "HostConfig.Privileged",
    .image = "busybox:latest",
    .status = 403,
    .bytes_in = 1234,
    .bytes_out = 56,
    .duration_us = 78,
};

struct place {
    char folder[32], path[64];
};

static struct place make_place(void)
{
    struct place place;
    strcpy(place.folder, "/tmp/test-audit-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.path, sizeof place.path, "%s/log", place.folder);
    return place;
}

static void drop_place(const struct place *place)
{
    unlink(place->path);
    rmdir(place->folder);
}

static struct audit *open_audit(const char *where)
{
    struct audit *audit = NULL;
    struct err err = {{0}};
    if (audit_open(where, &audit, &err) < 0)
        fail_msg("%s", err.text);
    return audit;
}

/* The whole file, to be freed. */
static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t bytes = (size_t) ftell(file);
    rewind(file);
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, bytes, file), bytes);
    text[bytes] = '\0';
    fclose(file);
    return text;
}

/* What one record is written as, to be freed. */
static char *write_one(const struct audit_record *record)
{
    struct place place = make_place();
    struct audit *audit = open_audit(place.path);
    audit_add(audit, record);
    audit_free(audit);
    char *text = slurp(place.path);
    drop_place(&place);
    return text;
}

static void test_line(void **state)
{
    (void) state;
    char *text = write_one(&RECORD);
    assert_string_equal(text,
                        "{\"time\":\"2026-01-02T03:04:05.678901Z\",\"connection\":7,\"request\":2,"
                        "\"uid\":1000,\"gid\":999,\"pid\":4242,\"listener\":\"ci\","
                        "\"owner\":\"robots\",\"policy\":\"3f2a9c01d4e7\",\"method\":\"POST\","
                        "\"operation\":\"ContainerCreate\",\"target\":\"/v1.41/containers/create\","
                        "\"decision\":\"deny\",\"reason\":\"field-refused\","
                        "\"field\":\"HostConfig.Privileged\",\"image\":\"busybox:latest\","
                        "\"status\":403,\"bytes_in\":1234,"
                        "\"bytes_out\":56,\"duration_us\":78}\n");
    free(text);
}

static void test_absent_members(void **state)
{
    (void) state;
    char *text = write_one(&(struct audit_record){.time_us = -1, .uid = (uid_t) -1});
    assert_string_equal(text, "{\"time\":\"1969-12-31T23:59:59.999999Z\",\"connection\":0,"
                              "\"request\":0,\"uid\":4294967295,\"gid\":0,\"pid\":0,\"bytes_in\":0,"
                              "\"bytes_out\":0,\"duration_us\":0}\n");
    free(text);
}

static void test_times(void **state)
{
    (void) state;
    static const struct {
        int64_t second;
        const char *text;
    } ROWS[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {951782400, "2000-02-29T00:00:00.000000Z"},
        {951868800, "2000-03-01T00:00:00.000000Z"},
        {4107542400, "2100-03-01T00:00:00.000000Z"},
        {253402300799, "9999-12-31T23:59:59.000000Z"},
        {253402300800, "0000-00-00T00:00:00.000000Z"}, /* no four digits left: said so */
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *text = write_one(&(struct audit_record){.time_us = ROWS[i].second * 1000000});
        assert_memory_equal(text + strlen("{\"time\":\""), ROWS[i].text, strlen(ROWS[i].text));
        free(text);
    }
}

/* Lines of one second share its date; the next second has its own. */
static void test_times_of_one_log(void **state)
{
    (void) state;
    static const int64_t TIMES_US[] = {59999999, 59000001, 60000000, 59000000};
    static const char *const TEXTS[] = {
        "1970-01-01T00:00:59.999999Z", "1970-01-01T00:00:59.000001Z", "1970-01-01T00:01:00.000000Z",
        "1970-01-01T00:00:59.000000Z"};
    struct place place = make_place();
    struct audit *audit = open_audit(place.path);
    for (int i = 0; i < 4; i++)
        audit_add(audit, &(struct audit_record){.time_us = TIMES_US[i]});
    audit_free(audit);
    char *text = slurp(place.path), *line = text;
    for (int i = 0; i < 4; i++) {
        assert_memory_equal(line + strlen("{\"time\":\""), TEXTS[i], strlen(TEXTS[i]));
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "");
    free(text);
    drop_place(&place);
}

static void assert_target(const char *target, size_t bytes, const char *wanted)
{
    char *text = write_one(&(struct audit_record){.target = target, .target_bytes = bytes});
    char *at = strstr(text, ",\"target\":\"");
    char *end = strstr(text, "\",\"bytes_in\":");
    assert_non_null(at);
    assert_non_null(end);
    *end = '\0';
    assert_string_equal(at + strlen(",\"target\":\""), wanted);
    free(text);
}

/* Each line says who it is of, whoever the one before it was of. */
static void test_lines_of_many(void **state)
{
    (void) state;
    char word[8] = "one";
    struct audit_record records[] = {
        {.uid = 1, .listener = word, .owner = "o", .policy = "p"},
        {.uid = 1, .listener = word, .owner = "o", .policy = "p"},
        {.uid = 2, .listener = word, .owner = "o", .policy = "p"},
        {.uid = 2, .gid = 9, .listener = word, .owner = "o", .policy = "p"},
        {.uid = 2, .gid = 9, .pid = 8, .listener = word, .owner = "o", .policy = "p"},
        {.uid = 2, .gid = 9, .pid = 8, .listener = word, .owner = "other", .policy = "p"},
        {.uid = 2, .gid = 9, .pid = 8, .listener = word, .owner = "other", .policy = "q"},
        {.uid = 2, .gid = 9, .pid = 8, .listener = word, .policy = "q"},
        {.uid = 2, .gid = 9, .pid = 8, .listener = word, .owner = "", .policy = "q"},
        {.uid = 2, .gid = 9, .pid = 8},
    };
    static const char *const TEXTS[] = {
        "\"uid\":1,\"gid\":0,\"pid\":0,\"listener\":\"one\",\"owner\":\"o\",\"policy\":\"p\",",
        "\"uid\":1,\"gid\":0,\"pid\":0,\"listener\":\"two\",\"owner\":\"o\",\"policy\":\"p\",",
        "\"uid\":2,\"gid\":0,\"pid\":0,\"listener\":\"two\",\"owner\":\"o\",\"policy\":\"p\",",
        "\"uid\":2,\"gid\":9,\"pid\":0,\"listener\":\"two\",\"owner\":\"o\",\"policy\":\"p\",",
        "\"uid\":2,\"gid\":9,\"pid\":8,\"listener\":\"two\",\"owner\":\"o\",\"policy\":\"p\",",
        "\"uid\":2,\"gid\":9,\"pid\":8,\"listener\":\"two\",\"owner\":\"other\",\"policy\":\"p\",",
        "\"uid\":2,\"gid\":9,\"pid\":8,\"listener\":\"two\",\"owner\":\"other\",\"policy\":\"q\",",
        "\"uid\":2,\"gid\":9,\"pid\":8,\"listener\":\"two\",\"policy\":\"q\",",
        "\"uid\":2,\"gid\":9,\"pid\":8,\"listener\":\"two\",\"owner\":\"\",\"policy\":\"q\",",
        "\"uid\":2,\"gid\":9,\"pid\":8,\"bytes_in\":0,",
    };
    struct place place = make_place();
    struct audit *audit = open_audit(place.path);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        audit_add(audit, &records[i]);
        strcpy(word, "two"); /* another text where the same one stood */
    }
    audit_free(audit);
    char *text = slurp(place.path), *line = text;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        const char *who = strstr(line, "\"uid\"");
        assert_non_null(who);
        if (strncmp(who, TEXTS[i], strlen(TEXTS[i])) != 0)
            fail_msg("line %zu: %.100s", i, who);
        line = strchr(line, '\n') + 1;
    }
    free(text);
    drop_place(&place);
}

static void test_numbers(void **state)
{
    (void) state;
    char wanted[40];
    uint64_t number = 1;
    for (int digits = 1; digits <= 20; digits++, number *= 10) {
        for (uint64_t near = number - 1; near <= number + 1; near++) {
            char *text = write_one(&(struct audit_record){.connection = near, .bytes_in = near});
            snprintf(wanted, sizeof wanted, "\"connection\":%" PRIu64 ",", near);
            assert_non_null(strstr(text, wanted));
            snprintf(wanted, sizeof wanted, "\"bytes_in\":%" PRIu64 ",", near);
            assert_non_null(strstr(text, wanted));
            free(text);
        }
    }
}

static void test_hostile_text(void **state)
{
    (void) state;
    static const struct {
        const char *text, *wanted;
    } ROWS[] = {
        {"", ""},
        {"a\"b\\c/", "a\\\"b\\\\c/"},
        {"\"}\n{\"decision\":\"forward\"", "\\\"}\\u000a{\\\"decision\\\":\\\"forward\\\""},
        {"\x01\x1f\x7f \x1b[2J\r\n\t", "\\u0001\\u001f\\u007f \\u001b[2J\\u000d\\u000a\\u0009"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3"},
        {"\xff\xfe", "\\u00ff\\u00fe"},
        {"\x80", "\\u0080"},
        {"\xc3(", "\\u00c3("},
        {"\xc3", "\\u00c3"},
        {"\xe2\x82", "\\u00e2\\u0082"},
        {"\xc0\xaf", "\\u00c0\\u00af"},                       /* overlong */
        {"\xf0\x80\x80\xaf", "\\u00f0\\u0080\\u0080\\u00af"}, /* overlong */
        {"\xe0\x80\xaf", "\\u00e0\\u0080\\u00af"},            /* overlong */
        {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"},            /* a surrogate */
        {"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"}, /* above U+10FFFF */
        {"\xc2\x9b", "\\u00c2\\u009b"},                       /* a terminal's control */
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        assert_target(ROWS[i].text, strlen(ROWS[i].text), ROWS[i].wanted);
    assert_target("a\0b", 3, "a\\u0000b");
    assert_target("a\xe2\x82\xac", 3, "a\\u00e2\\u0082"); /* cut within a character */
}

static size_t encode(unsigned point, char *to)
{
    if (point < 0x800) {
        to[0] = (char) (0xc0 | point >> 6);
        to[1] = (char) (0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char) (0xe0 | point >> 12);
        to[1] = (char) (0x80 | (point >> 6 & 63));
        to[2] = (char) (0x80 | (point & 63));
        return 3;
    }
    to[0] = (char) (0xf0 | point >> 18);
    to[1] = (char) (0x80 | (point >> 12 & 63));
    to[2] = (char) (0x80 | (point >> 6 & 63));
    to[3] = (char) (0x80 | (point & 63));
    return 4;
}

/* Each line holds some code points; every one of Unicode stands in the log as it is, or escaped. */
static void test_every_code_point(void **state)
{
    (void) state;
    struct place place = make_place();
    struct audit *audit = open_audit(place.path);
    unsigned escaped = 0;
    for (unsigned point = 0x80; point < 0x110000; point += 64) {
        char target[256];
        size_t bytes = 0;
        for (unsigned i = 0; i < 64 && point + i < 0x110000; i++)
            bytes += encode(point + i, target + bytes);
        audit_add(audit, &(struct audit_record){.target = target, .target_bytes = bytes});
        audit_flush(audit);
    }
    audit_free(audit);
    char *text = slurp(place.path);
    for (const char *at = text; *at; at++)
        escaped += at[0] == '\\' && at[1] == 'u';
    assert_int_equal(escaped, 32 * 2 + 2048 * 3); /* U+0080 to U+009F, and the surrogates */
    free(text);
    drop_place(&place);
}

static void test_long_texts_are_cut(void **state)
{
    (void) state;
    char long_text[5000];
    memset(long_text, '\x01', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    struct audit_record record = {.time_us = INT64_MAX / 2,
                                  .connection = UINT64_MAX,
                                  .request = UINT64_MAX,
                                  .uid = (uid_t) -1,
                                  .gid = (gid_t) -1,
                                  .pid = 0x7fffffff,
                                  .target = long_text,
                                  .target_bytes = sizeof long_text - 1,
                                  .field = long_text,
                                  .image = long_text,
                                  .status = 0x7fffffff,
                                  .bytes_in = UINT64_MAX,
                                  .bytes_out = UINT64_MAX,
                                  .duration_us = INT64_MAX};
    char *text = write_one(&record);
    size_t escapes = 0;
    for (const char *at = text; *at; at++)
        escapes += at[0] == '\\' && at[1] == 'u';
    assert_int_equal(escapes, 3 * 256);
    assert_int_equal(text[strlen(text) - 1], '\n');
    free(text);
}

static void test_file(void **state)
{
    (void) state;
    struct place place = make_place();
    struct stat status;
    mode_t mask = umask(0);
    struct audit *audit = open_audit(place.path);
    umask(mask);
    assert_int_equal(stat(place.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    audit_add(audit, &RECORD);
    assert_int_equal(stat(place.path, &status), 0);
    assert_int_equal(status.st_size, 0); /* a line costs no call of its own */
    audit_flush(audit);
    assert_int_equal(stat(place.path, &status), 0);
    off_t once = status.st_size;
    assert_true(once > 0);
    audit_free(audit);

    audit = open_audit(place.path); /* appends */
    audit_add(audit, &RECORD);
    audit_free(audit);
    assert_int_equal(stat(place.path, &status), 0);
    assert_int_equal(status.st_size, 2 * once);
    drop_place(&place);
}

static void test_open(void **state)
{
    (void) state;
    struct audit *audit = NULL;
    struct err err = {{0}};
    assert_int_equal(audit_open("/nonexistent/folder/log", &audit, &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent/folder/log"));
    assert_null(audit);
    assert_int_equal(audit_open("/tmp", &audit, &err), -1);

    audit = open_audit("none");
    audit_add(audit, &RECORD);
    audit_flush(audit);
    audit_free(audit);
    audit_free(NULL);
    audit_free(open_audit("stdout"));
    audit_free(open_audit("stderr"));
    assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0); /* not ours to close */
    assert_true(fcntl(STDERR_FILENO, F_GETFD) >= 0);
}

/* A full disk: nothing waits, nothing ends, memory stays bounded. */
static void test_full_disk(void **state)
{
    (void) state;
    struct audit *audit = open_audit("/dev/full");
    for (int i = 0; i < 20000; i++) {
        audit_add(audit, &RECORD);
        if (i % 100 == 0)
            audit_flush(audit);
    }
    audit_free(audit);
}

/* All that the pipe holds, appended to text. */
static size_t drain(int fd, char *text, size_t at, size_t room)
{
    ssize_t bytes;
    while ((bytes = read(fd, text + at, room - at)) > 0)
        at += (size_t) bytes;
    return at;
}

/*
 * A reader that sleeps and wakes up: no line is broken, none is out of order, and each is in the
 * log or counted where it is missing.
 */
static void test_slow_reader(void **state)
{
    (void) state;
    struct place place = make_place();
    assert_int_equal(mkfifo(place.path, 0600), 0);
    int reader = open(place.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    struct audit *audit = open_audit(place.path);
    const size_t room = 16 << 20;
    char *text = malloc(room);
    assert_non_null(text);
    size_t bytes = 0;
    uint64_t added = 0;

    for (int turn = 0; turn < 60; turn++) {
        for (int i = 0; i < 500; i++) {
            struct audit_record record = RECORD;
            record.connection = ++added;
            audit_add(audit, &record);
        }
        audit_flush(audit);
        if (turn >= 20 && turn % 4 == 0) /* for a part of what is new; later for all */
            bytes = drain(reader, text, bytes, room);
    }
    for (int turn = 0; turn < 1000; turn++) {
        audit_flush(audit);
        bytes = drain(reader, text, bytes, room);
    }
    audit_free(audit);
    bytes = drain(reader, text, bytes, room - 1);
    text[bytes] = '\0';

    uint64_t seen = 0, losses = 0;
    for (char *line = text, *end; *line; line = end + 1) {
        unsigned long long number;
        char last;
        end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        if (sscanf(line, "{\"time\":\"%*27c\",\"lost\":%llu%c", &number, &last) == 2) {
            assert_int_equal(last, '}');
            assert_true(number > 0);
            seen += number;
            losses++;
        } else {
            assert_int_equal(sscanf(line, "{\"time\":\"%*27c\",\"connection\":%llu,", &number), 1);
            assert_int_equal(number, ++seen);
            assert_int_equal(end[-1], '}');
        }
    }
    assert_true(losses > 0);
    assert_int_equal(seen, added);
    close(reader);
    free(text);
    drop_place(&place);
}

static void test_reader_gone(void **state)
{
    (void) state;
    struct place place = make_place();
    assert_int_equal(mkfifo(place.path, 0600), 0);
    int reader = open(place.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct audit *audit = open_audit(place.path);
    close(reader);
    for (int i = 0; i < 10000; i++) {
        audit_add(audit, &RECORD);
        audit_flush(audit);
    }
    audit_free(audit);
    drop_place(&place);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_absent_members),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_times_of_one_log),
        cmocka_unit_test(test_lines_of_many),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_reader_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
