/*
 * Composing mails.
 */
#include "backends/notify/mail.h"

#include "base/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Bytes of an encoded word: 48 characters of base64, so that with its frame and the longest name of
 * a field a line has no more than the 76 characters that RFC 2047 allows. */
#define WORD_BYTES 36

/* A text that stands in a header as it is: a line has room for it beside the field's name. */
#define PLAIN_MAX 60

#define LOCAL_PART_MAX 64

/* --- addresses ----------------------------------------------------------------------------------
 */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Parts of letters, digits and `more`, with single dots between them. */
static bool is_dotted(struct cc_slice text, const char *more)
{
    bool was_dot = true;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c == '.' ? was_dot : !is_alphanumeric(c) && (!c || !strchr(more, c)))
            return false;
        was_dot = c == '.';
    }
    return !was_dot;
}

bool mail_address_is_valid(struct cc_slice address)
{
    static const char local_more[] = "#$&'*+-/=?^_{}~"; /* not those that old relays route by */
    const char *at = address.size ? memchr(address.data, '@', address.size) : NULL;
    size_t local = at ? (size_t)(at - address.data) : 0;

    return at && address.size < MAIL_ADDRESS_SIZE && local <= LOCAL_PART_MAX &&
           is_dotted(slice_of(address.data, local), local_more) &&
           is_dotted(slice_of(at + 1, address.size - local - 1), "-");
}

