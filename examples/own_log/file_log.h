/*
 * A log port on one plain file: what writing a backend takes, in one place. See file_log.c.
 */
#ifndef OWN_LOG_FILE_LOG_H
#define OWN_LOG_FILE_LOG_H

#include <chatcore/backend/log.h>

/* Opens or makes the log in the file. Errors: CC_EIO, CC_ENOMEM. */
int file_log_open(const char *path, uint32_t partitions, struct cc_log *ret_log);

#endif
