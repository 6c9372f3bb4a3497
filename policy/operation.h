/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operation: the rows of operations.def, one per operation of the Docker Engine API, under the
 * operationId that the Engine's own API description gives it.
 */
#ifndef CAISSON_POLICY_OPERATION_H
#define CAISSON_POLICY_OPERATION_H

#include <stddef.h>

enum method {
    METHOD_OTHER, /* anything that no operation uses: always refused */
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_COUNT
};

/* What the {parameter} of a path names. */
enum object {
    OBJECT_NONE,
    OBJECT_CONTAINER,
    OBJECT_EXEC,
    OBJECT_IMAGE,
    OBJECT_NETWORK,
    OBJECT_VOLUME,
    OBJECT_OTHER, /* plugins, nodes, services, tasks, secrets, configs, distribution */
    OBJECT_COUNT
};

/* What the request carries after its head. */
enum body {
    BODY_NONE,   /* any body is refused that is no mere echo of the query (echo.h) */
    BODY_EMPTY,  /* none, or JSON that says nothing, {}, null or an echo; nothing is sent */
    BODY_STREAM, /* bytes such as a tar, handed on as they come: the head alone is judged */
    BODY_JSON,   /* JSON that no table describes: read strictly, judged no further, written anew */
    BODY_UNJUDGED, /* something that no table describes yet: the operation cannot be allowed */
/* JSON, judged along a schema of schemas.def */
#define SCHEMA(name, section, prepare, finish) BODY_##name,
#define FIELD(path, type, since, rule, neutral, risk, why)
#define SCHEMA_END
#include "schemas.def"
#undef SCHEMA
#undef FIELD
#undef SCHEMA_END
    BODY_COUNT
};

/* How the answer is handed on. */
enum reply {
    REPLY_PLAIN,   /* one message, framed by the engine */
    REPLY_CREATE,  /* 201 teaches us a container's id and is rewritten */
    REPLY_EXEC,    /* 201 teaches us an exec's id and is handed on */
    REPLY_NETWORK, /* 201 teaches us a network's id and is rewritten */
    REPLY_VOLUME,  /* 201 teaches us a volume's name and is handed on, if it is ours */
    REPLY_STREAM,  /* may last for ever: no deadline once its head is here */
    REPLY_HIJACK   /* may become a raw byte stream, both ways */
};

/*
 * What [allow] may say of it; one bit each, so that a row can permit several. Zero: not allowed.
 * own: of a container, network or volume, one that was made through this proxy; of an exec, one
 * that was made through it in such a container; of a list or a prune, such objects alone.
 */
enum grant { GRANT_NO = 0, GRANT_YES = 1, GRANT_OWN = 2, GRANT_ANY = 4 };

enum operation_id {
#define OPERATION(id, method, path, object, body, reply, grants, risk, why) OPERATION_##id,
#include "operations.def"
#undef OPERATION
    OPERATION_COUNT
};

struct operation {
    const char *id;   /* the Engine's operationId */
    const char *path; /* template below the version prefix, "/containers/{id}/start" */
    const char *why;  /* what it could do; or why it cannot be allowed */
    enum operation_id number : 8;
    enum method method : 8;
    enum object object : 8;
    enum body body : 8;
    enum reply reply : 8;
    unsigned grants : 8; /* set of enum grant that a policy may give */
    unsigned risk : 8;   /* enum risk: of what a policy grants beyond `own` */
};

/* The row of a number; the number must be in range. Static. */
const struct operation *operation_get(enum operation_id number);
/* The row of an operationId, compared exactly; NULL when there is none. Static. */
const struct operation *operation_find(const char *id);
/* What a connection becomes with which an operation of REPLY_HIJACK is asked: "tcp", "h2c". Static.
 */
const char *operation_protocol(const struct operation *op);
/* "no", "yes", "own", "any". Static. */
const char *operation_grant_word(int grant);
/* "GET", "POST", ...; "?" for METHOD_OTHER. Static. */
const char *method_name(enum method method);

#endif