static struct cc_slice trim(struct cc_slice text)
{
    while (text.size && strchr(" \t\"", text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && strchr(" \t\"", text.data[text.size - 1]))
        text.size--;
    return text;
}

bool mail_from_read(struct cc_slice text, struct mail_from *ret_from)
{
    struct cc_slice address = text;
    const char *open = text.size ? memchr(text.data, '<', text.size) : NULL;

    memset(ret_from, 0, sizeof *ret_from);
    if (open && text.data[text.size - 1] == '>') {
        ret_from->name = trim(slice_of(text.data, (size_t)(open - text.data)));
        address = slice_of(open + 1, (size_t)(text.data + text.size - 1 - (open + 1)));
    }
    if (!mail_address_is_valid(address))
        return false;
    memcpy(ret_from->address, address.data, address.size);
    ret_from->domain = strchr(ret_from->address, '@') + 1;
    return true;
}

/* --- header texts -------------------------------------------------------------------------------
 */

static void put(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Spaces at the ends would be lost. */
static bool is_plain(struct cc_slice text)
{
    if (!text.size || text.data[0] == ' ' || text.data[text.size - 1] == ' ')
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (is_control(text.data[i]) || (unsigned char)text.data[i] >= 0x80 ||
            (text.data[i] == '=' && i + 1 < text.size && text.data[i + 1] == '?'))
            return false;
    return text.size <= PLAIN_MAX;
}

/* The longest start that ends with a whole character. */
static size_t word_size(struct cc_slice text)
{
    size_t size = text.size < WORD_BYTES ? text.size : WORD_BYTES;

    if (size == text.size)
        return size;
    while (size > 1 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    return size;
}

static void put_word(struct buffer *out, struct cc_slice text)
{
    uint8_t bytes[WORD_BYTES];
    char encoded[WORD_BYTES / 3 * 4 + 1];

    for (size_t i = 0; i < text.size; i++)
        bytes[i] = is_control(text.data[i]) ? ' ' : (uint8_t)text.data[i];
    crypto_base64(bytes, text.size, encoded, sizeof encoded);
    put(out, "=?UTF-8?B?");
    put(out, encoded);
    put(out, "?=");
}

void mail_put_words(struct buffer *out, struct cc_slice text)
{
    if (is_plain(text)) {
        buffer_append_slice(out, text);
        return;
    }
    while (text.size) {
        size_t size = word_size(text);

        put_word(out, slice_of(text.data, size));
        text = slice_of(text.data + size, text.size - size);
        if (text.size)
            put(out, "\r\n ");
    }
}

/* A name in front of an address: in quotes where it is plain, for it may have a comma or a dot. */
static void put_phrase(struct buffer *out, struct cc_slice name)
{
    if (!is_plain(name)) {
        mail_put_words(out, name);
        return;
    }
    put(out, "\"");
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            put(out, "\\");
        buffer_append_byte(out, name.data[i]);
    }
    put(out, "\"");
}

/* --- the header ---------------------------------------------------------------------------------
 */

static const struct cc_notification *notification_at(const struct mail *mail, size_t i)
{
    return i ? mail->others[i - 1] : mail->first;
}

static void put_subject(struct buffer *out, const struct mail *mail)
{
    uint64_t count = 0;
    bool is_direct = mail->first->kind == CC_KIND_DIRECT;
    char text[96];

    for (size_t i = 0; i <= mail->other_count; i++)
        count += notification_at(mail, i)->count;
    if (mail->other_count)
        snprintf(text, sizeof text, "%" PRIu64 " new messages in %zu conversations", count,
                 mail->other_count + 1);
    else
        snprintf(text, sizeof text, "%" PRIu64 " new message%s %s", count, count == 1 ? "" : "s",
                 is_direct ? "from" : "in");
    put(out, "Subject: ");
    put(out, text);
    if (!mail->other_count) {
        put(out, "\r\n ");
        mail_put_words(out, mail->first->title);
    }
}

/* By no locale: names as RFC 5322 has them. */
static void put_date(struct buffer *out, int64_t wall_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    char text[64];

    gmtime_r(&seconds, &utc);
    snprintf(text, sizeof text, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000",
             days + 3 * utc.tm_wday, utc.tm_mday, months + 3 * utc.tm_mon, utc.tm_year + 1900,
             utc.tm_hour, utc.tm_min, utc.tm_sec);
    put(out, text);
}

/* The same when the same is sent again. */
static void put_message_id(struct buffer *out, const struct mail *mail)
{
    uint8_t id[16];
    char text[2 * sizeof id];

    memcpy(id, mail->first->id.bytes, sizeof id);
    for (size_t i = 0; i < mail->other_count; i++) {
        const struct cc_slice parts[] = {
            slice_of((const char *)id, sizeof id),
            slice_of((const char *)mail->others[i]->id.bytes, sizeof id)};

        crypto_digest16(parts, 2, id);
    }
    crypto_hex(id, sizeof id, text);
    put(out, "Message-ID: <");
    buffer_append(out, text, sizeof text);
    put(out, "@");
    put(out, mail->from->domain);
    put(out, ">");
}

static void end_field(struct buffer *out)
{
    buffer_append_byte(out, '\0');
}

static void put_from(struct buffer *out, const struct mail_from *from)
{
    put(out, "From: ");
    if (from->name.size) {
        put_phrase(out, from->name);
        put(out, " ");
    }
    put(out, "<");
    put(out, from->address);
    put(out, ">");
    end_field(out);
}

static void put_unsubscribe(struct buffer *out, struct cc_slice url)
{
    put(out, "List-Unsubscribe: <");
    buffer_append_slice(out, url);
    put(out, ">");
    end_field(out);
    put(out, "List-Unsubscribe-Post: List-Unsubscribe=One-Click");
    end_field(out);
}

void mail_put_header(struct buffer *out, const struct mail *mail)
{
    put_from(out, mail->from);
    put(out, "To: <");
    buffer_append_slice(out, mail->first->token);
    put(out, ">");
    end_field(out);
    if (mail->verify.size)
        put(out, "Subject: Do you want mails from the chat?");
    else
        put_subject(out, mail);
    end_field(out);
    put_date(out, mail->wall_ms);
    end_field(out);
    put_message_id(out, mail);
    end_field(out);
    put(out, "Auto-Submitted: auto-generated"); /* nobody's out-of-office answers it */
    end_field(out);
    if (mail->unsubscribe.size)
        put_unsubscribe(out, mail->unsubscribe);
}

/* --- the text -----------------------------------------------------------------------------------
 */

/* Lines stay lines; other control characters become spaces. */
static void put_lines(struct buffer *out, struct cc_slice text, const char *newline)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n')
            put(out, newline);
        else
            buffer_append_byte(out, is_control(text.data[i]) ? ' ' : text.data[i]);
    }
}

