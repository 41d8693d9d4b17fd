/*
 * What the files of receipts.h share.
 */
#ifndef CC_ENGINE_RECEIPTS_STATE_H
#define CC_ENGINE_RECEIPTS_STATE_H

#include "engine/receipts_tell.h"

struct receipts {
    struct cc_engine *engine;
    struct readers readers;
    size_t moves;        /* commands not yet answered */
    struct list waiting; /* for the next write */
    size_t waiting_count;
    struct list writing;
    bool is_writing;
    struct cc_store_write_cursors write;
    struct cc_store_cursor *cursors;
    size_t capacity;
};

#endif
