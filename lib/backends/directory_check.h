/*
 * What every directory refuses before it looks at its tables: values that no row can hold.
 */
#ifndef CC_BACKENDS_DIRECTORY_CHECK_H
#define CC_BACKENDS_DIRECTORY_CHECK_H

#include "base/memory.h"
#include "chatcore/backend/directory.h"

/* 0; CC_EINVAL for a name, kind, role or size out of range, a user that stands there twice, or a
 * change of no members; CC_ENOMEM. */
int directory_check_create(const struct cc_allocator *allocator,
                           const struct cc_directory_create *op);
int directory_check_change(const struct cc_allocator *allocator,
                           const struct cc_directory_change *op);

bool directory_check_privacy(const struct cc_privacy *privacy);

/* Takes over what a put gives of it. */
void directory_set_privacy(const struct cc_directory_profile *op, struct cc_privacy *privacy);

/* True for the relations there are. */
bool directory_check_relation(enum cc_relation relation);

/* 0; CC_EINVAL where a name of it can't be kept. */
int directory_check_invitation(const struct cc_invitation *invitation);

/* True for one whose uses are all used. */
bool directory_is_used_up(const struct cc_invitation *invitation);

/* True for one that lets nobody in any more. */
bool directory_has_ended(const struct cc_invitation *invitation, int64_t now);

#endif
