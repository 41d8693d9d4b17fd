/*
 * Looking for the first message: the partition's window in memory, then the sender's stored runs.
 */
#include "engine/retry.h"

#include "chatcore/error.h"
#include "engine/partition.h"
#include "engine/user.h"

static uint64_t hash_of(const struct request *request)
{
    return dedup_hash(request->user->name, request->command->client_id);
}

bool retry_in_memory(const struct request *request, struct cc_id *ret_first)
{
    struct cc_engine *engine = request_engine(request);
    struct partition *partition = partition_of(engine, request->conversation);
    struct dedup_query query = {.sender = request->user->name,
                                .hash = hash_of(request),
                                .full = true,
                                .offset = partition->applied,
                                .ts = engine->now.wall_ms};
    const struct dedup_entry *entry;

    if (!partition_is_running(partition))
        return false;
    entry = dedup_find(&partition->dedup, &query);
    if (entry)
        *ret_first = entry->id;
    return entry != NULL;
}

static bool find_in_run(struct cc_slice run, uint64_t hash, int64_t since, struct cc_id *ret_first)
{
    struct dedup_entry entry;

    for (size_t at = 0; at + DEDUP_ENTRY_BYTES <= run.size; at += DEDUP_ENTRY_BYTES) {
        dedup_entry_read(run.data + at, &entry);
        if (entry.hash != hash || id_timestamp(&entry.id) < since)
            continue;
        *ret_first = entry.id;
        return true;
    }
    return false;
}

static void runs_read(struct request *request, int status)
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_dedup *read = &request->op.dedup;
    int64_t since = engine->now.wall_ms - (int64_t)engine->limits.dedup_window_s * 1000;
    uint64_t hash = hash_of(request);
    bool is_found = false;
    struct cc_id first;

    for (size_t i = 0; !status && !is_found && i < read->ret_count; i++)
        is_found = find_in_run(read->ret_runs[i].entries, hash, since, &first);
    cc_op_release(&read->op);
    request->retry_found(request, is_found ? &first : NULL, status);
}

void retry_find(struct request *request,
                void (*done)(struct request *request, const struct cc_id *first, int status))
{
    struct cc_engine *engine = request_engine(request);
    struct cc_store_read_dedup *read = &request->op.dedup;
    struct cc_id first;

    if (retry_in_memory(request, &first)) {
        done(request, &first, 0);
        return;
    }
    request->retry_found = done;
    memset(&request->op, 0, sizeof request->op);
    read->partition = engine_partition_of(engine, request->conversation);
    read->sender = request->user->name;
    request_op_begin(request, runs_read);
    engine->store.vtable->read_dedup(engine->store.self, read);
}
