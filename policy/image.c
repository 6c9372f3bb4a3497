/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to images.  The grammar is that of the Engine's reference library:
 *
 *   [registry[:port]/]part{/part}[:tag][@digest]
 *
 * where a first part without a dot or a colon, unless it is "localhost", is no registry.
 */
#include "image.h"

#include <string.h>

#include "glob.h"

static const char hex[] = "0123456789abcdef";

static bool is_lower_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_letter_or_digit(char byte)
{
    return is_lower_or_digit(byte) || (byte >= 'A' && byte <= 'Z');
}

/* Puts bytes behind what is there; false: there is no room for them and a NUL. */
static bool append(char *text, size_t size, size_t *used, const char *bytes, size_t count)
{
    if (size - *used <= count)
        return false;
    memcpy(text + *used, bytes, count);
    *used += count;
    text[*used] = '\0';
    return true;
}

/* A reference, or a pattern for one, cut at its separators. */
struct cut {
    const char *name, *tag, *digest; /* tag and digest: NULL when absent */
    size_t name_bytes, tag_bytes;
};

static struct cut cut_up(const char *text)
{
    struct cut cut = {.name = text, .name_bytes = (size_t) (strchrnul(text, '@') - text)};
    if (text[cut.name_bytes] == '@')
        cut.digest = text + cut.name_bytes + 1;
    for (size_t i = cut.name_bytes; i > 0 && text[i - 1] != '/'; i--) {
        if (text[i - 1] == ':') {
            cut.tag = text + i;
            cut.tag_bytes = cut.name_bytes - i;
            cut.name_bytes = i - 1;
            break;
        }
    }
    return cut;
}

/* Whether the first part of a name, length bytes before a slash, is a registry. */
static bool is_registry(const char *name, size_t length)
{
    return memchr(name, '.', length) || memchr(name, ':', length) ||
           (length == 9 && memcmp(name, "localhost", 9) == 0);
}

/* Puts the registry and "library/" before a name where the Engine would; false: too long. */
static bool normalise(const char *name, size_t bytes, char *ret, size_t size)
{
    const char *slash = memchr(name, '/', bytes);
    size_t first = slash ? (size_t) (slash - name) : 0;
    const char *registry = "docker.io";
    size_t registry_bytes = 9;
    if (slash && is_registry(name, first)) {
        if (first != 15 || memcmp(name, "index.docker.io", 15) != 0) {
            registry = name;
            registry_bytes = first;
        }
        name += first + 1;
        bytes -= first + 1;
    }
    bool hub = registry_bytes == 9 && memcmp(registry, "docker.io", 9) == 0;
    bool official = hub && !memchr(name, '/', bytes);
    size_t used = 0;
    return append(ret, size, &used, registry, registry_bytes) &&
           append(ret, size, &used, "/library/", official ? 9 : 1) &&
           append(ret, size, &used, name, bytes);
}

/* One part between slashes: runs of [a-z0-9] joined by one '.', one or two '_', or any '-'s. */
static bool part_is_good(const char *part, size_t length)
{
    size_t at = 0;
    for (;;) {
        size_t run = 0;
        while (at < length && is_lower_or_digit(part[at])) {
            at++;
            run++;
        }
        if (run == 0 || at == length)
            return run > 0;
        if (part[at] == '.') {
            at++;
        } else if (part[at] == '_') {
            at += at + 1 < length && part[at + 1] == '_' ? 2 : 1;
        } else if (part[at] == '-') {
            while (at < length && part[at] == '-')
                at++;
        } else {
            return false;
        }
    }
}

/* host{.host}[:port]; a host begins and ends with a letter or a digit. */
static bool registry_is_good(const char *registry, size_t length)
{
    const char *colon = memchr(registry, ':', length);
    size_t host = colon ? (size_t) (colon - registry) : length, at = 0;
    if (colon && (length - host - 1 == 0 || length - host - 1 > 5 ||
                  strspn(colon + 1, "0123456789") < length - host - 1))
        return false;
    while (at < host) {
        size_t run = 0;
        while (at + run < host && registry[at + run] != '.')
            run++;
        if (run == 0 || registry[at] == '-' || registry[at + run - 1] == '-')
            return false;
        for (size_t i = at; i < at + run; i++)
            if (!is_letter_or_digit(registry[i]) && registry[i] != '-')
                return false;
        at += run;
        if (at < host && ++at == host)
            return false;
    }
    return host > 0;
}

/* A normalised name: registry, then at least one part. */
static bool name_is_good(const char *name)
{
    const char *end = strchrnul(name, '/');
    if (!registry_is_good(name, (size_t) (end - name)))
        return false;
    while (*end == '/') {
        name = end + 1;
        end = strchrnul(name, '/');
        if (!part_is_good(name, (size_t) (end - name)))
            return false;
    }
    return true;
}

