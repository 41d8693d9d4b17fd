/*
 * Finding a message by its id: memory, then bisection by time, then a scan of the neighbours.
 */
#include "engine/message_read.h"

#include "chatcore/error.h"

/* Clocks of nodes may differ by so much: messages with times nearer than this may stand in any
 * order. */
#define SKEW_MS 5000

/* Rows looked at around the right time: more than this a person does not write within the skew. */
#define SCAN_PAGE 256
#define SCAN_MAX  4096

struct search {
    struct cc_id id;
    int64_t from_ts; /* bisection looks for the first row that is not older */
    uint64_t low;    /* every row below is older */
    uint64_t high;   /* no row from here on is older; seq + 1 at first */
    uint64_t head;
    size_t scanned;
};

static void bisect(struct request *request);
static void scan(struct request *request);

static bool id_equal(const struct cc_id *a, const struct cc_id *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void finish(struct request *request, const struct cc_message *message, int status)
{
    void (*found)(struct request *, const struct cc_message *, int) = request->found;

    found(request, message, status);
}

static const struct message *find_recent(const struct conversation *conversation,
                                         const struct cc_id *id)
{
    for (uint64_t seq = conversation->seq; seq; seq--) {
        const struct message *message = conversation_recent(conversation, seq);

        if (!message)
            return NULL;
        if (id_equal(&message->view.id, id))
            return message;
    }
    return NULL;
}

static void read_rows(struct request *request, uint64_t from, uint64_t to,
                      void (*resume)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_rows *rows = &request->op.rows;

    memset(rows, 0, sizeof *rows);
    rows->conversation = request->conversation;
    rows->from = from;
    rows->to = to;
    rows->limit = (size_t)(to - from + 1);
    request_op_begin(request, resume);
    engine->store.vtable->read_rows(engine->store.self, rows);
}

/* --- the scan -----------------------------------------------------------------------------------
 */

static bool matches(struct request *request, const struct cc_store_row *row,
                    struct record *ret_record)
{
    struct search *search = request->state;

    return record_decode(row->body, &request->arena, ret_record) == 0 &&
           id_equal(&ret_record->message.id, &search->id);
}

static void scanned(struct request *request, int status)
{
    struct search *search = request->state;
    struct cc_store_read_rows *rows = &request->op.rows;
    const struct cc_message *found = NULL;
    struct record record;
    struct cc_message copy;

    for (size_t i = 0; !status && !found && i < rows->ret_count; i++)
        if (matches(request, &rows->ret_rows[i], &record)) {
            record.message.seq = rows->ret_rows[i].seq;
            /* what `found` needs after the release: who wrote it, and what it is */
            copy = record.message;
            status = arena_copy(&request->arena, copy.from, &copy.from);
            found = &copy;
        }
    search->low += rows->ret_count;
    search->scanned += rows->ret_count;
    if (!status && !found && !rows->ret_count)
        status = CC_ENOTFOUND;
    cc_op_release(&rows->op);
    if (found || status)
        finish(request, status ? NULL : found, status);
    else
        scan(request);
}

static void scan(struct request *request)
{
    struct search *search = request->state;
    uint64_t to = search->low + SCAN_PAGE - 1;

    if (search->low > search->head || search->scanned >= SCAN_MAX) {
        finish(request, NULL, CC_ENOTFOUND);
        return;
    }
    read_rows(request, search->low, to < search->head ? to : search->head, scanned);
}

/* --- the bisection ------------------------------------------------------------------------------
 */

static void bisected(struct request *request, int status)
{
    struct search *search = request->state;
    struct cc_store_read_rows *rows = &request->op.rows;
    uint64_t middle = rows->from;
    struct record record;

    if (!status && rows->ret_count &&
        record_decode(rows->ret_rows[0].body, &request->arena, &record) != 0)
        status = CC_ENOTFOUND;
    if (!status && (!rows->ret_count || id_timestamp(&record.message.id) < search->from_ts))
        search->low = middle + 1; /* older, or so old that it was removed */
    else
        search->high = middle;
    cc_op_release(&rows->op);
    if (status)
        finish(request, NULL, status);
    else
        bisect(request);
}

static void bisect(struct request *request)
{
    struct search *search = request->state;
    uint64_t middle = search->low + (search->high - search->low) / 2;

    if (search->low >= search->high)
        scan(request);
    else
        read_rows(request, middle, middle, bisected);
}

static void search_to(struct request *request, uint64_t head)
{
    struct search *search = request->state;

    search->head = head;
    search->low = 1;
    search->high = head + 1;
    bisect(request);
}

static void head_read(struct request *request, int status)
{
    struct cc_store_read_heads *heads = &request->op.heads;
    uint64_t head = status ? 0 : heads->ret_heads[0].seq;

    cc_op_release(&heads->op);
    if (status)
        finish(request, NULL, status);
    else
        search_to(request, head);
}

void message_read_by_id(struct request *request, struct conversation *conversation,
                        const struct cc_id *id,
                        void (*found)(struct request *request, const struct cc_message *message,
                                      int status))
{
    const struct message *recent = conversation ? find_recent(conversation, id) : NULL;
    struct search *search;

    request->found = found;
    if (recent) {
        finish(request, &recent->view, 0);
        return;
    }
    search = arena_alloc(&request->arena, sizeof *search);
    if (!search) {
        finish(request, NULL, CC_ENOMEM);
        return;
    }
    memset(search, 0, sizeof *search);
    search->id = *id;
    search->from_ts = id_timestamp(id) - SKEW_MS;
    request->state = search;
    if (conversation)
        search_to(request, conversation_recent_first(conversation) - 1);
    else
        request_read_head(request, head_read);
}
