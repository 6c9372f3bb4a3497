/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route: what is a target and what is none, and which row it finds.
 */
#include "route.h"

#include "operation.h"
#include "reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Routes a copy of exactly the target's length, so that a sanitizer sees one byte read too many. */
struct routed {
    int reason;
    const char *op, *near, *wrong;
    unsigned minor;
    char ref[300], query[300];
};

static struct routed route_of(int method, const char *target, size_t bytes)
{
    struct routed routed = {0};
    struct route route;
    char *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, target, bytes);
    struct route_index index;
    route_index_init(&index);
    routed.reason = route_parse(&index, method, copy, bytes, &route, &routed.wrong);
    routed.op = route.op ? route.op->id : NULL;
    routed.near = route.near ? route.near->id : NULL;
    routed.minor = route.api_minor;
    if (route.op && route.ref)
        snprintf(routed.ref, sizeof(routed.ref), "%.*s", (int) route.ref_bytes, route.ref);
    if (route.query)
        snprintf(routed.query, sizeof(routed.query), "?%.*s", (int) route.query_bytes, route.query);
    free(copy);
    return routed;
}

struct found {
    enum method method;
    const char *target, *op;
    unsigned minor;
    const char *ref, *query;
};

#define G METHOD_GET
#define H METHOD_HEAD
#define P METHOD_POST
#define U METHOD_PUT
#define D METHOD_DELETE
#define O METHOD_OTHER

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct found found[] = {
    {G, "/_ping", "SystemPing", 0, "", ""},
    {H, "/_ping", "SystemPingHead", 0, "", ""},
    {G, "/v1.41/_ping", "SystemPing", 41, "", ""},
    {H, "/v1.9/_ping", "SystemPingHead", 9, "", ""},
    {G, "/v1.1/info", "SystemInfo", 1, "", ""},
    {G, "/v1.99/info", "SystemInfo", 99, "", ""},
    {G, "/version", "SystemVersion", 0, "", ""},
    {P, "/containers/create", "ContainerCreate", 0, "", ""},
    {P, "/v1.40/containers/create?name=a", "ContainerCreate", 40, "", "?name=a"},
    {P, "/containers/create?", "ContainerCreate", 0, "", "?"},
    {P, "/containers/create??", NULL, 0, "", ""},
    {P, "/containers/x/start", "ContainerStart", 0, "x", ""},
    {P, "/v1.41/containers/" ID64 "/start", "ContainerStart", 41, ID64, ""},
    {P, "/containers/my_name.1-x/start", "ContainerStart", 0, "my_name.1-x", ""},
    {P, "/containers/x/wait?condition=removed", "ContainerWait", 0, "x", "?condition=removed"},
    {G, "/containers/x/logs?since=1.5&tail=all", "ContainerLogs", 0, "x", "?since=1.5&tail=all"},
    {G, "/containers/x/logs?a=%2f", "ContainerLogs", 0, "x", "?a=%2f"},
    {D, "/containers/x", "ContainerDelete", 0, "x", ""},
    {D, "/containers/x?force=1", "ContainerDelete", 0, "x", "?force=1"},
    {D, "/containers/start", "ContainerDelete", 0, "start", ""},
    {D, "/containers/..x", NULL, 0, "", ""},
    {G, "/containers/json", "ContainerList", 0, "", ""},
    {G, "/containers/json/json", "ContainerInspect", 0, "json", ""},
    {P, "/containers/create/start", "ContainerStart", 0, "create", ""},
    {P, "/containers/prune", "ContainerPrune", 0, "", ""},
    {G, "/containers/x/attach/ws", "ContainerAttachWebsocket", 0, "x", ""},
    {P, "/containers/x/attach", "ContainerAttach", 0, "x", ""},
    {P, "/containers/x/exec", "ContainerExec", 0, "x", ""},
    {H, "/containers/x/archive", "ContainerArchiveInfo", 0, "x", ""},
    {G, "/containers/x/archive", "ContainerArchive", 0, "x", ""},
    {U, "/containers/x/archive", "PutContainerArchive", 0, "x", ""},
    {P, "/exec/abc/start", "ExecStart", 0, "abc", ""},
    {G, "/images/json", "ImageList", 0, "", ""},
    {G, "/images/a/json", "ImageInspect", 0, "a", ""},
    {G, "/images/reg.io:5000/a/b:1.2/json", "ImageInspect", 0, "reg.io:5000/a/b:1.2", ""},
    {G, "/images/a@sha256:00ff/json", "ImageInspect", 0, "a@sha256:00ff", ""},
    {D, "/images/a/b/c", "ImageDelete", 0, "a/b/c", ""},
    {G, "/images/json/json", "ImageInspect", 0, "json", ""},
    {G, "/images/get", "ImageGetAll", 0, "", ""},
    {G, "/images/x/get", "ImageGet", 0, "x", ""},
    {P, "/images/a/push", "ImagePush", 0, "a", ""},
    {G, "/distribution/a/b/json", "DistributionInspect", 0, "a/b", ""},
    {P, "/plugins/a/b:1/enable", "PluginEnable", 0, "a/b:1", ""},
    {G, "/volumes", "VolumeList", 0, "", ""},
    {G, "/volumes/v", "VolumeInspect", 0, "v", ""},
    {G, "/volumes/a/b", NULL, 0, "", ""},
    {G, "/volumes/a:b", NULL, 0, "", ""},
    {D, "/volumes/create", NULL, 0, "", ""},
    {U, "/volumes/v", "VolumeUpdate", 0, "v", ""},
    {G, "/networks/n", "NetworkInspect", 0, "n", ""},
    {P, "/networks/n/connect", "NetworkConnect", 0, "n", ""},
    {P, "/swarm/init", "SwarmInit", 0, "", ""},
    {G, "/swarm", "SwarmInspect", 0, "", ""},
    {P, "/build", "ImageBuild", 0, "", ""},
    {P, "/build/prune", "BuildPrune", 0, "", ""},
    {P, "/session", "Session", 0, "", ""},
    {G, "/system/df", "SystemDataUsage", 0, "", ""},
    {P, "/commit", "ImageCommit", 0, "", ""},
    /* No row at all. */
    {G, "/", NULL, 0, "", ""},
    {G, "/v1.41/", NULL, 0, "", ""},
    {G, "/ping", NULL, 0, "", ""},
    {G, "/_ping/x", NULL, 0, "", ""},
    {G, "/_pin", NULL, 0, "", ""},
    {G, "/_pings", NULL, 0, "", ""},
    {G, "/containers", NULL, 0, "", ""},
    {G, "/container/x/json", NULL, 0, "", ""},
    {G, "/containersx/json", NULL, 0, "", ""},
    {G, "/Containers/json", NULL, 0, "", ""},
    {G, "/containers/JSON", NULL, 0, "", ""},
    {P, "/containers/x", NULL, 0, "", ""},
    {P, "/containers/x/y/start", NULL, 0, "", ""},
    {P, "/containers/x/starts", NULL, 0, "", ""},
    {P, "/containers/x/star", NULL, 0, "", ""},
    {P, "/containers/x:1/start", NULL, 0, "", ""},
    {P, "/containers/x@y/start", NULL, 0, "", ""},
    {P, "/containers/-x/start", NULL, 0, "", ""},
    {P, "/containers/_x/start", NULL, 0, "", ""},
    {P, "/containers/.x/start", NULL, 0, "", ""},
    {D, "/containers/a/b", NULL, 0, "", ""},
    {P, "/containers/x/copy", NULL, 0, "", ""},
    {P, "/containers/x/checkpoints", NULL, 0, "", ""},
    {P, "/grpc", "Grpc", 0, "", ""},
    {G, "/debug/pprof/heap", NULL, 0, "", ""},
    {G, "/debug/vars", NULL, 0, "", ""},
    {G, "/v1.41/v1.41/info", NULL, 0, "", ""},
    {G, "/V1.41/info", NULL, 0, "", ""},
    {G, "/images//json", NULL, 0, "", ""},
    {G, "/images/:x/json", NULL, 0, "", ""},
    {G, "/images/@/json", NULL, 0, "", ""},
    {G, "/images/.x/json", NULL, 0, "", ""},
    /* A path with a row, but not for this method. */
    {D, "/containers/json", NULL, 0, "", ""},
    {D, "/containers/create", NULL, 0, "", ""},
    {D, "/containers/prune", NULL, 0, "", ""},
    {G, "/containers/create", NULL, 0, "", ""},
    {H, "/containers/json", NULL, 0, "", ""},
    {O, "/containers/json", NULL, 0, "", ""},
    {O, "/_ping", NULL, 0, "", ""},
    {O, "/containers/x", NULL, 0, "", ""},
    {P, "/_ping", NULL, 0, "", ""},
    {G, "/containers/x/start", NULL, 0, "", ""},
    {U, "/containers/x/start", NULL, 0, "", ""},
    {D, "/images/json", NULL, 0, "", ""},
};

