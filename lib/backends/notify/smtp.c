/*
 * The SMTP notifier: a mail for each push, with all that the engine gathered, on the sender's
 * thread. libcurl keeps the connections, speaks STARTTLS and AUTH, and encodes the parts.
 *
 * libcurl's error does not tell which command the server refused. What goes over the connection is
 * listened to, so that a recipient who is none is told from a sender who may not send.
 */
#include "backends/notify/mail.h"
#include "backends/notify/partings.h"
#include "backends/notify/sender.h"
#include "base/options.h"
#include "base/trace.h"
#include "base/unsubscribe.h"
#include "base/verification.h"
#include "chatcore/error.h"

#include <stdio.h>

/* Connections to the one server: what it has no objection to, and enough for 100 mails a second. */
#define ACTIVE_MAX 4

#define TIMEOUT_MS 60000
#define DIGEST_MS  300000

/* A link that verifies is good for a day: who asks for it waits for the mail. */
#define VERIFY_MS 86400000

/* Of an answer's last line: what is judged by stands at its start. */
#define ANSWER_SIZE 160

/* One warning in so long tells an operator as much as thousands. */
#define WARNING_MS 60000

enum stage { STAGE_GREETING, STAGE_SENDER, STAGE_RECIPIENT, STAGE_DATA };

struct smtp {
    struct cc_allocator allocator;
    struct cc_smtp_options options; /* texts are copies */
    struct mail_from from;
    struct sender *sender;
    uint8_t key[CC_UNSUBSCRIBE_KEY];
    int64_t warned_ms;        /* the thread's */
    struct partings partings; /* likewise */
};

struct letter {
    struct transfer transfer;
    struct smtp *smtp;
    struct curl_slist *header;
    struct curl_slist *recipients;
    curl_mime *mime;
    char to[MAIL_ADDRESS_SIZE];
    enum stage stage;
    char answer[ANSWER_SIZE]; /* the last line that the server said, before the parting */
    bool is_parting;          /* libcurl says QUIT before it tells of a failure */
};

/* --- listening ----------------------------------------------------------------------------------
 */

static bool begins(const char *data, size_t size, const char *with)
{
    size_t length = strlen(with);

    return size >= length && memcmp(data, with, length) == 0;
}

static int listen_in(CURL *easy, curl_infotype type, char *data, size_t size, void *context)
{
    struct letter *letter = context;

    if (letter->is_parting)
        return 0;
    if (type == CURLINFO_HEADER_IN) {
        size_t kept = size < ANSWER_SIZE ? size : ANSWER_SIZE - 1;

        memcpy(letter->answer, data, kept);
        letter->answer[kept] = '\0';
        letter->answer[strcspn(letter->answer, "\r\n")] = '\0';
    } else if (type == CURLINFO_HEADER_OUT) {
        if (begins(data, size, "MAIL "))
            letter->stage = STAGE_SENDER;
        else if (begins(data, size, "RCPT "))
            letter->stage = STAGE_RECIPIENT;
        else if (begins(data, size, "DATA"))
            letter->stage = STAGE_DATA;
        letter->is_parting = begins(data, size, "QUIT");
        if (letter->is_parting)
            partings_leave(&letter->smtp->partings, easy);
    }
    return 0;
}

/* "5.1.1" is a bad address, "5.2.1" a mailbox that is switched off; "5.7.1" is a rule, "5.2.2" a
 * mailbox that is full. Servers without such codes say 550 and 551 of users they don't have, 553 of
 * addresses that are none. */
static bool is_no_address(const char *answer)
{
    const char *enhanced = answer + 4;

    if (strlen(answer) >= 9 && begins(enhanced, 2, "5."))
        return begins(enhanced, 4, "5.1.") || begins(enhanced, 5, "5.2.1");
    return begins(answer, 3, "550") || begins(answer, 3, "551") || begins(answer, 3, "553");
}

