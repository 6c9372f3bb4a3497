/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: ini files and the values that people write into them.
 *
 * inih splits the lines; every line passes line_check() first, which refuses what inih would
 * repair, cut or read in a second way (over-long lines, "key: value", text behind a section's
 * bracket).
 */
#include "config.h"

#include "err.h"
#include "sha256.h"
#include "suggest.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

/* ---- values ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What may follow a number, and by how much it multiplies it. */
struct unit {
    const char *name;
    int64_t factor;
};

/*
 * Reads digits, an optional fraction and an optional unit.  The product must be a whole number: a
 * value that would have to be rounded is not what was meant.
 */
static int parse_scaled(const char *text, const struct unit *units, int64_t *ret_value)
{
    const char *at = text;
    int64_t whole = 0, fraction = 0, scale = 1;
    if (!is_digit(*at))
        return -1;
    for (; is_digit(*at); at++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *at - '0', &whole))
            return -1;
    if (*at == '.') {
        if (!is_digit(*++at))
            return -1;
        for (; is_digit(*at); at++) {
            if (scale > INT64_C(100000000))
                return -1;
            scale *= 10;
            fraction = fraction * 10 + (*at - '0');
        }
    }
    while (units->name && strcasecmp(units->name, at) != 0)
        units++;
    if (!units->name)
        return -1;
    int64_t part;
    if (__builtin_mul_overflow(whole, units->factor, &whole) ||
        __builtin_mul_overflow(fraction, units->factor, &part) || part % scale != 0 ||
        __builtin_add_overflow(whole, part / scale, ret_value))
        return -1;
    return 0;
}

int config_parse_size(const char *text, int64_t *ret_bytes, struct err *err)
{
    static const struct unit units[] = {
        {"", 1},
        {"b", 1},
        {"k", INT64_C(1) << 10},
        {"kb", INT64_C(1) << 10},
        {"kib", INT64_C(1) << 10},
        {"m", INT64_C(1) << 20},
        {"mb", INT64_C(1) << 20},
        {"mib", INT64_C(1) << 20},
        {"g", INT64_C(1) << 30},
        {"gb", INT64_C(1) << 30},
        {"gib", INT64_C(1) << 30},
        {"t", INT64_C(1) << 40},
        {"tb", INT64_C(1) << 40},
        {"tib", INT64_C(1) << 40},
        {NULL, 0},
    };
    if (parse_scaled(text, units, ret_bytes) < 0)
        return err_set(err, "'%s' is no size; write it like 100MiB, 2g or 4096", text);
    return 0;
}

int config_parse_time(const char *text, int64_t *ret_ms, struct err *err)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
    };
    if (strcmp(text, "0") == 0)
        *ret_ms = 0;
    else if (parse_scaled(text, units, ret_ms) < 0)
        return err_set(err, "'%s' is no time; write it like 250ms, 30s, 10m or 2h", text);
    return 0;
}

int config_parse_cpus(const char *text, int64_t *ret_nano, struct err *err)
{
    static const struct unit units[] = {{"", INT64_C(1000000000)}, {NULL, 0}};
    if (parse_scaled(text, units, ret_nano) < 0)
        return err_set(err, "'%s' is no number of CPUs; write it like 0.5 or 2", text);
    return 0;
}

int config_parse_count(const char *text, int64_t *ret_count, struct err *err)
{
    static const struct unit units[] = {{"", 1}, {NULL, 0}};
    if (strchr(text, '.') || parse_scaled(text, units, ret_count) < 0)
        return err_set(err, "'%s' is no count; write a plain number", text);
    return 0;
}

static int parse_mode(const char *text, int64_t *ret_mode, struct err *err)
{
    size_t bytes = strlen(text);
    if (bytes < 3 || bytes > 5 || strspn(text, "01234567") != bytes)
        return err_set(err, "'%s' is no file mode; write octal digits, like 0660", text);
    *ret_mode = strtol(text, NULL, 8);
    return 0;
}

static int parse_api(const char *text, int64_t *ret_minor, struct err *err)
{
    if (strncmp(text, "1.", 2) != 0 || !is_digit(text[2]) || text[2] == '0' ||
        strspn(text + 2, "0123456789") != strlen(text + 2) || strlen(text) > 4)
        return err_set(err, "'%s' is no Docker API version; write it like 1.40", text);
    *ret_minor = strtol(text + 2, NULL, 10);
    return 0;
}

