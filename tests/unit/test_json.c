/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading: what is refused, where the fault is said to be, and text fit to be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "json.h"

static void expect_fault(const char *text, size_t bytes, unsigned depth, const char *path,
                         const char *what)
{
    struct arena arena = {0};
    struct json_fault fault;
    if (json_read_strict(&arena, text, bytes, depth, &fault))
        fail_msg("%.60s was read", text);
    arena_done(&arena);
    if (strcmp(fault.path, path) != 0 || !strstr(fault.text, what))
        fail_msg("%.60s: '%s' '%s'", text, fault.path, fault.text);
}

/* Some readers pass over a NUL that stands behind a word or a number. */
static void test_nul_between_tokens(void **state)
{
    static const char behind_word[] = "{\"a\":true\0}", behind_number[] = "{\"a\":1\0,\"b\":2}";
    (void) state;
    expect_fault(behind_word, sizeof(behind_word) - 1, 8, "a", "NUL");
    expect_fault(behind_number, sizeof(behind_number) - 1, 8, "a", "NUL");
    expect_fault("\0{}", 3, 8, "", "NUL");
    expect_fault("{}\0", 3, 8, "", "NUL");
}

static void test_faults(void **state)
{
    static const struct {
        const char *text, *path, *what;
    } cases[] = {
        {"", "", "ends too early"},
        {"   ", "", "ends too early"},
        {"[]", "", "must be a JSON object"},
        {"null", "", "not valid JSON"},
        {"\"x\"", "", "not valid JSON"},
        {"{} {}", "", "followed by more"},
        {"{}}", "", "followed by more"},
        {"{}]", "", "followed by more"},
        {"\xef\xbb\xbf{}", "", "not valid JSON"},
        {"{\"a\":1,\"a\":2}", "a", "appears twice"},
        {"{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", "a.b", "appears twice"},
        {"{\"a\":[{\"b\":1},{\"b\":1,\"\\u0062\":2}]}", "a[].\\u005cu0062", "appears twice"},
        {"{\"a\":1e999}", "a", "too large"},
        {"{\"a\":-1e999}", "a", "too large"},
        {"{\"a\":9223372036854775808}", "a", "too large"},
        {"{\"a\":-9223372036854775809}", "a", "too large"},
        {"{\"a\":01}", "a", "not valid JSON"},
        {"{\"a\":+1}", "a", "not valid JSON"},
        {"{\"a\":.5}", "a", "not valid JSON"},
        {"{\"a\":NaN}", "a", "not valid JSON"},
        {"{\"a\":1,}", "", "not valid JSON"},
        {"{\"a\":[1,]}", "a", "not valid JSON"},
        {"{'a':1}", "", "not valid JSON"},
        {"{/**/}", "", "not valid JSON"},
        {"{\"a\":\"\\u0000\"}", "a", "NUL"},
        {"{\"a\\u0000\":1}", "a\\u005cu0000", "NUL"},
        {"{\"a\":\"\xff\"}", "a", "not valid UTF-8"},
        {"{\"a\":\"\xed\xa0\x80\"}", "a", "not valid UTF-8"},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", "a", "not valid UTF-8"},
        {"{\"a\":\"\xf0\x8f\xbf\xbf\"}", "a", "not valid UTF-8"},
        {"{\"a\":\"\\ud800\"}", "a", "not valid JSON"},
        {"{\"a\":\"\\udc00\"}", "a", "not valid JSON"},
        {"{\"a\":\"\\ud800\\u0041\"}", "a", "not valid JSON"},
        {"{\"a\":\"\\ud800\\ud800\"}", "a", "not valid JSON"},
        {"{\"a\":\"\n\"}", "a", "not valid JSON"},
        {"{\"a\":\"", "a", "ends too early"},
        {"{\"a\":\"\\", "a", "not valid JSON"},
        {"{\"a\":{\"b\":[", "a.b[]", "ends too early"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_fault(cases[i].text, strlen(cases[i].text), 16, cases[i].path, cases[i].what);
    expect_fault("{}\0", 3, 16, "", "NUL");
    expect_fault("{\"a\":\"\0\"}", 9, 16, "a", "not valid JSON");
}

/* "[[[...": as deep as allowed passes, one more does not. */
static void test_depth(void **state)
{
    char text[600];
    struct json_fault fault;
    (void) state;
    for (unsigned depth = 1; depth <= JSON_DEPTH_MOST + 1; depth++) {
        size_t used = (size_t) snprintf(text, sizeof(text), "{\"a\":");
        for (unsigned i = 1; i < depth; i++)
            used += (size_t) snprintf(text + used, sizeof(text) - used, "[");
        used += (size_t) snprintf(text + used, sizeof(text) - used, depth == 1 ? "1" : "");
        for (unsigned i = 1; i < depth; i++)
            used += (size_t) snprintf(text + used, sizeof(text) - used, "]");
        used += (size_t) snprintf(text + used, sizeof(text) - used, "}");
        if (depth == 3)
            expect_fault(text, used, 2, "a[]", "nested too deeply");
        struct arena arena = {0};
        const struct json *value = json_read_strict(&arena, text, used, 1000, &fault);
        assert_int_equal(value != NULL, depth <= JSON_DEPTH_MOST);
        if (depth > 1) {
            value = json_read_strict(&arena, text, used, depth, &fault);
            assert_int_equal(value != NULL, depth <= JSON_DEPTH_MOST);
        }
        arena_done(&arena);
    }
}

static void expect_count(unsigned count, bool good)
{
    struct arena arena = {0};
    struct json_fault fault;
    char *text = malloc(count * 4 + 16);
    size_t used = (size_t) sprintf(text, "{\"a\":[[]");
    for (unsigned i = 3; i < count; i++)
        used += (size_t) sprintf(text + used, "%s", i % 2 ? ",1" : ",\"]\"");
    used += (size_t) sprintf(text + used, "]}");
    const struct json *value = json_read_strict(&arena, text, used, 16, &fault);
    assert_int_equal(value != NULL, good);
    if (!value)
        assert_string_equal(fault.path, "a[]");
    arena_done(&arena);
    free(text);
}

static void test_count(void **state)
{
    (void) state;
    expect_count(1000, true);
    expect_count(JSON_VALUES_MOST, true);
    expect_count(JSON_VALUES_MOST + 1, false);
}

static void test_good(void **state)
{
    struct arena arena = {0};
    struct json_fault fault;
    size_t bytes;
    static const char text[] = " {\"z\":[1,-0,{\"a\":null}],\"a\":\"\\u00e4\\n\",\"\":{}}\r\n\t ";
    (void) state;
    const struct json *value = json_read_strict(&arena, text, sizeof(text) - 1, 16, &fault);
    assert_non_null(value);
    char *written = json_write(&arena, value, &bytes);
    assert_string_equal(written, "{\"z\":[1,0,{\"a\":null}],\"a\":\"\xc3\xa4\\n\",\"\":{}}");
    assert_int_equal(bytes, strlen(written));
    free(written);
    arena_done(&arena);
}

/* An object of so many members, of which the last but one has the key of the first one. */
static void test_doubles(void **state)
{
    static const unsigned counts[] = {2, 3, 60, 64, 65, 66, 67, 500, 8000};
    (void) state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct arena arena = {0};
        struct json_fault fault;
        char *text = malloc(counts[i] * 16 + 32);
        size_t used = (size_t) sprintf(text, "{\"a\":{\"0\":null");
        for (unsigned k = 1; k < counts[i]; k++)
            used += (size_t) sprintf(text + used, ",\"%u\":%u", k, k);
        const size_t last = used;
        strcpy(text + used, "}}");
        const struct json *good = json_read_strict(&arena, text, used + 2, 8, &fault);
        assert_int_equal(json_size(json_get(good, "a")), counts[i]);
        assert_null(json_repeated(&arena, json_get(good, "a")));
        used += (size_t) sprintf(text + used, ",\"0\":1,\"x\":2}}");
        expect_fault(text, used, 8, "a.0", "appears twice");
        char place[40];
        snprintf(place, sizeof(place), "(at byte %zu of", last + 4);
        assert_null(json_read_strict(&arena, text, used, 8, &fault));
        assert_non_null(strstr(fault.text, place));
        arena_done(&arena);
        free(text);
    }
}

/* Of a large document the values are counted before it is read; strings do not confuse that. */
static void test_large(void **state)
{
    static const char odd[] = "{\"a\":{\"\\\"[,\\\\\":[\",,[[{{\\\\\\\"\",[]";
    const size_t room = JSON_VALUES_MOST * 4 + sizeof(odd) + 8;
    char *text = malloc(room);
    struct arena arena = {0};
    struct json_fault fault;
    size_t used = (size_t) sprintf(text, "%s", odd);
    (void) state;
    for (unsigned i = 5; i < JSON_VALUES_MOST; i++) /* beside objects, lists and a comma */
        used += (size_t) sprintf(text + used, ",12");
    strcpy(text + used, "]}}");
    assert_non_null(json_read_strict(&arena, text, used + 3, 8, &fault));
    strcpy(text + used, ",1]}}");
    expect_fault(text, used + 5, 8, "a.\\u005c\"[,\\u005c\\u005c[]", "too many values");
    strcpy(text + used, "]}x");
    expect_fault(text, used + 3, 8, "a", "not valid JSON");
    arena_done(&arena);
    free(text);
}

/* What ends or breaks a text is found wherever it stands in a block of sixteen bytes. */
static void test_blocks(void **state)
{
    struct arena arena = {0};
    struct json_fault fault;
    char text[128];
    (void) state;
    for (int bytes = 0; bytes < 50; bytes++) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyz ~!#[]^_{}/:,.ABCDEFGHIJKLMNOP";
        int used = sprintf(text, "{\"%.*s\\t\xc3\xa4\":\"\xc3\xa4%.*s\\\"~\"}", bytes, plain, bytes,
                           plain);
        const struct json *value = json_read_strict(&arena, text, (size_t) used, 8, &fault);
        assert_non_null(value);
        char *written = json_write(&arena, value, NULL);
        assert_string_equal(written, text);
        free(written);
        assert_int_equal(value->first->key_bytes, bytes + 3);
        assert_int_equal(value->first->size, bytes + 4);
        used = sprintf(text, "{\"a\":\"%.*s\x1f\"}", bytes, plain);
        expect_fault(text, (size_t) used, 8, "a", "not valid JSON");
        used = sprintf(text, "{\"a\":\"%.*s\xc3\"}", bytes, plain);
        expect_fault(text, (size_t) used, 8, "a", "not valid UTF-8");
        used = sprintf(text, "{\"a\":\"%.*s", bytes, plain);
        expect_fault(text, (size_t) used, 8, "a", "ends too early");
    }
    arena_done(&arena);
}

