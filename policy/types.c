/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of fields: their JSON shapes, and their values as people write them.
 */
#include "types.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "config.h"
#include "err.h"
#include "formats.h"
#include "image.h"
#include "json.h"
#include "match.h"
#include "tmpfs.h"

static const char *image_canonical(struct arena *arena, const char *text)
{
    struct image image;
    char buffer[IMAGE_TEXT_BYTES];
    if (image_parse(text, &image))
        return text; /* a good text is none such */
    image_print(&image, buffer);
    return arena_copy(arena, buffer, strlen(buffer));
}

const char *format_image(const char *text)
{
    struct image image;
    return image_parse(text, &image);
}

static const struct type_codec codec_capability = {.matches = match_capability};
static const struct type_codec codec_namespace = {.matches = match_namespace,
                                                  .container = "container:"};
static const struct type_codec codec_network = {
    .matches = match_namespace, .container = "container:", .owns = TYPE_OWNS_NETWORK};
static const struct type_codec codec_container = {.container = ""};
static const struct type_codec codec_ids = {.matches = match_ids};
static const struct type_codec codec_address = {.matches = match_address};
static const struct type_codec codec_ports = {.matches = match_ports};
static const struct type_codec codec_source = {
    .matches = match_source, .item_wrong = match_source_item, .owns = TYPE_OWNS_VOLUME};
static const struct type_codec codec_bind = {
    .matches = match_bind, .item_wrong = match_bind_item, .owns = TYPE_OWNS_VOLUME};
static const struct type_codec codec_signal = {.matches = match_signal};
static const struct type_codec codec_image = {
    .canonical = image_canonical, .matches = image_matches, .pattern_wrong = image_pattern_wrong};
static const struct type_codec codec_tmpfs = {.decode = tmpfs_decode, .encode = tmpfs_encode};

