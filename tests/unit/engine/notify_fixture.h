/*
 * An engine with a fake notifier on virtual time, and users who are away.
 */
#ifndef CC_TESTS_NOTIFY_FIXTURE_H
#define CC_TESTS_NOTIFY_FIXTURE_H

#include "fake_notifier.h"
#include "support/engine_fixture.h"

extern struct fake_notifier notify_fake;
extern struct cc_notify_options notify_options; /* to be changed before a restart */

/* For cmocka; the state is a struct fixture. The notifier gathers for so long, or not at all. */
int notify_setup(void **state);
int notify_setup_gathering(void **state, uint32_t gather_ms);
int notify_teardown(void **state);

/* For fixture_restart(). */
void notify_configure(struct cc_engine_options *engine);

/* Registers a device and goes offline. */
void register_device(struct fixture *fixture, const char *user, const char *device,
                     const char *token);

/* Sessions linger for presence. */
void settle_offline(struct fixture *fixture);

/* Alice, connected; bob has a device with the token "tok", and is away. */
struct client *alice_and_bob(struct fixture *fixture);

void read_up_to(struct client *client, const char *conversation, uint64_t seq);

#endif
