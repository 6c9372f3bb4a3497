/* SPDX-License-Identifier: Apache-2.0 */
/* settings: what a command line says; see settings.h. */
#include "settings.h"
#include "bytes.h"
#include "mem.h"
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS_FILE_MAX (64 << 20)

/* Reads the value of one option into its member; the caller puts its name before the fault. */
typedef int read_fn(void *into, const char *value, struct fault *fault);

struct option_row {
    unsigned commands;
    char letter;
    const char *name;
    const char *value; /* NULL: the option takes none */
    read_fn *read;
    void *(*member)(struct settings *settings);
    const char *help;
};

/* ---- values ---- */

static int read_fd(int fd, const char *path, struct bytes *bytes, struct fault *fault)
{
    char room[65536];
    ssize_t n;

    while ((n = read(fd, room, sizeof(room))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, "%.200s: %s", path, strerror(errno));
        if (bytes->len + (size_t) n > SETTINGS_FILE_MAX)
            return fault_set(fault, "%.200s has more than %d bytes", path, SETTINGS_FILE_MAX);
        bytes_append(bytes, room, (size_t) n);
    }
    return 0;
}

static int read_path(const char *path, struct bytes *bytes, unsigned *ret_mode, struct fault *fault)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r;

    if (fd < 0 || fstat(fd, &status) < 0)
        r = fault_set(fault, "%.200s: %s", path, strerror(errno));
    else
        r = read_fd(fd, path, bytes, fault);
    if (fd >= 0)
        close(fd);
    if (r >= 0)
        *ret_mode = status.st_mode & 0111 ? 0755 : 0644;
    return r;
}

static int read_text(void *into, const char *value, struct fault *fault)
{
    (void) fault;
    job_set_text(into, value);
    return 0;
}

static int read_flag(void *into, const char *value, struct fault *fault)
{
    (void) value;
    (void) fault;
    *(bool *) into = true;
    return 0;
}

static int read_size(void *into, const char *value, struct fault *fault)
{
    if (units_parse_size(value, into))
        return 0;
    return fault_set(fault, "\"%.60s\" is no size such as 64KiB or 100MiB", value);
}

static int read_time(void *into, const char *value, struct fault *fault)
{
    if (units_parse_time(value, into))
        return 0;
    return fault_set(fault, "\"%.60s\" is no time such as 500ms, 10s or 2m", value);
}

static int read_cpus(void *into, const char *value, struct fault *fault)
{
    if (units_parse_cpus(value, into))
        return 0;
    return fault_set(fault, "\"%.60s\" is no number of CPUs such as 0.5", value);
}

static int read_count(void *into, const char *value, struct fault *fault)
{
    if (units_parse_count(value, into))
        return 0;
    return fault_set(fault, "\"%.60s\" is no whole number", value);
}

static int read_output(void *into, const char *value, struct fault *fault)
{
    struct limits *limits = into;

    if (read_size(&limits->stdout_bytes, value, fault) < 0)
        return -1;
    limits->stderr_bytes = limits->stdout_bytes;
    return 0;
}

static int read_env(void *into, const char *value, struct fault *fault)
{
    struct job **job = into;

    return job_add_env(*job, value, fault);
}

static int read_stdin(void *into, const char *value, struct fault *fault)
{
    struct job **job = into;
    struct bytes bytes = {0};
    unsigned mode;
    int r = strcmp(value, "-") ? read_path(value, &bytes, &mode, fault)
                               : read_fd(STDIN_FILENO, "stdin", &bytes, fault);

    if (r >= 0)
        job_set_stdin(*job, bytes.data, bytes.len);
    bytes_done(&bytes);
    return r;
}

/* FILE goes to /code under its own last name, or as DEST, which begins after the last colon. */
static int read_file(void *into, const char *value, struct fault *fault)
{
    struct job **job = into;
    const char *colon = strrchr(value, ':');
    const char *slash = strrchr(value, '/');
    const char *dest = colon ? colon + 1 : slash ? slash + 1 : value;
    char *path = mem_copy_text(value);
    struct bytes bytes = {0};
    unsigned mode = 0;
    int r;

    if (colon)
        path[colon - value] = '\0';
    r = read_path(path, &bytes, &mode, fault);
    if (r >= 0)
        r = job_add_file(*job, dest, bytes.data, bytes.len, mode, fault);
    bytes_done(&bytes);
    free(path);
    return r;
}

/* ---- the table ---- */

#define RUN     COMMAND_RUN
#define BATCH   COMMAND_BATCH
#define RUNS    (COMMAND_RUN | COMMAND_BATCH)
#define DOCTOR  COMMAND_DOCTOR
#define ENGINES (RUNS | COMMAND_DOCTOR | COMMAND_STANDBY | COMMAND_SWEEP)