static void rows_are_found(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        const struct found *c = &found[i];
        struct routed r = route_of((int) c->method, c->target, strlen(c->target));
        const char *op = r.op ? r.op : "none";
        if (strcmp(op, c->op ? c->op : "none") != 0)
            fail_msg("%s %s is %s", method_name(c->method), c->target, op);
        assert_int_equal(r.reason == REASON_NONE, c->op != NULL);
        if (!c->op)
            continue;
        assert_int_equal(r.minor, c->minor);
        assert_string_equal(r.ref, c->ref);
        assert_string_equal(r.query, c->query);
    }
}

/* Whatever the method is, what is malformed is refused as such. */
static const char *const malformed[] = {
    "",
    "*",
    "x",
    "containers/json",
    "http://docker/containers/json",
    "docker:80",
    "?",
    "?a=b",
    "//",
    "//containers/json",
    "/containers//json",
    "/containers/json/",
    "/containers/",
    "/./containers/json",
    "/containers/./json",
    "/containers/../json",
    "/..",
    "/.",
    "/../",
    "/containers/x/..",
    "/containers/x/.",
    "/%63ontainers/json",
    "/containers/x%2fjson",
    "/containers%2fjson",
    "/containers/x/%65xec",
    "/%761.41/info",
    "/v1.%34%31/info",
    "/containers/x%00/json",
    "/containers/x;a/json",
    "/containers/x,y/json",
    "/containers/x+y/json",
    "/containers/x y/json",
    "/containers/x\tjson",
    "/containers/x\\json",
    "/containers/x#/json",
    "/containers/json#",
    "/containers/json#?all=1",
    "/containers/json?a#b",
    "/containers/x~/json",
    "/containers/x*/json",
    "/containers/x!/json",
    "/containers/x$/json",
    "/containers/x'/json",
    "/containers/(x)/json",
    "/containers/[x]/json",
    "/containers/{x}/json",
    "/containers/{id}/json",
    "/containers/x|y/json",
    "/containers/x<y/json",
    "/containers/x\"/json",
    "/containers/x^/json",
    "/containers/x`/json",
    "/containers/x=y/json",
    "/containers/x&y/json",
    "/containers/\xc3\xa4/json",
    "/containers/\xff/json",
    "/containers/x\x7f/json",
    "/containers/x\x01/json",
    "/containers/x\r/json",
    "/containers/x\n/json",
    "/containers/json?a=b c",
    "/containers/json?a=b;c",
    "/containers/json?a=\"b\"",
    "/containers/json?a={b}",
    "/containers/json?a=[b]",
    "/containers/json?a=\xc3\xa4",
    "/containers/json?a=\x7f",
    "/containers/json?a=\n",
    "/containers/json?a=b?c=d",
    "/containers/json?a=<b>",
    "/containers/json?a=b|c",
    "/containers/json?a=b\\c",
    "/containers/json?a=$b",
    "/containers/json?a=^b",
    "/containers/json?a=`b`",
    /* What an Engine reads as a version, and we do not. */
    "/v1.041/info",
    "/v01.41/info",
    "/v1.41.0/info",
    "/v1.41./info",
    "/v1.0/info",
    "/v1.00/info",
    "/v1.100/info",
    "/v1./info",
    "/v1/info",
    "/v2.0/info",
    "/v11.1/info",
    "/v1.4a/info",
    "/v.41/info",
    "/v1.41",
    "/v1.4:/info",
    "/v1..41/info",
    "/v1.41:/info",
    "/v0.41/info",
    "/v9",
    "/v.",
    "/v1.41-/x",
};

