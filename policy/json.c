/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict reading of JSON.  A first pass over the bytes knows only strings, brackets and
 * separators; it bounds depth and number of values before anything is allocated.  jansson then does
 * the parsing.  When either finds a fault, the same pass, stopped at the faulty byte, tells the
 * path of the field that it is in.
 */
#include "json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One open bracket, and the key that was last read in it. */
struct level {
    bool is_object;
    const char *key;
    size_t key_bytes;
};

struct scan {
    const char *text;
    size_t bytes, at;
    unsigned depth, depth_most;
    size_t values;
    struct level levels[JSON_DEPTH_MOST];
};

/* From an opening quote to behind the closing one, or to the end. */
static void scan_string(struct scan *scan)
{
    size_t start = ++scan->at;
    while (scan->at < scan->bytes && scan->text[scan->at] != '"')
        scan->at += scan->text[scan->at] == '\\' ? 2 : 1;
    if (scan->at > scan->bytes)
        scan->at = scan->bytes;
    if (scan->depth > 0) {
        struct level *level = &scan->levels[scan->depth - 1];
        if (level->is_object && !level->key) {
            level->key = scan->text + start;
            level->key_bytes = scan->at - start;
        }
    }
    if (scan->at < scan->bytes)
        scan->at++;
}

/* Returns what is over its bound, or NULL. */
static const char *scan_open(struct scan *scan, bool is_object)
{
    if (scan->depth == scan->depth_most)
        return "is nested too deeply";
    scan->levels[scan->depth++] = (struct level){.is_object = is_object};
    scan->at++;
    return ++scan->values > JSON_VALUES_MOST ? "holds too many values" : NULL;
}

static const char *scan_next(struct scan *scan)
{
    switch (scan->text[scan->at]) {
    case '"':
        scan_string(scan);
        return NULL;
    case '{':
        return scan_open(scan, true);
    case '[':
        return scan_open(scan, false);
    case '}':
    case ']':
        if (scan->depth > 0)
            scan->depth--;
        break;
    case ',':
        if (scan->depth > 0)
            scan->levels[scan->depth - 1].key = NULL;
        scan->at++;
        return ++scan->values > JSON_VALUES_MOST ? "holds too many values" : NULL;
    case '\0': /* jansson passes over one behind a word or a number */
        return "holds a NUL character";
    default:
        break;
    }
    scan->at++;
    return NULL;
}

/* Walks to `stop`, or to the first thing over its bound, which it returns. */
static const char *scan_run(struct scan *scan, const char *text, size_t stop, unsigned depth)
{
    *scan = (struct scan){.text = text, .bytes = stop};
    scan->depth_most = depth < JSON_DEPTH_MOST ? depth : JSON_DEPTH_MOST;
    while (scan->at < scan->bytes) {
        const char *fault = scan_next(scan);
        if (fault)
            return fault;
    }
    return NULL;
}

/* A key is client text: escaped, and cut at JSON_QUOTE_BYTES. */
static void path_add(char *path, size_t size, const struct level *level)
{
    size_t used = strlen(path);
    if (!level->is_object) {
        snprintf(path + used, size - used, "[]");
    } else if (level->key) {
        char key[JSON_QUOTE_BYTES * 2], shown[JSON_QUOTE_BYTES * 4];
        snprintf(key, sizeof(key), "%.*s", (int) (level->key_bytes < 120 ? level->key_bytes : 120),
                 level->key);
        json_quote(shown, sizeof(shown), key);
        snprintf(path + used, size - used, "%s%s", used ? "." : "", shown);
    }
}

static void fault_set(struct json_fault *fault, const struct scan *scan, size_t at,
                      const char *what)
{
    fault->path[0] = '\0';
    for (unsigned i = 0; i < scan->depth; i++)
        path_add(fault->path, sizeof(fault->path), &scan->levels[i]);
    snprintf(fault->text, sizeof(fault->text), "%s %s (at byte %zu of the body)",
             fault->path[0] ? fault->path : "the body", what, at);
}

static const char *fault_name(enum json_error_code code)
{
    switch (code) {
    case json_error_duplicate_key:
        return "appears twice";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "is followed by more bytes";
    case json_error_invalid_utf8:
        return "is not valid UTF-8";
    case json_error_null_byte_in_key:
    case json_error_null_character:
        return "holds a NUL character";
    case json_error_numeric_overflow:
        return "is a number that is too large";
    default:
        return "is not valid JSON";
    }
}

static _Thread_local unsigned long shortages;

void json_shortage_note(void)
{
    shortages++;
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory)
        json_shortage_note();
    return memory;
}

unsigned long json_shortages(void)
{
    json_set_alloc_funcs(allocate, free); /* whose memory malloc()'s users may mix with theirs */
    return shortages;
}

struct json_t *json_load_whole(const char *text, size_t bytes, size_t flags,
                               struct json_error_t *ret_error)
{
    unsigned long before = json_shortages();
    json_error_t ignored;
    ret_error = ret_error ? ret_error : &ignored;
    json_t *value = json_loadb(text, bytes, flags, ret_error);
    if (json_shortages() == before)
        return value;
    json_decref(value);
    strcpy(ret_error->text, "out of memory");
    ret_error->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
    return NULL;
}

