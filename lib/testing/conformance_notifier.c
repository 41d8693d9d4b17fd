/*
 * The conformance suite of the notifier port.
 */
#include "chatcore/error.h"
#include "testing/suite.h"

#include <stdio.h>
#include <stdlib.h>

/* How long something must not happen that should not. */
#define QUIET_MS 200

#define PUSHES 20

struct notifiers {
    struct suite *suite;
    const struct cc_notifier_factory *factory;
    struct cc_notifier port;
};

/* --- steps --- */

static struct cc_slice token_of(const struct notifiers *notifiers, enum cc_notifier_token kind,
                                unsigned number)
{
    return notifiers->factory->token(notifiers->factory->context, kind, number);
}

static size_t received(const struct notifiers *notifiers, unsigned number, const char *text)
{
    return notifiers->factory->received(notifiers->factory->context,
                                        token_of(notifiers, CC_TOKEN_GOOD, number), text);
}

static struct cc_notification notification_of(struct cc_slice token, const char *body)
{
    struct cc_notification notification = {.action = CC_NOTIFICATION_SHOW,
                                           .priority = CC_NOTIFICATION_HIGH,
                                           .id = {{1, 2, 3, 4, 5, 6, 7, 8}},
                                           .user = slice_str("bob"),
                                           .device = slice_str("phone"),
                                           .token = token,
                                           .collapse_key =
                                               slice_str("0123456789abcdef0123456789abcdef"),
                                           .conversation = slice_str("club"),
                                           .kind = CC_KIND_GROUP,
                                           .conversation_name = slice_str("Club"),
                                           .from = slice_str("alice"),
                                           .from_name = slice_str("Alice"),
                                           .title = slice_str("Club"),
                                           .body = slice_str(body),
                                           .count = 1,
                                           .badge = 2,
                                           .seq = 3,
                                           .ts = 1700000000000};

    return notification;
}

static void submit(struct notifiers *notifiers, struct cc_notifier_push *push,
                   const struct cc_notification *notification)
{
    memset(push, 0, sizeof *push);
    push->notification = *notification;
    push->now = (struct cc_time){.wall_ms = 1700000000000, .mono_ms = 1000000};
    suite_submit(notifiers->suite, &push->op);
    notifiers->port.vtable->push(notifiers->port.self, push);
}

/* "sent", "later" …, or the name of a status. */
static const char *outcome(struct cc_notifier_push *push)
{
    static const char *const names[] = {"nothing", "sent", "later", "gone", "refused"};
    int status = push->op.status;

    cc_op_release(&push->op);
    if (status)
        return cc_error_name(status);
    return push->ret_result <= CC_NOTIFIER_REFUSED ? names[push->ret_result] : "beyond the table";
}

static const char *push_one(struct notifiers *notifiers, const struct cc_notification *notification)
{
    struct cc_notifier_push push;

    submit(notifiers, &push, notification);
    suite_wait(notifiers->suite, &push.op);
    return outcome(&push);
}

static const char *push_to(struct notifiers *notifiers, struct cc_slice token, const char *body)
{
    struct cc_notification notification = notification_of(token, body);

    return push_one(notifiers, &notification);
}

/* --- what comes --- */

static void the_port_is_whole(struct notifiers *notifiers)
{
    const struct cc_notifier *port = &notifiers->port;

    CHECK(notifiers->suite, port->vtable->size >= sizeof *port->vtable);
    CHECK(notifiers->suite, port->vtable->push && port->vtable->cancel && port->vtable->free);
    CHECK(notifiers->suite, port->provider.size > 0 && port->provider.size <= CC_PROVIDER_MAX);
    CHECK(notifiers->suite, token_of(notifiers, CC_TOKEN_GOOD, 0).size > 0);
}

static void what_is_sent_is_received(struct notifiers *notifiers)
{
    struct cc_slice token = token_of(notifiers, CC_TOKEN_GOOD, 0);

    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, ""), 0);
    CHECK_TEXT(notifiers->suite, push_to(notifiers, token, "hello bob"), "sent");
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, "hello bob"), 1);
    CHECK_TEXT(notifiers->suite, push_to(notifiers, token, "hello again"), "sent");
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, "hello"), 2);
    CHECK_NUMBER(notifiers->suite, received(notifiers, 1, ""), 0);
}

