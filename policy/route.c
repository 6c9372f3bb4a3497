/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route: see route.h.  Three steps, each over a span: bytes, version, row.
 *
 * Rows are compared in the order of operations.def, where those of one first segment stand
 * together.  A path that a row spells out ("/containers/json") never matches a row with a parameter
 * ("/containers/{id}"), whatever the methods are: "json" is not the id of a container to delete.
 */
#include "route.h"

#include "operation.h"
#include "reason.h"

#include <stdbool.h>
#include <string.h>

/* ---- bytes ---- */

/* What a byte may be part of. */
enum { BYTE_ALNUM = 1, BYTE_ID = 2, BYTE_NAME = 4, BYTE_PATH = 8, BYTE_QUERY = 16 };

#define IN_PATH  (BYTE_NAME | BYTE_PATH | BYTE_QUERY)
#define IN_ID    (BYTE_ID | IN_PATH)
#define IN_ALNUM (BYTE_ALNUM | IN_ID)

static const unsigned char byte_classes[256] = {
    ['0' ... '9'] = IN_ALNUM,
    ['A' ... 'Z'] = IN_ALNUM,
    ['a' ... 'z'] = IN_ALNUM,
    ['_'] = IN_ID,
    ['.'] = IN_ID,
    ['-'] = IN_ID,
    [':'] = IN_PATH,
    ['@'] = IN_PATH,
    ['/'] = IN_PATH,
    ['%'] = BYTE_QUERY,
    ['&'] = BYTE_QUERY,
    ['='] = BYTE_QUERY,
    ['+'] = BYTE_QUERY,
    [','] = BYTE_QUERY,
    ['~'] = BYTE_QUERY,
    ['*'] = BYTE_QUERY,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool bytes_are(const char *at, size_t bytes, int class)
{
    for (size_t i = 0; i < bytes; i++)
        if (!(byte_classes[(unsigned char) at[i]] & class))
            return false;
    return true;
}

/* NULL when the path is plain; otherwise what is wrong with it. */
static const char *path_wrong(const char *path, size_t bytes)
{
    if (bytes == 0 || path[0] != '/')
        return "the request target must be a path that begins with '/'";
    if (!bytes_are(path, bytes, BYTE_PATH))
        return "the path of the request target has a byte other than A-Z a-z 0-9 _ . : @ / -; "
               "escapes are refused";
    if (bytes == 1)
        return NULL;
    for (size_t begin = 1, end; begin <= bytes; begin = end + 1) {
        const char *slash = memchr(path + begin, '/', bytes - begin);
        end = slash ? (size_t) (slash - path) : bytes;
        if (end == begin)
            return "the path of the request target has an empty segment or a trailing slash";
        if (path[begin] == '.' &&
            (end - begin == 1 || (end - begin == 2 && path[begin + 1] == '.')))
            return "the path of the request target has a '.' or '..' segment";
    }
    return NULL;
}

/* ---- version ---- */

/*
 * Cuts "/v1.N" off a plain path.  Anything else that an Engine could take for a version (it reads
 * "v" and digits and dots) is wrong, so that it cannot be read in two ways.
 */
static const char *version_cut(struct route *route)
{
    const char *path = route->path;
    size_t bytes = route->path_bytes;
    if (bytes < 3 || path[1] != 'v' || !(path[2] == '.' || is_digit(path[2])))
        return NULL;
    size_t end = 4;
    while (end < bytes && end < 6 && is_digit(path[end]))
        route->api_minor = route->api_minor * 10 + (unsigned) (path[end++] - '0');
    if (end == 4 || end == bytes || path[end] != '/' || memcmp(path, "/v1.", 4) != 0 ||
        path[4] == '0')
        return "the version of the request target must look like /v1.41/";
    route->path += end;
    route->path_bytes -= end;
    return NULL;
}

/* ---- row ---- */

static const struct operation *row_get(int number)
{
    return operation_get((enum operation_id) number);
}

/* Whether the path fits a row that has a parameter; sets what stands for it. */
static bool row_fits(const struct operation *row, struct route *route)
{
    const char *parameter = strchr(row->path, '{');
    const char *tail = strchr(parameter, '}') + 1;
    size_t head = (size_t) (parameter - row->path), tail_bytes = strlen(tail);
    if (route->path_bytes <= head + tail_bytes || memcmp(route->path, row->path, head) != 0 ||
        memcmp(route->path + route->path_bytes - tail_bytes, tail, tail_bytes) != 0)
        return false;
    const char *ref = route->path + head;
    size_t ref_bytes = route->path_bytes - head - tail_bytes;
    /* Names of images and plugins hold slashes; every other parameter is one segment. */
    bool spans = parameter[1] == 'n' && row->object != OBJECT_VOLUME;
    if (ref_bytes > ROUTE_REF_BYTES || !bytes_are(ref, 1, BYTE_ALNUM) ||
        !bytes_are(ref, ref_bytes, spans ? BYTE_NAME : BYTE_ID))
        return false;
    route->ref = ref;
    route->ref_bytes = ref_bytes;
    return true;
}

/* Whether a row's first segment is `segment`, which begins with a slash. */
static bool row_begins(const struct operation *row, const char *segment, size_t bytes)
{
    return strncmp(row->path, segment, bytes) == 0 &&
           (row->path[bytes] == '\0' || row->path[bytes] == '/');
}

/* The rows of the path's first segment: from the returned one up to *ret_end. */
static int rows_of(const struct route *route, int *ret_end)
{
    const char *slash = memchr(route->path + 1, '/', route->path_bytes - 1);
    size_t bytes = slash ? (size_t) (slash - route->path) : route->path_bytes;
    int first = 0, end;
    while (first < OPERATION_COUNT && !row_begins(row_get(first), route->path, bytes))
        first++;
    for (end = first; end < OPERATION_COUNT && row_begins(row_get(end), route->path, bytes); end++)
        continue;
    *ret_end = end;
    return first;
}

/* True when rows spell this very path out, whether or not one of them has the method. */
static bool find_spelt(int method, int first, int end, struct route *route)
{
    for (int i = first; i < end && !route->op; i++) {
        const struct operation *row = row_get(i);
        if (strncmp(row->path, route->path, route->path_bytes) != 0 ||
            row->path[route->path_bytes] != '\0')
            continue;
        if ((int) row->method == method)
            route->op = row;
        else
            route->near = row;
    }
    return route->op || route->near;
}

static void find_fitting(int method, int first, int end, struct route *route)
{
    for (int i = first; i < end && !route->op; i++) {
        const struct operation *row = row_get(i);
        if (row->object == OBJECT_NONE || ((int) row->method != method && route->near))
            continue;
        if (!row_fits(row, route))
            continue;
        if ((int) row->method == method)
            route->op = row;
        else
            route->near = row;
    }
}

int route_parse(int method, const char *target, size_t target_bytes, struct route *ret_route,
                const char **ret_wrong)
{
    struct route route = {.path = target, .path_bytes = target_bytes};
    const char *mark = memchr(target, '?', target_bytes);
    if (mark) {
        route.path_bytes = (size_t) (mark - target);
        route.query = mark + 1;
        route.query_bytes = target_bytes - route.path_bytes - 1;
    }
    const char *wrong = path_wrong(route.path, route.path_bytes);
    if (!wrong && !bytes_are(route.query, route.query_bytes, BYTE_QUERY))
        wrong = "the query of the request target has a byte other than A-Z a-z 0-9 _ . : @ / - % & "
                "= + , ~ *";
    if (!wrong)
        wrong = version_cut(&route);
    if (!wrong) {
        int end, first = rows_of(&route, &end);
        if (!find_spelt(method, first, end, &route))
            find_fitting(method, first, end, &route);
    }
    *ret_route = route;
    *ret_wrong = wrong;
    if (wrong)
        return REASON_TARGET_MALFORMED;
    return route.op ? REASON_NONE : REASON_OPERATION_UNKNOWN;
}
