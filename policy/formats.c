/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats of strings, written out by hand: no locale, no regular expressions, no name service.
 */
#include "formats.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char digits[] = "0123456789";

/* Whether text is made of the given sets alone; NULL sets are empty. */
static bool made_of(const char *text, const char *a, const char *b, const char *c, const char *d)
{
    for (; *text; text++) {
        bool known = (a && strchr(a, *text)) || (b && strchr(b, *text)) ||
                     (c && strchr(c, *text)) || (d && strchr(d, *text));
        if (!known)
            return false;
    }
    return true;
}

/* Plain decimal without a sign or leading zeros, at most `most`; *text moves behind it. */
static bool take_number(const char **text, uint64_t most, uint64_t *ret)
{
    const char *p = *text;
    uint64_t value = 0;
    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t) (*p - '0');
        if (value > most)
            return false;
    }
    *text = p;
    *ret = value;
    return true;
}

const char *format_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < 0x20 || *text == 0x7f)
            return "must have no control characters";
    return NULL;
}

const char *format_key(const char *text)
{
    return *text && !format_text(text)
               ? NULL
               : "must have keys that are not empty and have no control characters";
}

const char *format_word(const char *text)
{
    return made_of(text, lower, upper, digits, "_.:/-")
               ? NULL
               : "must be made of letters, digits and _ . : / -";
}

const char *format_hostname(const char *text)
{
    bool good = strlen(text) <= 63 && made_of(text, lower, upper, digits, "-.") && *text != '-' &&
                *text != '.';
    return good ? NULL : "must be a host name: letters, digits, '-' and '.', at most 63";
}

/*
 * Names are resolved in the image's own passwd and group files, which the image's author controls;
 * a missing gid means gid 0 or the image's choice; "+0", "00" and ":0" all are root.  Numbers only.
 */
const char *format_user(const char *text)
{
    uint64_t id;
    bool good = take_number(&text, UINT32_MAX - 1, &id) && *text++ == ':' &&
                take_number(&text, UINT32_MAX - 1, &id) && *text == '\0';
    return good ? NULL : "must be UID:GID in numbers, such as 65534:65534";
}

const char *format_group(const char *text)
{
    uint64_t id;
    return take_number(&text, UINT32_MAX - 1, &id) && *text == '\0' ? NULL
                                                                    : "must be a group's number";
}

/*
 * An Engine reads KEY:VALUE like KEY=VALUE, "disable" like "label=disable", and of several
 * no-new-privileges the last.  One spelling each, so that what is compared is what is meant.
 */
const char *format_security(const char *text)
{
    static const char bare[] = "no-new-privileges";
    size_t key = strspn(text, "abcdefghijklmnopqrstuvwxyz-");
    bool is_bare = strcmp(text, bare) == 0;
    bool is_pair = key > 0 && text[key] == '=' && text[key + 1] && !format_text(text) &&
                   !(key == sizeof(bare) - 1 && strncmp(text, bare, key) == 0);
    return is_bare || is_pair ? NULL : "must be no-new-privileges or KEY=VALUE";
}

/* The kernel takes '/' for '.', too. */
const char *format_sysctl(const char *text)
{
    return *text && made_of(text, lower, upper, digits, "_.-")
               ? NULL
               : "must have keys of letters, digits and _ . -";
}

const char *format_signal(const char *text)
{
    uint64_t number;
    const char *end = text;
    if (take_number(&end, 64, &number) && *end == '\0' && number > 0)
        return NULL;
    bool good = *text >= 'A' && *text <= 'Z' && strlen(text) <= 16 &&
                made_of(text, upper, digits, "+-", NULL);
    return good ? NULL : "must be a signal, such as SIGTERM or 15";
}

/* What a terminal's user types to leave it: single characters and ctrl-X, by commas. */
const char *format_keys(const char *text)
{
    return strlen(text) <= 32 && made_of(text, lower, upper, digits, ",@^_[]\\-")
               ? NULL
               : "must be keys such as ctrl-p,ctrl-q, at most 32 bytes";
}

const char *format_path(const char *text)
{
    return *text == '/' && strlen(text) <= 4095 && !format_text(text) ? NULL
                                                                      : "must be an absolute path";
}