static void warn(struct smtp *smtp, const struct letter *letter, CURLcode code)
{
    int64_t now = letter->transfer.push->now.mono_ms;

    if (smtp->warned_ms && now - smtp->warned_ms < WARNING_MS)
        return;
    smtp->warned_ms = now;
    trace_write(&smtp->options.trace, CC_TRACE_WARNING, "smtp", "a mail was not taken: %s; %s",
                curl_easy_strerror(code), letter->answer);
}

static enum cc_notifier_result judge(void *self, struct transfer *transfer, CURLcode code)
{
    const struct letter *letter = (struct letter *)transfer;
    bool is_for_good = letter->answer[0] == '5';

    if (!code)
        return CC_NOTIFIER_SENT;
    if (is_for_good && letter->stage == STAGE_RECIPIENT && is_no_address(letter->answer))
        return CC_NOTIFIER_GONE;
    warn(self, letter, code);
    if (is_for_good && letter->stage == STAGE_DATA)
        return CC_NOTIFIER_REFUSED;
    return CC_NOTIFIER_LATER;
}

/* --- a letter -----------------------------------------------------------------------------------
 */

static bool put_link(const struct smtp *smtp, const struct cc_notification *notification,
                     struct buffer *out)
{
    if (!smtp->options.unsubscribe_key || !smtp->options.public_url)
        return true;
    buffer_append_slice(out, slice_str(smtp->options.public_url));
    buffer_append_slice(out, slice_str(CC_UNSUBSCRIBE_PATH "?token="));
    unsubscribe_sign(smtp->key, notification->user, notification->device, out);
    return !out->failed;
}

/* The link by which the owner says that the address is his. */
static bool put_verify_link(const struct smtp *smtp, const struct cc_notification *notification,
                            int64_t wall_ms, struct buffer *out)
{
    const struct verification verification = {.user = notification->user,
                                              .device = notification->device,
                                              .address = notification->token,
                                              .until = wall_ms + VERIFY_MS};

    buffer_append_slice(out, slice_str(smtp->options.public_url));
    buffer_append_slice(out, slice_str(CC_VERIFY_PATH "?token="));
    verification_sign(smtp->key, &verification, out);
    return !out->failed;
}

static bool take_header(struct letter *letter, const struct buffer *header)
{
    if (header->failed)
        return false; /* the last field may have no end */
    for (size_t at = 0; at < header->size; at += strlen(header->data + at) + 1) {
        struct curl_slist *longer = curl_slist_append(letter->header, header->data + at);

        if (!longer)
            return false;
        letter->header = longer;
    }
    return true;
}

static bool add_part(struct letter *letter, const struct buffer *text, const char *type)
{
    curl_mimepart *part = text->failed ? NULL : curl_mime_addpart(letter->mime);

    return part && !curl_mime_data(part, text->data, text->size) && !curl_mime_type(part, type) &&
           !curl_mime_encoder(part, "quoted-printable");
}

/* Each is copied by libcurl. */
static bool add_all(struct letter *letter, const struct mail *mail)
{
    struct buffer text;
    bool is_good;

    buffer_init(&text, &letter->smtp->allocator);
    buffer_append_slice(&text, slice_str("Content-Type: multipart/alternative"));
    buffer_append_byte(&text, '\0');
    mail_put_header(&text, mail);
    is_good = take_header(letter, &text);
    buffer_clear(&text);
    mail_put_text(&text, mail);
    is_good = is_good && add_part(letter, &text, "text/plain; charset=utf-8");
    buffer_clear(&text);
    mail_put_html(&text, mail);
    is_good = is_good && add_part(letter, &text, "text/html; charset=utf-8");
    buffer_deinit(&text);
    return is_good;
}