static const struct type types[TYPE_COUNT] = {
#define ZERO      TYPE_ZERO
#define NEGATIVE  TYPE_NEGATIVE
#define STRING    TYPE_STRING
#define REQUIRED  TYPE_REQUIRED
#define PAIRS     TYPE_PAIRS
#define SECRET    TYPE_SECRET
#define LENGTH    TYPE_LENGTH
#define PARAMETER TYPE_PARAMETER
#define NEVER     TYPE_NEVER
#define PORTS     TYPE_PORTS
#define FALSE     TYPE_FALSE
#define TYPE(name, word, kind, unit, least, most, traits, format, format_key, codec) \
    {word, KIND_##kind, UNIT_##unit, least, most, traits, format, format_key, codec},
#include "types.def"
#undef TYPE
#undef ZERO
#undef NEGATIVE
#undef STRING
#undef REQUIRED
#undef PAIRS
#undef SECRET
#undef LENGTH
#undef PARAMETER
#undef NEVER
#undef PORTS
#undef FALSE
};

const struct type *type_get(enum type_id id)
{
    assert(id < TYPE_COUNT);
    return &types[id];
}

bool type_has_choice(const struct type *type)
{
    switch (type->kind) {
    case KIND_BOOL:
    case KIND_NUMBER:
    case KIND_NUMBERS:
    case KIND_LISTS:
    case KIND_OBJECT:
    case KIND_OBJECTS:
        return false;
    default:
        return true;
    }
}

size_t type_own_part(const struct type *type, const char *text)
{
    const struct type_codec *codec = type->codec;
    if (!codec || codec->owns == TYPE_OWNS_NOTHING || *text == '/' ||
        (codec->container && strncmp(text, codec->container, strlen(codec->container)) == 0))
        return 0;
    return strcspn(text, ":");
}

bool type_has_members(const struct type *type)
{
    return type->kind >= KIND_OBJECT || (type->codec && type->codec->decode);
}

/* ---- shapes ---- */

static const char *shape_of(const struct json *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_LIST] = "a list",     [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    return names[value->kind];
}

/* How each kind is made up: the value itself, then its elements, then theirs. */
enum shape {
    SHAPE_END,
    SHAPE_BOOL,
    SHAPE_NUMBER,
    SHAPE_STRING,
    SHAPE_LIST,
    SHAPE_OBJECT,
    SHAPE_EMPTY
};

static const struct {
    enum shape self, elements, inner;
    const char *name;
} shapes[] = {
    [KIND_BOOL] = {SHAPE_BOOL, SHAPE_END, SHAPE_END, "true or false"},
    [KIND_NUMBER] = {SHAPE_NUMBER, SHAPE_END, SHAPE_END, "a whole number"},
    [KIND_STRING] = {SHAPE_STRING, SHAPE_END, SHAPE_END, "a string"},
    [KIND_NUMBERS] = {SHAPE_LIST, SHAPE_NUMBER, SHAPE_END, "a list of whole numbers"},
    [KIND_STRINGS] = {SHAPE_LIST, SHAPE_STRING, SHAPE_END, "a list of strings"},
    [KIND_LISTS] = {SHAPE_LIST, SHAPE_LIST, SHAPE_STRING, "a list of lists of strings"},
    [KIND_MAP] = {SHAPE_OBJECT, SHAPE_STRING, SHAPE_END, "an object with string values"},
    [KIND_SET] = {SHAPE_OBJECT, SHAPE_EMPTY, SHAPE_END, "an object with {} as values"},
    [KIND_OBJECT] = {SHAPE_OBJECT, SHAPE_END, SHAPE_END, "an object"},
    [KIND_OBJECTS] = {SHAPE_LIST, SHAPE_OBJECT, SHAPE_END, "a list of objects"},
    [KIND_OBJECT_MAP] = {SHAPE_OBJECT, SHAPE_OBJECT, SHAPE_END, "an object of objects"},
    [KIND_LIST_MAP] = {SHAPE_OBJECT, SHAPE_LIST, SHAPE_OBJECT, "an object of lists of objects"},
};

static bool number_is_in_range(const struct type *type, const struct json *value)
{
    return json_is(value, JSON_INTEGER) && json_number(value) >= type->least &&
           json_number(value) <= type->most;
}

static bool shape_is(const struct type *type, const struct json *value, enum shape shape)
{
    switch (shape) {
    case SHAPE_BOOL:
        return json_is_bool(value);
    case SHAPE_NUMBER:
        return number_is_in_range(type, value);
    case SHAPE_STRING:
        return json_is(value, JSON_STRING);
    case SHAPE_LIST:
        return json_is(value, JSON_LIST);
    case SHAPE_OBJECT:
        return json_is(value, JSON_OBJECT);
    case SHAPE_EMPTY:
        return json_is(value, JSON_OBJECT) && json_size(value) == 0;
    default:
        return true;
    }
}

static bool say_shape(const struct type *type, const struct json *value, const char *where,
                      char *ret_wrong)
{
    if (!ret_wrong)
        return false;
    if (json_is(value, JSON_INTEGER) && (type->kind == KIND_NUMBER || type->kind == KIND_NUMBERS))
        snprintf(ret_wrong, TYPE_TEXT_BYTES,
                 "must be from %" PRId64 " to %" PRId64 ", not %" PRId64, type->least, type->most,
                 (int64_t) json_number(value));
    else
        snprintf(ret_wrong, TYPE_TEXT_BYTES, "must be %s, not %s%s", shapes[type->kind].name,
                 where ? where : "", shape_of(value));
    return false;
}

/* The members of a list or the values of an object, and what is inside those. */
static bool elements_fit(const struct type *type, const struct json *value, enum shape shape,
                         enum shape inner, char *ret_wrong)
{
    if (shape == SHAPE_END)
        return true;
    for (const struct json *element = json_inside(value); element; element = element->next) {
        if (!shape_is(type, element, shape))
            return say_shape(type, element, "one with ", ret_wrong);
        if (!elements_fit(type, element, inner, SHAPE_END, ret_wrong))
            return false;
    }
    return true;
}

bool type_fits(const struct type *type, const struct json *value, char ret_wrong[TYPE_TEXT_BYTES])
{
    if (type->traits & TYPE_STRING && json_is(value, JSON_STRING))
        return true;
    if (!shape_is(type, value, shapes[type->kind].self))
        return say_shape(type, value, NULL, ret_wrong);
    return elements_fit(type, value, shapes[type->kind].elements, shapes[type->kind].inner,
                        ret_wrong);
}

/* ---- formats ---- */

static bool text_is_formed(type_format *format, const char *text, char *ret_wrong)
{
    const char *fault = format && text ? format(text) : NULL;
    char shown[TYPE_TEXT_BYTES];
    if (fault)
        snprintf(ret_wrong, TYPE_TEXT_BYTES, "'%s' %s", json_quote(shown, sizeof(shown), text),
                 fault);
    return !fault;
}

bool type_is_formed(const struct type *type, const struct json *value,
                    char ret_wrong[TYPE_TEXT_BYTES])
{
    if (json_is(value, JSON_STRING))
        return text_is_formed(type->format, value->text, ret_wrong);
    for (const struct json *element = json_elements(value); element; element = element->next)
        if (!type_is_formed(type, element, ret_wrong))
            return false;
    if (type->kind == KIND_OBJECT || type->kind == KIND_OBJECTS || !json_is(value, JSON_OBJECT))
        return true;
    for (const struct json *element = json_members(value); element; element = element->next) {
        if (!text_is_formed(type->format_key, element->key, ret_wrong) ||
            !text_is_formed(type->format, json_text(element), ret_wrong))
            return false;
        if (json_is(element, JSON_LIST) && element->size == 0) {
            snprintf(ret_wrong, TYPE_TEXT_BYTES, "must have no empty lists");
            return false;
        }
    }
    return true;
}

/* ---- values in the policy file ---- */

/* Digits with a sign, which the config parsers do not know. */
static int parse_signed(const char *text, int64_t *ret, struct err *err)
{
    bool negative = *text == '-';
    if (config_parse_count(text + negative, ret, err) < 0)
        return -1;
    if (negative)
        *ret = -*ret;
    return 0;
}

static int parse_octal(const char *text, int64_t *ret, struct err *err)
{
    size_t digits = strspn(text, "01234567");
    if (digits == 0 || digits > 7 || text[digits])
        return err_set(err, "'%s' is no file mode; write octal digits such as 1777", text);
    *ret = (int64_t) strtol(text, NULL, 8);
    return 0;
}

/* Plain digits are seconds; config_parse_time() would want a unit. */
static int parse_seconds(const char *text, int64_t *ret, struct err *err)
{
    if (text[strspn(text, "-0123456789")] == '\0')
        return parse_signed(text, ret, err);
    if (config_parse_time(text, ret, err) < 0)
        return -1;
    if (*ret % 1000)
        return err_set(err, "'%s' is not a whole number of seconds", text);
    *ret /= 1000;
    return 0;
}

static int parse_nanoseconds(const char *text, int64_t *ret, struct err *err)
{
    if (config_parse_time(text, ret, err) < 0)
        return -1;
    if (__builtin_mul_overflow(*ret, INT64_C(1000000), ret))
        return err_set(err, "'%s' is too long a time", text);
    return 0;
}

static int parse_unit(const struct type *type, const char *text, int64_t *ret, struct err *err)
{
    if (*text == '-')
        return parse_signed(text, ret, err);
    switch (type->unit) {
    case UNIT_BYTES:
        return config_parse_size(text, ret, err);
    case UNIT_CPUS:
        return config_parse_cpus(text, ret, err);
    case UNIT_NANOSECONDS:
        return parse_nanoseconds(text, ret, err);
    case UNIT_SECONDS:
        return parse_seconds(text, ret, err);
    case UNIT_OCTAL:
        return parse_octal(text, ret, err);
    default:
        return parse_signed(text, ret, err);
    }
}

int type_parse_number(const struct type *type, const char *text, int64_t *ret, struct err *err)
{
    char least[TYPE_TEXT_BYTES], most[TYPE_TEXT_BYTES];
    if (parse_unit(type, text, ret, err) < 0)
        return -1;
    if (*ret < type->least || *ret > type->most)
        return err_set(err, "%s is out of range; it must be from %s to %s", text,
                       type_print_number(type, type->least, least),
                       type_print_number(type, type->most, most));
    return 0;
}

const struct json *type_parse(struct arena *arena, const struct type *type, const char *text,
                              struct err *err)
{
    int64_t number;
    switch (type->kind) {
    case KIND_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0)
            return json_new_bool(arena, true);
        if (strcmp(text, "false") == 0 || strcmp(text, "no") == 0)
            return json_new_bool(arena, false);
        err_set(err, "'%s' is neither true nor false", text);
        return NULL;
    case KIND_NUMBER:
        return type_parse_number(type, text, &number, err) < 0 ? NULL
                                                               : json_new_number(arena, number);
    case KIND_STRING:
        return json_new_text(arena, text);
    default:
        err_set(err, "'%s' is no value for this field; write %s as JSON", text,
                shapes[type->kind].name);
        return NULL;
    }
}

