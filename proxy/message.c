/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message, reading: one HTTP/1 head, understood or refused.
 *
 * A request's head is read twice by two readers that know nothing of each other.  The first is
 * ours: it splits the raw bytes into a request line and fields, and takes only the plainest form
 * that RFC 9112 allows.  The second is http-parser, over the bytes that ours calls the head; only
 * the target, whose every byte ours has judged, is shown to it as "/" (its own splitting of URLs is
 * a third of its cost, and nobody uses the result).  Where they do not agree on the version, the
 * method or the length of the body, the head is refused: a disagreement of two readers is what
 * request smuggling is made of.  The engine is trusted, so its replies are read by ours alone.
 * Lines that both have read before, byte by byte the same, are not read again: message_known.h.
 *
 * A head that is not whole yet is looked at again with every packet.  So what is done before the
 * end is found costs a memchr() per line, and no more than the limits allow.
 */
#include "message.h"

#include <http_parser.h>
#include <string.h>
#include <strings.h>

#include "letters.h"
#include "message_known.h"
#include "operation.h"
#include "reason.h"

enum {
    METHOD_BYTES = 32,           /* longer words are no method */
    REPLY_HEAD_BYTES = 64 << 10, /* of the engine's replies */
    LENGTH_DIGITS = 15,          /* of a Content-Length: cannot overflow, and more is never meant */
    PARSER_HEAD_BYTES = 2 << 20  /* for http-parser's own limit: above all of ours */
};

/* What a byte may be part of. */
enum char_class {
    T = 1, /* token: methods and field names */
    V = 2, /* field value: visible, blank, tab and what is above ASCII */
    P = 4, /* path and query as RFC 3986 spells them: no '#', and nothing it wants encoded */
    H = 8  /* Host: names, addresses, and the encoded socket paths that clients make up */
};

static const uint8_t CHARS[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | V | P,
    ['"'] = V,
    ['#'] = T | V,
    ['$'] = T | V | P,
    ['%'] = T | V | P | H,
    ['&'] = T | V | P,
    ['\''] = T | V | P,
    ['('] = V | P,
    [')'] = V | P,
    ['*'] = T | V | P,
    ['+'] = T | V | P,
    [','] = V | P,
    ['-'] = T | V | P | H,
    ['.'] = T | V | P | H,
    ['/'] = V | P,
    ['0' ... '9'] = T | V | P | H,
    [':'] = V | P | H,
    [';'] = V | P,
    ['<'] = V,
    ['='] = V | P,
    ['>'] = V,
    ['?'] = V | P,
    ['@'] = V | P,
    ['A' ... 'Z'] = T | V | P | H,
    ['['] = V | H,
    ['\\'] = V,
    [']'] = V | H,
    ['^'] = T | V,
    ['_'] = T | V | P | H,
    ['`'] = T | V,
    ['a' ... 'z'] = T | V | P | H,
    ['{'] = V,
    ['|'] = T | V,
    ['}'] = V,
    ['~'] = T | V | P | H,
    [0x80 ... 0xff] = V,
};

/*
 * The fields that mean something to us, with the letter that each begins with. All others are
 * checked for their form and forgotten.
 */
#define FIELDS(FIELD)                                  \
    FIELD(HOST, 'h', "host")                           \
    FIELD(CONTENT_LENGTH, 'c', "content-length")       \
    FIELD(TRANSFER_ENCODING, 't', "transfer-encoding") \
    FIELD(TRAILER, 't', "trailer")                     \
    FIELD(CONTENT_TYPE, 'c', "content-type")           \
    FIELD(CONTENT_ENCODING, 'c', "content-encoding")   \
    FIELD(EXPECT, 'e', "expect")                       \
    FIELD(UPGRADE, 'u', "upgrade")                     \
    FIELD(CONNECTION, 'c', "connection")               \
    FIELD(HTTP2_SETTINGS, 'h', "http2-settings")       \
    FIELD(REGISTRY_AUTH, 'x', "x-registry-auth")       \
    FIELD(API_VERSION, 'a', "api-version")             \
    FIELD(OSTYPE, 'o', "ostype")                       \
    FIELD(PATH_STAT, 'x', "x-docker-container-path-stat")