static int parse_judging(const char *text, int64_t *ret_mode, struct err *err)
{
    if (strcmp(text, "enforce") != 0 && strcmp(text, "observe") != 0)
        return err_set(err, "'%s' is no mode; write enforce or observe", text);
    *ret_mode = strcmp(text, "observe") == 0 ? CONFIG_OBSERVE : CONFIG_ENFORCE;
    return 0;
}

/* ---- kinds of text ---- */

static bool text_is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < 0x21 || (unsigned char) *text == 0x7f)
            return false;
    return true;
}

static int check_socket(const char *text, struct err *err)
{
    enum { PATH_BYTES = sizeof(((struct sockaddr_un *) NULL)->sun_path) - 1 };
    if (strncmp(text, "unix:", 5) != 0 || text[5] != '/' || !text_is_plain(text))
        return err_set(err, "'%s' is no socket; write it like unix:/run/caisson/docker.sock", text);
    if (strlen(text + 5) > PATH_BYTES)
        return err_set(err, "the path of a Unix socket has at most %d bytes, this one has %zu",
                       (int) PATH_BYTES, strlen(text + 5));
    return 0;
}

static int check_account(const char *text, struct err *err)
{
    const char *colon = strchr(text, ':');
    if (!text_is_plain(text) || strcmp(text, ":") == 0 || (colon && strchr(colon + 1, ':')))
        return err_set(err, "'%s' is no owner; write it like USER:GROUP, USER or :GROUP", text);
    return 0;
}

static int check_sink(const char *text, struct err *err)
{
    if (text[0] == '/' || strcmp(text, "stderr") == 0 || strcmp(text, "stdout") == 0 ||
        strcmp(text, "none") == 0)
        return 0;
    return err_set(err, "'%s' is no place for a log; write stderr, stdout, none or /path/to/file",
                   text);
}

static int check_owner(const char *text, struct err *err)
{
    size_t bytes = strlen(text);
    if (bytes < 1 || bytes > 63 ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") != bytes)
        return err_set(err, "'%s' is no owner's name; write 1 to 63 of A-Z a-z 0-9 _ . -", text);
    return 0;
}

static int check_file(const char *text, struct err *err)
{
    if (text_is_plain(text))
        return 0;
    return err_set(err, "'%s' is no file; write a path without blanks", text);
}

bool config_peer_next(const char **text, struct config_peer *ret_peer)
{
    const char *at = *text + strspn(*text, " \t");
    size_t bytes = strcspn(at, " \t"), prefix = 4;
    bool known = strncmp(at, "uid:", prefix) == 0 || strncmp(at, "gid:", prefix) == 0;
    *ret_peer = (struct config_peer){.is_group = *at == 'g'};
    *text = at + bytes;
    if (known && bytes - prefix < CONFIG_PEER_BYTES)
        memcpy(ret_peer->name, at + prefix, bytes - prefix);
    return bytes > 0;
}

static int check_peers(const char *text, struct err *err)
{
    struct config_peer peer;
    while (config_peer_next(&text, &peer))
        if (!peer.name[0] || !text_is_plain(peer.name) || strpbrk(peer.name, ",:"))
            return err_set(err, "peers are written like uid:1000 gid:docker, with blanks between");
    return 0;
}

/* ---- rows ---- */

enum unit_kind { UNIT_COUNT, UNIT_SIZE, UNIT_TIME, UNIT_MODE, UNIT_API, UNIT_JUDGING };

static const struct {
    int (*parse)(const char *text, int64_t *ret_value, struct err *err);
    const char *suffix; /* behind a bound in an error message */
} units_of_options[] = {
    [UNIT_COUNT] = {config_parse_count, ""},
    [UNIT_SIZE] = {config_parse_size, " bytes"},
    [UNIT_TIME] = {config_parse_time, "ms"},
    [UNIT_MODE] = {parse_mode, ""},
    [UNIT_API] = {parse_api, ""},
    [UNIT_JUDGING] = {parse_judging, ""},
};

enum text_kind { KIND_SOCKET, KIND_ACCOUNT, KIND_SINK, KIND_OWNER, KIND_FILE, KIND_PEERS };

static int (*const checks_of_text[])(const char *text, struct err *err) = {
    [KIND_SOCKET] = check_socket, [KIND_ACCOUNT] = check_account, [KIND_SINK] = check_sink,
    [KIND_OWNER] = check_owner,   [KIND_FILE] = check_file,       [KIND_PEERS] = check_peers,
};

struct option {
    const char *section, *key, *fallback;
    size_t offset, line_offset; /* of the members in their struct */
    bool is_text;
    int kind; /* enum text_kind or enum unit_kind */
    int64_t least, most;
};

/* The rows of one struct. */
struct options {
    const struct option *rows;
    size_t count;
};

#define TEXT(type, section, key, member, kind, fallback)                                    \
    {                                                                                       \
#section, key, fallback, offsetof(type, member), offsetof(type, line.member), true, \
            KIND_##kind, 0, 0                                                               \
    }
#define NUMBER(type, section, key, member, unit, fallback, least, most)                      \
    {                                                                                        \
#section, key, fallback, offsetof(type, member), offsetof(type, line.member), false, \
            UNIT_##unit, least, most                                                         \
    }

static const struct option config_rows[] = {
#define OPTION_TEXT(section, key, member, kind, fallback, why) \
    TEXT(struct config, section, key, member, kind, fallback),
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) \
    NUMBER(struct config, section, key, member, unit, fallback, least, most),
#include "options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
};