/* ---- values for people ---- */

/* The largest unit that divides the number. */
static void print_scaled(char *buffer, int64_t number, const int64_t *factors,
                         const char *const *names)
{
    while (number % *factors) {
        factors++;
        names++;
    }
    snprintf(buffer, TYPE_TEXT_BYTES, "%" PRId64 "%s", number / *factors, *names);
}

static void print_cpus(char *buffer, int64_t nano)
{
    int length = snprintf(buffer, TYPE_TEXT_BYTES, "%" PRId64 ".%09" PRId64, nano / 1000000000,
                          nano % 1000000000);
    while (buffer[length - 1] == '0')
        buffer[--length] = '\0';
    if (buffer[length - 1] == '.')
        buffer[length - 1] = '\0';
}

char *type_print_number(const struct type *type, int64_t number, char buffer[TYPE_TEXT_BYTES])
{
    static const int64_t sizes[] = {INT64_C(1) << 40, 1 << 30, 1 << 20, 1 << 10, 1};
    static const char *const size_names[] = {"TiB", "GiB", "MiB", "KiB", ""};
    static const int64_t times[] = {INT64_C(3600000000000), INT64_C(60000000000), 1000000000,
                                    1000000, 1};
    static const char *const time_names[] = {"h", "m", "s", "ms", "ns"};
    if (number <= 0)
        snprintf(buffer, TYPE_TEXT_BYTES, "%" PRId64, number);
    else if (type->unit == UNIT_BYTES)
        print_scaled(buffer, number, sizes, size_names);
    else if (type->unit == UNIT_NANOSECONDS)
        print_scaled(buffer, number, times, time_names);
    else if (type->unit == UNIT_CPUS)
        print_cpus(buffer, number);
    else if (type->unit == UNIT_OCTAL)
        snprintf(buffer, TYPE_TEXT_BYTES, "%" PRIo64, number);
    else
        snprintf(buffer, TYPE_TEXT_BYTES, "%" PRId64, number);
    return buffer;
}