#define OPTION(identifier, commands, letter, name, value, read, place, help) \
    static void *member_##identifier(struct settings *settings)              \
    {                                                                        \
        return &settings->place;                                             \
    }
#include "options.def"
#undef OPTION

static const struct option_row option_rows[] = {
#define OPTION(identifier, commands, letter, name, value, read, place, help) \
    {commands, letter, name, value, read, member_##identifier, help},
#include "options.def"
#undef OPTION
};

#define OPTION_COUNT (sizeof(option_rows) / sizeof(*option_rows))

/* The row for "-f", "--file" or "--file=...", or NULL; where the value after "=" begins. */
static const struct option_row *find_option(enum command_bit command, const char *word,
                                            const char **ret_value)
{
    size_t len = strcspn(word, "=");

    *ret_value = word[len] ? word + len + 1 : NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];

        if (!(row->commands & command))
            continue;
        if (row->letter && word[0] == '-' && word[1] == row->letter && len == 2)
            return row;
        if (!strncmp(word, "--", 2) && len == strlen(row->name) + 2 &&
            !strncmp(word + 2, row->name, len - 2))
            return row;
    }
    return NULL;
}

static int take_command(struct settings *settings, enum command_bit command, int argc, char **argv,
                        struct fault *fault)
{
    if (command != COMMAND_RUN)
        return fault_set(fault, "no command is taken here; each run request has its own");
    for (int i = 0; i < argc; i++)
        job_add_arg(settings->job, argv[i]);
    return 0;
}

int settings_parse(struct settings *settings, enum command_bit command, int argc, char **argv,
                   struct fault *fault)
{
    for (int i = 0; i < argc; i++) {
        const struct option_row *row;
        const char *value;

        if (!strcmp(argv[i], "--"))
            return take_command(settings, command, argc - i - 1, argv + i + 1, fault);
        row = find_option(command, argv[i], &value);
        if (!row)
            return fault_set(fault, "\"%.60s\" is no option here; `evaluator help` lists them",
                             argv[i]);
        if (!row->value && value)
            return fault_set(fault, "--%s takes no value", row->name);
        if (row->value && !value && ++i < argc)
            value = argv[i];
        if (row->value && !value)
            return fault_set(fault, "--%s needs a value: %s", row->name, row->value);
        if (row->read(row->member(settings), value, fault) < 0)
            return fault_wrap(fault, "--%s", row->name);
    }
    return 0;
}

void settings_print_options(enum command_bit command)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        char left[48];

        if (!(row->commands & command))
            continue;
        (void) snprintf(left, sizeof(left), "%c%c%s--%s %s", row->letter ? '-' : ' ',
                        row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
                        row->value ? row->value : "");
        printf("  %-26s %s\n", left, row->help);
    }
}

static void print_takers(unsigned commands)
{
    static const struct {
        enum command_bit bit;
        const char *name;
    } takers[] = {
        {COMMAND_RUN, "run"},         {COMMAND_BATCH, "batch"}, {COMMAND_DOCTOR, "doctor"},
        {COMMAND_STANDBY, "standby"}, {COMMAND_SWEEP, "sweep"},
    };
    const char *before = "";

    for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++) {
        if (!(commands & takers[i].bit))
            continue;
        printf("%s.Cm %s", before, takers[i].name);
        before = " ,\n";
    }
    puts(" .");
}

void settings_print_man(void)
{
    puts(".Sh OPTIONS\n.Bl -tag -width Ds");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];

        fputs(".It ", stdout);
        if (row->letter)
            printf("Fl %c , ", row->letter);
        printf("Fl -%s%s%s\n%s.\n.br\nOf\n", row->name, row->value ? " Ar " : "",
               row->value ? row->value : "", row->help);
        print_takers(row->commands);
    }
    puts(".El\n.Sh LIMITS\nThe members of\n.Sy limits\nin a request and in a result, each with "
         "its default and its bounds:\n.Bl -column stdout_bytes 104857600 104857600 104857600\n"
         ".It Sy member Ta Sy default Ta Sy least Ta Sy most");
#define LIMIT(member, standard, least, most)                                    \
    printf(".It %s Ta %lld Ta %lld Ta %lld\n", #member, (long long) (standard), \
           (long long) (least), (long long) (most));
#include "limits.def"
#undef LIMIT
    puts(".El");
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){.job = job_new()};
}

void settings_done(struct settings *settings)
{
    job_free(settings->job);
    free(settings->in);
    free(settings->out);
    free(settings->instance);
    *settings = (struct settings){0};
}