/* A name is found by its text, and by no other one: with any byte changed, left out or added. */
static void test_names(void **state)
{
    static const char all[] = "abcdefghijklmnopqrstuvwxyz";
    struct json_name names[sizeof(all)];
    struct json_names table;
    struct arena arena = {0};
    char text[sizeof(all) + 1];
    (void) state;
    for (uint32_t bytes = 1; bytes < sizeof(all); bytes++) {
        json_names_init(&arena, &table, 1);
        names[bytes] = (struct json_name){.text = arena_copy(&arena, all, bytes), .bytes = bytes};
        json_names_add(&table, &names[bytes]);
        assert_ptr_equal(json_names_find(&table, all, bytes), &names[bytes]);
        assert_ptr_equal(names[bytes].among, &table);
        assert_null(json_names_find(&table, all, bytes - 1));
        assert_null(json_names_find(&table, all, bytes + 1));
        for (uint32_t at = 0; at < bytes; at++) {
            memcpy(text, all, sizeof(all));
            text[at] = '.';
            if (json_names_find(&table, text, bytes))
                fail_msg("%.*s", (int) bytes, text);
        }
    }
    arena_done(&arena);
}

/* Names that are known are found where they are known, and nowhere else; twins are found as ever.
 */
static void test_known(void **state)
{
    enum { COUNT = 90 };
    static char texts[COUNT][24];
    struct json_name names[COUNT], root = {.text = ""};
    struct json_names table;
    struct arena arena = {0};
    struct json_fault fault;
    char text[4096];
    (void) state;
    json_names_init(&arena, &table, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t bytes =
            (uint32_t) sprintf(texts[i], "%.*s%u", (int) (i % 20), "namenamenamenamename", i);
        names[i] = (struct json_name){.text = texts[i], .bytes = bytes, .place = i};
        json_names_add(&table, &names[i]);
    }
    root.inside = names[7].inside = &table;
    for (uint32_t i = 0; i < COUNT; i++)
        assert_ptr_equal(json_names_find(&table, texts[i], names[i].bytes), &names[i]);
    int used = sprintf(text, "{\"%s\":{\"%s\":1,\"x\":{\"%s\":2}},\"%s\":{\"%s\":[{\"%s\":3}]}}",
                       texts[7], texts[8], texts[9], texts[10], texts[11], texts[12]);
    const struct json *value = json_read_known(&arena, text, (size_t) used, 8, &root, &fault);
    assert_non_null(value);
    const struct json *seventh = value->first, *tenth = seventh->next;
    assert_ptr_equal(seventh->name, &names[7]);
    assert_ptr_equal(seventh->first->name, &names[8]);
    assert_null(seventh->first->next->name);
    assert_null(seventh->first->next->first->name);
    assert_ptr_equal(tenth->name, &names[10]);
    assert_null(tenth->first->name);
    assert_null(json_put(&arena, json_new(&arena, JSON_OBJECT), "y", 1, seventh)->name);
    char *written = json_write(&arena, value, NULL);
    assert_string_equal(written, text);
    free(written);
    json_replace(seventh->first, tenth); /* a value of another name: the place keeps its own */
    assert_ptr_equal(seventh->first->name, &names[8]);
    written = json_write(&arena, seventh, NULL);
    snprintf(text, sizeof(text), "{\"%s\":{\"%s\":[{\"%s\":3}]},\"%s\":{\"%s\":2}}", texts[8],
             texts[11], texts[12], "x", texts[9]);
    assert_string_equal(written, text);
    free(written);
    for (unsigned twin = 0; twin < 2 * COUNT; twin += 7) { /* of known and of other keys */
        used = sprintf(text, "{");
        for (unsigned i = 0; i < COUNT; i++)
            used += sprintf(text + used, "\"%s\":%u,\"_%u\":0,", texts[i], i, i);
        if (twin < COUNT)
            sprintf(text + used, "\"%s\":1}", texts[twin]);
        else
            sprintf(text + used, "\"_%u\":1}", twin - COUNT);
        assert_null(json_read_known(&arena, text, strlen(text), 8, &root, &fault));
        assert_non_null(strstr(fault.text, "appears twice"));
        strcpy(text + used - 1, "}");
        assert_non_null(json_read_known(&arena, text, strlen(text), 8, &root, &fault));
    }
    arena_done(&arena);
}

