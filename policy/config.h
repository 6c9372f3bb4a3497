/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: the [proxy], [limits] and [listener] sections of a policy file as structs, and the strict
 * reading of ini files.  The rows are in options.def and listener.def.
 */
#ifndef CAISSON_POLICY_CONFIG_H
#define CAISSON_POLICY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Of [proxy] mode. */
enum { CONFIG_ENFORCE, CONFIG_OBSERVE };

/*
 * One member per row of options.def: text is owned by the struct, numbers are bytes, ms or counts.
 * Under `line` stands where the file says it; 0: nowhere.
 */
struct config {
#define OPTION_TEXT(section, key, member, kind, fallback, why)                char *member;
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) int64_t member;
#include "options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
    struct {
#define OPTION_TEXT(section, key, member, kind, fallback, why)                unsigned member;
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) unsigned member;
#include "options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
    } line;
};

/* The same of a [listener NAME] section, by the rows of listener.def. */
struct config_listener {
#define OPTION_TEXT(section, key, member, kind, fallback, why)                char *member;
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) int64_t member;
#include "listener.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
    struct {
#define OPTION_TEXT(section, key, member, kind, fallback, why)                unsigned member;
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) unsigned member;
#include "listener.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
    } line;
};

/* Fills every member with its row's default; < 0: no memory. */
int config_init(struct config *config, struct err *err);
void config_done(struct config *config);

/* Sets one option; the error says what would be right, without FILE:LINE. */
int config_set(struct config *config, const char *section, const char *key, const char *value,
               unsigned line, struct err *err);

int config_listener_init(struct config_listener *listener, struct err *err);
void config_listener_done(struct config_listener *listener);
int config_listener_set(struct config_listener *listener, const char *key, const char *value,
                        unsigned line, struct err *err);
/* What a listener of that name is called, and by default its owner; < 0: that is no name. */
int config_listener_name(const char *name, struct err *err);

/* The first item of `peers`; *text moves behind it. False at the end. */
enum { CONFIG_PEER_BYTES = 64 };
struct config_peer {
    bool is_group;
    char name[CONFIG_PEER_BYTES]; /* or a number */
};
bool config_peer_next(const char **text, struct config_peer *ret_peer);

/*
 * Reads an ini file and hands each `key = value` to take(), which returns < 0 with err set to stop.
 * An error comes back as "FILE:LINE: ...".  A line of more than CONFIG_LINE_BYTES, a key outside a
 * section, and a repeated key within a section are errors; nothing is ever cut.  The line that
 * begins a section is handed on too, without key and value.  version (may be NULL) is the beginning
 * of the SHA-256 of the file.
 */
enum { CONFIG_LINE_BYTES = 4096, CONFIG_VERSION_BYTES = 12 };
typedef int config_take(void *arg, const char *section, const char *key, const char *value,
                        unsigned line, struct err *err);
int config_read(const char *path, config_take *take, void *arg,
                char version[CONFIG_VERSION_BYTES + 1], struct err *err);

/* Values as people write them; < 0 with err set. */
int config_parse_size(const char *text, int64_t *ret_bytes, struct err *err); /* 100MiB 2g 4096 */
int config_parse_time(const char *text, int64_t *ret_ms, struct err *err);    /* 250ms 30s 10m 2h */
int config_parse_cpus(const char *text, int64_t *ret_nano, struct err *err);  /* 0.5 -> 500000000 */
int config_parse_count(const char *text, int64_t *ret_count, struct err *err);

#endif