static void put_question(struct buffer *out, const struct mail *mail)
{
    put_lines(out, mail->first->user, " ");
    put(out, " has asked for mails about missed messages to this address.\r\n\r\n"
             "If that was you, open this link within a day: ");
    buffer_append_slice(out, mail->verify);
    put(out, "\r\n\r\nIf not, do nothing: no such mails will come.\r\n");
}

void mail_put_text(struct buffer *out, const struct mail *mail)
{
    if (mail->verify.size) {
        put_question(out, mail);
        return;
    }
    for (size_t i = 0; i <= mail->other_count; i++) {
        const struct cc_notification *notification = notification_at(mail, i);

        put_lines(out, notification->title, " ");
        put(out, "\r\n  ");
        put_lines(out, notification->body, "\r\n  ");
        put(out, "\r\n\r\n");
    }
    if (mail->link) {
        put(out, "Open the chat: ");
        put(out, mail->link);
        put(out, "\r\n");
    }
    put(out, "You get this because you were away, as ");
    put_lines(out, mail->first->user, " ");
    put(out, ".\r\n");
    if (mail->unsubscribe.size) {
        put(out, "To get no more of these mails: ");
        buffer_append_slice(out, mail->unsubscribe);
        put(out, "\r\n");
    }
}

/* --- HTML ---------------------------------------------------------------------------------------
 */

static void put_escaped(struct buffer *out, struct cc_slice text, const char *newline)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c == '<')
            put(out, "&lt;");
        else if (c == '>')
            put(out, "&gt;");
        else if (c == '&')
            put(out, "&amp;");
        else if (c == '"')
            put(out, "&quot;");
        else
            put_lines(out, slice_of(&c, 1), newline);
    }
}

static void put_link(struct buffer *out, struct cc_slice url, const char *text)
{
    put(out, "<p><a href=\"");
    put_escaped(out, url, "");
    put(out, "\">");
    put(out, text);
    put(out, "</a></p>\r\n");
}

static void put_html_question(struct buffer *out, const struct mail *mail)
{
    put(out, "<p>");
    put_escaped(out, mail->first->user, " ");
    put(out, " has asked for mails about missed messages to this address.</p>\r\n");
    put_link(out, mail->verify, "That was me: send them");
    put(out, "<p>The link is good for a day. If that was not you, do nothing: no such mails will "
             "come.</p>\r\n</body></html>\r\n");
}

void mail_put_html(struct buffer *out, const struct mail *mail)
{
    put(out, "<!DOCTYPE html>\r\n<html><body style=\"font-family: sans-serif\">\r\n");
    if (mail->verify.size) {
        put_html_question(out, mail);
        return;
    }
    for (size_t i = 0; i <= mail->other_count; i++) {
        const struct cc_notification *notification = notification_at(mail, i);

        put(out, "<h3>");
        put_escaped(out, notification->title, " ");
        put(out, "</h3>\r\n<p>");
        put_escaped(out, notification->body, "<br>\r\n");
        put(out, "</p>\r\n");
    }
    if (mail->link)
        put_link(out, slice_str(mail->link), "Open the chat");
    put(out, "<hr>\r\n<p><small>You get this because you were away, as ");
    put_escaped(out, mail->first->user, " ");
    put(out, ".</small></p>\r\n");
    if (mail->unsubscribe.size)
        put_link(out, mail->unsubscribe, "Get no more of these mails");
    put(out, "</body></html>\r\n");
}