static void malformed_targets_are_refused(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        for (int method = 0; method < METHOD_COUNT; method++) {
            struct routed r = route_of(method, malformed[i], strlen(malformed[i]));
            if (r.reason != REASON_TARGET_MALFORMED || !r.wrong || r.op)
                fail_msg("'%s' gave %s", malformed[i], reason_word((enum reason) r.reason));
        }
    assert_int_equal(route_of(G, "/info\0", 6).reason, REASON_TARGET_MALFORMED);
    assert_int_equal(route_of(G, "/info?a=\0", 9).reason, REASON_TARGET_MALFORMED);
}

static void refusals_say_why(void **state)
{
    (void) state;
    assert_string_equal(route_of(G, "x", 1).wrong,
                        "the request target must be a path that begins with '/'");
    assert_string_equal(route_of(G, "/%41", 4).wrong,
                        "the path of the request target has a byte other than A-Z a-z 0-9 _ . : @ "
                        "/ -; escapes are refused");
    assert_string_equal(route_of(G, "/a//b", 5).wrong,
                        "the path of the request target has an empty segment or a trailing slash");
    assert_string_equal(route_of(G, "/a/../b", 7).wrong,
                        "the path of the request target has a '.' or '..' segment");
    assert_string_equal(route_of(G, "/a?b;c", 6).wrong,
                        "the query of the request target has a byte other than A-Z a-z 0-9 _ . : @ "
                        "/ - % & = + , ~ * ! ' ( )");
    assert_string_equal(route_of(G, "/v1.041/info", 12).wrong,
                        "the version of the request target must look like /v1.41/");
}

