/* SPDX-License-Identifier: Apache-2.0 */
/* bytes: a growing byte string, base64, and where a UTF-8 text may be cut; see bytes.h. */
#include "bytes.h"
#include "mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void bytes_reserve(struct bytes *bytes, size_t more)
{
    size_t need = bytes->len + more;

    if (need <= bytes->cap)
        return;
    if (need < bytes->cap * 2)
        need = bytes->cap * 2;
    bytes->data = mem_resize(bytes->data, need, 1);
    bytes->cap = need;
}

void bytes_append(struct bytes *bytes, const void *data, size_t len)
{
    if (!len)
        return;
    bytes_reserve(bytes, len);
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

void bytes_append_zeros(struct bytes *bytes, size_t len)
{
    if (!len)
        return;
    bytes_reserve(bytes, len);
    memset(bytes->data + bytes->len, 0, len);
    bytes->len += len;
}

void bytes_done(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void bytes_append_base64(struct bytes *bytes, const unsigned char *data, size_t len)
{
    bytes_reserve(bytes, (len + 2) / 3 * 4);
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t) data[i] << 16;
        char out[4];

        if (have > 1)
            group |= (uint32_t) data[i + 1] << 8;
        if (have > 2)
            group |= data[i + 2];
        for (size_t k = 0; k < 4; k++)
            out[k] = k <= have ? base64_digits[group >> (18 - 6 * k) & 63] : '=';
        bytes_append(bytes, out, sizeof(out));
    }
}

/* The value of one digit, or -1. */
static int base64_value(char digit)
{
    const char *at = digit ? strchr(base64_digits, digit) : NULL;

    return at ? (int) (at - base64_digits) : -1;
}

bool bytes_append_decoded(struct bytes *bytes, const char *text, size_t len)
{
    size_t start = bytes->len;
    size_t padding = 0;

    if (len % 4)
        return false;
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < len; i += 4) {
        size_t digits = i + 4 == len ? 4 - padding : 4;
        unsigned char out[3];
        uint32_t group = 0;

        for (size_t k = 0; k < 4; k++) {
            int value = k < digits ? base64_value(text[i + k]) : 0;

            if (value < 0) {
                bytes->len = start;
                return false;
            }
            group = group << 6 | (uint32_t) value;
        }
        out[0] = (unsigned char) (group >> 16);
        out[1] = (unsigned char) (group >> 8);
        out[2] = (unsigned char) group;
        bytes_append(bytes, out, digits - 1);
    }
    return true;
}

/* How many bytes follow a lead byte; -1: it is none.  The first of them is in *least..*most. */
static int utf8_follow(unsigned char lead, unsigned char *least, unsigned char *most)
{
    *least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80)
        return 0;
    if (lead < 0xc2 || lead > 0xf4)
        return -1;
    return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

bool bytes_is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *) text;

    while (*at) {
        unsigned char least, most;
        int follow = utf8_follow(*at++, &least, &most);

        if (follow < 0)
            return false;
        for (; follow; follow--, at++) {
            if (*at < least || *at > most)
                return false;
            least = 0x80;
            most = 0xbf;
        }
    }
    return true;
}

size_t bytes_utf8_whole(const unsigned char *data, size_t len)
{
    size_t back = 0;

    while (back < 3 && back < len && (data[len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back < len) {
        unsigned char lead = data[len - 1 - back];
        size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

        if (need > back + 1)
            return len - 1 - back;
    }
    return len;
}
