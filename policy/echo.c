/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo: see echo.h.
 */
#include "echo.h"

#include <stdio.h>

#include "arena.h"
#include "json.h"
#include "operation.h"
#include "query.h"
#include "schema.h"

enum { ECHO_DEPTH = 8 };

bool echo_is_field(const struct operation *op, const char *name, size_t bytes)
{
    return schema_names(op->body, name, bytes);
}

bool echo_is_query(const struct operation *op, const char *body, size_t bytes, char wrong[160])
{
    struct arena arena = {0};
    struct json_fault fault;
    char shown[JSON_QUOTE_BYTES * 8];
    const struct json *object = json_read_strict(&arena, body, bytes, ECHO_DEPTH, &fault);
    const struct json *strange = json_members(object);
    while (strange && query_knows(op, strange->key))
        strange = strange->next;
    snprintf(wrong, 160, "%.150s", strange ? json_quote(shown, sizeof(shown), strange->key) : "");
    arena_done(&arena);
    return object && !strange;
}