static const struct option listener_rows[] = {
#define OPTION_TEXT(section, key, member, kind, fallback, why) \
    TEXT(struct config_listener, section, key, member, kind, fallback),
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) \
    NUMBER(struct config_listener, section, key, member, unit, fallback, least, most),
#include "listener.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
};

static const struct options of_config = {config_rows, sizeof(config_rows) / sizeof(config_rows[0])};
static const struct options of_listener = {listener_rows,
                                           sizeof(listener_rows) / sizeof(listener_rows[0])};

static char **option_text(const struct option *option, void *target)
{
    return (char **) (void *) ((char *) target + option->offset);
}

static int64_t *option_number(const struct option *option, void *target)
{
    return (int64_t *) (void *) ((char *) target + option->offset);
}

static void option_line(const struct option *option, void *target, unsigned line)
{
    *(unsigned *) (void *) ((char *) target + option->line_offset) = line;
}

static int set_text(const struct option *option, void *target, const char *value, struct err *err)
{
    bool is_default = strcmp(value, option->fallback) == 0;
    if (!is_default && checks_of_text[option->kind](value, err) < 0)
        return -1;
    char *copy = strdup(value);
    if (!copy)
        return err_set(err, "out of memory");
    free(*option_text(option, target));
    *option_text(option, target) = copy;
    return 0;
}

static int set_number(const struct option *option, void *target, const char *value, struct err *err)
{
    int64_t number;
    if (units_of_options[option->kind].parse(value, &number, err) < 0)
        return -1;
    if (number < option->least || number > option->most) {
        const char *suffix = units_of_options[option->kind].suffix;
        if (option->kind == UNIT_MODE)
            return err_set(err, "%s is out of range; it goes up to %04" PRIo64, value,
                           (uint64_t) option->most);
        const char *major = option->kind == UNIT_API ? "1." : "";
        return err_set(err, "%s is out of range; it goes from %s%" PRId64 "%s to %s%" PRId64 "%s",
                       value, major, option->least, suffix, major, option->most, suffix);
    }
    *option_number(option, target) = number;
    return 0;
}

static int option_set(const struct option *option, void *target, const char *value, struct err *err)
{
    return option->is_text ? set_text(option, target, value, err)
                           : set_number(option, target, value, err);
}

static void options_done(const struct options *options, void *target)
{
    for (size_t i = 0; i < options->count; i++)
        if (options->rows[i].is_text) {
            free(*option_text(&options->rows[i], target));
            *option_text(&options->rows[i], target) = NULL;
        }
}

static int options_init(const struct options *options, void *target, struct err *err)
{
    for (size_t i = 0; i < options->count; i++)
        if (option_set(&options->rows[i], target, options->rows[i].fallback, err) < 0) {
            options_done(options, target);
            return -1;
        }
    return 0;
}

static int no_such_option(const struct options *options, const char *section, const char *key,
                          struct err *err)
{
    struct suggest near = {.wrong = key};
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->rows[i].section, section) == 0)
            suggest_offer(&near, options->rows[i].key);
    if (near.best)
        return err_set(err, "[%s] has no key '%.80s'; did you mean '%s'?", section, key, near.best);
    return err_set(err, "[%s] has no key '%.80s'; caisson.ini(5) lists them", section, key);
}