enum field {
    FIELD_OTHER,
#define FIELD(id, letter, name) FIELD_##id,
    FIELDS(FIELD)
#undef FIELD
        FIELD_COUNT
};

static const struct span FIELD_NAMES[FIELD_COUNT] = {
#define FIELD(id, letter, name) [FIELD_##id] = {name, sizeof name - 1},
    FIELDS(FIELD)
#undef FIELD
};

/* The one field that a name can be. Two in one slot would be a warning of the compiler's. */
#define SLOT(letter, bytes) (((letter) *8 + (bytes)) % 64)
static const uint8_t FIELD_SLOTS[64] = {
#define FIELD(id, letter, name) [SLOT(letter, sizeof name - 1)] = FIELD_##id,
    FIELDS(FIELD)
#undef FIELD
};

struct fields {
    struct span value[FIELD_COUNT]; /* of the first line with that name */
    unsigned lines[FIELD_COUNT];    /* how many there were */
    unsigned all;                   /* how many of any name */
    bool closes;                    /* a Connection line has the word `close` */
};

/* The request line; target.data is NULL until it is whole. */
struct request_line {
    struct span method, target;
    enum method known; /* which method that is */
    unsigned minor;    /* of HTTP/1.minor */
};

static bool all_of(struct span text, enum char_class class)
{
    const uint8_t *at = (const uint8_t *) text.data;
    unsigned seen = class;
    size_t left = text.bytes;
    /* Four at a time, since every byte of a head comes by here. */
    for (; left >= 4; left -= 4, at += 4)
        seen &= CHARS[at[0]] & CHARS[at[1]] & CHARS[at[2]] & CHARS[at[3]];
    for (; left > 0; left--, at++)
        seen &= CHARS[*at];
    return seen == class;
}

static bool span_is(struct span text, const char *word, size_t word_bytes)
{
    return text.bytes == word_bytes && strncasecmp(text.data, word, word_bytes) == 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * The length of the head with its empty line, 0 while that is not there.  Returns -1 with a reason
 * when a line ends otherwise than in CRLF, or when the limits are passed already.
 */
static ssize_t find_end(const char *data, size_t bytes, const struct message_limits *limits,
                        int *ret_reason)
{
    const char *end = data + least(bytes, limits->head_bytes);
    const char *lf;
    unsigned lines = 0;

    for (const char *line = data; line < end; line = lf + 1) {
        lf = memchr(line, '\n', (size_t) (end - line));
        if (!lf)
            break;
        bool empty = lf - line == 1;
        if (lf == line || lf[-1] != '\r') {
            *ret_reason = REASON_HEAD_MALFORMED;
            return -1;
        }
        if (empty)
            return lf + 1 - data;
        if (lines++ > limits->headers)
            break;
    }
    if (bytes < limits->head_bytes && lines <= limits->headers + 1)
        return 0;
    *ret_reason = REASON_HEAD_TOO_LARGE;
    return -1;
}

static enum method read_method(struct span word)
{
#define IS(name) (word.bytes == sizeof name - 1 && memcmp(word.data, name, sizeof name - 1) == 0)
    if (IS("POST"))
        return METHOD_POST;
    if (IS("GET"))
        return METHOD_GET;
    if (IS("DELETE"))
        return METHOD_DELETE;
    if (IS("HEAD"))
        return METHOD_HEAD;
    return IS("PUT") ? METHOD_PUT : METHOD_OTHER;
#undef IS
}

/* "HTTP/1.1" and the end of the line, of which at least 10 bytes are here. */
static int read_version(const char *at, unsigned *ret_minor)
{
    if (memcmp(at, "HTTP/", 5) != 0 || at[6] != '.' || memcmp(at + 8, "\r\n", 2) != 0)
        return REASON_HEAD_MALFORMED;
    if (at[5] != '1' || (at[7] != '0' && at[7] != '1'))
        return REASON_VERSION_UNSUPPORTED;
    *ret_minor = (unsigned) (at[7] - '0');
    return REASON_NONE;
}

/*
 * METHOD SP TARGET SP HTTP/1.x CRLF.  What is there already is judged at once, so that somebody who
 * speaks another protocol is told so without waiting for an empty line that never comes.
 */
static int read_request_line(const char *data, size_t bytes, const struct message_limits *limits,
                             struct request_line *ret)
{
    *ret = (struct request_line){0};
    size_t word_bytes = least(bytes, METHOD_BYTES + 1);
    const char *blank = memchr(data, ' ', word_bytes);
    struct span method = {data, blank ? (size_t) (blank - data) : word_bytes};
    const enum method known = read_method(method);
    if (known == METHOD_OTHER &&
        (!all_of(method, T) || (blank ? method.bytes == 0 : bytes > METHOD_BYTES)))
        return REASON_HEAD_MALFORMED;
    if (!blank)
        return REASON_NONE;

    const char *target = blank + 1, *end = data + bytes;
    size_t left = (size_t) (end - target);
    blank = memchr(target, ' ', least(left, limits->target_bytes + 1));
    if (!blank)
        return left > limits->target_bytes ? REASON_TARGET_TOO_LONG : REASON_NONE;
    if (blank == target)
        return REASON_HEAD_MALFORMED;
    if (end - blank <= 10)
        return REASON_NONE;
    ret->method = method;
    ret->known = known;
    ret->target = (struct span){target, (size_t) (blank - target)};
    return read_version(blank + 1, &ret->minor);
}

static struct span trim(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct span){at, (size_t) (end - at)};
}

