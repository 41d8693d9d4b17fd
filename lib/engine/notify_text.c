/*
 * What a notification says, and what its receiver has set.
 *
 *   direct      Alice / hi                        group    Club / Alice: hi
 *               Alice / 3 new messages, hi                 Club / 5 new messages in Club, Alice: hi
 *
 * (title / lines of the body). The receiver's settings stand in his profile's meta, under `notify`:
 *
 *   {"notify": {"preview": false, "quiet": {"from": 1320, "to": 420, "offset": 60}}}
 */
#include "engine/notify_state.h"
#include "wire/decimal.h"
#include "wire/pack.h"

#define MINUTES_A_DAY 1440
#define OFFSET_MAX    (14 * 60)

/* --- cutting ------------------------------------------------------------------------------------
 */

size_t text_cut(struct cc_slice text, size_t most)
{
    size_t size = text.size < most ? text.size : most;

    if (size == text.size)
        return size;
    while (size && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    return size;
}

/* --- texts --------------------------------------------------------------------------------------
 */

static void put(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void put_number(struct buffer *out, uint32_t number)
{
    char digits[DECIMAL_DIGITS_MAX];

    buffer_append(out, digits, decimal_put(digits, number));
}

static struct cc_slice conversation_title(const struct telling *telling)
{
    if (telling->kind == CC_KIND_DIRECT)
        return telling->from_name;
    return telling->conversation_name.size ? telling->conversation_name
                                           : telling->topic->conversation;
}

static void put_count(struct buffer *out, const struct telling *telling, uint32_t count)
{
    put_number(out, count);
    put(out, count == 1 ? " new message" : " new messages");
    if (telling->kind == CC_KIND_DIRECT)
        return;
    put(out, " in ");
    buffer_append_slice(out, conversation_title(telling));
}

/* "Alice: hi", "Alice mentioned you: hi", "Alice sent an attachment"; a direct one without name. */
static void put_preview(struct buffer *out, const struct telling *telling)
{
    const struct topic *topic = telling->topic;
    const struct topic_last *last = &topic->last;
    struct cc_slice preview = slice_of(last->preview, last->preview_size);
    bool is_named = telling->kind != CC_KIND_DIRECT;

    if (is_named)
        buffer_append_slice(out, telling->from_name);
    if (is_named && topic->is_mentions)
        put(out, " mentioned you");
    if (preview.size) {
        put(out, is_named ? ": " : "");
        buffer_append_slice(out, preview);
    } else if (!topic->is_mentions) {
        put(out, is_named ? " sent an attachment" : "sent an attachment");
    }
}

bool text_write(struct notify_text *text, const struct telling *telling, uint32_t count)
{
    bool has_preview = telling->has_preview && !telling->topic->last.is_deleted;

    buffer_append_slice(&text->title, conversation_title(telling));
    if (!has_preview || count != 1)
        put_count(&text->body, telling, count);
    if (has_preview) {
        if (text->body.size)
            put(&text->body, "\n");
        put_preview(&text->body, telling);
    }
    return !text->title.failed && !text->body.failed;
}

/* --- preferences --------------------------------------------------------------------------------
 */

/* The value of a key of a map, left to be read; false when there is none. */
static bool find_key(struct unpack *unpack, const char *key)
{
    uint32_t pairs = unpack_type(unpack) == PACK_TYPE_MAP ? unpack_map(unpack) : 0;

    for (uint32_t i = 0; i < pairs && !unpack->failed; i++) {
        if (unpack_type(unpack) != PACK_TYPE_STR)
            unpack_skip(unpack);
        else if (slice_equal(unpack_bytes(unpack), slice_str(key)))
            return !unpack->failed;
        unpack_skip(unpack);
    }
    return false;
}

static bool read_number(struct unpack map, const char *key, int64_t least, int64_t most,
                        int64_t *ret_number)
{
    enum pack_type type;
    int64_t number;

    if (!find_key(&map, key))
        return false;
    type = unpack_type(&map);
    if (type != PACK_TYPE_UINT && type != PACK_TYPE_INT)
        return false;
    number = unpack_int(&map);
    if (map.failed || number < least || number > most)
        return false;
    *ret_number = number;
    return true;
}

static void read_quiet(struct unpack notify, struct preferences *preferences)
{
    if (!find_key(&notify, "quiet"))
        return;
    preferences->has_quiet =
        read_number(notify, "from", 0, MINUTES_A_DAY - 1, &preferences->quiet_from) &&
        read_number(notify, "to", 0, MINUTES_A_DAY - 1, &preferences->quiet_to);
    if (!read_number(notify, "offset", -OFFSET_MAX, OFFSET_MAX, &preferences->offset))
        preferences->offset = 0;
}

void preferences_read(struct cc_slice meta, struct preferences *ret_preferences)
{
    struct unpack notify = unpack_of(meta);
    struct unpack preview;

    memset(ret_preferences, 0, sizeof *ret_preferences);
    if (!find_key(&notify, "notify"))
        return;
    preview = notify;
    if (find_key(&preview, "preview") && unpack_type(&preview) == PACK_TYPE_BOOL)
        ret_preferences->preview_off = !unpack_bool(&preview);
    read_quiet(notify, ret_preferences);
}

/* From `from` up to, and without, `to`, over midnight where `to` is earlier. */
bool preferences_are_quiet(const struct preferences *preferences, int64_t wall_ms)
{
    int64_t minute = (wall_ms / 60000 + preferences->offset) % MINUTES_A_DAY;

    if (!preferences->has_quiet)
        return false;
    if (minute < 0)
        minute += MINUTES_A_DAY;
    if (preferences->quiet_from <= preferences->quiet_to)
        return minute >= preferences->quiet_from && minute < preferences->quiet_to;
    return minute >= preferences->quiet_from || minute < preferences->quiet_to;
}