static int options_set(const struct options *options, void *target, const char *section,
                       const char *key, const char *value, unsigned line, struct err *err)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option *option = &options->rows[i];
        if (strcmp(option->section, section) != 0 || strcmp(option->key, key) != 0)
            continue;
        option_line(option, target, line);
        return option_set(option, target, value, err) < 0 ? err_wrap(err, "%s", key) : 0;
    }
    return no_such_option(options, section, key, err);
}

int config_init(struct config *config, struct err *err)
{
    *config = (struct config){0};
    return options_init(&of_config, config, err);
}

void config_done(struct config *config)
{
    options_done(&of_config, config);
}

int config_set(struct config *config, const char *section, const char *key, const char *value,
               unsigned line, struct err *err)
{
    return options_set(&of_config, config, section, key, value, line, err);
}

int config_listener_init(struct config_listener *listener, struct err *err)
{
    *listener = (struct config_listener){0};
    return options_init(&of_listener, listener, err);
}

void config_listener_done(struct config_listener *listener)
{
    options_done(&of_listener, listener);
}

int config_listener_set(struct config_listener *listener, const char *key, const char *value,
                        unsigned line, struct err *err)
{
    return options_set(&of_listener, listener, "listener", key, value, line, err);
}

int config_listener_name(const char *name, struct err *err)
{
    return check_owner(name, err) < 0
               ? err_set(err, "a listener has a name of A-Z a-z 0-9 _ . -, like [listener ci]")
               : 0;
}

/* ---- files ---- */

enum {
    LINE_ROOM = CONFIG_LINE_BYTES + 3, /* inih counts "\r\n" and the NUL in */
    SECTION_BYTES = 40                 /* inih would cut one of more than 49 */
};

struct reader {
    FILE *file;
    const char *path;
    unsigned line; /* of the line that inih is looking at, from 1 */
    bool failed;   /* err is set */
    bool in_section;
    void *seen; /* tree of struct key */
    struct sha256 hash;
    config_take *take;
    void *arg;
    struct err *err;
};

/* A key that has been read; compared by name, which is "section]key". */
struct key {
    unsigned line;
    char name[];
};

static int key_compare(const void *a, const void *b)
{
    return strcmp(((const struct key *) a)->name, ((const struct key *) b)->name);
}

static int line_fail(struct reader *reader)
{
    reader->failed = true;
    return err_wrap(reader->err, "%s:%u", reader->path, reader->line);
}

/* A "[name]" line; text begins at the bracket and has no trailing blanks. */
static int section_check(struct reader *reader, const char *text)
{
    const char *end = strchr(text, ']');
    if (!end)
        return err_set(reader->err, "the section has no closing bracket; write it like [allow]");
    const char *after = end + 1 + strspn(end + 1, " \t");
    if (*after && *after != ';')
        return err_set(reader->err, "unexpected text after the section; begin a new line");
    if (end - text - 1 > SECTION_BYTES)
        return err_set(reader->err, "the section's name is longer than %d bytes",
                       (int) SECTION_BYTES);
    reader->in_section = true;
    char name[SECTION_BYTES + 1] = "";
    memcpy(name, text + 1, (size_t) (end - text) - 1);
    return reader->take(reader->arg, name, NULL, NULL, reader->line, reader->err);
}

/* Any line that is neither empty nor a comment nor a section. */
static int pair_check(struct reader *reader, const char *text)
{
    size_t key_bytes = strcspn(text, "=:;");
    if (text[key_bytes] == ':')
        return err_set(reader->err, "a key is followed by '=', not ':'");
    if (text[key_bytes] != '=')
        return err_set(reader->err, "'%.60s' is no 'key = value'", text);
    if (key_bytes == 0)
        return err_set(reader->err, "there is no key before '='");
    if (!reader->in_section)
        return err_set(reader->err,
                       "'%.60s' stands before any section; put it under one like "
                       "[proxy], [allow], [create], [exec] or [limits]",
                       text);
    return 0;
}

