/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: one JSON line per request, in the order in which they ended.
 *
 * Lines are collected and written once per turn of the event loop (audit_flush), so that a line
 * costs no system call of its own.  A sink that cannot be written to (a full disk) never stops the
 * proxy: lines wait, then lines are lost and counted, and a line {"time":...,"lost":N} stands in
 * their place once it works again.  The program ignores SIGPIPE.
 */
#ifndef CAISSON_PROXY_AUDIT_H
#define CAISSON_PROXY_AUDIT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct audit;
struct err;

/* where: "stderr", "stdout", "none" or a path (appended to, mode 0640). */
int audit_open(const char *where, struct audit **ret_audit, struct err *err);
/* Writes what is left, waiting 0.2 s for a slow sink; NULL is fine. */
void audit_free(struct audit *audit);

struct audit_record {
    int64_t time_us; /* Unix time at which the head was whole */
    uint64_t connection;
    uint64_t request; /* within the connection, from 1 */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    const char *listener;  /* its name */
    const char *owner;     /* that its clients act for */
    const char *policy;    /* the version of the rules that decided */
    const char *method;    /* "GET"; "?" when unknown */
    const char *operation; /* operationId, or NULL */
    const char *target;    /* as the client wrote it, cut to 256 bytes; not NUL-terminated */
    size_t target_bytes;
    const char *decision; /* "forward", "answer", "deny", "observe" */
    const char *reason;  /* the word of an enum reason; "none"; observed: of what would have been */
    const char *ended;   /* observed: how it ended, if not well; or NULL */
    const char *field;   /* or NULL */
    const char *message; /* observed: the refusal that there would have been, or NULL */
    const char *asked;   /* what the body asks for: a JSON object of printable ASCII, or NULL */
    const char *image;   /* that the request names, or NULL */
    const char *container; /* full id, or NULL */
    const char *object;    /* full id of a network or name of a volume, or NULL */
    int status;            /* sent to the client; 0 for none */
    uint64_t bytes_in, bytes_out;
    int64_t duration_us;
};

/*
 * Adds one line.  listener, owner, policy, method, operation, decision, reason and container are
 * words of our own, of at most 64 bytes of printable ASCII without quotes and backslashes; target,
 * field and image may be any bytes.  Absent members are left out of it.
 */
void audit_add(struct audit *audit, const struct audit_record *record);
void audit_flush(struct audit *audit);

#endif