/* What is built, changed and written. */
static void test_tree(void **state)
{
    struct arena arena = {0};
    struct json_fault fault;
    static const char text[] =
        "{\"b\":[1,\"\xc3\xa4\xf0\x9f\x98\x80\"],\"a\":{\"x\":0.5},\"c\":-7}";
    (void) state;
    struct json *value = json_read_strict(&arena, text, strlen(text), 8, &fault);
    char *ascii = json_write_ascii(&arena, value, NULL);
    assert_string_equal(ascii, "{\"b\":[1,\"\\u00E4\\uD83D\\uDE00\"],\"a\":{\"x\":0.5},\"c\":-7}");
    free(ascii);
    assert_int_equal(json_number(json_at(value, "a.y")), 0);
    assert_true(json_is(json_at(value, "a.x"), JSON_REAL));
    struct json *clone = json_clone(&arena, value);
    assert_true(json_same(value, clone));
    json_drop(clone, "c");
    json_drop(clone, "b");
    json_set(&arena, clone, "a", json_new_text(&arena, "\x01\"\t"));
    json_set(&arena, clone, "d", json_get(value, "b"));
    assert_false(json_same(value, clone));
    char *written = json_write(&arena, clone, NULL);
    assert_string_equal(written,
                        "{\"a\":\"\\u0001\\\"\\t\",\"d\":[1,\"\xc3\xa4\xf0\x9f\x98\x80\"]}");
    free(written);
    assert_int_equal(json_size(value), 3);
    struct json_index index = json_index(&arena, value);
    assert_ptr_equal(json_index_find(&index, "c"), json_get(value, "c"));
    assert_null(json_index_find(&index, "cc"));
    arena.failed = true; /* whatever is made now is void */
    json_set(&arena, clone, "e", json_new_number(&arena, 1));
    assert_null(json_write(&arena, clone, NULL));
    assert_null(json_read_strict(&arena, text, strlen(text), 8, &fault));
    assert_true(fault.no_memory);
    arena_done(&arena);
}

