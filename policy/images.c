/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images: see images.h.  Every row of references.def is gone through alike: the text is found, held
 * to its rule, and what came through is written to where it was found.
 */
#include "images.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "image.h"
#include "operation.h"
#include "query.h"
#include "reason.h"
#include "schema.h"

enum place { PLACE_PATH, PLACE_PATH_TAG, PLACE_QUERY, PLACE_OPTIONAL, PLACE_INSIDE };
enum extent { EXTENT_PART, EXTENT_WHOLE };

static const struct images_row rows[] = {
#define REFERENCE(op, rule, place, parameter, tag, extent) \
    {OPERATION_##op, #rule, PLACE_##place, parameter, tag, EXTENT_##extent},
#include "references.def"
#undef REFERENCE
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]), TEXT_BYTES = 640 };

static __attribute__((format(printf, 4, 5))) bool refuse(struct images_verdict *ret, int reason,
                                                         const char *field, const char *format, ...)
{
    ret->reason = reason;
    snprintf(ret->field, sizeof(ret->field), "%s", field);
    va_list args;
    va_start(args, format);
    vsnprintf(ret->message, sizeof(ret->message), format, args);
    va_end(args);
    return false;
}

/* ---- what a request names ---- */

/* Whether a name says its tag or digest itself. */
static bool says_version(const char *name)
{
    const char *slash = strrchr(name, '/');
    return strpbrk(slash ? slash : name, ":@") != NULL;
}

/*
 * A name and the tag beside it as one text.  Engines differ in which of two they take, so there
 * may be one only.
 */
static bool text_join(const struct operation *op, const char *name, const char *tag,
                      char text[TEXT_BYTES], struct images_verdict *ret)
{
    const char *mark = !*tag ? "" : strchr(tag, ':') ? "@" : ":";
    if (*tag && says_version(name))
        return refuse(ret, REASON_QUERY_REFUSED, "tag",
                      "%s: '%.100s' says its tag itself; leave it out there, or leave out "
                      "query parameter 'tag'",
                      op->id, name);
    snprintf(text, TEXT_BYTES, "%s%s%s", name, mark, tag);
    return true;
}

/* The text that a row is about; "" for none. */
static bool text_find(const struct operation *op, const struct images_row *row, const char *ref,
                      size_t ref_bytes, const struct query *query, char text[TEXT_BYTES],
                      struct images_verdict *ret)
{
    char name[400];
    text[0] = '\0';
    if (row->place == PLACE_INSIDE)
        return true;
    bool in_path = row->place == PLACE_PATH || row->place == PLACE_PATH_TAG;
    if (in_path)
        snprintf(name, sizeof(name), "%.*s", (int) ref_bytes, ref);
    else
        snprintf(name, sizeof(name), "%s", query->image);
    if (name[0])
        return text_join(op, name, row->tag ? query->tag : "", text, ret);
    if (row->place == PLACE_OPTIONAL && !query->tag[0])
        return true;
    return refuse(ret, REASON_QUERY_REFUSED, row->parameter,
                  "%s: query parameter '%s' is missing; write %s=NAME", op->id, row->parameter,
                  row->parameter);
}

/* ---- the rule ---- */

/* What an Engine could take for an id or for the beginning of one. */
static bool is_id(const char *text)
{
    if (strncmp(text, "sha256:", 7) == 0)
        text += 7;
    size_t bytes = strlen(text);
    return bytes > 0 && bytes <= 64 && strspn(text, "0123456789abcdef") == bytes;
}

static bool allows_all(const struct field *field)
{
    return field->rule.allow && field->rule.item_count == 0;
}

/* Holds a name to its rule; *ret_image is what is sent in its place. */
static bool name_judge(const struct schema *rules, const struct schema_context *context,
                       const struct images_row *row, const char *text, struct image *ret_image,
                       struct images_verdict *ret)
{
    struct schema_verdict verdict = {0};
    schema_judge_text(rules, context, row->rule, text, &verdict);
    bool passed = verdict.reason == REASON_NONE && !image_parse(verdict.body, ret_image);
    if (!passed)
        refuse(ret, verdict.reason, verdict.field, "%s", verdict.message);
    schema_verdict_done(&verdict);
    return passed;
}

