/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operation: the rows of operations.def as an array.
 */
#include "operation.h"

#include <assert.h>
#include <string.h>

#include "risk.h"

static const struct operation operations[OPERATION_COUNT] = {
#define OPERATION(id, method, path, object, body, reply, grants, risk, why) \
    [OPERATION_##id] = {#id, path, why, OPERATION_##id, method, object, body, reply, grants, risk},
#include "operations.def"
#undef OPERATION
};

const struct operation *operation_get(enum operation_id number)
{
    assert((unsigned) number < OPERATION_COUNT);
    return &operations[number];
}

const struct operation *operation_find(const char *id)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++)
        if (strcmp(operations[i].id, id) == 0)
            return &operations[i];
    return NULL;
}

const char *operation_grant_word(int grant)
{
    if (grant == GRANT_NO)
        return "no";
    if (grant == GRANT_YES)
        return "yes";
    return grant == GRANT_OWN ? "own" : "any";
}

const char *method_name(enum method method)
{
    static const char *const names[METHOD_COUNT] = {
        [METHOD_OTHER] = "?",   [METHOD_GET] = "GET", [METHOD_HEAD] = "HEAD",
        [METHOD_POST] = "POST", [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE",
    };
    assert((unsigned) method < METHOD_COUNT);
    return names[method];
}

const char *operation_protocol(const struct operation *op)
{
    if (op->number == OPERATION_ContainerAttachWebsocket)
        return "websocket";
    return op->number == OPERATION_Session || op->number == OPERATION_Grpc ? "h2c" : "tcp";
}
