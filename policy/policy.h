/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: what a client may ask of the Docker Engine, and what is sent in its place.
 *
 * The one face of policy/ for the proxy.  A decision is a pure function of the policy, the table of
 * owned containers, what is known of the engine, and the request; it does no I/O, reads no clock
 * and writes no log.
 *
 * An exchange asks twice: policy_route() with the head, then policy_decide() with the body (which
 * is read only if the row of the operation has one).  The first refusal wins.  Zeroed memory means
 * "refused".
 */
#ifndef CAISSON_POLICY_POLICY_H
#define CAISSON_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct err;
struct operation;
struct owner_table;
struct schema;
struct schemas;
struct policy; /* immutable once loaded, counted */

/*
 * Reads an ini file. All of it is checked: an unknown section, key, operation, field or a value out
 * of range fails with "FILE:LINE: what is wrong; what would be right".
 */
int policy_load(const char *path, struct policy **ret_policy, struct err *err);
/* The same of a file whose [listener] sections take_listener (a config_take) is given. */
int policy_load_main(const char *path,
                     int (*take_listener)(void *arg, const char *section, const char *key,
                                          const char *value, unsigned line, struct err *err),
                     void *arg, struct policy **ret_policy, struct err *err);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL is fine */

/* The file's name, without folders, as refusals say it. */
const char *policy_file(const struct policy *policy);
/* Tells which rules decided: the first 12 digits of the file's SHA-256. */
const char *policy_version(const struct policy *policy);
/* The [proxy] and [limits] sections; lives as long as the policy. See config.h. */
const struct config *policy_config(const struct policy *policy);

/* For listings and explanations: the grant (enum grant) of an operation (enum operation_id), and
 * the rules in force, which live as long as the policy. */
int policy_grant(const struct policy *policy, int operation);
/* Whether it only observes, and where it says so: "FILE:LINE". Returns buffer. */
bool policy_observes(const struct policy *policy);
char *policy_mode_origin(const struct policy *policy, char *buffer, size_t bytes);
/* Where [allow] speaks of it: "FILE:LINE", or "built in". Returns buffer. */
char *policy_grant_origin(const struct policy *policy, int operation, char *buffer, size_t bytes);
const struct schemas *policy_schemas(const struct policy *policy);
/* Those of one body (enum body); NULL for a body that no table describes. */
const struct schema *policy_schema(const struct policy *policy, int body);

/* The kinds of objects beside containers that the policy deals with: bits, 1 << enum owner_kind. */
unsigned policy_kinds(const struct policy *policy);
/* What the 201 of an operation makes, as an enum owner_kind; -1 when it makes nothing of ours. */
int policy_makes(const struct operation *op);
/* Whether a decision on this operation may rest on whose a volume is: the table must be fresh. */
bool policy_needs_volumes(const struct policy *policy, const struct operation *op);

/* What the proxy has learnt of the engine from its /_ping. Zeroed: nothing yet. */
struct policy_engine {
    unsigned api_minor; /* its newest API version is 1.api_minor; 0 when unknown */
    char ostype[16];    /* "linux" */
};

enum policy_verdict {
    POLICY_DENY = 0, /* answer with reason and message */
    POLICY_FORWARD,  /* send method, target and body to the engine */
    POLICY_PING      /* answer /_ping ourselves, in the engine's name */
};

enum { POLICY_TARGET_BYTES = 4096, POLICY_FIELD_BYTES = 160, POLICY_MESSAGE_BYTES = 640 };

/* Begin with policy_decision_init() or = {0}; end with policy_decision_done(). */
struct policy_decision {
    enum policy_verdict verdict;
    int reason;                 /* enum reason; REASON_NONE unless denied, or observed */
    const struct operation *op; /* NULL while no row matched; observed: perhaps one without an id */
    unsigned api_minor;         /* the version that is sent, and that the client is answered in */
    bool observed; /* nothing was judged: reason, field and message say what would have been */
    bool hijack;   /* the engine is asked for a raw stream, if the client asked to upgrade */
    char *body;    /* to send, canonical JSON; NULL for none. Owned */
    char *registry_auth; /* X-Registry-Auth to send; NULL for none. Owned */
    char *session; /* header lines of a Session to send, each with its CRLF; NULL for none. Owned */
    char *warnings; /* what was forced, a JSON array of strings as text; NULL for none. Owned */
    size_t body_bytes;
    char *asked;       /* what the body asks for: asked.h; NULL for nothing. Owned */
    char *target_long; /* what is sent in place of target, when observed; NULL for none. Owned */
    /* Private to policy/, between the two steps: borrowed from the caller's target. */
    struct {
        const char *path, *ref, *query;
        size_t path_bytes, ref_bytes, query_bytes;
        unsigned client_minor; /* of the version in the target; 0 for none */
    } route;

