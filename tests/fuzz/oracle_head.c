/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle head: see the header.  Lines may end in a bare LF, fields may be folded, lengths may come
 * twice and be padded, chunk sizes may carry extensions and bodies trailers: all of that Go takes.
 */
#include "oracle_head.h"

#include <string.h>
#include <strings.h>

enum { FIELDS_MOST = 400, FIELD_BYTES = 8192 };

struct input {
    const char *at, *end;
};

/* A field with its folds undone. */
struct field {
    struct oracle_text name, value;
};

struct fields {
    struct field field[FIELDS_MOST];
    size_t count;
    char folded[FIELD_BYTES]; /* room for values that go over lines */
    size_t folded_bytes;
};

/* Up to a LF, without it and one CR before it; false when there is none. */
static bool take_line(struct input *input, struct oracle_text *ret)
{
    size_t left = (size_t) (input->end - input->at);
    const char *lf = left ? memchr(input->at, '\n', left) : NULL;
    if (!lf)
        return false;
    *ret = (struct oracle_text){input->at, (size_t) (lf - input->at)};
    if (ret->bytes > 0 && lf[-1] == '\r')
        ret->bytes--;
    input->at = lf + 1;
    return true;
}

static struct oracle_text trim(struct oracle_text text)
{
    while (text.bytes > 0 && (*text.data == ' ' || *text.data == '\t'))
        text.data++, text.bytes--;
    while (text.bytes > 0 &&
           (text.data[text.bytes - 1] == ' ' || text.data[text.bytes - 1] == '\t'))
        text.bytes--;
    return text;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool made_of(struct oracle_text text, const char *marks)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (!is_alnum(text.data[i]) && (!text.data[i] || !strchr(marks, text.data[i])))
            return false;
    return true;
}

static bool is_token(struct oracle_text text)
{
    return text.bytes > 0 && made_of(text, "!#$%&'*+-.^_`|~");
}

static bool is_word(struct oracle_text text, const char *word)
{
    return text.bytes == strlen(word) && strncasecmp(text.data, word, text.bytes) == 0;
}

/* ---- the request line ---- */

static bool cut(struct oracle_text text, char at, struct oracle_text *left,
                struct oracle_text *right)
{
    const char *mark = text.bytes ? memchr(text.data, at, text.bytes) : NULL;
    if (!mark)
        return false;
    *left = (struct oracle_text){text.data, (size_t) (mark - text.data)};
    *right = (struct oracle_text){mark + 1, text.bytes - left->bytes - 1};
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* What url.ParseRequestURI() takes of origin-form: whole escapes in the path, no control bytes. */
static bool is_target(struct oracle_text target)
{
    bool path = true;
    for (size_t i = 0; i < target.bytes; i++) {
        unsigned char c = (unsigned char) target.data[i];
        path = path && c != '?';
        if (c < 0x20 || c == 0x7f)
            return false;
        if (path && c == '%' &&
            (target.bytes - i < 3 || !is_hex(target.data[i + 1]) || !is_hex(target.data[i + 2])))
            return false;
    }
    return target.bytes > 0;
}

static bool read_request_line(struct oracle_text line, struct oracle_request *ret)
{
    struct oracle_text rest, version;
    if (!cut(line, ' ', &ret->method, &rest) || !cut(rest, ' ', &ret->target, &version))
        return false;
    if (!is_token(ret->method) || !is_target(ret->target))
        return false;
    if (version.bytes != 8 || memcmp(version.data, "HTTP/1.", 7) != 0 || version.data[7] < '0' ||
        version.data[7] > '9')
        return false;
    ret->minor = (unsigned) (version.data[7] - '0');
    return true;
}

/* ---- fields ---- */

static bool is_value(struct oracle_text value)
{
    for (size_t i = 0; i < value.bytes; i++) {
        unsigned char c = (unsigned char) value.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* The value, a blank and the trimmed line, as one. */
static bool fold(struct fields *fields, struct oracle_text line)
{
    struct oracle_text *value = &fields->field[fields->count - 1].value;
    struct oracle_text more = trim(line);
    char *to = fields->folded + fields->folded_bytes;
    size_t needed = value->bytes + 1 + more.bytes;
    if (needed > sizeof fields->folded - fields->folded_bytes)
        return false;
    if (value->bytes)
        memcpy(to, value->data, value->bytes);
    to[value->bytes] = ' ';
    if (more.bytes)
        memcpy(to + value->bytes + 1, more.data, more.bytes);
    *value = (struct oracle_text){to, needed};
    fields->folded_bytes += needed;
    return true;
}

static enum oracle_read read_fields(struct input *input, struct fields *fields)
{
    struct oracle_text line, name, value;
    fields->count = fields->folded_bytes = 0;
    while (take_line(input, &line)) {
        if (line.bytes == 0)
            return ORACLE_WHOLE;
        if (line.data[0] == ' ' || line.data[0] == '\t') {
            if (fields->count == 0 || !fold(fields, line))
                return ORACLE_BAD;
            continue;
        }
        if (!cut(line, ':', &name, &value) || !is_token(name) || fields->count == FIELDS_MOST)
            return ORACLE_BAD;
        fields->field[fields->count++] = (struct field){name, trim(value)};
    }
    return ORACLE_MORE;
}

/* The value of the first line of a name; how many there are. */
static size_t find(const struct fields *fields, const char *name, struct oracle_text *ret)
{
    size_t count = 0;
    *ret = (struct oracle_text){"", 0};
    for (size_t i = 0; i < fields->count; i++) {
        if (!is_word(fields->field[i].name, name))
            continue;
        if (count++ == 0)
            *ret = fields->field[i].value;
    }
    return count;
}

/* Whether a list, over all lines of the name, has this word. */
static bool lists(const struct fields *fields, const char *name, const char *word)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct oracle_text rest = fields->field[i].value, item, after;
        if (!is_word(fields->field[i].name, name))
            continue;
        for (bool more = true; more; rest = after) {
            more = cut(rest, ',', &item, &after);
            if (!more)
                item = rest;
            if (is_word(trim(item), word))
                return true;
            if (!more)
                break;
        }
    }
    return false;
}

/* ---- what they say ---- */

static bool read_number(struct oracle_text text, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *ret > (INT64_MAX - 9) / 10)
            return false;
        *ret = *ret * 10 + (uint64_t) (text.data[i] - '0');
    }
    return true;
}

