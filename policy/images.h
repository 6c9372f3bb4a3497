/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images: the images that a request names, held to the rules under [image] and written anew.
 *
 * A name is brought into the Engine's own full form, with a tag or a digest always: without one old
 * Engines take every tag.  An id, or a prefix of one, could be any image: it passes only where the
 * rule allows everything.
 */
#ifndef CAISSON_POLICY_IMAGES_H
#define CAISSON_POLICY_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

struct operation;
struct query;
struct schema;
struct schema_context;

enum { IMAGES_PATH_BYTES = 400, IMAGES_QUERY_BYTES = 512 };

struct images_verdict {
    int reason;                     /* enum reason; REASON_NONE when all passed */
    char field[64], message[640];   /* of a refusal: the rule under [image], and words for people */
    char path[IMAGES_PATH_BYTES];   /* what stands for the {name} of the path; "" where none does */
    char query[IMAGES_QUERY_BYTES]; /* "fromImage=...&tag=..."; "" for none */
    char image[256]; /* as people write it, for the audit log; "" for none, or one that is longer */
};

/*
 * Judges all that an operation names: ref is what stands for the {name} of its path.  rules is the
 * schema of [image].  An operation that names no image passes.
 */
void images_judge(const struct operation *op, const struct schema *rules,
                  const struct schema_context *context, const char *ref, size_t ref_bytes,
                  const struct query *query, struct images_verdict *ret);

/*
 * The images that an operation names, under the rules that hold for them, in the form of asked.h;
 * true where only `allow` would let one pass.  credentials: of the client's own, for a registry, go
 * with it.  *ret_note is NULL for none; caller frees it.  false: no memory.
 */
bool images_note(const struct operation *op, const char *ref, size_t ref_bytes,
                 const struct query *query, bool credentials, char **ret_note);

/* One row of references.def, for verdicts and listings; NULL past the last. Static. */
struct images_row {
    int op; /* enum operation_id */
    const char *rule;
    int place;
    const char *parameter, *tag;
    bool whole; /* the rule bounds all that the operation leads to */
};
const struct images_row *images_row_at(size_t index);
/* The first of an operation; NULL when it names no image. */
const struct images_row *images_row_of(const struct operation *op);

/* The rule under [image] by which every request of an operation is refused; NULL for none. */
const char *images_missing(const struct operation *op, const struct schema *rules);

/*
 * A name that Tag under [image] lets a client give, and Image under [create] lets it run; false
 * when there is none that an item of theirs shows.  create is the schema of BODY_CREATE.
 */
bool images_share_name(const struct schema *rules, const struct schema *create,
                       char ret_name[IMAGES_PATH_BYTES]);

/* Whether the rules under [image] bound all that an operation leads to. */
bool images_bound(const struct operation *op);

#endif
