/*
 * Ports that fail on command: each wraps another port, and asks a function of the host what is to
 * become of every operation. With a function that always answers CC_FAILURE_NONE it behaves as
 * the port that it wraps.
 *
 * A wrapper owns the port that it wraps and frees it. All calls come from the port's thread.
 */
#ifndef CHATCORE_TESTING_FAILING_H
#define CHATCORE_TESTING_FAILING_H

#include "chatcore/backend/cluster.h"
#include "chatcore/backend/directory.h"
#include "chatcore/backend/log.h"
#include "chatcore/backend/media.h"
#include "chatcore/backend/notifier.h"
#include "chatcore/backend/search.h"
#include "chatcore/backend/store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cc_failure_kind {
    CC_FAILURE_NONE,   /* it goes through */
    CC_FAILURE_BEFORE, /* it is not done, and `status` is its answer */
    /* It is done, and `status` is its answer all the same: as when a connection breaks between the
     * two. With status 0 nothing is changed. */
    CC_FAILURE_AFTER,
    CC_FAILURE_HOLD, /* it waits for the port's resume; what comes after it may pass it */
    CC_FAILURE_TWICE /* bus messages only: it is sent twice; elsewhere as CC_FAILURE_NONE */
};

struct cc_failure {
    enum cc_failure_kind kind;
    int status; /* a CC_E…; for a bus message also 0: it is lost without a word */
};

struct cc_failing_options {
    size_t size;
    void *context;
    /*
     * Called at each submit with the name of the port and its slot, such as "directory.change". It
     * must not call the port. Slots that answer at once and cannot fail are not asked about.
     */
    struct cc_failure (*decide)(void *context, const char *slot);
};

/* Wrap a port. Any thread. On failure the port is still the caller's. Errors: CC_EINVAL, CC_ENOMEM.
 */
int cc_failing_directory_open(const struct cc_allocator *allocator,
                              const struct cc_failing_options *options, struct cc_directory port,
                              struct cc_directory *ret_port);
int cc_failing_cluster_open(const struct cc_allocator *allocator,
                            const struct cc_failing_options *options, struct cc_cluster port,
                            struct cc_cluster *ret_port);
int cc_failing_log_open(const struct cc_allocator *allocator,
                        const struct cc_failing_options *options, struct cc_log port,
                        struct cc_log *ret_port);
int cc_failing_store_open(const struct cc_allocator *allocator,
                          const struct cc_failing_options *options, struct cc_store port,
                          struct cc_store *ret_port);
int cc_failing_search_open(const struct cc_allocator *allocator,
                           const struct cc_failing_options *options, struct cc_search port,
                           struct cc_search *ret_port);
int cc_failing_media_open(const struct cc_allocator *allocator,
                          const struct cc_failing_options *options, struct cc_media port,
                          struct cc_media *ret_port);
int cc_failing_notifier_open(const struct cc_allocator *allocator,
                             const struct cc_failing_options *options, struct cc_notifier port,
                             struct cc_notifier *ret_port);

/* Let what is held go on, in the order in which it came; answers how much it was. The port must be
 * one that the functions above opened. Port's thread. Errors: none. */
size_t cc_failing_directory_resume(struct cc_directory port);
size_t cc_failing_cluster_resume(struct cc_cluster port);
size_t cc_failing_log_resume(struct cc_log port);
size_t cc_failing_store_resume(struct cc_store port);
size_t cc_failing_media_resume(struct cc_media port);
size_t cc_failing_search_resume(struct cc_search port);
size_t cc_failing_notifier_resume(struct cc_notifier port);

#ifdef __cplusplus
}
#endif
#endif
