/*
 * The fake notifier.
 */
#include "fake_notifier.h"

#include "chatcore/error.h"
#include "support/test.h"

#include <stdio.h>

void fake_notifier_init(struct fake_notifier *fake)
{
    memset(fake, 0, sizeof *fake);
    fake->answer = CC_NOTIFIER_SENT;
    buffer_init(&fake->text, cc_allocator_default());
}

void fake_notifier_deinit(struct fake_notifier *fake)
{
    buffer_deinit(&fake->text);
}

static void put(struct fake_notifier *fake, const char *before, struct cc_slice text)
{
    buffer_append(&fake->text, before, strlen(before));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n')
            buffer_append(&fake->text, " / ", 3);
        else
            buffer_append_byte(&fake->text, text.data[i]);
    }
}

static void note(struct fake_notifier *fake, const struct cc_notification *notification)
{
    static const char *const actions[] = {[CC_NOTIFICATION_SHOW] = "show ",
                                          [CC_NOTIFICATION_CANCEL] = "cancel ",
                                          [CC_NOTIFICATION_VERIFY] = "verify "};
    bool shows = notification->action == CC_NOTIFICATION_SHOW;
    char numbers[64];

    put(fake, actions[notification->action], notification->user);
    put(fake, "/", notification->token);
    if (shows) {
        put(fake, " [", notification->title);
        put(fake, "] ", notification->body);
        snprintf(numbers, sizeof numbers, " (%u, badge %u%s)\n", notification->count,
                 notification->badge,
                 notification->priority == CC_NOTIFICATION_HIGH ? ", high" : "");
    } else if (notification->action == CC_NOTIFICATION_VERIFY) {
        snprintf(numbers, sizeof numbers, "\n");
    } else {
        snprintf(numbers, sizeof numbers, " (badge %u)\n", notification->badge);
    }
    put(fake, "", slice_of(NULL, 0));
    buffer_append(&fake->text, numbers, strlen(numbers));
    fake->last_id = notification->id;
    if (notification->collapse_key.size)
        memcpy(fake->last_key, notification->collapse_key.data, notification->collapse_key.size);
    memset(fake->last_trace, 0, sizeof fake->last_trace);
    if (notification->trace_parent.size)
        memcpy(fake->last_trace, notification->trace_parent.data, notification->trace_parent.size);
    fake->pushes++;
}

static void fake_push(void *self, struct cc_notifier_push *op)
{
    struct fake_notifier *fake = self;
    bool is_odd =
        fake->odd_token && slice_equal(op->notification.token, slice_str(fake->odd_token));

    note(fake, &op->notification);
    for (size_t i = 0; i < op->other_count; i++) {
        put(fake, "+ ", slice_of(NULL, 0));
        note(fake, op->others[i]);
    }
    op->ret_result = is_odd ? fake->odd_answer : fake->answer;
    op->ret_retry_after_ms = fake->retry_after_ms;
    if (op->ret_result) {
        cc_op_done(&op->op, 0);
        return;
    }
    assert_true(fake->held_count < FAKE_HELD_MAX);
    fake->held[fake->held_count++] = &op->op;
}

static void fake_cancel(void *self, struct cc_op *op)
{
    struct fake_notifier *fake = self;

    for (size_t i = 0; i < fake->held_count; i++) {
        if (fake->held[i] != op)
            continue;
        fake->held[i] = fake->held[--fake->held_count];
        cc_op_done(op, CC_ECANCELED);
        return;
    }
}

void fake_let_go(struct fake_notifier *fake)
{
    for (size_t i = 0; i < fake->held_count; i++) {
        struct cc_notifier_push *push = (struct cc_notifier_push *)fake->held[i];

        push->ret_result = CC_NOTIFIER_SENT;
        cc_op_done(&push->op, 0);
    }
    fake->held_count = 0;
}

static void fake_free(void *self)
{
    (void)self;
}

struct cc_notifier fake_notifier_port(struct fake_notifier *fake)
{
    static const struct cc_notifier_vtable vtable = {sizeof vtable, fake_push, fake_cancel,
                                                     fake_free};
    struct cc_notifier notifier = {.vtable = &vtable,
                                   .self = fake,
                                   .provider = slice_str("fcm"),
                                   .cancels = true,
                                   .verifies = fake->verifies,
                                   .trusts_servers = fake->trusts_servers,
                                   .gather_ms = fake->gather_ms};

    return notifier;
}

void fake_expect_at(struct fake_notifier *fake, const char *expected, const char *file, int line)
{
    buffer_append_byte(&fake->text, '\0');
    assert_false(fake->text.failed);
    if (strcmp(fake->text.data, expected) != 0) {
        fprintf(stderr, "--- expected\n%s--- and got\n%s---\n", expected, fake->text.data);
        _fail(file, line);
    }
    buffer_clear(&fake->text);
}
