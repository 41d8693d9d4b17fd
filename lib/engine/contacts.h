/*
 * A user's own affairs: the profile, contacts, blocks, mutes, the device that is notified.
 */
#ifndef CC_ENGINE_CONTACTS_H
#define CC_ENGINE_CONTACTS_H

#include "engine/session.h"

/* Of a profile, in bytes. */
#define PROFILE_NAME_MAX   256
#define PROFILE_AVATAR_MAX 2048 /* an id of an upload, or a URL */
#define PROFILE_META_MAX   4096

/* What push services give out: FCM's tokens are the longest, and have no stated bound. */
#define DEVICE_TOKEN_MAX 4096

/* The commands. */
void contacts_profile(struct request *request);
void contacts_list(struct request *request);
void contacts_blocked(struct request *request);
void contacts_add(struct request *request);
void contacts_remove(struct request *request);
void contacts_block(struct request *request);
void contacts_unblock(struct request *request);
void contacts_mute(struct request *request);
void contacts_device(struct request *request); /* device.c */

#endif