static bool compose(struct letter *letter)
{
    const struct cc_notifier_push *push = letter->transfer.push;
    const struct smtp *smtp = letter->smtp;
    struct mail mail = {.from = &smtp->from,
                        .first = &push->notification,
                        .others = push->others,
                        .other_count = push->other_count,
                        .wall_ms = push->now.wall_ms,
                        .link = smtp->options.link};
    struct buffer link;
    bool is_good;

    letter->mime = curl_mime_init(letter->transfer.easy);
    letter->recipients = curl_slist_append(NULL, letter->to);
    if (!letter->mime || !letter->recipients)
        return false;
    buffer_init(&link, &smtp->allocator);
    if (mail.first->action == CC_NOTIFICATION_VERIFY) {
        is_good = put_verify_link(smtp, mail.first, mail.wall_ms, &link);
        mail.verify = buffer_slice(&link);
    } else {
        is_good = put_link(smtp, mail.first, &link);
        mail.unsubscribe = buffer_slice(&link);
    }
    is_good = is_good && add_all(letter, &mail);
    buffer_deinit(&link);
    return is_good;
}

/* --- its transfer -------------------------------------------------------------------------------
 */

static bool set_server(CURL *easy, const struct cc_smtp_options *options)
{
    bool is_good = !curl_easy_setopt(easy, CURLOPT_URL, options->url) &&
                   !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") &&
                   !curl_easy_setopt(easy, CURLOPT_PROXY, "") &&
                   !curl_easy_setopt(easy, CURLOPT_USE_SSL,
                                     (long)(options->tls_off ? CURLUSESSL_NONE : CURLUSESSL_ALL));

    if (options->ca_file)
        is_good = is_good && !curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (options->user)
        is_good =
            is_good && !curl_easy_setopt(easy, CURLOPT_USERNAME, options->user) &&
            !curl_easy_setopt(easy, CURLOPT_PASSWORD, options->password ? options->password : "");
    return is_good;
}

static bool set_options(struct letter *letter)
{
    CURL *easy = letter->transfer.easy;
    struct smtp *smtp = letter->smtp;

    return set_server(easy, &smtp->options) && partings_watch(&smtp->partings, easy) &&
           !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)smtp->options.timeout_ms) &&
           !curl_easy_setopt(easy, CURLOPT_MAIL_FROM, smtp->from.address) &&
           !curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, letter->recipients) &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, letter->header) &&
           !curl_easy_setopt(easy, CURLOPT_MIMEPOST, letter->mime) &&
           !curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, listen_in) &&
           !curl_easy_setopt(easy, CURLOPT_DEBUGDATA, letter);
}

static enum cc_notifier_result prepare(void *self, struct transfer *transfer)
{
    struct letter *letter = (struct letter *)transfer;
    struct cc_slice address = transfer->push->notification.token;

    letter->smtp = self;
    if (!mail_address_is_valid(address))
        return CC_NOTIFIER_GONE;
    memcpy(letter->to, address.data, address.size);
    return compose(letter) && set_options(letter) ? 0 : CC_NOTIFIER_LATER;
}

static void release(void *self, struct transfer *transfer)
{
    struct letter *letter = (struct letter *)transfer;

    (void)self;
    curl_mime_free(letter->mime);
    curl_slist_free_all(letter->header);
    curl_slist_free_all(letter->recipients);
}

static void abandon(void *self, struct transfer *transfer)
{
    partings_cut(&((struct smtp *)self)->partings, transfer->easy);
}

static void ending(void *self)
{
    partings_leave_all(&((struct smtp *)self)->partings);
}

/* --- the port -----------------------------------------------------------------------------------
 */

static void smtp_push(void *self, struct cc_notifier_push *op)
{
    sender_push(((struct smtp *)self)->sender, op);
}

/* The engine cancels when it stops, and then all. */
static void smtp_cancel(void *self, struct cc_op *op)
{
    (void)op;
    sender_stop(((struct smtp *)self)->sender);
}

