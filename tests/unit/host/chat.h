/*
 * What the tests of the drivers share: an engine in memory, trusted sessions, and one message.
 */
#ifndef CC_TESTS_HOST_CHAT_H
#define CC_TESTS_HOST_CHAT_H

#include "base/memory.h"
#include "chatcore/host.h"
#include "support/test.h"

static inline struct cc_session *chat_open(struct cc_queue *queue, const char *user)
{
    struct cc_session_options options = CC_SESSION_OPTIONS_INIT;
    struct cc_command connect = {.id = 1, .type = CC_COMMAND_CONNECT};
    struct cc_session *session;

    options.user = slice_str(user);
    options.data = (void *)(uintptr_t)user;
    connect.device = slice_str("test");
    assert_int_equal(cc_session_open(queue, &options, &session), 0);
    assert_int_equal(cc_session_submit(session, &connect), 0);
    return session;
}

static inline void chat_send(struct cc_session *session, const char *user, const char *text)
{
    struct cc_command send = {.id = 2, .type = CC_COMMAND_SEND};

    send.user = slice_str(user);
    send.client_id = slice_str(text);
    send.text = slice_str(text);
    assert_int_equal(cc_session_submit(session, &send), 0);
}

/* True when the event brings this text to a user's session. */
static inline bool chat_brings(const struct cc_event *event, const char *user, const char *text)
{
    return event && event->type == CC_EVENT_MESSAGE && event->sessions[0] == user &&
           slice_equal(event->u.message->text, slice_str(text));
}

#endif