static bool tag_is_good(const char *tag, size_t length)
{
    if (length == 0 || length > IMAGE_TAG_BYTES || tag[0] == '.' || tag[0] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_letter_or_digit(tag[i]) && tag[i] != '_' && tag[i] != '.' && tag[i] != '-')
            return false;
    return true;
}

static bool digest_is_good(const char *digest)
{
    size_t length = strlen(digest);
    if (strncmp(digest, "sha256:", 7) == 0)
        return length == 7 + 64 && strspn(digest + 7, hex) == 64;
    return strncmp(digest, "sha512:", 7) == 0 && length == 7 + 128 &&
           strspn(digest + 7, hex) == 128;
}

/* The name as people write it: without the Engine's own registry and folder. */
static const char *familiar(const char *name)
{
    static const char hub[] = "docker.io/", library[] = "docker.io/library/";
    if (strncmp(name, library, sizeof(library) - 1) == 0 &&
        !strchr(name + sizeof(library) - 1, '/'))
        return name + sizeof(library) - 1;
    return strncmp(name, hub, sizeof(hub) - 1) == 0 ? name + sizeof(hub) - 1 : name;
}

/*
 * Where no name fits, the Engine looks for an id that begins with the text, with or without the
 * algorithm: "cafe", "sha256:cafe".
 */
static bool is_an_id(const char *name)
{
    const bool algorithm = strncmp(name, "sha", 3) == 0 &&
                           (strcmp(name + 3, "256") == 0 || strcmp(name + 3, "384") == 0 ||
                            strcmp(name + 3, "512") == 0);
    return algorithm || (strlen(name) == 64 && strspn(name, hex) == 64);
}

const char *image_parse(const char *text, struct image *ret_image)
{
    struct cut cut = cut_up(text);
    *ret_image = (struct image){.tag = "latest"};
    if (!normalise(cut.name, cut.name_bytes, ret_image->name, sizeof(ret_image->name)) ||
        !name_is_good(ret_image->name) || (cut.tag && !tag_is_good(cut.tag, cut.tag_bytes)) ||
        (cut.digest && !digest_is_good(cut.digest)))
        return "must be the name of an image, such as busybox:1.36";
    if (is_an_id(familiar(ret_image->name)))
        return "must be the name of an image, not an id";
    if (cut.tag)
        *(char *) mempcpy(ret_image->tag, cut.tag, cut.tag_bytes) = '\0';
    /* The Engine looks at the digest alone where there is one. */
    if (cut.digest) {
        ret_image->tag[0] = '\0';
        strcpy(ret_image->digest, cut.digest); /* which is of no other length than it may have */
    }
    return NULL;
}

char *image_print(const struct image *image, char buffer[IMAGE_TEXT_BYTES])
{
    char *to = stpcpy(buffer, familiar(image->name));
    *to = image->digest[0] ? '@' : ':';
    strcpy(to + 1, image->digest[0] ? image->digest : image->tag);
    return buffer;
}

const char *image_pattern_wrong(const char *pattern)
{
    char sample[IMAGE_TEXT_BYTES];
    struct image image;
    size_t length = strlen(pattern);
    if (strchr(pattern, '@'))
        return NULL;
    if (length >= sizeof(sample))
        return "must be the name of an image, and that is shorter";
    for (size_t i = 0; i <= length; i++)
        sample[i] = (char) (pattern[i] == '*' ? 'a' : pattern[i]);
    return image_parse(sample, &image);
}

/* An exclusion without a tag is about the name alone, and of a digest nobody can tell the tag. */
static bool version_matches(const struct cut *cut, const struct image *image, bool exclude)
{
    char tag[IMAGE_TAG_BYTES + 1] = "latest";
    if (exclude && (!(cut->tag || cut->digest) || (image->digest[0] && !cut->digest)))
        return true;
    if (image->digest[0] || cut->digest)
        return image->digest[0] && cut->digest &&
               glob_matches(cut->digest, image->digest, '\0', exclude);
    size_t used = 0;
    if (cut->tag && !append(tag, sizeof(tag), &used, cut->tag, cut->tag_bytes))
        return false; /* no tag is as long */
    return glob_matches(tag, image->tag, '\0', exclude);
}

bool image_matches(const char *pattern, const char *reference, bool exclude)
{
    struct image image;
    if (strcmp(pattern, reference) == 0) /* a star is part of no reference */
        return true;
    if (image_parse(reference, &image))
        return false;
    struct cut cut = cut_up(pattern);
    char name[IMAGE_NAME_BYTES + 1];
    size_t used = 0;
    if (cut.name_bytes >= 2 && memcmp(cut.name, "**", 2) == 0) {
        if (!append(name, sizeof(name), &used, cut.name, cut.name_bytes))
            return false; /* no name is as long */
    } else if (!normalise(cut.name, cut.name_bytes, name, sizeof(name))) {
        return false;
    }
    return glob_matches(name, image.name, '/', exclude) && version_matches(&cut, &image, exclude);
}
