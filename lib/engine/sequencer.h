/*
 * The sequencer: applies the records of a partition in the log's order. What it computes — each
 * message's seq, who is a member, what is a duplicate — is a function of the log alone.
 */
#ifndef CC_ENGINE_SEQUENCER_H
#define CC_ENGINE_SEQUENCER_H

#include "engine/partition.h"

struct sequencer_batch;

/*
 * Takes the records that the partition's read has brought, loads what they touch, applies them, and
 * calls partition_applied() when all are. 0 or CC_ENOMEM (nothing was begun).
 */
int sequencer_begin(struct partition *partition);

/* Goes on with a batch that stopped for want of memory. */
void sequencer_resume(struct partition *partition);

/* The partition is lost: lets a batch go that waits for nothing but another try. */
void sequencer_abandon(struct partition *partition);

#endif
