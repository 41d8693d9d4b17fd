/*
 * One change of a group under way: its state, and the steps that every such command takes
 * (group_change.c). What differs between the commands stands in their rules (group_commands.c).
 */
#ifndef CC_ENGINE_GROUP_CHANGE_H
#define CC_ENGINE_GROUP_CHANGE_H

#include "engine/group.h"
#include "engine/relations.h"

struct change;

/* What differs between the commands. */
struct change_rule {
    enum cc_command_type command;
    enum cc_change_kind kind;
    enum cc_system_action action;
    int (*check)(struct request *request, struct change *change); /* the command alone */
    void (*go)(struct request *request);                          /* once the actor is known */
    /* A named user is (or is not: member NULL) a member: adds what changes. 0 or CC_E… */
    int (*target)(struct change *change, struct cc_slice user, const struct cc_member *member);
    void (*decide)(struct request *request); /* once every target is known */
    /* Reads what the others find by the conversation's name; NULL: that. */
    void (*read)(struct request *request);
};

struct change {
    struct group_work work;
    const struct change_rule *rule;
    struct cc_slice actor; /* who makes the change */
    void *outer;           /* leaving for somebody: the state of who asked for it … */
    void (*left)(struct request *request, int status); /* … and what goes on */
    struct cc_slice *users;                            /* named by the command, ascending */
    size_t user_count;
    struct relations_match blockers; /* ADD */
    bool blockers_are_known;
    enum cc_role given;         /* ADD, ROLE */
    struct cc_slice invitation; /* that the actor joins by */

    /* as read in this attempt */
    uint64_t version;
    uint32_t total; /* members */
    bool is_member;
    bool renames; /* UPDATE: what the command gives is another one */
    bool sets_retention;
    enum cc_role role; /* what the actor may; an administrator's may all */
    enum cc_role own_role;
    size_t at;           /* the target being looked up */
    size_t owners;       /* counted so far */
    size_t owners_going; /* of the targets, those who won't be owner any more */
    bool has_successor;
    struct cc_member successor;
    char successor_name[CC_NAME_MAX];
    char after[CC_NAME_MAX];
    bool passes_ownership; /* the change under way makes the successor owner */

    struct cc_member *members; /* what changes */
    size_t member_count;
};

/* Makes the state of a command that changes a group, and has its rule check the command. */
int change_prepare(struct request *request, const struct change_rule *rule);

/* Begins an attempt: reads the conversation and the actor, then calls the rule's `go`. */
void change_read(struct request *request);

/* Finds out about each of `users`, in `target`; then `decide`, or nothing is to be changed. */
void change_look_up(struct request *request);

/* Adds one to what changes; there is room for each of `users`. */
void change_add(struct change *change, struct cc_slice user, enum cc_role role);

/* Makes the change, if an owner stays when `owners_going` of them go; for `leave`, one is named. */
void change_count_owners(struct request *request);

/* Makes the change. */
void change_submit(struct request *request);
void change_leave(struct request *request);

/* Ends the request with the verdict's seq; the `finish` of the state. */
void change_finished(struct request *request, const struct verdict *verdict);

/*
 * `user` leaves request->conversation, as by the command `leave`. When the log has it, `left` is
 * called in a later drain, with request->state as it is now; a failure ends the request.
 */
void groups_leave_for(struct request *request, struct cc_slice user,
                      void (*left)(struct request *request, int status));

/* Ends the request: what was asked for is so already. */
void change_reply_unchanged(struct request *request);

#endif