/* Whether a list, its items parted by commas, has this word. */
static bool list_has(struct span list, const char *word, size_t word_bytes)
{
    const char *at = list.data, *end = list.data + list.bytes;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t) (end - at));
        if (span_is(trim(at, comma ? comma : end), word, word_bytes))
            return true;
        at = comma ? comma + 1 : end;
    }
    return false;
}

static void note_field(struct fields *fields, struct span name, struct span value)
{
    const unsigned field = FIELD_SLOTS[SLOT((unsigned) name.data[0] | 0x20, name.bytes)];
    const struct span *known = &FIELD_NAMES[field];

    if (!span_is(name, known->data, known->bytes))
        return;
    if (fields->lines[field]++ == 0)
        fields->value[field] = value;
    if (field == FIELD_CONNECTION)
        fields->closes = fields->closes || list_has(value, "close", 5);
}

/* The first byte that is not of the class; the CR at the end of a line is of none. */
static const char *skip(const char *at, enum char_class class)
{
    while (CHARS[(uint8_t) *at] & class)
        at++;
    return at;
}

/*
 * The lines from at to the empty line that ends the head (find_end() has seen that each ends in
 * CRLF).  A name is a token up to its colon: that refuses folded lines, blanks before the colon and
 * lines without one.  A value has no control bytes: that refuses a CR within it.
 */
static bool read_fields(const char *at, const char *end, struct fields *ret)
{
    memset(ret, 0, sizeof *ret);
    while (end - at > 2) {
        const char *colon = skip(at, T);
        if (*colon != ':' || colon == at)
            return false;
        const char *cr = skip(colon + 1, V);
        if (cr[0] != '\r' || cr[1] != '\n')
            return false;
        note_field(ret, (struct span){at, (size_t) (colon - at)}, trim(colon + 1, cr));
        ret->all++;
        at = cr + 2;
    }
    return true;
}

/* Digits alone, without a needless zero in front. */
static bool read_length(struct span text, uint64_t *ret_length)
{
    if (text.bytes == 0 || text.bytes > LENGTH_DIGITS || (text.bytes > 1 && text.data[0] == '0'))
        return false;
    uint64_t length = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        length = length * 10 + (uint64_t) (text.data[i] - '0');
    }
    *ret_length = length;
    return true;
}

