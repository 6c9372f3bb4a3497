/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo: see echo.h.
 */
#include "echo.h"

#include <jansson.h>
#include <stdio.h>

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
    struct json_fault fault;
    const char *key, *strange = NULL;
    json_t *value, *object = json_read_strict(body, bytes, ECHO_DEPTH, &fault);
    char shown[JSON_QUOTE_BYTES * 8];
    json_object_foreach (object, key, value) {
        if (!strange && !query_knows(op, key))
            strange = key;
    }
    snprintf(wrong, 160, "%.150s", strange ? json_quote(shown, sizeof(shown), strange) : "");
    bool good = object && !strange;
    json_decref(object);
    return good;
}
