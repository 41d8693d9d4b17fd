/*
 * Unread: how many messages others have said since a user was last there.
 *
 * A conversation counts what was said in it: texts and media, not edits, deletions, reactions and
 * system messages. The count (`said`) stands in the conversation, in its head in the store, and in
 * each recent message. For each member a mark (MARK_JOIN) keeps the `said` of the place that he has
 * behind him, and what is unread is the difference of two numbers, wherever it is asked for:
 *
 *   unread = said − seen,   seen = `said` where he has read to, joined, or last said something
 *
 * So who says something has read what stands before it, as in other chats: his own messages are
 * never unread. His read mark, which the others may see, does not move by it.
 *
 * Like all that is applied, `said` is a function of the log, and a mark only rises.
 */
#ifndef CC_ENGINE_UNREAD_H
#define CC_ENGINE_UNREAD_H

#include "engine/conversation.h"

/* True for what others count as unread. */
static inline bool unread_counts(const struct cc_message *message)
{
    return message->kind == CC_MESSAGE_TEXT || message->kind == CC_MESSAGE_MEDIA;
}

/* Of one conversation and one user; zero at first. */
struct unread {
    uint64_t said;
    uint64_t seen;
};

/* What memory knows (`loaded` may be NULL). To be asked before the store is, or a flush in between
 * hides it from both. */
void unread_add_loaded(struct unread *unread, struct conversation *loaded, struct cc_slice user);

/* What the store knows: of the conversation, and of the user (a cursor of MARK_JOIN). */
void unread_add_head(struct unread *unread, const struct cc_store_head *head);
void unread_add_mark(struct unread *unread, const struct cc_store_cursor *mark);

uint64_t unread_count(const struct unread *unread);

/*
 * Counting up to a seq, for a read mark: `said` at `known` is known, and what lies between is
 * counted back, row by row.
 */
struct unread_place {
    uint64_t seq;
    uint64_t said;
};

/* Rows counted back at most; those beyond count as one each, until the next read mark. */
#define UNREAD_ROWS_MAX 200

/* The place nearest to `seq`, not below it, that memory knows. */
struct unread_place unread_place_near(const struct conversation *loaded, uint64_t seq);

/* `said` at the seq below the rows: from those up to `known`, ascending, at most UNREAD_ROWS_MAX. 0
 * or CC_ENOMEM. */
int unread_count_back(const struct cc_allocator *allocator, const struct unread_place *known,
                      const struct cc_store_read_rows *rows, uint64_t *ret_said);

#endif
