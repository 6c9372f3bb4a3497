/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: a main() that feeds a fuzz harness the files and folders that its arguments name, where
 * no libFuzzer is linked.  A harness that finds a fault aborts; so a whole corpus is a test.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { REPLAY_FILE_BYTES = 8 << 20 };

static int replay_fail(const char *path, const char *why)
{
    fprintf(stderr, "replay: %s: %s\n", path, why);
    return -1;
}

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return replay_fail(path, strerror(errno));

    /* Of exactly the file's size, so that a sanitizer sees one byte read too many. */
    uint8_t *data = NULL;
    int result = -1;
    long size = -1;
    if (fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    rewind(file);
    if (size < 0 || size > REPLAY_FILE_BYTES) {
        replay_fail(path, "not a file of at most 8 MiB");
    } else if (!(data = malloc(size ? (size_t) size : 1))) {
        replay_fail(path, "out of memory");
    } else if (fread(data, 1, (size_t) size, file) != (size_t) size) {
        replay_fail(path, "cannot be read");
    } else {
        LLVMFuzzerTestOneInput(data, (size_t) size);
        result = 0;
    }
    free(data);
    fclose(file);
    return result;
}

/* Returns how many inputs were fed, or -1. */
static int replay_path(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return replay_file(path) < 0 ? -1 : 1;

    int count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        char *child = NULL;
        if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
            abort();
        count = replay_file(child) < 0 ? -1 : count + 1;
        free(child);
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = replay_path(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    if (total == 0)
        return replay_fail(argc > 1 ? argv[1] : "usage", "no inputs"), 1;
    return 0;
}