/* No empty, "." or ".." part, whether or not it begins with a slash. */
static bool parts_are_clean(const char *text)
{
    text += *text == '/';
    for (;;) {
        size_t length = strcspn(text, "/");
        if (length == 0 || (length == 1 && text[0] == '.') ||
            (length == 2 && text[0] == '.' && text[1] == '.'))
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

static bool path_is_below(const char *text, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(text, folder, length) == 0 && (text[length] == '\0' || text[length] == '/');
}

const char *format_target(const char *text)
{
    if (format_path(text) || !parts_are_clean(text))
        return "must be a clean absolute path in the container, below /";
    bool system = path_is_below(text, "/proc") || path_is_below(text, "/sys") ||
                  (path_is_below(text, "/dev") && !path_is_below(text, "/dev/shm"));
    return system ? "must not lie in /proc, /sys or /dev (but for /dev/shm)" : NULL;
}

static bool has_part(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; text; text = strchr(text, '/')) {
        text += *text == '/';
        if (strncmp(text, part, length) == 0 && (text[length] == '/' || text[length] == '\0'))
            return true;
    }
    return false;
}

/* What a process has open stands below /proc, and with it, perhaps, a folder of the host. */
const char *format_folder(const char *text)
{
    const char *first = text;
    while (*first == '/' || (first[0] == '.' && first[1] == '/'))
        first++;
    bool good = !format_path(text) && !has_part(text, "..") && !path_is_below(first, "proc");
    return good ? NULL : "must be an absolute path without '..', and not in /proc";
}

const char *format_host_path(const char *text)
{
    return format_path(text) || (text[1] && !parts_are_clean(text))
               ? "must be a clean absolute path"
               : NULL;
}

const char *format_relative(const char *text)
{
    return *text != '/' && parts_are_clean(text) && !format_text(text)
               ? NULL
               : "must be a clean path that does not begin with '/'";
}

const char *format_cgroup(const char *text)
{
    return parts_are_clean(text) && !format_text(text) ? NULL
                                                       : "must be a control group without '..'";
}

const char *format_source(const char *text)
{
    if (*text == '/')
        return format_host_path(text);
    return format_relative(text) ? "must be a clean absolute path, or a name" : NULL;
}

/* The name of a volume. */
static bool is_name(const char *text)
{
    return *text && !strchr("_.-", *text) && made_of(text, lower, upper, digits, "_.-");
}

const char *format_bind(const char *text)
{
    static const char wrong[] = "must be SOURCE:TARGET or SOURCE:TARGET:MODE with clean paths";
    char copy[2 * 4096], *rest = copy;
    if (strlen(text) >= sizeof(copy))
        return wrong;
    memcpy(copy, text, strlen(text) + 1);
    const char *source = strsep(&rest, ":"), *target = strsep(&rest, ":"), *mode = rest;
    if (!target || (mode && (!*mode || !made_of(mode, lower, ",", NULL, NULL))))
        return wrong;
    if (*source == '/' ? format_host_path(source) != NULL : !is_name(source))
        return wrong;
    return format_target(target);
}

const char *format_container(const char *text)
{
    char name[256];
    size_t length = strcspn(text, ":");
    if (length >= sizeof(name) || format_word(text) || (text[length] && !text[length + 1]))
        return "must be a container's name or id";
    memcpy(name, text, length);
    name[length] = '\0';
    return is_name(name) ? NULL : "must be a container's name or id";
}

/* The name of something that a client makes, which others may come to use. */
static bool is_fresh_name(const char *text, size_t most)
{
    size_t bytes = strlen(text);
    return bytes >= 2 && bytes <= most && made_of(text, lower, upper, digits, "_.-") &&
           !strchr("_.-", *text);
}

/*
 * An Engine takes some names for its own networks, and the beginning of an id for the id: such a
 * name would stand before somebody's network.
 */
const char *format_network_name(const char *text)
{
    static const char *const taken[] = {"host", "bridge",  "none",           "default",
                                        "nat",  "ingress", "docker_gwbridge"};
    size_t bytes = strlen(text);
    if (!is_fresh_name(text, 63) || (bytes >= 12 && made_of(text, "abcdefABCDEF", digits, "", "")))
        return "must be 2 to 63 letters, digits and _ . - that begin with a letter or digit, and "
               "not 12 or more hex digits alone";
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (strcasecmp(text, taken[i]) == 0)
            return "must not be the name of one of the Engine's own networks";
    return NULL;
}

const char *format_volume_name(const char *text)
{
    return is_fresh_name(text, 64) ? NULL
                                   : "must be 2 to 64 letters, digits and _ . - that begin with a "
                                     "letter or digit";
}

const char *format_container_ref(const char *text)
{
    return is_name(text) ? NULL : "must be a container's name or id";
}

const char *format_env(const char *text)
{
    return *text && *text != '=' ? NULL : "must be NAME=value or NAME";
}

/*
 * The Engine upper-cases with Unicode's tables, in which a long s or a dotless i become S and I.
 */
const char *format_capability(const char *text)
{
    return *text && strlen(text) <= 40 && made_of(text, upper, "_", NULL, NULL)
               ? NULL
               : "must be a capability in capitals, such as NET_BIND_SERVICE or CAP_CHOWN";
}

const char *format_cpuset(const char *text)
{
    return made_of(text, digits, ",-", NULL, NULL) ? NULL : "must be a list of CPUs such as 0-3,5";
}

/* In one spelling: "::0" and "::ffff:10.0.0.1" are other words for "::" and "10.0.0.1". */
const char *format_ip(const char *text)
{
    struct in6_addr address;
    char shortest[INET6_ADDRSTRLEN] = "";
    if (inet_pton(AF_INET, text, &address) == 1)
        return NULL;
    if (inet_pton(AF_INET6, text, &address) == 1 && !IN6_IS_ADDR_V4MAPPED(&address))
        inet_ntop(AF_INET6, &address, shortest, sizeof(shortest));
    return *text && strcmp(shortest, text) == 0
               ? NULL
               : "must be an IPv4 or IPv6 address in its usual form";
}

const char *format_subnet(const char *text)
{
    static const char wrong[] = "must be an address range, such as 10.1.0.0/16";
    char address[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    const char *bits = text + length + 1;
    uint64_t number;
    if (text[length] != '/' || length >= sizeof(address))
        return wrong;
    memcpy(address, text, length);
    address[length] = '\0';
    bool is_v6 = strchr(address, ':');
    return !format_ip(address) && take_number(&bits, is_v6 ? 128 : 32, &number) && *bits == '\0'
               ? NULL
               : wrong;
}

const char *format_mac(const char *text)
{
    bool good = strlen(text) == 17;
    for (size_t i = 0; good && i < 17; i++)
        good = i % 3 == 2 ? text[i] == ':' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
    return good ? NULL : "must be a MAC address such as 02:42:ac:11:00:02";
}

const char *format_port(const char *text)
{
    uint64_t port;
    bool good =
        take_number(&text, 65535, &port) && port > 0 &&
        (strcmp(text, "/tcp") == 0 || strcmp(text, "/udp") == 0 || strcmp(text, "/sctp") == 0);
    return good ? NULL : "must have keys PORT/tcp, PORT/udp or PORT/sctp";
}

const char *format_host_port(const char *text)
{
    uint64_t first, last;
    bool good = take_number(&text, 65535, &first) && first > 0;
    if (good && *text == '-') {
        text++;
        good = take_number(&text, 65535, &last) && last >= first;
    }
    return good && *text == '\0' ? NULL
                                 : "must be a port such as 8080, or a range such as 8080-8090";
}

/* ---- signals ---- */

const char *format_signal_name(const char *text)
{
    static const char *const names[] = {
        "",     "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
        "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
        "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS",
    };
    static const struct {
        const char *word, *name;
    } others[] = {{"IOT", "ABRT"}, {"CLD", "CHLD"}, {"POLL", "IO"}, {"UNUSED", "SYS"}};
    const size_t count = sizeof(names) / sizeof(names[0]);
    const char *word = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    uint64_t number;
    if (take_number(&text, 64, &number) && *text == '\0' && number > 0 && number < count)
        return names[number];
    for (size_t i = 1; i < count; i++)
        if (strcasecmp(names[i], word) == 0)
            return names[i];
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcasecmp(others[i].word, word) == 0)
            return others[i].name;
    return word;
}

/* ---- query parameters ---- */

const char *format_timestamp(const char *text)
{
    size_t whole = strspn(text, digits), rest = strlen(text) - whole;
    bool good = whole >= 1 && whole <= 11 &&
                (rest == 0 || (text[whole] == '.' && rest >= 2 && rest <= 10 &&
                               made_of(text + whole + 1, digits, NULL, NULL, NULL)));
    return good ? NULL : "must be a Unix time in seconds, like 1700000000 or 1700000000.5";
}

const char *format_condition(const char *text)
{
    return strcmp(text, "not-running") == 0 || strcmp(text, "next-exit") == 0 ||
                   strcmp(text, "removed") == 0
               ? NULL
               : "must be not-running, next-exit or removed";
}

const char *format_usage(const char *text)
{
    return strcmp(text, "container") == 0 || strcmp(text, "image") == 0 ||
                   strcmp(text, "volume") == 0 || strcmp(text, "build-cache") == 0
               ? NULL
               : "must be container, image, volume or build-cache";
}

/* A name of 12 to 64 hex digits could stand before the id, or the short id, of another container.
 */
const char *format_name(const char *text)
{
    size_t bytes = strlen(text);
    bool good = bytes >= 2 && bytes <= 63 && is_name(text) &&
                !(bytes >= 12 && made_of(text, digits, "abcdefABCDEF", NULL, NULL));
    return good ? NULL
                : "must be 2 to 63 of A-Z a-z 0-9 _ . - that begin with a letter or digit, and not "
                  "12 or more hex digits alone";
}

const char *format_platform(const char *text)
{
    static const char wrong[] = "must be an os/arch/variant like linux/amd64";
    int parts = 0;
    for (;; text++) {
        size_t part = strspn(text, parts ? "abcdefghijklmnopqrstuvwxyz0123456789."
                                         : "abcdefghijklmnopqrstuvwxyz0123456789");
        text += part;
        if (part == 0 || ++parts > 3 || (*text && *text != '/'))
            return wrong;
        if (*text == '\0')
            return NULL;
    }
}

const char *format_builder(const char *text)
{
    return strcmp(text, "1") == 0 || strcmp(text, "2") == 0
               ? NULL
               : "must be 1, the classic builder, or 2, BuildKit";
}

/* No byte that names a file, joins words or begins an expression. */
const char *format_ps(const char *text)
{
    return strlen(text) <= 64 && made_of(text, lower, upper, digits, " ,-")
               ? NULL
               : "must be options of ps: letters, digits, blanks, '-' and ',', at most 64";
}