char *type_print(const struct type *type, const struct json *value, char buffer[TYPE_TEXT_BYTES])
{
    char shown[TYPE_TEXT_BYTES - 2];
    if (json_is(value, JSON_INTEGER))
        return type_print_number(type, json_number(value), buffer);
    if (json_is(value, JSON_STRING)) {
        snprintf(buffer, TYPE_TEXT_BYTES, "'%s'",
                 json_quote(shown, sizeof(shown), json_text(value)));
        return buffer;
    }
    const struct arena sound = {0};
    char *text = json_write(&sound, value, NULL);
    if (text)
        json_quote(buffer, TYPE_TEXT_BYTES, text);
    else
        snprintf(buffer, TYPE_TEXT_BYTES, "a value (no memory to show it)");
    free(text);
    return buffer;
}

int64_t type_measure(const struct type *type, const struct json *value)
{
    if (type->kind == KIND_NUMBER)
        return json_number(value);
    if (type->traits & TYPE_PORTS)
        return strtol(json_text(value), NULL, 10);
    if (type->kind != KIND_STRING && json_is(value, JSON_STRING))
        return 1; /* read as a list of one */
    return (int64_t) json_size(value);
}

int64_t type_measure_last(const struct type *type, const struct json *value)
{
    const char *dash = type->traits & TYPE_PORTS ? strchr(json_text(value), '-') : NULL;
    return dash ? strtol(dash + 1, NULL, 10) : type_measure(type, value);
}
