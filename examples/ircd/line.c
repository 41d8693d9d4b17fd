/*
 * Text: lines, tags, names, ids and times, without any state.
 *
 * Names: a user is a nick of the same bytes, but for those that IRC gives a meaning to, which stand
 * as %XX. A group whose id begins with # is a public channel of that name; any other group is &id,
 * and nobody gets into it but by those who are in it. Both ways are one to one.
 */
#include "ircd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *word(char **text)
{
    char *start = *text + strspn(*text, " ");
    char *end = start + strcspn(start, " ");

    *text = *end ? end + 1 : end;
    *end = 0;
    return start;
}

/* False: an empty line. Cuts `text` up. */
bool line_parse(char *text, struct line *ret_line)
{
    *ret_line = (struct line){.tags = NULL};
    if (*text == '@')
        ret_line->tags = word(&text) + 1;
    text += strspn(text, " ");
    if (*text == ':')
        word(&text);
    ret_line->verb = word(&text);
    while (*(text += strspn(text, " "))) {
        bool is_last = *text == ':' || ret_line->count == PARAMS_MAX - 1;

        ret_line->params[ret_line->count++] = is_last ? text + (*text == ':') : word(&text);
        if (is_last)
            break;
    }
    return *ret_line->verb != 0;
}

static char unescaped(char sign)
{
    static const char from[] = ":srn", to[] = "; \r\n";
    const char *found = strchr(from, sign);

    return sign && found ? to[found - from] : sign;
}

/* The value of a tag, unescaped into `room`; NULL: it is not there, or too long. */
const char *line_tag(const char *tags, const char *key, char *room, size_t size)
{
    size_t length = strlen(key), used = 0;

    for (; tags && *tags; tags += strcspn(tags, ";"), tags += *tags == ';')
        if (strncmp(tags, key, length) == 0 && strchr("=;", tags[length]))
            break;
    if (!tags || !*tags)
        return NULL;
    tags += length;
    for (tags += *tags == '='; *tags && *tags != ';'; tags++) {
        if (used + 1 >= size)
            return NULL;
        if (*tags == '\\' && tags[1])
            room[used++] = unescaped(*++tags);
        else if (*tags != '\\')
            room[used++] = *tags;
    }
    room[used] = 0;
    return room;
}

/* As a tag's value has it; cut where there is no room. */
void tag_escape(struct cc_slice value, char *to, size_t size)
{
    static const char from[] = "; \r\n\\", as[] = ":srn\\";
    char *end = to + size - 1;

    for (size_t i = 0; i < value.size && end - to >= 2; i++) {
        const char *found = value.data[i] ? strchr(from, value.data[i]) : NULL;

        if (found)
            *to++ = '\\';
        *to++ = found ? as[found - from] : value.data[i];
    }
    *to = 0;
}

/* How many bytes of continuation a first byte has; -1: it is none. */
static int utf8_more(unsigned char first)
{
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first < 0xe0)
        return 1;
    if (first >= 0xe0 && first < 0xf0)
        return 2;
    return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

