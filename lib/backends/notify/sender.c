/*
 * Transfers on a thread of their own.
 */
#include "backends/notify/sender.h"

#include "base/thread.h"
#include "chatcore/error.h"

#define POLL_MS 1000

/* No provider's wish to be left alone counts for longer. */
#define RETRY_AFTER_MAX_S 86400

struct sender {
    struct cc_allocator allocator;
    const struct sender_backend *backend;
    void *self;
    CURLM *multi;
    pthread_t thread;

    pthread_mutex_t lock;  /* what follows */
    struct cc_op *waiting; /* oldest first */
    struct cc_op **last;
    bool is_stopping; /* nothing is begun any more, what is under way ends */
    bool is_ending;   /* the thread goes */

    struct transfer *transfers; /* the thread's own */
    size_t active;
};

/* --- transfers ----------------------------------------------------------------------------------
 */

static void complete(struct cc_notifier_push *push, enum cc_notifier_result result,
                     uint32_t retry_after_ms)
{
    push->ret_result = result;
    push->ret_retry_after_ms = retry_after_ms;
    cc_op_done(&push->op, 0);
}

static void transfer_free(struct transfer *transfer)
{
    struct sender *sender = transfer->sender;

    if (transfer->easy) { /* else it was not prepared either */
        curl_easy_cleanup(transfer->easy);
        sender->backend->release(sender->self, transfer);
    }
    mem_free(&sender->allocator, transfer);
}

static enum cc_notifier_result transfer_prepare(struct transfer *transfer)
{
    struct sender *sender = transfer->sender;
    enum cc_notifier_result result;

    transfer->easy = curl_easy_init();
    if (!transfer->easy)
        return CC_NOTIFIER_LATER;
    result = sender->backend->prepare(sender->self, transfer);
    if (result)
        return result;
    if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) ||
        curl_multi_add_handle(sender->multi, transfer->easy))
        return CC_NOTIFIER_LATER;
    return 0;
}

static void transfer_begin(struct sender *sender, struct cc_notifier_push *push)
{
    struct transfer *transfer = mem_zalloc(&sender->allocator, 1, sender->backend->transfer_size);
    enum cc_notifier_result result;

    if (!transfer) {
        complete(push, CC_NOTIFIER_LATER, 0);
        return;
    }
    transfer->sender = sender;
    transfer->push = push;
    result = transfer_prepare(transfer);
    if (result) {
        transfer_free(transfer);
        complete(push, result, 0);
        return;
    }
    transfer->next = sender->transfers;
    sender->transfers = transfer;
    sender->active++;
}

static void transfer_unlink(struct transfer *transfer)
{
    struct sender *sender = transfer->sender;
    struct transfer **at = &sender->transfers;

    while (*at != transfer)
        at = &(*at)->next;
    *at = transfer->next;
    sender->active--;
    curl_multi_remove_handle(sender->multi, transfer->easy);
}

static void transfer_done(struct transfer *transfer, CURLcode code)
{
    struct sender *sender = transfer->sender;
    enum cc_notifier_result result = sender->backend->judge(sender->self, transfer, code);
    struct cc_notifier_push *push = transfer->push;
    curl_off_t seconds = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds < 0 || seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    transfer_unlink(transfer);
    transfer_free(transfer);
    complete(push, result, (uint32_t)seconds * 1000);
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static void cancel_all(struct sender *sender)
{
    while (sender->transfers) {
        struct transfer *transfer = sender->transfers;
        struct cc_notifier_push *push = transfer->push;

        if (sender->backend->abandon)
            sender->backend->abandon(sender->self, transfer);
        transfer_unlink(transfer);
        transfer_free(transfer);
        cc_op_done(&push->op, CC_ECANCELED);
    }
}

/* The next push that waits, or NULL. */
static struct cc_op *take_waiting(struct sender *sender)
{
    struct cc_op *op;

    pthread_mutex_lock(&sender->lock);
    op = sender->waiting;
    if (op)
        sender->waiting = op->next;
    if (!sender->waiting)
        sender->last = &sender->waiting;
    pthread_mutex_unlock(&sender->lock);
    return op;
}

static void read_flags(struct sender *sender, bool *ret_stopping, bool *ret_ending)
{
    pthread_mutex_lock(&sender->lock);
    *ret_stopping = sender->is_stopping;
    *ret_ending = sender->is_ending;
    pthread_mutex_unlock(&sender->lock);
}

static void begin_waiting(struct sender *sender, bool is_stopping)
{
    struct cc_op *op;

    while ((sender->active < sender->backend->active_max || is_stopping) &&
           (op = take_waiting(sender)) != NULL) {
        if (is_stopping)
            cc_op_done(op, CC_ECANCELED);
        else
            transfer_begin(sender, (struct cc_notifier_push *)op);
    }
}

static void end_transfers(struct sender *sender)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        transfer_done(transfer, message->data.result);
    }
}

static void *run(void *context)
{
    struct sender *sender = context;
    bool is_stopping, is_ending;
    int running;

    read_flags(sender, &is_stopping, &is_ending);
    while (!is_ending) {
        if (is_stopping)
            cancel_all(sender);
        begin_waiting(sender, is_stopping);
        curl_multi_perform(sender->multi, &running);
        end_transfers(sender);
        curl_multi_poll(sender->multi, NULL, 0, POLL_MS, NULL);
        read_flags(sender, &is_stopping, &is_ending);
    }
    if (sender->backend->ending)
        sender->backend->ending(sender->self);
    return NULL;
}

/* --- its life -----------------------------------------------------------------------------------
 */

void sender_push(struct sender *sender, struct cc_notifier_push *op)
{
    op->op.next = NULL;
    pthread_mutex_lock(&sender->lock);
    *sender->last = &op->op;
    sender->last = &op->op.next;
    pthread_mutex_unlock(&sender->lock);
    curl_multi_wakeup(sender->multi);
}

void sender_stop(struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    sender->is_stopping = true;
    pthread_mutex_unlock(&sender->lock);
    curl_multi_wakeup(sender->multi);
}

static void sender_close(struct sender *sender)
{
    struct cc_allocator allocator = sender->allocator;

    if (sender->multi)
        curl_multi_cleanup(sender->multi);
    pthread_mutex_destroy(&sender->lock);
    mem_free(&allocator, sender);
}

void sender_free(struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    sender->is_ending = true;
    pthread_mutex_unlock(&sender->lock);
    curl_multi_wakeup(sender->multi);
    pthread_join(sender->thread, NULL);
    sender_close(sender);
}

int sender_new(const struct cc_allocator *allocator, const struct sender_backend *backend,
               void *self, struct sender **ret_sender)
{
    struct sender *sender = mem_zalloc(allocator, 1, sizeof *sender);

    if (!sender)
        return CC_ENOMEM;
    sender->allocator = *allocator;
    sender->backend = backend;
    sender->self = self;
    sender->last = &sender->waiting;
    pthread_mutex_init(&sender->lock, NULL);
    sender->multi = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_multi_init();
    if (!sender->multi || thread_start(&sender->thread, run, sender)) {
        sender_close(sender);
        return CC_ENOMEM;
    }
    *ret_sender = sender;
    return 0;
}
