/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image: names of images, normalised as the Engine does it.
 *
 * One image can be written busybox, library/busybox:latest, docker.io/busybox,
 * index.docker.io/library/busybox ...: all become one value here.  Ids and prefixes of ids are no
 * names and are refused.
 */
#ifndef CAISSON_POLICY_IMAGE_H
#define CAISSON_POLICY_IMAGE_H

#include <stdbool.h>

enum { IMAGE_NAME_BYTES = 255, IMAGE_TAG_BYTES = 128, IMAGE_DIGEST_BYTES = 135 };

struct image {
    char name[IMAGE_NAME_BYTES + 1];     /* "docker.io/library/busybox" */
    char tag[IMAGE_TAG_BYTES + 1];       /* "latest"; "" when there is a digest */
    char digest[IMAGE_DIGEST_BYTES + 1]; /* "sha256:..." or "" */
};

enum { IMAGE_TEXT_BYTES = IMAGE_NAME_BYTES + 1 + IMAGE_DIGEST_BYTES + 1 };

/* NULL when text names an image, else how it should be: "must be ...". */
const char *image_parse(const char *text, struct image *ret_image);

/*
 * The shortest usual form, always with a tag or a digest: "busybox:latest",
 * "registry.example/team/tool:1", "busybox@sha256:...". Returns buffer.
 */
char *image_print(const struct image *image, char buffer[IMAGE_TEXT_BYTES]);

/*
 * Whether a reference is what a pattern of the policy means.  Name, tag and digest are compared
 * each on its own after the pattern was normalised like a reference: `*` stays within one part of a
 * name, `**` crosses slashes (at the start of a pattern: registries too), no tag means ":latest",
 * and a reference with a digest is matched only by a pattern with one.
 *
 * exclude: the pattern excludes.  It ignores the case of letters, without a tag it is about every
 * tag and digest, and with one about every digest, too, whose tag nobody can tell.
 */
bool image_matches(const char *pattern, const char *reference, bool exclude);

/* NULL, or what is wrong with a pattern: "must be ..."; a star stands for a letter. */
const char *image_pattern_wrong(const char *pattern);

#endif
