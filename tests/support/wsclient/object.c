/* The names of the protocol's members and where they go: see object.h. */
#include "object.h"

#include <pthread.h>
#include <stdlib.h>

#define NUMBER(member)                                                                             \
    {                                                                                              \
#member, WSC_FIELD_NUMBER, offsetof(struct wsc_fields, member)                             \
    }
#define TEXT(member)                                                                               \
    {                                                                                              \
#member, WSC_FIELD_TEXT, offsetof(struct wsc_fields, member)                               \
    }
#define IDENT(member)                                                                              \
    {                                                                                              \
#member, WSC_FIELD_IDENT, offsetof(struct wsc_fields, member)                              \
    }

static const struct wsc_field fields[] = {
    IDENT(id),
    IDENT(message),
    TEXT(conversation),
    TEXT(user),
    TEXT(peer),
    TEXT(from),
    TEXT(text),
    TEXT(client_id),
    TEXT(cursor),
    TEXT(kind),
    TEXT(name),
    TEXT(status),
    TEXT(role),
    NUMBER(seq),
    NUMBER(ts),
    NUMBER(read),
    NUMBER(delivered),
    NUMBER(head),
    NUMBER(unread),
    NUMBER(members),
    NUMBER(code),
    NUMBER(retry_after_ms),
    NUMBER(ping_interval_ms),
    NUMBER(max_message_bytes),
    NUMBER(on),
    NUMBER(duplicate),
    NUMBER(more),
    NUMBER(temporary),
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])
#define SLOTS       128 /* over four times the fields, so that most names are found at once */

static const struct wsc_field *slots[SLOTS];
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;

static size_t slot_of(const char *name, size_t size)
{
    if (!size)
        return 0;
    unsigned first = (unsigned char)name[0];
    unsigned last = (unsigned char)name[size - 1];
    return (size * 31 + first * 7 + last * 5) % SLOTS;
}

static void fill_slots(void)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        size_t slot = slot_of(fields[i].name, strlen(fields[i].name));
        while (slots[slot])
            slot = (slot + 1) % SLOTS;
        slots[slot] = &fields[i];
    }
}

const struct wsc_field *wsc_field_find(const char *name, size_t size)
{
    pthread_once(&slots_once, fill_slots);
    for (size_t slot = slot_of(name, size); slots[slot]; slot = (slot + 1) % SLOTS) {
        const char *candidate = slots[slot]->name;
        if (strncmp(candidate, name, size) == 0 && candidate[size] == '\0')
            return slots[slot];
    }
    return NULL;
}

enum wsc_key wsc_key_find(const char *name, size_t size)
{
    static const struct {
        const char *name;
        enum wsc_key key;
    } keys[] = {
        {"message", WSC_MESSAGE}, {"send", WSC_SEND},     {"error", WSC_ERROR},
        {"receipt", WSC_RECEIPT}, {"typing", WSC_TYPING}, {"presence", WSC_PRESENCE},
        {"connect", WSC_CONNECT}, {"synced", WSC_SYNCED}, {"conversation", WSC_CONVERSATION},
        {"history", WSC_HISTORY}, {"create", WSC_CREATE},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strlen(keys[i].name) == size && memcmp(keys[i].name, name, size) == 0)
            return keys[i].key;
    return WSC_OTHER;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* 36 characters, 8-4-4-4-12, lower case */
static int parse_uuid(struct wsc_slice text, uint8_t bytes[16])
{
    if (text.size != 36)
        return 0;
    size_t count = 0;
    for (size_t i = 0; i < 36; count++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.data[i++] != '-')
                return 0;
        }
        int high = hex_digit(text.data[i]);
        int low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        bytes[count] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    return 1;
}

void wsc_ident_set_text(struct wsc_ident *ident, struct wsc_slice text)
{
    ident->text = text;
    ident->is_uuid = parse_uuid(text, ident->bytes);
}

struct wsc_fields *wsc_decoder_list_slot(struct wsc_decoder *decoder, size_t index)
{
    if (index >= decoder->list_capacity) {
        decoder->list_capacity = decoder->list_capacity ? 2 * decoder->list_capacity : 64;
        decoder->list = wsc_grow(decoder->list, decoder->list_capacity * sizeof *decoder->list);
    }
    memset(&decoder->list[index], 0, sizeof decoder->list[index]);
    return &decoder->list[index];
}

void wsc_decoder_free(struct wsc_decoder *decoder)
{
    wsc_decoder_release(decoder);
    free(decoder->list);
    *decoder = (struct wsc_decoder){0};
}
