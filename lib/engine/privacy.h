/*
 * Privacy: what a user has left here is given out (`export`) or erased (`erase`), for
 * administrators and for the host's trusted sessions of the user himself.
 */
#ifndef CC_ENGINE_PRIVACY_H
#define CC_ENGINE_PRIVACY_H

#include "engine/session.h"

/* The commands. */
void privacy_erase(struct request *request);
void privacy_export(struct request *request); /* export.c */

/* True when the session may do either for the user that the command names. */
bool privacy_is_allowed(const struct request *request);

#endif
