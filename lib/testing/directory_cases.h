/*
 * The cases of the directory's suite, by what they look at.
 */
#ifndef CC_TESTING_DIRECTORY_CASES_H
#define CC_TESTING_DIRECTORY_CASES_H

#include "testing/directory_steps.h"

struct dir_case {
    const char *name;
    void (*run)(struct dir *dir);
};

/* Each ends with an empty one. */
extern const struct dir_case dir_user_cases[];
extern const struct dir_case dir_change_cases[];
extern const struct dir_case dir_history_cases[];
extern const struct dir_case dir_invitation_cases[];

/* The case of opening again needs the factory, so it is run apart: written before, looked at after.
 */
void dir_write_before_reopening(struct dir *dir);
void dir_check_after_reopening(struct dir *dir);

#endif
