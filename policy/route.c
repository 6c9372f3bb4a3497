/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route: see route.h.  Three steps, each over a span: bytes, version, row.
 *
 * A path that a row spells out ("/containers/json") never matches a row with a parameter
 * ("/containers/{id}"), whatever the methods are: "json" is not the id of a container to delete.
 */
#include "route.h"

#include "letters.h"
#include "reason.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* ---- bytes ---- */

/* What a query is made of. */
static const bool query_bytes[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['_'] = true, ['.'] = true,
    ['-'] = true,         [':'] = true,         ['@'] = true,         ['/'] = true, ['%'] = true,
    ['&'] = true,         ['='] = true,         ['+'] = true,         [','] = true, ['~'] = true,
    ['*'] = true,         ['!'] = true, /* these four some libraries leave unescaped */
    ['\''] = true,        ['('] = true,         [')'] = true,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Part of a plain path: of what that may have, an id and a name of a container have all but this.
 */
static bool is_id(const char *text, size_t bytes)
{
    return !memchr(text, '/', bytes) && !memchr(text, ':', bytes) && !memchr(text, '@', bytes);
}

static bool query_is_plain(const char *query, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (!query_bytes[(unsigned char) query[i]])
            return false;
    return true;
}

/* NULL when the path is plain; otherwise what is wrong with it. */
static const char *path_wrong(const char *path, size_t bytes)
{
    if (bytes == 0 || path[0] != '/')
        return "the request target must be a path that begins with '/'";
    if (!letters_are_path(path, bytes))
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

/* ---- rows ---- */

/* What tells nearly all rows apart, without a look at their text. */
static const struct shape {
    unsigned char path_bytes, method;
    bool has_parameter;
} shapes[OPERATION_COUNT] = {
#define OPERATION(id, method, path, object, body, reply, grants, risk, why) \
    [OPERATION_##id] = {sizeof(path) - 1, method, (object) != OBJECT_NONE},
#include "operations.def"
#undef OPERATION
};

static_assert(OPERATION_COUNT < 255, "a chain has room for the number of a row");

static const struct operation *row_get(int number)
{
    return operation_get((enum operation_id) number);
}

static unsigned letter_of(const char *path)
{
    return (unsigned) path[1] % ROUTE_LETTERS;
}

/* The parts of a path around its parameter. */
static void row_note(struct route_row *row, const char *path)
{
    size_t bytes = strlen(path), head = strcspn(path, "{"), tail = head + strcspn(path + head, "}");
    tail += tail < bytes;
    row->head_bytes = (unsigned char) head;
    row->tail_at = (unsigned char) tail;
    row->tail_bytes = (unsigned char) (bytes - tail);
    row->last = path[bytes - 1]; /* that of a parameter for any letter */
}

void route_index_init(struct route_index *index)
{
    memset(index, 0, sizeof(*index));
    for (int i = OPERATION_COUNT - 1; i >= 0; i--) {
        unsigned char *chains = shapes[i].has_parameter ? index->fitting : index->spelt;
        unsigned char *first = &chains[letter_of(row_get(i)->path)];
        index->rows[i].next = *first;
        *first = (unsigned char) (i + 1);
        row_note(&index->rows[i], row_get(i)->path);
    }
}

/* Whether the path fits a row that has a parameter; sets what stands for it. */
static bool row_fits(const struct operation *op, const struct route_row *row, struct route *route)
{
    size_t head = row->head_bytes, tail = row->tail_bytes;
    if (route->path_bytes <= head + tail || memcmp(route->path, op->path, head) != 0 ||
        memcmp(route->path + route->path_bytes - tail, op->path + row->tail_at, tail) != 0)
        return false;
    const char *ref = route->path + head;
    size_t ref_bytes = route->path_bytes - head - tail;
    /* Names of images and plugins hold slashes; every other parameter is one segment. */
    bool spans = op->path[head + 1] == 'n' && op->object != OBJECT_VOLUME;
    if (ref_bytes > ROUTE_REF_BYTES || !is_alnum(*ref) || !(spans || is_id(ref, ref_bytes)))
        return false;
    route->ref = ref;
    route->ref_bytes = ref_bytes;
    return true;
}

/* True when rows spell this very path out, whether or not one of them has the method. */
static bool find_spelt(const struct route_index *index, int method, struct route *route)
{
    int i = index->spelt[letter_of(route->path)];
    for (; i-- > 0 && !route->op; i = index->rows[i].next) {
        if (shapes[i].path_bytes != route->path_bytes ||
            memcmp(row_get(i)->path, route->path, route->path_bytes) != 0)
            continue;
        if (shapes[i].method == method)
            route->op = row_get(i);
        else
            route->near = row_get(i);
    }
    return route->op || route->near;
}

/* The first row with a parameter that the path fits, among those that have the method or not. */
static const struct operation *find_fitting(const struct route_index *index, int method,
                                            bool has_method, struct route *route)
{
    const char last = route->path[route->path_bytes - 1];
    for (int i = index->fitting[letter_of(route->path)]; i-- > 0; i = index->rows[i].next) {
        const struct route_row *row = &index->rows[i];
        /* Most rows end here. */
        if ((row->last == last || row->last == '}') && (shapes[i].method == method) == has_method &&
            row_fits(row_get(i), row, route))
            return row_get(i);
    }
    return NULL;
}

static void find_row(const struct route_index *index, int method, struct route *route)
{
    if (route->path_bytes < 2 || find_spelt(index, method, route))
        return;
    route->op = find_fitting(index, method, true, route);
    if (!route->op)
        route->near = find_fitting(index, method, false, route);
}

int route_parse(const struct route_index *index, int method, const char *target,
                size_t target_bytes, struct route *ret_route, const char **ret_wrong)
{
    struct route route = {.path = target, .path_bytes = target_bytes};
    const char *mark = memchr(target, '?', target_bytes);
    if (mark) {
        route.path_bytes = (size_t) (mark - target);
        route.query = mark + 1;
        route.query_bytes = target_bytes - route.path_bytes - 1;
    }
    const char *wrong = path_wrong(route.path, route.path_bytes);
    if (!wrong && !query_is_plain(route.query, route.query_bytes))
        wrong = "the query of the request target has a byte other than A-Z a-z 0-9 _ . : @ / - % & "
                "= + , ~ * ! ' ( )";
    if (!wrong)
        wrong = version_cut(&route);
    if (!wrong)
        find_row(index, method, &route);
    *ret_route = route;
    *ret_wrong = wrong;
    if (wrong)
        return REASON_TARGET_MALFORMED;
    return route.op ? REASON_NONE : REASON_OPERATION_UNKNOWN;
}
