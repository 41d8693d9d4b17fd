/*
 * What the commands that create and change groups share: names, and the proposal that waits for two
 * things, the directory's transaction and the log's verdict, which may come in either order.
 */
#ifndef CC_ENGINE_GROUP_H
#define CC_ENGINE_GROUP_H

#include "engine/groups.h"
#include "engine/propose.h"

/* The first member of a command's state, in request->state. */
struct group_work {
    bool is_submitting; /* the directory works on it */
    bool is_answered;   /* the verdict came first */
    struct verdict verdict;
    void (*finish)(struct request *request, const struct verdict *verdict);
};

/* Whether a group may be called so. */
bool group_name_is_valid(struct cc_slice name);

/*
 * The users that a command names, ascending, none twice, without `except`; in the request's arena.
 * Errors: CC_EINVAL (a name is none), CC_ETOOLARGE, CC_ENOMEM.
 */
int group_users(struct request *request, struct cc_slice except, struct cc_slice **ret_users,
                size_t *ret_count);

/* Fills in what every record of a group's change has. */
void group_record(struct request *request, enum cc_system_action action, struct record *ret_record);

/* Encodes a record that its sender waits for, and marks it as submitting. 0 or CC_ENOMEM. */
int group_encode(struct request *request, struct record *record, struct cc_slice *ret_payload);

/* The directory has taken the change: the payload goes to the log, and the verdict is awaited. */
void group_submitted(struct request *request, struct cc_slice payload);

/* The directory has refused it: nobody waits any more. */
void group_withdraw(struct request *request);

#endif