static bool refuse_id(const struct images_row *row, const char *text, struct images_verdict *ret)
{
    return refuse(ret, REASON_FIELD_REFUSED, row->rule,
                  "%s: '%.80s' is the id of an image, and that could be any; ask for it by its "
                  "name, or write '%s = allow' under [image]",
                  row->rule, text, row->rule);
}

/* Names that nobody reads. */
static bool inside_judge(const struct operation *op, const struct field *field,
                         const struct images_row *row, struct images_verdict *ret)
{
    return allows_all(field) ||
           refuse(ret, REASON_FIELD_REFUSED, row->rule,
                  "%s: %s gives images whatever names its body says; it needs '%s = allow' under "
                  "[image]",
                  row->rule, op->id, row->rule);
}

/* ---- what is sent ---- */

static const char *version_of(const struct image *image)
{
    return image->digest[0] ? image->digest : image->tag;
}

static void write_path(const struct images_row *row, const struct image *image,
                       struct images_verdict *ret)
{
    if (row->place == PLACE_PATH)
        snprintf(ret->path, sizeof(ret->path), "%s%s%s", image->name, image->digest[0] ? "@" : ":",
                 version_of(image));
    else
        snprintf(ret->path, sizeof(ret->path), "%s", image->name);
}

/* Names of images hold nothing that would have to be escaped. */
static void write_query(const struct images_row *row, const struct image *image,
                        struct images_verdict *ret)
{
    const char *mark = image->digest[0] ? "@" : ":";
    if (!row->tag)
        snprintf(ret->query, sizeof(ret->query), "%s=%s%s%s", row->parameter, image->name, mark,
                 version_of(image));
    else if (row->parameter)
        snprintf(ret->query, sizeof(ret->query), "%s=%s&%s=%s", row->parameter, image->name,
                 row->tag, version_of(image));
    else
        snprintf(ret->query, sizeof(ret->query), "%s=%s", row->tag, version_of(image));
}

static bool name_write(const struct operation *op, const struct images_row *row,
                       const struct image *image, struct images_verdict *ret)
{
    char spelt[IMAGE_TEXT_BYTES];
    /* A digest is what an image is, and nothing that could be given to it. */
    if (image->digest[0] && (strcmp(row->rule, "Tag") == 0 || row->place == PLACE_PATH_TAG))
        return refuse(ret, REASON_FIELD_REFUSED, row->rule,
                      "%s: %s takes a name with a tag, not with a digest", row->rule, op->id);
    if (row->place == PLACE_PATH || row->place == PLACE_PATH_TAG)
        write_path(row, image, ret);
    if (row->place != PLACE_PATH)
        write_query(row, image, ret);
    image_print(image, spelt);
    if (strlen(spelt) < sizeof(ret->image))
        strcpy(ret->image, spelt);
    return true;
}

/* Under `allow` an id goes on as it is. */
static void id_write(const struct images_row *row, const char *text, struct images_verdict *ret)
{
    if (row->place == PLACE_PATH)
        snprintf(ret->path, sizeof(ret->path), "%.80s", text);
    else
        snprintf(ret->query, sizeof(ret->query), "%s=%.80s", row->parameter, text);
}

static bool row_judge(const struct operation *op, const struct schema *rules,
                      const struct schema_context *context, const struct images_row *row,
                      const char *text, struct images_verdict *ret)
{
    const struct field *field = schema_find(rules, row->rule);
    struct image image;
    bool id_fits = !row->tag && strcmp(row->rule, "Tag") != 0 && strcmp(row->rule, "Pull") != 0;
    if (row->place == PLACE_INSIDE)
        return inside_judge(op, field, row, ret);
    if (!*text)
        return true;
    if (id_fits && allows_all(field) && is_id(text)) {
        id_write(row, text, ret);
        return true;
    }
    if (id_fits && !field->rule.forbid && is_id(text) && image_parse(text, &image))
        return refuse_id(row, text, ret);
    return name_judge(rules, context, row, text, &image, ret) && name_write(op, row, &image, ret);
}

