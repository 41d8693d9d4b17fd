/*
 * A notification as one JSON object: what the file gets in each line, and a webhook as its data.
 */
#ifndef CC_BACKENDS_NOTIFY_JSON_H
#define CC_BACKENDS_NOTIFY_JSON_H

#include "chatcore/backend/notifier.h"
#include "wire/writer.h"

/* Writes the object; without memory the writer's buffer fails. The token is a secret of the device,
 * and is written only where it is asked for. */
void json_notification(struct writer *writer, const struct cc_notification *notification,
                       bool has_token);

#endif