/* Judges a line's bytes before inih sees them; text has no leading or trailing blanks. */
static int line_check(struct reader *reader, const char *text)
{
    if (reader->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
        return err_set(reader->err, "the file begins with a byte order mark; save it without one");
    for (const char *at = text; *at; at++)
        if (((unsigned char) *at < 0x20 && *at != '\t') || *at == 0x7f)
            return err_set(reader->err, "the line has a control character (0x%02x)",
                           (unsigned char) *at);
    if (*text == '\0' || *text == ';' || *text == '#')
        return 0;
    return *text == '[' ? section_check(reader, text) : pair_check(reader, text);
}

static int read_byte(struct reader *reader)
{
    int c = getc(reader->file);
    unsigned char byte = (unsigned char) c;
    if (c != EOF)
        sha256_add(&reader->hash, &byte, 1);
    return c;
}

/* Fills at most `room` bytes with one line, like fgets, but tells what fgets would hide. */
static ssize_t line_read(struct reader *reader, char *line, size_t room)
{
    size_t bytes = 0;
    int c;
    while ((c = read_byte(reader)) != EOF && c != '\n') {
        if (c == '\0')
            return err_set(reader->err, "the line has a NUL byte; a policy is plain text");
        if (bytes + 3 >= room)
            return err_set(reader->err, "the line is longer than %zu bytes", room - 3);
        line[bytes++] = (char) c;
    }
    if (ferror(reader->file))
        return err_set(reader->err, "cannot read it: %s", strerror(errno));
    line[bytes] = '\0';
    return c == EOF && bytes == 0 ? 0 : (ssize_t) bytes + 1;
}

/* The ini_reader: hands inih one checked line without its indentation, which inih would take for a
 * continuation of the line before. */
static char *next_line(char *line, int room, void *stream)
{
    struct reader *reader = stream;
    if (reader->failed)
        return NULL;
    reader->line++;
    ssize_t got = line_read(reader, line, (size_t) room);
    if (got == 0)
        return NULL;
    if (got > 0) {
        size_t bytes = (size_t) got - 1, lead = strspn(line, " \t");
        while (bytes > lead && strchr(" \t\r", line[bytes - 1]))
            bytes--;
        if (lead > bytes)
            lead = bytes;
        memmove(line, line + lead, bytes - lead);
        line[bytes - lead] = '\0';
        got = line_check(reader, line);
    }
    if (got < 0) {
        line_fail(reader);
        return NULL;
    }
    return line;
}

static int key_remember(struct reader *reader, const char *section, const char *name)
{
    struct key *key = malloc(sizeof(*key) + strlen(section) + strlen(name) + 2);
    if (!key)
        return err_set(reader->err, "out of memory");
    key->line = reader->line;
    stpcpy(stpcpy(stpcpy(key->name, section), "]"), name);
    struct key **found = tsearch(key, &reader->seen, key_compare);
    if (found && *found == key)
        return 0;
    free(key);
    if (!found)
        return err_set(reader->err, "out of memory");
    return err_set(reader->err, "'%.80s' is repeated; it is already on line %u", name,
                   (*found)->line);
}

/* The ini_handler: 1 to go on. */
static int take_pair(void *arg, const char *section, const char *name, const char *value)
{
    struct reader *reader = arg;
    assert(!reader->failed);
    if (key_remember(reader, section, name) < 0 ||
        reader->take(reader->arg, section, name, value, reader->line, reader->err) < 0) {
        line_fail(reader);
        return 0;
    }
    return 1;
}

int config_read(const char *path, config_take *take, void *arg,
                char version[CONFIG_VERSION_BYTES + 1], struct err *err)
{
    struct reader reader = {.path = path, .take = take, .arg = arg, .err = err};
    reader.file = fopen(path, "re");
    if (!reader.file)
        return err_set(err, "%s: cannot open it: %s", path, strerror(errno));
    sha256_init(&reader.hash);
    /* The library's own settings, the same at every call: a heap buffer of our length. */
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_max_line = ini_initial_alloc = LINE_ROOM;
    ini_stop_on_first_error = true;
    int rc = ini_parse_stream(next_line, &reader, take_pair, &reader);
    fclose(reader.file);
    tdestroy(reader.seen, free);
    if (reader.failed)
        return -1;
    if (rc < 0)
        return err_set(err, "%s: out of memory", path);
    if (rc > 0)
        return err_set(err, "%s:%d: neither a [section] nor 'key = value'", path, rc);
    if (version)
        sha256_hex(&reader.hash, version, CONFIG_VERSION_BYTES + 1);
    return 0;
}