void images_judge(const struct operation *op, const struct schema *rules,
                  const struct schema_context *context, const char *ref, size_t ref_bytes,
                  const struct query *query, struct images_verdict *ret)
{
    char text[TEXT_BYTES];
    ret->field[0] = ret->message[0] = ret->path[0] = ret->query[0] = ret->image[0] = '\0';
    ret->reason = REASON_NONE;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].op != (int) op->number)
            continue;
        if (!text_find(op, &rows[i], ref, ref_bytes, query, text, ret) ||
            !row_judge(op, rules, context, &rows[i], text, ret))
            return;
    }
}

/* One image; true for an id, and for names that nobody reads. */
static void row_note(const struct images_row *row, const char *text, char *note, size_t bytes)
{
    char spelt[IMAGE_TEXT_BYTES];
    struct image image;
    if (image_parse(text, &image) || row->place == PLACE_INSIDE)
        snprintf(note, bytes, "\"%s\":true", row->rule);
    else
        snprintf(note, bytes, "\"%s\":\"%s\"", row->rule, (image_print(&image, spelt), spelt));
}

bool images_note(const struct operation *op, const char *ref, size_t ref_bytes,
                 const struct query *query, bool credentials, char **ret_note)
{
    struct images_verdict unused;
    char text[TEXT_BYTES], note[TEXT_BYTES + 32], *all = NULL;
    *ret_note = NULL;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char *before = all;
        if (rows[i].op != (int) op->number ||
            !text_find(op, &rows[i], ref, ref_bytes, query, text, &unused) ||
            (!*text && rows[i].place != PLACE_INSIDE))
            continue;
        row_note(&rows[i], text, note, sizeof(note));
        if (asprintf(&all, "%s%s%s", before ? before : "{", before ? "," : "", note) < 0)
            all = NULL;
        free(before);
        if (!all)
            return false;
    }
    if (!all)
        return true;
    if (asprintf(ret_note, "%s%s}", all, credentials ? ",\"Credentials\":true" : "") < 0)
        *ret_note = NULL;
    free(all);
    return *ret_note != NULL;
}

const struct images_row *images_row_of(const struct operation *op)
{
    static const unsigned char row_ops[] = {
#define REFERENCE(op, rule, place, parameter, tag, extent) OPERATION_##op,
#include "references.def"
#undef REFERENCE
    };
    const unsigned char *first = memchr(row_ops, (int) op->number, ROW_COUNT);
    return first ? &rows[first - row_ops] : NULL;
}

const struct images_row *images_row_at(size_t index)
{
    return index < ROW_COUNT ? &rows[index] : NULL;
}

const char *images_missing(const struct operation *op, const struct schema *rules)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct field *field = schema_find(rules, rows[i].rule);
        if (rows[i].op != (int) op->number || rows[i].place == PLACE_OPTIONAL)
            continue;
        if (field->rule.forbid || (rows[i].place == PLACE_INSIDE && !allows_all(field)))
            return rows[i].rule;
    }
    return NULL;
}

static bool lets(const struct field *field, const char *name)
{
    return !field->rule.forbid && !field->rule.force &&
           (field->rule.item_count == 0 || rule_lets(field->type, &field->rule, name));
}

/* An item with a letter in place of each star stands for all that it means. */
static bool shares_item(const struct field *of, const struct field *a, const struct field *b,
                        char ret_name[IMAGES_PATH_BYTES])
{
    for (size_t i = 0; i < of->rule.item_count; i++) {
        snprintf(ret_name, IMAGES_PATH_BYTES, "%s", of->rule.items[i].text);
        for (char *star = strchr(ret_name, '*'); star; star = strchr(star, '*'))
            *star = 'a';
        if (!of->rule.items[i].exclude && lets(a, ret_name) && lets(b, ret_name))
            return true;
    }
    return false;
}

bool images_share_name(const struct schema *rules, const struct schema *create,
                       char ret_name[IMAGES_PATH_BYTES])
{
    const struct field *tag = schema_find(rules, "Tag"), *image = schema_find(create, "Image");
    if (shares_item(tag, tag, image, ret_name) || shares_item(image, tag, image, ret_name))
        return true;
    snprintf(ret_name, IMAGES_PATH_BYTES, "example.org/any:1");
    return lets(tag, ret_name) && lets(image, ret_name);
}

bool images_bound(const struct operation *op)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].op == (int) op->number && rows[i].whole)
            return true;
    return false;
}
