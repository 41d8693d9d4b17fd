/*
 * Where the conformance programs' backends stand: factories for those that the project ships.
 */
#ifndef CC_TESTS_PLACES_H
#define CC_TESTS_PLACES_H

#include "chatcore/backend/memory.h"
#include "chatcore/testing/conformance.h"
#include "chatcore/testing/failing.h"
#include "support/folder.h"
#include "support/object_client.h"
#include "support/receiver.h"

/* A memory world, with a virtual clock. Starts as zeros. */
struct memory_place {
    struct cc_memory_world *world;
    struct cc_time now;
};

/* A folder of its own. Starts as zeros. */
struct folder_place {
    struct folder folder;
    bool is_made;
};

/* A factory's `make` and `destroy`. */
int folder_place_make(void *context);
void folder_place_destroy(void *context);

/* A folder of media objects, and who asks for them. Starts as zeros. */
struct media_place {
    struct folder_place place;
    struct object_client client;
};

/* The most tokens of a kind that a suite asks for. */
#define PLACE_TOKENS_MAX 32

/* Where notifications come. Starts as zeros. */
struct notifier_place {
    struct receiver receiver;
    bool is_receiving;
    struct folder_place place; /* of the file */
    char tokens[8][PLACE_TOKENS_MAX][64];
};

/* For a failing port that is never told to fail. */
struct cc_failing_options never_failing(void);

struct cc_directory_factory memory_directory_factory(struct memory_place *place);
struct cc_cluster_factory memory_cluster_factory(struct memory_place *place);
struct cc_log_factory memory_log_factory(struct memory_place *place);
struct cc_store_factory memory_store_factory(struct memory_place *place);

/* The memory ports, behind failing ones that are never told to fail. */
struct cc_directory_factory failing_directory_factory(struct memory_place *place);
struct cc_cluster_factory failing_cluster_factory(struct memory_place *place);
struct cc_log_factory failing_log_factory(struct memory_place *place);
struct cc_store_factory failing_store_factory(struct memory_place *place);

/* Commits are not synced: what survives a crash is not looked at here, and the disk's speed is not
 * what is tested. */
struct cc_directory_factory lmdb_directory_factory(struct folder_place *place);
struct cc_log_factory lmdb_log_factory(struct folder_place *place);
struct cc_store_factory lmdb_store_factory(struct folder_place *place);

/* An index in a file, on a thread of its own. */
struct cc_search_factory sqlite_search_factory(struct folder_place *place);
struct cc_search_factory failing_search_factory(struct folder_place *place);
struct cc_media_factory media_folder_factory(struct media_place *place);

/* The folder, behind a failing port that is never told to fail. */
struct cc_media_factory failing_media_factory(struct media_place *place);

struct cc_notifier_factory file_notifier_factory(struct notifier_place *place);
struct cc_notifier_factory webhook_notifier_factory(struct notifier_place *place);
struct cc_notifier_factory smtp_notifier_factory(struct notifier_place *place);

/* The webhook, behind a failing port that is never told to fail. */
struct cc_notifier_factory failing_notifier_factory(struct notifier_place *place);

#endif