/* FRAMING_NONE when the fields do not speak of a body; false when they do not speak plainly. */
static bool read_framing(const struct fields *fields, unsigned minor, enum framing *ret_framing,
                         uint64_t *ret_length)
{
    *ret_framing = FRAMING_NONE;
    *ret_length = 0;
    if (fields->lines[FIELD_TRAILER] > 0 ||
        fields->lines[FIELD_CONTENT_LENGTH] + fields->lines[FIELD_TRANSFER_ENCODING] > 1)
        return false;
    if (fields->lines[FIELD_TRANSFER_ENCODING]) {
        *ret_framing = FRAMING_CHUNKED;
        return minor == 1 && span_is(fields->value[FIELD_TRANSFER_ENCODING], "chunked", 7);
    }
    if (fields->lines[FIELD_CONTENT_LENGTH]) {
        *ret_framing = FRAMING_LENGTH;
        return read_length(fields->value[FIELD_CONTENT_LENGTH], ret_length);
    }
    return true;
}

/* The second reader */

static int note_head_end(http_parser *parser)
{
    parser->data = parser; /* anything but NULL */
    return 0;
}

enum { PIECES = 3 };

/* Whether http-parser finds one head in these bytes, no less and no more; they come in pieces. */
static bool parser_reads(http_parser *parser, const struct span pieces[PIECES])
{
    static const http_parser_settings SETTINGS = {.on_headers_complete = note_head_end};

    http_parser_init(parser, HTTP_REQUEST);
    http_parser_set_max_header_size(PARSER_HEAD_BYTES);
    parser->data = NULL;
    for (int i = 0; i < PIECES; i++) {
        size_t bytes = pieces[i].bytes;
        if (parser->data || http_parser_execute(parser, &SETTINGS, pieces[i].data, bytes) != bytes)
            return false;
    }
    return parser->data && HTTP_PARSER_ERRNO(parser) == HPE_OK;
}

static bool parser_agrees(const http_parser *parser, unsigned minor, enum framing framing,
                          uint64_t length)
{
    return parser->http_major == 1 && parser->http_minor == minor &&
           !(parser->flags & F_CHUNKED) == (framing != FRAMING_CHUNKED) &&
           parser->content_length == (framing == FRAMING_LENGTH ? length : UINT64_MAX);
}

/* Requests */

static bool host_is_plain(const struct fields *fields, unsigned minor)
{
    unsigned lines = fields->lines[FIELD_HOST];
    return lines <= 1 && (lines == 1 || minor == 0) && all_of(fields->value[FIELD_HOST], H);
}

/* "application/json", alone or before parameters; dockerd ignores what these say, and so do we. */
static bool is_json(struct span type)
{
    static const char JSON[] = "application/json";
    size_t bytes = sizeof JSON - 1;
    if (type.bytes < bytes || strncasecmp(type.data, JSON, bytes) != 0)
        return false;
    struct span rest = trim(type.data + bytes, type.data + type.bytes);
    return rest.bytes == 0 || rest.data[0] == ';';
}

/*
 * Types under which clients send a tar or another stream of bytes; who names none means the same.
 * text/plain is what Docker's own client says.  A form is none of them and may never be: an Engine
 * reads it in place of the query.
 */
static bool is_opaque(struct span type)
{
    static const struct span TYPES[] = {{"application/x-tar", 17},        {"application/tar", 15},
                                        {"application/octet-stream", 24}, {"application/gzip", 16},
                                        {"application/x-gzip", 18},       {"text/plain", 10}};
    const char *semicolon = type.bytes > 0 ? memchr(type.data, ';', type.bytes) : NULL;
    if (semicolon)
        type = trim(type.data, semicolon);
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (span_is(type, TYPES[i].data, TYPES[i].bytes))
            return true;
    }
    return false;
}

