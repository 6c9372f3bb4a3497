/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message, the opening of a websocket (RFC 6455, section 4): what a client says, and what the
 * engine answers.
 *
 * Of the client's handshake only the key goes on, and of the engine's only what it made of the key;
 * both are base64 of a fixed length, so nothing else can be said in them.  Subprotocols, extensions
 * and the origin are left out: no engine asks for one, and what nobody was offered is not in use.
 */
#include "message.h"

#include <string.h>
#include <strings.h>

/* The fields of a handshake, as they are found. */
struct handshake {
    struct span key, version, accept;
    unsigned keys, versions, accepts, upgrades;
    bool websocket, connection;
};

static bool is_word(struct span text, const char *word)
{
    return text.bytes == strlen(word) && strncasecmp(text.data, word, text.bytes) == 0;
}

/* Whether the list has the word `upgrade`; browsers send it beside keep-alive. */
static bool names_upgrade(struct span list)
{
    const char *at = list.data, *end = list.data + list.bytes;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t) (end - at));
        const char *last = comma ? comma : end;
        while (at < last && (*at == ' ' || *at == '\t'))
            at++;
        while (last > at && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        if (is_word((struct span){at, (size_t) (last - at)}, "upgrade"))
            return true;
        at = comma ? comma + 1 : end;
    }
    return false;
}

/* A message_visit of every field. */
static bool note(void *arg, struct span name, struct span value)
{
    struct handshake *found = arg;
    if (is_word(name, "Sec-WebSocket-Key")) {
        found->key = value;
        found->keys++;
    } else if (is_word(name, "Sec-WebSocket-Version")) {
        found->version = value;
        found->versions++;
    } else if (is_word(name, "Sec-WebSocket-Accept")) {
        found->accept = value;
        found->accepts++;
    } else if (is_word(name, "Upgrade")) {
        found->websocket = is_word(value, "websocket");
        found->upgrades++;
    } else if (is_word(name, "Connection")) {
        found->connection = found->connection || names_upgrade(value);
    }
    return true;
}

/* Base64 of so many bytes, in its only spelling: what the last digit says too much is nothing. */
static bool is_base64_of(struct span text, size_t bytes)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = (3 - bytes % 3) % 3, digits = (bytes + 2) / 3 * 4 - padding;
    const char *digit = NULL;
    if (text.bytes != digits + padding || memcmp(text.data + digits, "==", padding) != 0)
        return false;
    for (size_t i = 0; i < digits; i++) {
        digit = text.data[i] ? strchr(DIGITS, text.data[i]) : NULL;
        if (!digit)
            return false;
    }
    return (digit - DIGITS) % (1 << 2 * padding) == 0;
}

const char *message_websocket_key(struct span fields, struct span *ret_key)
{
    struct handshake found = {0};
    message_each_field(fields, "", note, &found);
    if (found.upgrades != 1 || !found.websocket || !found.connection)
        return "a websocket begins with 'Connection: Upgrade' and 'Upgrade: websocket'";
    if (found.versions != 1 || !is_word(found.version, "13"))
        return "only version 13 of the websocket protocol is spoken here; send "
               "'Sec-WebSocket-Version: 13'";
    if (found.keys != 1 || !is_base64_of(found.key, MESSAGE_WEBSOCKET_KEY_BYTES))
        return "Sec-WebSocket-Key is missing, repeated or not base64 of 16 bytes";
    *ret_key = found.key;
    return NULL;
}

struct span message_websocket_accept(struct span fields)
{
    struct handshake found = {0};
    message_each_field(fields, "", note, &found);
    bool good = found.upgrades == 1 && found.websocket && found.connection && found.accepts == 1 &&
                is_base64_of(found.accept, MESSAGE_WEBSOCKET_ACCEPT_BYTES);
    return good ? found.accept : (struct span){0};
}
