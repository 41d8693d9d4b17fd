/*
 * Applying one record to its conversation: judging it, giving it its seq, telling everybody.
 */
#ifndef CC_ENGINE_APPLY_H
#define CC_ENGINE_APPLY_H

#include "engine/partition.h"

/* 0, or CC_ENOMEM: then nothing has changed and the same record is applied again later. */
int apply_record(struct partition *partition, struct conversation *conversation,
                 const struct record *record, struct cc_slice bytes, uint64_t offset);

#endif