/* What the fields ask for, once their form is known to be good. */
static int judge_fields(const struct fields *fields, unsigned minor, struct message_request *ret)
{
    const struct span *encoding = &fields->value[FIELD_CONTENT_ENCODING];
    const struct span *expect = &fields->value[FIELD_EXPECT];

    if (!host_is_plain(fields, minor) || fields->lines[FIELD_CONTENT_TYPE] > 1 ||
        fields->lines[FIELD_REGISTRY_AUTH] > 1)
        return REASON_HEAD_MALFORMED;
    if (!read_framing(fields, minor, &ret->framing, &ret->content_bytes) ||
        fields->lines[FIELD_CONTENT_ENCODING] > 1 ||
        (fields->lines[FIELD_CONTENT_ENCODING] && !span_is(*encoding, "identity", 8)))
        return REASON_FRAMING_REFUSED;
    if (fields->lines[FIELD_EXPECT] > 1 ||
        (fields->lines[FIELD_EXPECT] && !span_is(*expect, "100-continue", 12)))
        return REASON_EXPECTATION_REFUSED;

    ret->http10 = minor == 0;
    ret->expect_continue = fields->lines[FIELD_EXPECT] && minor == 1;
    ret->upgrade = fields->lines[FIELD_UPGRADE] || fields->lines[FIELD_HTTP2_SETTINGS];
    ret->registry_auth = fields->value[FIELD_REGISTRY_AUTH];
    ret->json = is_json(fields->value[FIELD_CONTENT_TYPE]);
    ret->opaque =
        fields->lines[FIELD_CONTENT_TYPE] == 0 || is_opaque(fields->value[FIELD_CONTENT_TYPE]);
    return REASON_NONE;
}

/*
 * http-parser knows only the methods of its day.  Another word is read in its place, so that the
 * rest of the head is judged all the same and the refusal can be the policy's.
 */
static int cross_check(struct span rest, const struct request_line *line,
                       struct message_request *request)
{
    struct span known = request->method == METHOD_OTHER ? (struct span){"POST", 4} : line->method;
    http_parser parser;

    if (!parser_reads(&parser, (struct span[PIECES]){known, {" /", 2}, rest}))
        return REASON_HEAD_MALFORMED;
    if (!parser_agrees(&parser, line->minor, request->framing, request->content_bytes))
        return REASON_FRAMING_REFUSED;
    request->keep_alive = line->minor == 1 && http_should_keep_alive(&parser);
    return REASON_NONE;
}

static bool target_is_plain(struct span target)
{
    const char *mark = memchr(target.data, '?', target.bytes);
    size_t path_bytes = mark ? (size_t) (mark - target.data) : target.bytes;
    struct span path = {target.data, path_bytes};
    struct span query = {target.data + path_bytes, target.bytes - path_bytes};
    return target.data[0] == '/' && (letters_are_path(path.data, path.bytes) || all_of(path, P)) &&
           all_of(query, P);
}

/* The lines behind the one that ends in " HTTP/1.1", without the empty one. */
static struct span fields_of(struct span rest)
{
    const size_t version = sizeof " HTTP/1.1\r\n" - 1, end = sizeof "\r\n" - 1;

    return (struct span){rest.data + version, rest.bytes - version - end};
}

/* The head, of which `rest` is what stands behind the target. */
static int read_request(struct span rest, const struct request_line *line,
                        struct message_request *ret)
{
    struct fields fields;

    if (!target_is_plain(line->target))
        return REASON_TARGET_MALFORMED;
    ret->fields = fields_of(rest);
    if (!read_fields(ret->fields.data, rest.data + rest.bytes, &fields))
        return REASON_HEAD_MALFORMED;
    ret->headers = fields.all;
    int reason = judge_fields(&fields, line->minor, ret);
    if (reason == REASON_NONE)
        reason = cross_check(rest, line, ret);
    if (fields.closes) /* http-parser loses it behind a word that begins alike: "c, close" */
        ret->keep_alive = false;
    if (ret->framing == FRAMING_LENGTH && ret->content_bytes == 0)
        ret->framing = FRAMING_NONE;
    if (ret->framing == FRAMING_NONE)
        ret->expect_continue = false;
    return reason;
}

