/*
 * A mail about notifications: its header fields, its text and its HTML, from texts that may be
 * hostile. Nothing that comes from a user ends a header line or opens a tag: header texts are ASCII
 * or encoded words, HTML is escaped, control characters become spaces. Pure.
 */
#ifndef CC_BACKENDS_NOTIFY_MAIL_H
#define CC_BACKENDS_NOTIFY_MAIL_H

#include "base/buffer.h"
#include "chatcore/backend/notifier.h"

/* Of an address with its terminator: RFC 5321 has 254 characters. */
#define MAIL_ADDRESS_SIZE 255

/* Who a mail is from. */
struct mail_from {
    char address[MAIL_ADDRESS_SIZE];
    const char *domain;   /* in `address` */
    struct cc_slice name; /* in what was read; may be empty */
};

/* True for an address as mail systems give them to people: ASCII, no quoting, no comments. */
bool mail_address_is_valid(struct cc_slice address);

/* Reads "chat@example.org" or "Chat <chat@example.org>"; false for anything else. */
bool mail_from_read(struct cc_slice text, struct mail_from *ret_from);

/* Appends a text to a header field as RFC 2047 has it: encoded words where it is not plain ASCII.
 */
void mail_put_words(struct buffer *out, struct cc_slice text);

/* What a mail says: of one user, the most important first. */
struct mail {
    const struct mail_from *from;
    const struct cc_notification *first;
    const struct cc_notification *const *others;
    size_t other_count;
    int64_t wall_ms;
    const char *link;            /* to the chat; NULL: none */
    struct cc_slice unsubscribe; /* a URL; empty: none */
    struct cc_slice verify;      /* a URL: the mail asks whether its address is the user's, and says
                                    nothing else; empty: it tells of messages */
};

/* Header fields, one after the other, each ended by a zero byte, for curl_slist. Out of memory: the
 * buffer has failed. So with the others. */
void mail_put_header(struct buffer *out, const struct mail *mail);

/* Lines end with CRLF. */
void mail_put_text(struct buffer *out, const struct mail *mail);
void mail_put_html(struct buffer *out, const struct mail *mail);

#endif