/* At a time, each to a device of its own: each gets its own, and its answer, once. */
static void many_at_once(struct notifiers *notifiers)
{
    struct cc_notifier_push pushes[PUSHES];
    struct cc_notification notification;
    char texts[PUSHES][16];

    for (unsigned i = 0; i < PUSHES; i++) {
        snprintf(texts[i], sizeof texts[i], "text-%u.", i);
        notification = notification_of(token_of(notifiers, CC_TOKEN_GOOD, i), texts[i]);
        submit(notifiers, &pushes[i], &notification);
    }
    for (unsigned i = 0; i < PUSHES; i++)
        suite_wait(notifiers->suite, &pushes[i].op);
    for (unsigned i = 0; i < PUSHES; i++) {
        CHECK_TEXT(notifiers->suite, outcome(&pushes[i]), "sent");
        CHECK_NUMBER(notifiers->suite, received(notifiers, i, texts[i]), 1);
        CHECK_NUMBER(notifiers->suite, received(notifiers, i, "text-"), 1);
    }
}

/* What could end a line, a header, a string, a tag; and what is long. */
static void hostile_texts_are_texts(struct notifiers *notifiers)
{
    static const char *const texts[] = {
        "a\r\n.\r\nQUIT\r\n",           "\r\n\r\nHTTP/1.1 200 OK",       "\"}],\"x\":{\"\\",
        "\xf0\x9f\x90\x88\xe2\x80\xae", "</p><script>alert(1)</script>", "=?UTF-8?B?QQ==?="};
    struct cc_slice token = token_of(notifiers, CC_TOKEN_GOOD, 0);
    char *longest = calloc(1, 4001);

    CHECK(notifiers->suite, longest != NULL);
    memset(longest, 'x', 4000);
    for (size_t i = 0; i <= sizeof texts / sizeof texts[0]; i++) {
        const char *text = i < sizeof texts / sizeof texts[0] ? texts[i] : longest;
        struct cc_notification notification = notification_of(token, text);

        notification.title = slice_str(text);
        notification.conversation_name = slice_str(text);
        notification.from_name = slice_str(text);
        if (suite_check_text(notifiers->suite, __func__, __LINE__,
                             push_one(notifiers, &notification), "sent"))
            suite_check_number(notifiers->suite, __func__, __LINE__, received(notifiers, 0, ""),
                               i + 1);
    }
    free(longest);
    CHECK_TEXT(notifiers->suite, push_to(notifiers, token, "and then"), "sent");
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, "and then"), 1);
}

static void empty_texts_are_sent(struct notifiers *notifiers)
{
    struct cc_notification notification =
        notification_of(token_of(notifiers, CC_TOKEN_GOOD, 0), "");

    notification.kind = CC_KIND_DIRECT;
    notification.conversation_name = slice_of(NULL, 0);
    CHECK_TEXT(notifiers->suite, push_one(notifiers, &notification), "sent");
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, ""), 1);
}

static void a_taking_back_is_sent(struct notifiers *notifiers)
{
    struct cc_notification notification =
        notification_of(token_of(notifiers, CC_TOKEN_GOOD, 0), "");

    if (!notifiers->port.cancels)
        return;
    notification = (struct cc_notification){.action = CC_NOTIFICATION_CANCEL,
                                            .priority = CC_NOTIFICATION_NORMAL,
                                            .user = notification.user,
                                            .device = notification.device,
                                            .token = notification.token,
                                            .collapse_key = notification.collapse_key,
                                            .conversation = notification.conversation};
    CHECK_TEXT(notifiers->suite, push_one(notifiers, &notification), "sent");
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, ""), 1);
}

/* One notification for all, for a notifier that gathers. */
static void what_was_gathered_goes_as_one(struct notifiers *notifiers)
{
    struct cc_slice token = token_of(notifiers, CC_TOKEN_GOOD, 0);
    const struct cc_notification first = notification_of(token, "the first");
    const struct cc_notification second = notification_of(token, "the second");
    const struct cc_notification third = notification_of(token, "the third");
    const struct cc_notification *const others[] = {&second, &third};
    struct cc_notifier_push push = {.notification = first, .others = others, .other_count = 2};

    if (!notifiers->port.gather_ms)
        return;
    suite_submit(notifiers->suite, &push.op);
    notifiers->port.vtable->push(notifiers->port.self, &push);
    suite_wait(notifiers->suite, &push.op);
    CHECK_TEXT(notifiers->suite, outcome(&push), "sent");
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, ""), 1);
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, "the first"), 1);
    CHECK_NUMBER(notifiers->suite, received(notifiers, 0, "the third"), 1);
}