static void test_quote(void **state)
{
    char buffer[400], small[20], text[200];
    (void) state;
    assert_string_equal(json_quote(buffer, sizeof(buffer), "plain 'text'"), "plain 'text'");
    assert_string_equal(json_quote(buffer, sizeof(buffer), "a\x1b[31m\n\x7f\\"),
                        "a\\u001b[31m\\u000a\\u007f\\u005c");
    assert_string_equal(json_quote(buffer, sizeof(buffer), "\xc5\xbf\xe2\x84\xaa\xf0\x9f\x98\x80"),
                        "\\u017f\\u212a\\u1f600");
    assert_string_equal(json_quote(buffer, sizeof(buffer), "\xff\xc3"), "\\u00ff\\u00c3");
    memset(text, 'x', sizeof(text));
    text[JSON_QUOTE_BYTES] = '\0';
    assert_string_equal(json_quote(buffer, sizeof(buffer), text), text);
    text[JSON_QUOTE_BYTES] = 'x';
    text[sizeof(text) - 1] = '\0';
    json_quote(buffer, sizeof(buffer), text);
    assert_int_equal(strlen(buffer), JSON_QUOTE_BYTES + 3);
    assert_string_equal(buffer + JSON_QUOTE_BYTES, "...");
    json_quote(small, sizeof(small), "\x01\x01\x01\x01\x01\x01\x01\x01");
    assert_true(strlen(small) < sizeof(small));
}

static void test_same_key(void **state)
{
    (void) state;
    assert_true(json_same_key("HostConfig", "hostCONFIG"));
    assert_true(json_same_key("HostConfig", "Ho\xc5\xbftConfig"));
    assert_true(json_same_key("NetworkMode", "Networ\xe2\x84\xaaMode"));
    assert_true(json_same_key("", ""));
    assert_false(json_same_key("HostConfig", "HostConfi"));
    assert_false(json_same_key("HostConfig", "HostConfigs"));
    assert_false(json_same_key("PidMode", "P\xc4\xb1"
                                          "dMode")); /* dotless i */
    assert_false(json_same_key("K", "\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),   cmocka_unit_test(test_nul_between_tokens),
        cmocka_unit_test(test_depth),    cmocka_unit_test(test_count),
        cmocka_unit_test(test_good),     cmocka_unit_test(test_quote),
        cmocka_unit_test(test_same_key), cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_large),    cmocka_unit_test(test_tree),
        cmocka_unit_test(test_blocks),   cmocka_unit_test(test_known),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
