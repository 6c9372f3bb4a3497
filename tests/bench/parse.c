/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse: what it costs to parse a file as JSON, and nothing else.  usage: parse FILE TIMES
 *
 * Prints the CPU seconds of one parse.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The whole file; exits when that cannot be. */
static char *file_read(const char *path, size_t *ret_bytes)
{
    FILE *file = fopen(path, "re");
    size_t room = 4 << 20;
    char *text = malloc(room);
    *ret_bytes = file && text ? fread(text, 1, room, file) : 0;
    if (*ret_bytes == 0 || *ret_bytes == room) {
        fprintf(stderr, "parse: %s: cannot read it, or it is too large\n", path);
        exit(2);
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    size_t bytes;
    if (argc != 3)
        return 2;
    char *text = file_read(argv[1], &bytes);
    long times = strtol(argv[2], NULL, 10);
    double begin = cpu_seconds();
    for (long i = 0; i < times; i++) {
        json_t *value = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
        if (!value) {
            fprintf(stderr, "parse: %s is no JSON\n", argv[1]);
            return 1;
        }
        json_decref(value);
    }
    printf("%.9f\n", (cpu_seconds() - begin) / (double) times);
    free(text);
    return 0;
}