/* --- what does not come --- */

static void check_outcome(struct notifiers *notifiers, enum cc_notifier_token kind,
                          const char *wanted)
{
    struct cc_slice token = token_of(notifiers, kind, 0);

    if (!token.size)
        return; /* the provider has none */
    for (int i = 0; i < 2; i++)
        CHECK_TEXT(notifiers->suite, push_to(notifiers, token, "hello"), wanted);
    CHECK_TEXT(notifiers->suite, push_to(notifiers, token_of(notifiers, CC_TOKEN_GOOD, 0), "hi"),
               "sent");
}

static void a_dead_token_is_gone(struct notifiers *notifiers)
{
    check_outcome(notifiers, CC_TOKEN_GONE, "gone");
}

static void what_is_not_taken_now_is_for_later(struct notifiers *notifiers)
{
    check_outcome(notifiers, CC_TOKEN_LATER, "later");
}

static void what_is_no_token_gets_nothing(struct notifiers *notifiers)
{
    struct cc_slice token = token_of(notifiers, CC_TOKEN_NONE, 0);
    struct cc_notification notification = notification_of(token, "hello");
    struct cc_notifier_push push;

    if (!token.size)
        return;
    submit(notifiers, &push, &notification);
    suite_wait(notifiers->suite, &push.op);
    CHECK_STATUS(notifiers->suite, push.op.status, 0);
    CHECK(notifiers->suite, push.ret_result != CC_NOTIFIER_SENT);
}

/* Others are served meanwhile; cancelled, it ends. */
static void one_that_hangs_holds_up_no_other(struct notifiers *notifiers)
{
    struct cc_slice token = token_of(notifiers, CC_TOKEN_HANGS, 0);
    struct cc_notification notification = notification_of(token, "hello");
    struct cc_notifier_push push;

    if (!token.size)
        return;
    submit(notifiers, &push, &notification);
    for (unsigned i = 0; i < 3; i++)
        CHECK_TEXT(notifiers->suite,
                   push_to(notifiers, token_of(notifiers, CC_TOKEN_GOOD, i), "hi"), "sent");
    CHECK(notifiers->suite, !suite_await(notifiers->suite, &push.op, QUIET_MS));
    notifiers->port.vtable->cancel(notifiers->port.self, &push.op);
    suite_wait(notifiers->suite, &push.op);
    CHECK_TEXT(notifiers->suite, outcome(&push), "CC_ECANCELED");
}

/* --- all of them --- */

struct notifier_case {
    const char *name;
    void (*run)(struct notifiers *notifiers);
};

static const struct notifier_case cases[] = {
    {"the port is whole", the_port_is_whole},
    {"what is sent is received", what_is_sent_is_received},
    {"many at once", many_at_once},
    {"hostile texts are texts", hostile_texts_are_texts},
    {"empty texts are sent", empty_texts_are_sent},
    {"a taking back is sent", a_taking_back_is_sent},
    {"what was gathered goes as one", what_was_gathered_goes_as_one},
    {"a dead token is gone", a_dead_token_is_gone},
    {"what is not taken now is for later", what_is_not_taken_now_is_for_later},
    {"what is no token gets nothing", what_is_no_token_gets_nothing},
    {"one that hangs holds up no other", one_that_hangs_holds_up_no_other},
};

static void run_case(struct suite *suite, const struct cc_notifier_factory *factory,
                     void (*run)(struct notifiers *notifiers))
{
    struct notifiers notifiers = {.suite = suite, .factory = factory};

    CHECK_STATUS(suite, factory->make(factory->context), 0);
    CHECK_STATUS(suite, factory->open(factory->context, &notifiers.port), 0);
    CHECK(suite, notifiers.port.vtable != NULL);
    run(&notifiers);
    notifiers.port.vtable->free(notifiers.port.self);
}

static void run_all(struct suite *suite, const void *context)
{
    const struct cc_notifier_factory *factory = context;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        SUITE_CASE(suite, cases[i].name, run_case(suite, factory, cases[i].run));
    if (factory->destroy)
        factory->destroy(factory->context);
}

int cc_conformance_notifier(const struct cc_notifier_factory *factory,
                            const struct cc_conformance_options *options)
{
    if (!factory || factory->size < sizeof *factory || !factory->make || !factory->open ||
        !factory->token || !factory->received)
        return CC_EINVAL;
    return suite_run("notifier", options, run_all, factory);
}
