/*
 * Counting what is unread.
 */
#include "engine/unread.h"

#include "chatcore/error.h"
#include "wire/record.h"

static void raise(uint64_t *number, uint64_t to)
{
    if (*number < to)
        *number = to;
}

void unread_add_loaded(struct unread *unread, struct conversation *loaded, struct cc_slice user)
{
    const struct member_entry *member = loaded ? conversation_member(loaded, user) : NULL;

    if (loaded)
        raise(&unread->said, loaded->said);
    if (member)
        raise(&unread->seen, member->seen);
}

void unread_add_head(struct unread *unread, const struct cc_store_head *head)
{
    raise(&unread->said, head->said);
}

void unread_add_mark(struct unread *unread, const struct cc_store_cursor *mark)
{
    raise(&unread->seen, mark->read);
}

uint64_t unread_count(const struct unread *unread)
{
    return unread->said > unread->seen ? unread->said - unread->seen : 0;
}

struct unread_place unread_place_near(const struct conversation *loaded, uint64_t seq)
{
    uint64_t first = conversation_recent_first(loaded);
    const struct message *message = conversation_recent(loaded, seq < first ? first : seq);
    struct unread_place place = {loaded->seq, loaded->said};

    if (!message)
        return place;
    place.seq = message->view.seq;
    place.said = message->said;
    if (seq < first) { /* what is before the oldest one is in the store */
        place.seq--;
        place.said -= unread_counts(&message->view);
    }
    return place;
}

/* A record that can't be read was no message to anybody. */
static int count_row(struct arena *arena, const struct cc_store_row *row, uint64_t *count)
{
    struct record record;
    int r = record_decode(row->body, arena, &record);

    if (!r && unread_counts(&record.message))
        ++*count;
    return r == CC_ENOMEM ? r : 0;
}

int unread_count_back(const struct cc_allocator *allocator, const struct unread_place *known,
                      const struct cc_store_read_rows *rows, uint64_t *ret_said)
{
    struct arena arena;
    uint64_t behind = 0;
    int r = 0;

    arena_init(&arena, allocator);
    for (size_t i = 0; !r && i < rows->ret_count; i++)
        r = count_row(&arena, &rows->ret_rows[i], &behind);
    arena_deinit(&arena);
    if (rows->ret_count == rows->limit)
        behind += known->seq - rows->ret_rows[rows->ret_count - 1].seq;
    if (!r)
        *ret_said = behind < known->said ? known->said - behind : 0;
    return r;
}