/* One value, be it what it may. */
static json_t *read_value(const char *text, size_t bytes, unsigned depth,
                          struct json_fault *ret_fault)
{
    struct scan scan;
    const char *fault = scan_run(&scan, text, bytes, depth);
    ret_fault->no_memory = false;
    if (fault) {
        fault_set(ret_fault, &scan, scan.at, fault);
        return NULL;
    }
    json_error_t error;
    json_t *value = json_load_whole(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (value)
        return value;
    if (json_error_code(&error) == json_error_out_of_memory) {
        *ret_fault = (struct json_fault){.no_memory = true};
        return NULL;
    }
    size_t at = error.position < 0 ? 0 : (size_t) error.position;
    scan_run(&scan, text, at < bytes ? at : bytes, depth);
    fault_set(ret_fault, &scan, at, fault_name(json_error_code(&error)));
    return NULL;
}

static void fault_whole(struct json_fault *ret_fault, const char *text, unsigned depth,
                        const char *fault)
{
    struct scan scan;
    scan_run(&scan, text, 0, depth);
    fault_set(ret_fault, &scan, 0, fault);
}

struct json_t *json_read_strict(const char *text, size_t bytes, unsigned depth,
                                struct json_fault *ret_fault)
{
    json_t *value = read_value(text, bytes, depth, ret_fault);
    if (!value || json_is_object(value))
        return value;
    json_decref(value);
    fault_whole(ret_fault, text, depth, "must be a JSON object");
    return NULL;
}

json_t *json_at(const json_t *object, const char *path)
{
    char name[80];
    json_t *at = (json_t *) object;
    while (at && *path) {
        size_t length = strcspn(path, ".");
        snprintf(name, sizeof(name), "%.*s", (int) length, path);
        at = json_object_get(at, name);
        path += length + (path[length] == '.');
    }
    return at;
}

char *json_write_compact(const struct json_t *value, size_t *ret_bytes)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text)
        *ret_bytes = strlen(text);
    return text;
}

/* Decodes one character of valid UTF-8; anything else counts as the byte itself. */
static unsigned utf8_next(const char *text, size_t *ret_bytes)
{
    const unsigned char *u = (const unsigned char *) text;
    unsigned length = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc0 ? 2 : 1;
    unsigned point = length == 1 ? u[0] : u[0] & (0x7fU >> length);
    *ret_bytes = 1;
    for (unsigned i = 1; i < length; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return u[0];
        point = point << 6 | (u[i] & 0x3fU);
    }
    *ret_bytes = length;
    return point;
}

char *json_quote(char *buffer, size_t size, const char *text)
{
    size_t used = 0, at = 0, step;
    buffer[0] = '\0';
    while (text[at] && at < JSON_QUOTE_BYTES && used + sizeof("\\u10ffff...") < size) {
        unsigned point = utf8_next(text + at, &step);
        bool plain = point >= 0x20 && point < 0x7f && point != '\\';
        used += (size_t) snprintf(buffer + used, size - used, plain ? "%c" : "\\u%04x", point);
        at += step;
    }
    if (text[at])
        snprintf(buffer + used, size - used, "...");
    return buffer;
}

/*
 * Go's decoder folds with Unicode's simple case folding.  Field names are ASCII, so beside A-Z only
 * the two characters outside ASCII that fold into it matter: U+017F (long s) and U+212A (Kelvin).
 */
static unsigned fold_next(const char **text)
{
    size_t step;
    unsigned point = utf8_next(*text, &step);
    *text += step;
    if (point >= 'A' && point <= 'Z')
        return point - 'A' + 'a';
    return point == 0x17f ? 's' : point == 0x212a ? 'k' : point;
}

bool json_same_key(const char *a, const char *b)
{
    while (*a && *b)
        if (fold_next(&a) != fold_next(&b))
            return false;
    return *a == *b;
}

/* A key as every other one that an Engine takes for it; NULL: no memory. Caller frees it. */
static char *fold_key(const char *key)
{
    char *folded = malloc(strlen(key) + 1), *to = folded;
    while (folded && *key) {
        const char *start = key;
        unsigned point = fold_next(&key);
        if (point < 0x80)
            *to++ = (char) point;
        else
            to = mempcpy(to, start, (size_t) (key - start));
    }
    if (folded)
        *to = '\0';
    return folded;
}

static bool keys_differ(const json_t *object)
{
    json_t *folded = json_object(), *value;
    const char *key;
    bool differ = folded != NULL;
    json_object_foreach ((json_t *) object, key, value) {
        char *plain = differ ? fold_key(key) : NULL;
        differ = plain && !json_object_get(folded, plain) &&
                 json_object_set_new(folded, plain, json_true()) == 0;
        free(plain);
    }
    json_decref(folded);
    return differ;
}

static bool all_keys_differ(const json_t *value)
{
    const char *key;
    json_t *inside;
    size_t i;
    if (json_is_object(value) && !keys_differ(value))
        return false;
    json_object_foreach ((json_t *) value, key, inside) {
        if (!all_keys_differ(inside))
            return false;
    }
    json_array_foreach ((json_t *) value, i, inside) {
        if (!all_keys_differ(inside))
            return false;
    }
    return true;
}

char *json_rewrite(const char *text, size_t bytes, unsigned depth, size_t *ret_bytes,
                   struct json_fault *ret_fault)
{
    json_t *value = read_value(text, bytes, depth, ret_fault);
    char *written = NULL;
    if (!value)
        return NULL;
    if (!json_is_object(value) && !json_is_array(value))
        fault_whole(ret_fault, text, depth, "must be a JSON object or list");
    else if (!all_keys_differ(value))
        fault_whole(ret_fault, text, depth, "has keys that an Engine takes for the same");
    else if (!(written = json_write_compact(value, ret_bytes)))
        fault_whole(ret_fault, text, depth, "needs more memory than there is");
    json_decref(value);
    return written;
}