bool utf8_is_valid(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        unsigned char first = *at++;
        int more = utf8_more(first);

        if (more < 0 || (first == 0xe0 && *at < 0xa0) || (first == 0xed && *at > 0x9f) ||
            (first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at > 0x8f))
            return false;
        for (; more > 0; more--)
            if ((*at++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

/* As much as fits into `most` bytes without cutting a character. */
size_t utf8_cut(const char *text, size_t size, size_t most)
{
    if (size <= most)
        return size;
    size = most;
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size ? size : most;
}

void slice_copy(char *to, size_t size, struct cc_slice from)
{
    size_t length = from.size < size ? from.size : size - 1;

    if (length)
        memcpy(to, from.data, length);
    to[length] = 0;
}

bool slice_is(struct cc_slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

/* --- names --- */

static char *escape(struct cc_slice name, const char *signs, const char *first_signs, char *to)
{
    for (size_t i = 0; i < name.size && i < CC_NAME_MAX; i++) {
        char sign = name.data[i];

        if ((unsigned char)sign <= ' ' || sign == 0x7f || strchr(signs, sign) ||
            (i == 0 && strchr(first_signs, sign)))
            to += sprintf(to, "%%%02X", (unsigned)(unsigned char)sign);
        else
            *to++ = sign;
    }
    *to = 0;
    return to;
}

static int hex(char sign)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *found = sign ? strchr(digits, sign) : NULL;

    return found ? (int)(found - digits) : -1;
}

/* False: too long, empty, or no text. */
static bool unescape(const char *from, char ret_name[CC_NAME_MAX + 1])
{
    char name[CC_NAME_MAX + 1];
    size_t used = 0;

    for (; *from; from++, used++) {
        if (used == CC_NAME_MAX || (unsigned char)*from <= ' ' || *from == 0x7f)
            return false;
        name[used] = *from;
        if (*from != '%')
            continue;
        if (hex(from[1]) < 0 || hex(from[2]) < 0)
            return false;
        name[used] = (char)(hex(from[1]) * 16 + hex(from[2]));
        if ((unsigned char)name[used] <= ' ' || name[used] == 0x7f)
            return false;
        from += 2;
    }
    name[used] = 0;
    if (!used || !utf8_is_valid(name))
        return false;
    memcpy(ret_name, name, used + 1);
    return true;
}

static const char nick_signs[] = "!@:,*?%", nick_first_signs[] = "#&$+~=";
static const char channel_signs[] = ",:%";

void nick_of(struct cc_slice user, char ret_nick[NAME_MAX_ESCAPED + 1])
{
    escape(user, nick_signs, nick_first_signs, ret_nick);
}

void channel_name_of(struct cc_slice id, char ret_name[NAME_MAX_ESCAPED + 1])
{
    bool is_public = id.size && *id.data == '#';

    *ret_name = '&';
    escape(id, channel_signs, "", ret_name + !is_public);
}

/* False: no user can have this nick. Only the form that nick_of() gives is one. */
bool user_of(const char *nick, char ret_user[CC_NAME_MAX + 1])
{
    char again[NAME_MAX_ESCAPED + 1];

    if (!unescape(nick, ret_user))
        return false;
    nick_of(cc_text(ret_user), again);
    return strcmp(again, nick) == 0;
}

bool id_of(const char *name, char ret_id[CC_NAME_MAX + 1])
{
    char again[NAME_MAX_ESCAPED + 1];

    if ((*name != '#' && *name != '&') || !name[1] || !unescape(name + (*name == '&'), ret_id))
        return false;
    channel_name_of(cc_text(ret_id), again);
    return strcmp(again, name) == 0;
}

/* --- ids and times --- */

void id_print(const struct cc_id *id, char ret_text[37])
{
    char *to = ret_text;

    for (int i = 0; i < 16; i++)
        to += sprintf(to, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                      (unsigned)id->bytes[i]);
}

bool id_parse(const char *whole, struct cc_id *ret_id)
{
    static const char digits[] = "0123456789abcdef";
    const char *text = whole;
    char again[37];

    if (strlen(text) != 36)
        return false;
    for (int used = 0; used < 16; used++) {
        const char *high, *low;

        text += *text == '-';
        high = *text ? strchr(digits, *text++) : NULL;
        low = high && *text ? strchr(digits, *text++) : NULL;
        if (!low)
            return false;
        ret_id->bytes[used] = (uint8_t)((high - digits) * 16 + (low - digits));
    }
    id_print(ret_id, again);
    return strcmp(again, whole) == 0;
}

void time_print(int64_t ts, char ret_text[32])
{
    time_t seconds = (time_t)(ts / 1000);
    struct tm parts;
    size_t used;

    gmtime_r(&seconds, &parts);
    used = strftime(ret_text, 24, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(ret_text + used, 8, ".%03dZ", (int)(ts % 1000));
}

/* ISO 8601 with milliseconds, as IRCv3 has it. */
bool time_parse(const char *text, int64_t *ret_ts)
{
    struct tm parts = {.tm_isdst = 0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    char *end;
    long ms;

    if (!rest || rest[0] != '.' || strspn(rest + 1, "0123456789") != 3 || parts.tm_year < 70)
        return false;
    ms = strtol(rest + 1, &end, 10);
    if (strcmp(end, "Z") != 0)
        return false;
    *ret_ts = (int64_t)timegm(&parts) * 1000 + ms;
    return true;
}

/* Takes the next of a list with commas; NULL: that was the last. */
char *next_item(char **list)
{
    char *item = *list, *comma = item ? strchr(item, ',') : NULL;

    if (comma)
        *comma = 0;
    *list = comma ? comma + 1 : NULL;
    return item;
}
