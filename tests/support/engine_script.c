/*
 * The script.
 */
#include "support/engine_script.h"

#include "support/media_fake.h"

/* Submits unless there is no memory even for that; answers how many were taken. */
static unsigned attempt(struct client *client, struct cc_command command)
{
    int r;

    if (client->is_closed)
        return 0;
    command.id = ++client->next_id;
    r = cc_session_submit(client->session, &command);
    fixture_settle(client->fixture);
    return r == 0;
}

static const struct cc_slice bob = {"bob", 3};
static const struct cc_slice carol = {"carol", 5};
static const struct cc_slice group = {"g", 1};

#define COMMAND(...)                                                                               \
    (struct cc_command)                                                                            \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static unsigned run_groups(struct client *alice)
{
    unsigned taken = 0;

    taken +=
        attempt(alice, COMMAND(.type = CC_COMMAND_CREATE, .kind = CC_KIND_GROUP,
                               .conversation = group, .name = bob, .users = &bob, .user_count = 1));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_ADD, .conversation = group, .users = &carol,
                                    .user_count = 1));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_ROLE, .conversation = group, .user = bob,
                                    .role = CC_ROLE_OWNER));
    taken +=
        attempt(alice, COMMAND(.type = CC_COMMAND_UPDATE, .conversation = group, .name = carol));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_REMOVE, .conversation = group,
                                    .users = &carol, .user_count = 1));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_MEMBERS, .conversation = group));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_INVITE, .conversation = group));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_REVOKE_INVITATION, .conversation = group,
                                    .token = slice_of(alice->token, alice->token_size)));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_INVITE, .conversation = group));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_INVITATIONS, .conversation = group));
    return taken;
}

static unsigned run_chat(struct client *alice)
{
    unsigned taken = 0;

    taken += attempt(alice, COMMAND(.type = CC_COMMAND_SEND, .user = bob,
                                    .client_id = text_slice("1"), .text = text_slice("hi")));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_SEND, .conversation = group,
                                    .client_id = text_slice("2"), .text = text_slice("hi")));
    taken += attempt(alice,
                     COMMAND(.type = CC_COMMAND_REACT, .conversation = group,
                             .message = alice->last_message, .emoji = text_slice("x"), .on = true));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_READ, .conversation = group, .seq = 4));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_TYPING, .conversation = group, .on = true));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_HISTORY, .conversation = group));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_CONVERSATIONS));
    return taken;
}

static unsigned run_media(struct client *alice)
{
    struct cc_slice media;
    unsigned taken = 0;

    taken += attempt(alice, COMMAND(.type = CC_COMMAND_UPLOAD, .name = bob,
                                    .media_type = text_slice("a/b"), .bytes = 7));
    media_fake_arrive();
    media.data = alice->media;
    media.size = alice->media_size;
    taken +=
        attempt(alice, COMMAND(.type = CC_COMMAND_SEND, .conversation = group,
                               .client_id = text_slice("3"), .media = &media, .media_count = 1));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_MEDIA, .media_id = media));
    taken +=
        attempt(alice, COMMAND(.type = CC_COMMAND_SEND, .user = bob, .client_id = text_slice("4"),
                               .media = &media, .media_count = 1));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_DELETE, .conversation = group,
                                    .message = alice->last_message));
    return taken;
}

static unsigned run_contacts(struct client *alice)
{
    unsigned taken = 0;

    taken += attempt(alice, COMMAND(.type = CC_COMMAND_PROFILE, .name = bob, .has_name = true));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_PROFILE, .user = bob));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_ADD_CONTACT, .user = bob));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_BLOCK, .user = carol));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_CONTACTS));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_MUTE, .conversation = group, .until = 1));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_PRESENCE, .users = &bob, .user_count = 1));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_LEAVE, .conversation = group));
    return taken;
}

/* She has left, and comes back by the invitation that she has made before. */
static unsigned run_invitations(struct client *alice)
{
    struct cc_slice token = slice_of(alice->token, alice->token_size);
    unsigned taken = 0;

    taken += attempt(alice, COMMAND(.type = CC_COMMAND_INVITATION, .token = token));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_JOIN, .token = token));
    taken += attempt(alice, COMMAND(.type = CC_COMMAND_JOIN, .token = token));
    return taken;
}

unsigned script_run(struct client *alice)
{
    unsigned taken = run_groups(alice);

    taken += run_chat(alice);
    taken += run_media(alice);
    taken += run_contacts(alice);
    return taken + run_invitations(alice);
}
