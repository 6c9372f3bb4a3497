/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: the [proxy] and [limits] sections of a policy file as a struct, and the strict reading of
 * ini files.  The rows are in options.def.
 */
#ifndef CAISSON_POLICY_CONFIG_H
#define CAISSON_POLICY_CONFIG_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* Of [proxy] mode. */
enum { CONFIG_ENFORCE, CONFIG_OBSERVE };

/* One member per row of options.def: text is owned by the struct, numbers are bytes, ms or counts.
 */
struct config {
#define OPTION_TEXT(section, key, member, kind, fallback, why)                char *member;
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why) int64_t member;
#include "options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
};

/* Fills every member with its row's default; < 0: no memory. */
int config_init(struct config *config, struct err *err);
void config_done(struct config *config);

/* Sets one option; the error says what would be right, without FILE:LINE. */
int config_set(struct config *config, const char *section, const char *key, const char *value,
               struct err *err);

/*
 * Reads an ini file and hands each `key = value` to take(), which returns < 0 with err set to stop.
 * An error comes back as "FILE:LINE: ...".  A line of more than CONFIG_LINE_BYTES, a key outside a
 * section, and a repeated key within a section are errors; nothing is ever cut.
 */
enum { CONFIG_LINE_BYTES = 4096 };
typedef int config_take(void *arg, const char *section, const char *key, const char *value,
                        unsigned line, struct err *err);
int config_read(const char *path, config_take *take, void *arg, struct err *err);

/* Values as people write them; < 0 with err set. */
int config_parse_size(const char *text, int64_t *ret_bytes, struct err *err); /* 100MiB 2g 4096 */
int config_parse_time(const char *text, int64_t *ret_ms, struct err *err);    /* 250ms 30s 10m 2h */
int config_parse_cpus(const char *text, int64_t *ret_nano, struct err *err);  /* 0.5 -> 500000000 */
int config_parse_count(const char *text, int64_t *ret_count, struct err *err);

#endif
