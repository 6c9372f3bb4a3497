/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print: see print.h.
 */
#include "print.h"

void print_json(FILE *out, const char *text)
{
    if (!text) {
        fputs("null", out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

void print_safe(FILE *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char) text[i];
        if (c == '\n' || (c >= 0x20 && c < 0x7f))
            putc(c, out);
        else if (c != '\r')
            fprintf(out, "\\x%02x", c);
    }
}
