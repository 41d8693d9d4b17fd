/*
 * Asking the owner of an address: a push like the others, tried again like them, in a queue of its
 * own, since nothing is gathered for it.
 */
#include "chatcore/error.h"
#include "engine/id.h"
#include "engine/notify.h"
#include "engine/notify_state.h"

static const struct cc_notifier *port_of(const struct cc_engine *engine, struct cc_slice provider)
{
    const struct notifier *notifier =
        engine->notify ? notifier_find(engine->notify, provider) : NULL;

    return notifier ? &notifier->port : NULL;
}

bool notify_verifies(const struct cc_engine *engine, struct cc_slice provider)
{
    const struct cc_notifier *port = port_of(engine, provider);

    return port && port->verifies;
}

bool notify_trusts_servers(const struct cc_engine *engine, struct cc_slice provider)
{
    const struct cc_notifier *port = port_of(engine, provider);

    return port && port->trusts_servers;
}

int notify_verify(struct cc_engine *engine, struct cc_slice user, const struct cc_device *device)
{
    struct notify *notify = engine->notify;
    struct cc_notification notification = {.action = CC_NOTIFICATION_VERIFY,
                                           .priority = CC_NOTIFICATION_HIGH,
                                           .user = user,
                                           .device = device->device,
                                           .token = device->token,
                                           .ts = engine->now.wall_ms};
    struct push *push;

    if (notify->is_stopping || !devices_have_room(notify))
        return CC_EUNAVAILABLE;
    id_new(&engine->ids, engine->now.wall_ms, &notification.id);
    push = push_new(notify, notifier_find(notify, device->provider), &notification);
    if (!push)
        return CC_ENOMEM;
    device_add(push);
    return 0;
}