/* read_fields() has seen that every line is whole and plain. */
bool message_each_field(struct span fields, const char *prefix, message_visit *visit, void *arg)
{
    const char *at = fields.data, *end = fields.data + fields.bytes;
    size_t prefix_bytes = strlen(prefix);
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t) (end - at));
        const char *colon = memchr(at, ':', (size_t) (end - at));
        size_t bytes = (size_t) (colon - at);
        struct span name = {at + prefix_bytes, bytes - prefix_bytes};
        if (bytes >= prefix_bytes && strncasecmp(at, prefix, prefix_bytes) == 0 &&
            !visit(arg, name, trim(colon + 1, lf - 1)))
            return false;
        at = lf + 1;
    }
    return true;
}

/*
 * What read_request() said of these lines when they came before; their length, or 0 when they are
 * not known.  What is judged beside them is judged here, too.
 */
static size_t recall_request(const struct message_known *known, struct span rest,
                             const struct message_limits *limits, size_t before,
                             struct message_request *request)
{
    struct message_request found;
    size_t bytes = message_known_find(known, request->method, rest, &found);

    if (bytes == 0 || before + bytes > limits->head_bytes || found.headers > limits->headers ||
        !target_is_plain(request->target))
        return 0;
    found.target = request->target;
    found.fields = fields_of((struct span){rest.data, bytes});
    *request = found;
    return bytes;
}

/* A request line is there; `rest` begins behind its target, and ends where the bytes end. */
static ssize_t read_rest(struct message_known *known, const char *data, struct span rest,
                         const struct request_line *line, const struct message_limits *limits,
                         struct message_request *ret, int *ret_reason)
{
    size_t before = (size_t) (rest.data - data);
    size_t recalled = known ? recall_request(known, rest, limits, before, ret) : 0;
    if (recalled > 0)
        return (ssize_t) (before + recalled);

    ssize_t head = find_end(data, before + rest.bytes, limits, ret_reason);
    if (head <= 0)
        return head;
    rest.bytes = (size_t) head - before;
    *ret_reason = read_request(rest, line, ret);
    if (*ret_reason != REASON_NONE)
        return -1;
    if (known)
        message_known_add(known, ret, rest);
    return head;
}

ssize_t message_parse_request_known(struct message_known *known, const char *data, size_t bytes,
                                    const struct message_limits *limits,
                                    struct message_request *ret_request, int *ret_reason)
{
    memset(ret_request, 0, sizeof *ret_request);
    if (bytes == 0)
        return 0;
    struct request_line line;
    int reason = read_request_line(data, bytes, limits, &line);
    if (reason == REASON_NONE && !line.target.data) {
        ssize_t head = find_end(data, bytes, limits, ret_reason);
        if (head > 0)
            *ret_reason = REASON_HEAD_MALFORMED;
        return head > 0 ? -1 : head;
    }
    if (line.target.data) {
        ret_request->method = line.known;
        ret_request->target = line.target;
    }
    if (reason != REASON_NONE) {
        *ret_reason = reason;
        return -1;
    }
    const char *after_target = line.target.data + line.target.bytes;
    struct span rest = {after_target, (size_t) (data + bytes - after_target)};
    return read_rest(known, data, rest, &line, limits, ret_request, ret_reason);
}

ssize_t message_parse_request(const char *data, size_t bytes, const struct message_limits *limits,
                              struct message_request *ret_request, int *ret_reason)
{
    return message_parse_request_known(NULL, data, bytes, limits, ret_request, ret_reason);
}

/* Replies */

static bool has_no_body(int status, bool to_head)
{
    return to_head || status < 200 || status == 204 || status == 304;
}

/* "HTTP/1.x NNN", and whatever the engine calls that. */
static bool read_status_line(struct span line, unsigned *ret_minor, int *ret_status)
{
    const char *at = line.data;

    if (line.bytes < 12 || memcmp(at, "HTTP/1.", 7) != 0 || (at[7] != '0' && at[7] != '1') ||
        at[8] != ' ' || (line.bytes > 12 && at[12] != ' ') || !all_of(line, V))
        return false;
    for (int i = 9; i < 12; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
    }
    *ret_minor = (unsigned) (at[7] - '0');
    *ret_status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
    return *ret_status >= 100 && *ret_status <= 599;
}

