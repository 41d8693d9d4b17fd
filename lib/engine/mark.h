/*
 * Marks: what the engine keeps for itself among the store's cursors, under devices that no client
 * can have (a name has no control characters). Like all cursors a mark only rises, so a replay
 * changes nothing. They are all listed here: two kinds under one device would raise each other.
 */
#ifndef CC_ENGINE_MARK_H
#define CC_ENGINE_MARK_H

/* `delivered` is the seq at which the user joined the conversation, `read` how many of its messages
 * he has behind him: see unread.h. */
#define MARK_JOIN "\x01"

/* The user is a media id: `delivered` is the newest seq at which the object was sent to the
 * conversation, `read` the newest at which a message with it was deleted there. */
#define MARK_MEDIA "\x02"

/* `delivered` is how far the user was notified, `read` how far that was taken back. */
#define MARK_NOTIFIED "\x03"

/* The user is the id of a direct conversation: `delivered` is the log offset behind its making. */
#define MARK_BEGINNING "\x04"

#endif
