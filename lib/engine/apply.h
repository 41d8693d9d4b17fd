/*
 * Applying one record to its conversation: judging it, giving it its seq, telling everybody.
 */
#ifndef CC_ENGINE_APPLY_H
#define CC_ENGINE_APPLY_H

#include "engine/partition.h"

/* A record as it was read from the log. */
struct log_item {
    struct record record;
    struct cc_slice bytes; /* which it was decoded from */
    uint64_t offset;
    uint64_t client_hash; /* dedup_hash() of sender and client_id, where it has one */
};

/* How it is compared with earlier client ids. */
struct dedup_query log_item_query(const struct log_item *item);

/* 0, or CC_ENOMEM: then nothing has changed and the same record is applied again later. */
int apply_record(struct partition *partition, struct conversation *conversation,
                 const struct log_item *item);

#endif