/* Anything but the plainest word for it means that the connection is not used again. */
static bool persists(const struct fields *fields, unsigned minor)
{
    if (fields->lines[FIELD_CONNECTION] == 0)
        return minor == 1;
    return fields->lines[FIELD_CONNECTION] == 1 &&
           span_is(fields->value[FIELD_CONNECTION], "keep-alive", 10);
}

/* A stat of a path of a container, as the Engine writes it: JSON in base64. */
static struct span read_path_stat(const struct fields *fields)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct span text = fields->value[FIELD_PATH_STAT];
    size_t bytes = text.bytes;

    while (bytes > 0 && text.bytes - bytes < 2 && text.data[bytes - 1] == '=')
        bytes--;
    for (size_t i = 0; i < bytes; i++) {
        if (text.data[i] == '\0' || !strchr(DIGITS, text.data[i]))
            return (struct span){0};
    }
    bool whole = fields->lines[FIELD_PATH_STAT] == 1 && text.bytes % 4 == 0 && bytes > 0;
    return whole ? text : (struct span){0};
}

static bool read_reply(const char *data, size_t head, bool to_head, struct message_reply *ret)
{
    const char *first_field = (const char *) memchr(data, '\n', head) + 1;
    struct span line = {data, (size_t) (first_field - data) - 2};
    struct fields fields;
    enum framing framing;
    uint64_t length;
    unsigned minor;
    int status;

    if (!read_status_line(line, &minor, &status) ||
        !read_fields(first_field, data + head, &fields) ||
        !read_framing(&fields, minor, &framing, &length))
        return false;
    *ret =
        (struct message_reply){.status = status,
                               .framing = framing,
                               .content_bytes = length,
                               .content_type = fields.value[FIELD_CONTENT_TYPE],
                               .api_version = fields.value[FIELD_API_VERSION],
                               .ostype = fields.value[FIELD_OSTYPE],
                               .fields = {first_field, (size_t) (data + head - first_field) - 2}};
    if (fields.lines[FIELD_PATH_STAT] > 0)
        ret->path_stat = read_path_stat(&fields);
    bool bodiless = has_no_body(status, to_head);
    if (bodiless)
        ret->framing = FRAMING_NONE;
    else if (framing == FRAMING_NONE)
        ret->framing = FRAMING_CLOSE;
    /* A length where there is no body: should one come all the same, nobody shall read it. */
    bool odd = bodiless && (framing == FRAMING_CHUNKED || length > 0);
    ret->keep_alive = persists(&fields, minor) && ret->framing != FRAMING_CLOSE && !odd;
    return true;
}

ssize_t message_parse_reply_known(struct message_known *known, const char *data, size_t bytes,
                                  bool to_head, struct message_reply *ret_reply)
{
    static const struct message_limits LIMITS = {.head_bytes = REPLY_HEAD_BYTES,
                                                 .headers = REPLY_HEAD_BYTES};
    const struct known_reply *kept =
        known ? message_known_find_reply(known, to_head, (struct span){data, bytes}) : NULL;
    if (kept) {
        message_known_recall_reply(kept, data, ret_reply);
        return (ssize_t) kept->bytes;
    }
    int reason;
    ssize_t head = find_end(data, bytes, &LIMITS, &reason);
    if (head > 0 && !read_reply(data, (size_t) head, to_head, ret_reply))
        return -1;
    if (head > 0 && known)
        message_known_add_reply(known, ret_reply, to_head, (struct span){data, (size_t) head});
    return head;
}

ssize_t message_parse_reply(const char *data, size_t bytes, bool to_head,
                            struct message_reply *ret_reply)
{
    return message_parse_reply_known(NULL, data, bytes, to_head, ret_reply);
}
