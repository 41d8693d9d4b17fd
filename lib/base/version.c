/*
 * The version, as the build gives it.
 */
#include "chatcore/types.h"

const char *cc_version(void)
{
    return CHATCORE_VERSION;
}