static const char **text_at(struct cc_smtp_options *options, size_t i)
{
    const char **texts[] = {&options->url,       &options->from,    &options->user,
                            &options->password,  &options->ca_file, &options->link,
                            &options->public_url};

    return i < sizeof texts / sizeof texts[0] ? texts[i] : NULL;
}

static void smtp_close(struct smtp *smtp)
{
    struct cc_allocator allocator = smtp->allocator;
    const char **text;

    if (smtp->sender)
        sender_free(smtp->sender);
    for (size_t i = 0; (text = text_at(&smtp->options, i)) != NULL; i++)
        mem_free(&allocator, (char *)*text);
    mem_free(&allocator, smtp);
}

static void smtp_free(void *self)
{
    smtp_close(self);
}

/* The other members stay as given. Without memory, those not yet copied are NULL. */
static int copy_texts(struct smtp *smtp, const struct cc_smtp_options *given)
{
    struct cc_smtp_options from = *given;
    const char **text;
    int r = 0;

    smtp->options = from;
    for (size_t i = 0; (text = text_at(&smtp->options, i)) != NULL; i++)
        *text = NULL;
    for (size_t i = 0; !r && (text = text_at(&from, i)) != NULL; i++) {
        size_t size = *text ? strlen(*text) + 1 : 0;
        char *copy = size ? mem_alloc(&smtp->allocator, size) : NULL;

        if (copy)
            *text_at(&smtp->options, i) = memcpy(copy, *text, size);
        else if (size)
            r = CC_ENOMEM;
    }
    return r;
}

/* A server's URL, and nothing in it that has a setting of its own. */
static bool is_url(const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *user = NULL;
    bool is_good = url && !curl_url_set(url, CURLUPART_URL, text, 0) &&
                   !curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) &&
                   curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
                   (!strcmp(scheme, "smtp") || !strcmp(scheme, "smtps"));

    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(url);
    return is_good;
}

static int smtp_open(struct smtp *smtp, const struct cc_smtp_options *given)
{
    static const struct sender_backend backend = {.transfer_size = sizeof(struct letter),
                                                  .active_max = ACTIVE_MAX,
                                                  .prepare = prepare,
                                                  .judge = judge,
                                                  .release = release,
                                                  .abandon = abandon,
                                                  .ending = ending};
    int r = copy_texts(smtp, given);

    if (r)
        return r;
    if (!smtp->options.url || !is_url(smtp->options.url))
        return CC_ENOTSUP;
    if (!smtp->options.from || !mail_from_read(slice_str(smtp->options.from), &smtp->from))
        return CC_EINVAL;
    if (given->unsubscribe_key)
        memcpy(smtp->key, given->unsubscribe_key, sizeof smtp->key);
    if (!smtp->options.timeout_ms)
        smtp->options.timeout_ms = TIMEOUT_MS;
    return sender_new(&smtp->allocator, &backend, smtp, &smtp->sender);
}

int cc_notifier_smtp_new(const struct cc_allocator *allocator,
                         const struct cc_smtp_options *options, struct cc_notifier *ret_notifier)
{
    static const struct cc_notifier_vtable vtable = {sizeof vtable, smtp_push, smtp_cancel,
                                                     smtp_free};
    struct cc_smtp_options given;
    struct smtp *smtp;
    int r;

    if (options_read(&given, sizeof given, options))
        return CC_EINVAL;
    smtp = mem_zalloc(allocator, 1, sizeof *smtp);
    if (!smtp)
        return CC_ENOMEM;
    smtp->allocator = *allocator;
    r = smtp_open(smtp, &given);
    if (r) {
        smtp_close(smtp);
        return r;
    }
    *ret_notifier =
        (struct cc_notifier){.vtable = &vtable,
                             .self = smtp,
                             .provider = slice_str("email"),
                             .verifies = given.verify && given.public_url && given.unsubscribe_key,
                             .trusts_servers = given.trust_servers,
                             .gather_ms = given.digest_ms ? given.digest_ms : DIGEST_MS};
    return 0;
}