    /* Texts, "" when there is nothing to say.  They stand last: only their first bytes are cleared.
     */
    char target[POLICY_TARGET_BYTES];   /* to send: path and query, canonical */
    char container[65];                 /* the full id of the container in question */
    char exec[65];                      /* the full id of the exec in question */
    char network[65];                   /* the full id of the network in question */
    char volume[65];                    /* the name of the volume in question */
    char name[65];                      /* create, rename: the name that is asked for */
    char image[256];                    /* the image that the request names, as image.h spells it */
    char field[POLICY_FIELD_BYTES];     /* what a refusal names: field, parameter or operation */
    char message[POLICY_MESSAGE_BYTES]; /* the refusal, for people, without the "caisson: " */
};

/* The target that is sent. */
const char *policy_target(const struct policy_decision *decision);
/*
 * Whether the engine answers what is sent only when something happens: a wait, a followed log,
 * events, statistics that go on, a raw stream.
 */
bool policy_is_held(const struct policy_decision *decision);

void policy_decision_init(struct policy_decision *decision);
void policy_decision_done(struct policy_decision *decision);

/*
 * Under `mode = observe` both steps are worked out and only noted: whatever is sound HTTP goes on
 * as it came, with observed set and, as reason, field and message, what would have become of it.
 *
 * Step one: the operation that METHOD TARGET names, and whether the policy grants it at all.
 * method is an enum method.  The target is borrowed until step two is over.  Returns true when the
 * exchange goes on to step two; otherwise the decision is final (a denial).  A /_ping that is
 * answered here has verdict POLICY_PING at once; step two then changes nothing.
 */
bool policy_route(const struct policy *policy, const struct policy_engine *engine, int method,
                  const char *target, size_t target_bytes, struct policy_decision *decision);

/* Writes stars over what no log may keep of a target: the credentials of dockerode's `authconfig`,
 * and the variables of a build. */
void policy_hide_secrets(char *target, size_t bytes);

/*
 * Between the steps: the X-Registry-Auth of the request's head, bytes 0 for none.  It is dropped
 * unless the operation asks a registry and the policy says 'Credentials = allow' under [image];
 * then it is judged along [auth] and encoded anew.  False when the decision is final (a denial).
 */
bool policy_credentials(const struct policy *policy, const char *text, size_t bytes,
                        struct policy_decision *decision);

/*
 * The same of a field of the head that only a Session has, one call for each: name is what follows
 * the prefix (in any case).  It is written anew.
 */
#define POLICY_SESSION_PREFIX "X-Docker-Expose-Session-"
bool policy_session(const char *name, size_t name_bytes, const char *value, size_t bytes,
                    struct policy_decision *decision);

/*
 * Step two: version, query, body, ownership.  body is NULL when the request had none.  nonce is 64
 * random bits, used to name a container whose creator did not name it.  Afterwards verdict says
 * what to do; a denial has reason, message and, where one can be named, field.
 */
void policy_decide(const struct policy *policy, const struct owner_table *owned,
                   const struct policy_engine *engine, uint64_t nonce, const char *body,
                   size_t body_bytes, struct policy_decision *decision);

/* The engine's 201 to an exec: learns the id. < 0 when the answer is not what an exec answers. */
int policy_exec_created(const struct policy_decision *decision, const char *reply,
                        size_t reply_bytes, char ret_id[65], struct err *err);

/*
 * The engine's 201 to a create: learns the id and writes the answer anew, with our warnings before
 * the engine's.  *ret_reply is owned by the caller.  < 0 when the answer is not what a create
 * answers.
 */
int policy_created(const struct policy_decision *decision, const char *reply, size_t reply_bytes,
                   char ret_id[65], char **ret_reply, size_t *ret_reply_bytes, struct err *err);
/* The same of the 201 to a NetworkCreate. */
int policy_network_created(const struct policy_decision *decision, const char *reply,
                           size_t reply_bytes, char ret_id[65], char **ret_reply,
                           size_t *ret_reply_bytes, struct err *err);
/*
 * The engine's 201 to a VolumeCreate: learns the name, and whether the volume is the owner's at
 * all: an engine answers the same where there is one of that name, whosever it is.  The answer goes
 * on as it is only when it is.  < 0 when it is not what a VolumeCreate answers.
 */
int policy_volume_created(const struct policy_decision *decision, const struct owner_table *owned,
                          const char *reply, size_t reply_bytes, char ret_name[65], bool *ret_ours,
                          struct err *err);

#endif
