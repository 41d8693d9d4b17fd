/*
 * What the queue and the engine's step call of the consumers that a host has: consumer_host.c.
 */
#ifndef CC_ENGINE_CONSUMER_HOST_H
#define CC_ENGINE_CONSUMER_HOST_H

#include "engine/queue.h"

/* Queue's thread: a CC_EVENT_CONSUMED has been drained; a CC_EVENT_CONSUMER_CLOSED has. */
void consumer_host_drained(const struct cc_event *event);
void consumer_host_release(struct cc_consumer *consumer);

/* The opening of it was never taken: nobody else knows it. */
void consumer_host_drop(struct cc_consumer *consumer);

/* Engine's thread. */
void consumer_host_input(struct input *input);
void consumer_hosts_take(struct cc_engine *engine); /* before consumers_step() */
void consumer_hosts_tell(struct cc_engine *engine); /* behind it */

/* Those whose last event the host has not drained. */
void consumer_hosts_free(struct cc_engine *engine);

#endif