static void wrong_methods_name_the_right_one(void **state)
{
    (void) state;
    assert_string_equal(route_of(D, "/containers/create", 18).near, "ContainerCreate");
    assert_string_equal(route_of(G, "/containers/x/start", 19).near, "ContainerStart");
    assert_string_equal(route_of(O, "/containers/x", 13).near, "ContainerDelete");
    assert_null(route_of(G, "/nowhere", 8).near);
    assert_null(route_of(G, "/containers/x/y/z", 17).near);
}

/* Writes a row's path with `ref` for its parameter. */
static void path_of(const struct operation *op, const char *version, const char *ref,
                    char target[512])
{
    const char *parameter = strchr(op->path, '{');
    int head = parameter ? (int) (parameter - op->path) : (int) strlen(op->path);
    snprintf(target, 512, "%s%.*s%s%s", version, head, op->path, parameter ? ref : "",
             parameter ? strchr(parameter, '}') + 1 : "");
}

static void every_row_finds_itself(void **state)
{
    (void) state;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        char target[512];
        path_of(op, "", "x1", target);
        assert_string_equal(route_of((int) op->method, target, strlen(target)).op, op->id);
        path_of(op, "/v1.47", "x1", target);
        struct routed r = route_of((int) op->method, target, strlen(target));
        assert_string_equal(r.op, op->id);
        assert_int_equal(r.minor, 47);
        assert_string_equal(r.ref, op->object == OBJECT_NONE ? "" : "x1");
    }
}

/* A byte put anywhere into a row's target never leads to the row by another spelling. */
static void one_row_has_one_spelling(void **state)
{
    (void) state;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        char target[512], odd[513];
        path_of(op, "/v1.41", "x", target);
        size_t bytes = strlen(target);
        for (size_t at = 0; at <= bytes; at++)
            for (int byte = 0; byte < 256; byte++) {
                memcpy(odd, target, at);
                odd[at] = (char) byte;
                memcpy(odd + at + 1, target + at, bytes - at);
                struct routed r = route_of((int) op->method, odd, bytes + 1);
                if (!r.op || strcmp(r.op, op->id) != 0)
                    continue;
                bool in_version = r.minor != 41;
                bool in_ref = op->object != OBJECT_NONE && strcmp(r.ref, "x") != 0;
                bool in_query = byte == '?' && at == bytes;
                if (!in_version && !in_ref && !in_query)
                    fail_msg("%.*s is %s too", (int) bytes + 1, odd, op->id);
            }
    }
}

static void refs_are_bounded(void **state)
{
    (void) state;
    char target[600];
    for (size_t bytes = ROUTE_REF_BYTES; bytes <= ROUTE_REF_BYTES + 1; bytes++) {
        int used = snprintf(target, sizeof(target), "/containers/%0*d/start", (int) bytes, 1);
        struct routed r = route_of(P, target, (size_t) used);
        assert_int_equal(r.reason,
                         bytes > ROUTE_REF_BYTES ? REASON_OPERATION_UNKNOWN : REASON_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found),
        cmocka_unit_test(malformed_targets_are_refused),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(wrong_methods_name_the_right_one),
        cmocka_unit_test(every_row_finds_itself),
        cmocka_unit_test(one_row_has_one_spelling),
        cmocka_unit_test(refs_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
