/*
 * What a user has set of who may see what of him, as plain values.
 */
#ifndef CHATCORE_PRIVACY_H
#define CHATCORE_PRIVACY_H

#include "chatcore/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cc_audience {
    CC_AUDIENCE_EVERYONE = 0, /* who may ask by the protocol's rules */
    CC_AUDIENCE_CONTACTS = 1, /* of those, whom the user has among the contacts */
    CC_AUDIENCE_NOBODY = 2
};

enum cc_read_marks {
    CC_READ_MARKS_PUBLIC = 0,
    CC_READ_MARKS_PRIVATE = 1 /* neither told to others nor learned of them */
};

/* All zero: nothing has been set. */
struct cc_privacy {
    enum cc_audience presence; /* who sees whether the user is online, and when last */
    enum cc_read_marks read_marks;
};

#ifdef __cplusplus
}
#endif
#endif