static bool read_length(const struct fields *fields, uint64_t *ret)
{
    struct oracle_text first;
    *ret = 0;
    if (find(fields, "content-length", &first) == 0)
        return true;
    for (size_t i = 0; i < fields->count; i++) {
        struct oracle_text value = fields->field[i].value;
        if (is_word(fields->field[i].name, "content-length") &&
            (value.bytes != first.bytes || memcmp(value.data, first.data, value.bytes) != 0))
            return false;
    }
    return read_number(first, ret);
}

static bool read_framing(const struct fields *fields, struct oracle_request *ret)
{
    struct oracle_text coding;
    size_t codings = find(fields, "transfer-encoding", &coding);
    if (codings > 0 && ret->minor >= 1) { /* of HTTP/1.0 it is ignored */
        ret->chunked = true;
        return codings == 1 && is_word(coding, "chunked");
    }
    return read_length(fields, &ret->length);
}

static bool judge(const struct fields *fields, struct oracle_request *ret)
{
    struct oracle_text expect;
    size_t hosts = find(fields, "host", &ret->host);
    find(fields, "content-type", &ret->content_type);
    if (hosts > 1 || (hosts == 0 && ret->minor >= 1))
        return false;
    if (!made_of(ret->host, "!$%&()*+,-.:;=[']_~/")) /* Go's set, and the slash that clients send */
        return false;
    for (size_t i = 0; i < fields->count; i++)
        if (!is_value(fields->field[i].value))
            return false;
    if (!read_framing(fields, ret))
        return false;
    ret->expects = lists(fields, "expect", "100-continue");
    if (find(fields, "expect", &expect) > 0 && expect.bytes > 0 && !ret->expects)
        return false;
    ret->expects = ret->expects && ret->minor >= 1 && (ret->chunked || ret->length > 0);
    ret->keep_alive = !lists(fields, "connection", "close") &&
                      (ret->minor >= 1 || lists(fields, "connection", "keep-alive"));
    return true;
}

enum oracle_read oracle_head_read(const char *data, size_t bytes, struct oracle_request *ret)
{
    struct input input = {data, data + bytes};
    struct oracle_text line;
    struct fields fields;
    memset(ret, 0, sizeof *ret);
    if (!take_line(&input, &line))
        return ORACLE_MORE;
    if (!read_request_line(line, ret))
        return ORACLE_BAD;
    enum oracle_read read = read_fields(&input, &fields);
    if (read != ORACLE_WHOLE)
        return read;
    ret->head_bytes = (size_t) (input.at - data);
    return judge(&fields, ret) ? ORACLE_WHOLE : ORACLE_BAD;
}

/* ---- bodies ---- */

/* The size line of a chunk, as Go releases before 1.23.8 read it. */
static enum oracle_read read_size(struct input *input, uint64_t *ret)
{
    struct oracle_text line, size, extension;
    if (!take_line(input, &line))
        return ORACLE_MORE;
    size = cut(line, ';', &size, &extension) ? trim(size) : trim(line);
    if (size.bytes == 0 || size.bytes > 16)
        return ORACLE_BAD;
    *ret = 0;
    for (size_t i = 0; i < size.bytes; i++) {
        char c = size.data[i];
        if (!is_hex(c))
            return ORACLE_BAD;
        *ret = *ret * 16 + (uint64_t) (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return ORACLE_WHOLE;
}

static enum oracle_read read_chunks(struct input *input, char *payload, size_t *ret_payload_bytes)
{
    struct fields trailers;
    uint64_t size;
    for (;;) {
        enum oracle_read read = read_size(input, &size);
        if (read != ORACLE_WHOLE)
            return read;
        if (size == 0)
            return read_fields(input, &trailers);
        uint64_t left = (uint64_t) (input->end - input->at);
        if (left < size || left - size < 2)
            return ORACLE_MORE;
        memcpy(payload + *ret_payload_bytes, input->at, size);
        *ret_payload_bytes += size;
        input->at += size;
        if (memcmp(input->at, "\r\n", 2) != 0)
            return ORACLE_BAD;
        input->at += 2;
    }
}

enum oracle_read oracle_body_read(const struct oracle_request *request, const char *data,
                                  size_t bytes, char *payload, size_t *ret_bytes,
                                  size_t *ret_payload_bytes)
{
    struct input input = {data, data + bytes};
    enum oracle_read read = ORACLE_WHOLE;
    *ret_payload_bytes = 0;
    if (request->chunked) {
        read = read_chunks(&input, payload, ret_payload_bytes);
    } else if (bytes < request->length) {
        return ORACLE_MORE;
    } else if (request->length > 0) {
        memcpy(payload, data, request->length);
        *ret_payload_bytes = request->length;
        input.at += request->length;
    }
    *ret_bytes = (size_t) (input.at - data);
    return read;
}
