/*
 * What the tests of notifications share.
 */
#include "notify_fixture.h"

#include "support/test.h"

struct fake_notifier notify_fake;
struct cc_notify_options notify_options;

static struct cc_notifier ports[1];

void notify_configure(struct cc_engine_options *engine)
{
    ports[0] = fake_notifier_port(&notify_fake);
    engine->notifiers = ports;
    engine->notifier_count = 1;
    engine->notify = notify_options;
}

/* Registers a device and goes offline. */
void register_device(struct fixture *fixture, const char *user, const char *device,
                     const char *token)
{
    struct client *client = client_connect(fixture, user, device);

    client_do(client, (struct cc_command){.type = CC_COMMAND_DEVICE,
                                          .provider = text_slice("fcm"),
                                          .token = text_slice(token)});
    client_expect(client, "device ok\n");
    client_close(client);
}

/* Sessions linger for presence. */
void settle_offline(struct fixture *fixture)
{
    fixture_advance(fixture, 5000);
}

struct client *alice_and_bob(struct fixture *fixture)
{
    struct client *alice = client_connect(fixture, "alice", "phone");

    register_device(fixture, "bob", "phone", "tok");
    settle_offline(fixture);
    return alice;
}

void read_up_to(struct client *client, const char *conversation, uint64_t seq)
{
    client_do(client, (struct cc_command){.type = CC_COMMAND_READ,
                                          .conversation = text_slice(conversation),
                                          .seq = seq});
}

int notify_setup_gathering(void **state, uint32_t gather_ms)
{
    static struct fixture fixture;

    memset(&notify_options, 0, sizeof notify_options);
    notify_options.size = sizeof notify_options;
    fake_notifier_init(&notify_fake);
    notify_fake.gather_ms = gather_ms;
    fixture_init(&fixture, notify_configure);
    *state = &fixture;
    return 0;
}

int notify_setup(void **state)
{
    return notify_setup_gathering(state, 0);
}

int notify_teardown(void **state)
{
    fixture_deinit(*state);
    fake_notifier_deinit(&notify_fake);
    return 0;
}
