/*
 * `device`: where a device is to be notified.
 *
 * A notifier may want a word of an address's owner first. Until then the address is stored under
 * another provider's name, "unverified:" and the notifier's, which no notifier has and no client
 * may give: so nothing can be pushed to it. The owner is sent a link; who follows it comes by a
 * trusted session with the command's `verified_until`, and finds whether the device still asks for
 * that very address.
 */
#include "base/verification.h"
#include "chatcore/error.h"
#include "engine/contacts.h"
#include "engine/limits.h"
#include "engine/notify.h"
#include "engine/user.h"

#define UNVERIFIED "unverified:"

/* Those of the protocol, whether or not this engine can push to them, and the host's own. */
static bool provider_is_known(const struct cc_engine *engine, struct cc_slice provider)
{
    static const char *const providers[] = {"apns", "fcm", "email", "webhook"};

    for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++)
        if (slice_equal(provider, slice_str(providers[i])))
            return true;
    return notify_has_provider(engine, provider);
}

/* The device meant: the session's own, unless the command names one. */
static struct cc_slice device_of(const struct request *request)
{
    struct cc_slice named = request->command->device;

    return named.size ? named : request->session->device;
}

static int check_device(const struct request *request)
{
    const struct cc_command *command = request->command;

    if (!name_is_valid(device_of(request)))
        return CC_EINVAL;
    if (command->token.size > DEVICE_TOKEN_MAX)
        return CC_ETOOLARGE;
    if (!utf8_is_valid(command->token))
        return CC_EINVAL;
    if (command->verified_until && (!request->session->is_trusted || !command->token.size))
        return CC_EFORBIDDEN;
    /* An empty token ends the notifying, whoever did it. */
    return !command->token.size || provider_is_known(request_engine(request), command->provider)
               ? 0
               : CC_EINVAL;
}

/* --- storing ------------------------------------------------------------------------------------
 */

static void put(struct request *request, struct cc_slice provider,
                void (*done)(struct request *request, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct cc_directory_device *op = &request->op.device;

    memset(&request->op, 0, sizeof request->op);
    op->user = request->user->name;
    op->device.device = device_of(request);
    op->device.provider = provider;
    op->device.token = request->command->token;
    request_op_begin(request, done);
    engine->directory.vtable->device_put(engine->directory.self, op);
}

static void reply_state(struct request *request, bool is_verified)
{
    struct cc_reply reply = {.has_verified = true, .verified = is_verified};

    request_reply(request, &reply);
}

static void stored(struct request *request, int status)
{
    const struct cc_command *command = request->command;

    if (status)
        request_fail(request, status);
    else if (command->token.size && notify_verifies(request_engine(request), command->provider))
        reply_state(request, true);
    else
        request_reply_empty(request);
}

/* --- the owner's word ---------------------------------------------------------------------------
 */

static int unverified_provider(struct request *request, struct cc_slice *ret_provider)
{
    struct cc_slice provider = request->command->provider;
    size_t prefix = sizeof UNVERIFIED - 1;
    char *name = arena_alloc(&request->arena, prefix + provider.size);

    if (!name)
        return CC_ENOMEM;
    memcpy(name, UNVERIFIED, prefix);
    memcpy(name + prefix, provider.data, provider.size);
    *ret_provider = slice_of(name, prefix + provider.size);
    return 0;
}

static void asked(struct request *request, int status)
{
    const struct cc_command *command = request->command;
    const struct cc_device device = {device_of(request), command->provider, command->token};

    if (!status)
        status = notify_verify(request_engine(request), request->user->name, &device);
    if (status)
        request_fail(request, status);
    else
        reply_state(request, false);
}

static void ask_owner(struct request *request, struct cc_slice unverified)
{
    uint32_t retry_ms = 0;

    if (!limits_admit_verification(request_engine(request), request->user->name,
                                   request->command->token, &retry_ms))
        request_fail_text(request, CC_ERATELIMITED,
                          slice_str("too many mails that ask for an address's owner"), retry_ms);
    else
        put(request, unverified, asked);
}

/* Whether the device has this address under that provider's name. */
static bool has_address(const struct request *request, struct cc_slice provider)
{
    const struct cc_directory_devices *op = &request->op.devices;

    for (size_t i = 0; i < op->ret_count; i++)
        if (slice_equal(op->ret_devices[i].device, device_of(request)))
            return slice_equal(op->ret_devices[i].provider, provider) &&
                   slice_equal(op->ret_devices[i].token, request->command->token);
    return false;
}

static void devices_read(struct request *request, int status)
{
    struct cc_slice provider = request->command->provider;
    struct cc_slice unverified = slice_of(NULL, 0);
    bool is_verified = !status && has_address(request, provider);
    bool is_asked = false;

    if (!status)
        status = unverified_provider(request, &unverified);
    if (!status)
        is_asked = has_address(request, unverified);
    cc_op_release(&request->op.op);
    if (status)
        request_fail(request, status);
    else if (is_verified)
        reply_state(request, true);
    else if (!request->command->verified_until)
        ask_owner(request, unverified);
    else if (is_asked)
        put(request, provider, stored);
    else
        request_fail_text(request, CC_ENOTFOUND, slice_str("the address is not asked for any more"),
                          0);
}

static void read_devices(struct request *request)
{
    struct cc_engine *engine = request_engine(request);

    memset(&request->op, 0, sizeof request->op);
    request->op.devices.user = request->user->name;
    request_op_begin(request, devices_read);
    engine->directory.vtable->devices(engine->directory.self, &request->op.devices);
}

/* A server may be trusted to have made sure of the address. */
static bool needs_owner(const struct request *request)
{
    const struct cc_engine *engine = request_engine(request);
    struct cc_slice provider = request->command->provider;

    return request->command->token.size && notify_verifies(engine, provider) &&
           !(request->session->is_trusted && notify_trusts_servers(engine, provider));
}

void contacts_device(struct request *request)
{
    const struct cc_command *command = request->command;
    bool is_followed = command->verified_until != 0;
    int r = check_device(request);

    if (!r && needs_owner(request) && command->token.size > VERIFICATION_ADDRESS_MAX)
        r = CC_ETOOLARGE;
    if (r)
        request_fail(request, r);
    else if (is_followed && command->verified_until <= request_engine(request)->now.wall_ms)
        request_fail_text(request, CC_EFORBIDDEN, slice_str("the link has expired"), 0);
    else if (is_followed || needs_owner(request))
        read_devices(request);
    else
        put(request, command->provider, stored);
}
