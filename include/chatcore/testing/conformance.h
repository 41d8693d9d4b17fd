/*
 * The conformance suites: what a port promises, as cases that any backend of it can be run through.
 *
 * Whoever writes a backend supplies a factory, runs the suite of its port and gets a report of each
 * case. No test framework is needed. A suite calls the port from the thread that runs it, waits for
 * each completion, and holds nothing when it returns. One run after another may use a factory.
 *
 * A factory's `make` puts a new, empty backend in the place of the one before; `open` opens a port
 * on it, and, after the port was freed, opens one on the same contents again. They answer 0 or
 * a CC_E…, which fails the case. `destroy` takes the last backend away; it may be NULL.
 */
#ifndef CHATCORE_TESTING_CONFORMANCE_H
#define CHATCORE_TESTING_CONFORMANCE_H

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

struct cc_conformance_options {
    size_t size;
    void *context;
    /* Called once for each case, on the running thread; `failure` is NULL for one that passed, else
     * what was wrong and where. */
    void (*report)(void *context, const char *suite, const char *name, const char *failure);
    const char *only; /* run the case of this name alone; NULL: all */
    /*
     * How long an operation may take. One that takes longer is reported, and then the process ends
     * with abort(): the backend may still write to its memory.
     */
    unsigned timeout_ms;
};
#define CC_CONFORMANCE_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(struct cc_conformance_options), 0, 0, 0, 10000                                      \
    }

struct cc_directory_factory {
    size_t size;
    void *context;
    int (*make)(void *context);
    int (*open)(void *context, struct cc_directory *ret_directory);
    void (*destroy)(void *context);
};

struct cc_cluster_factory {
    size_t size;
    void *context;
    int (*make)(void *context); /* with 4 partitions or more */
    /* The port of a node; several are open at the same time, each with a name of its own. */
    int (*open)(void *context, struct cc_slice node, struct cc_cluster *ret_cluster);
    /* Makes so much time pass for the backend: it sleeps, or moves a virtual clock. Answers the
     * wall clock afterwards (ms). */
    int64_t (*pass_time)(void *context, uint32_t ms);
    void (*destroy)(void *context);
};

struct cc_log_factory {
    size_t size;
    void *context;
    int (*make)(void *context); /* with 4 partitions */
    /* A port whose node owns all partitions; one at a time. */
    int (*open)(void *context, struct cc_log *ret_log);
    void (*destroy)(void *context);
};

struct cc_store_factory {
    size_t size;
    void *context;
    int (*make)(void *context);                             /* for 4 partitions */
    int (*open)(void *context, struct cc_store *ret_store); /* one port at a time */
    void (*destroy)(void *context);
};

struct cc_search_factory {
    size_t size;
    void *context;
    int (*make)(void *context);
    int (*open)(void *context, struct cc_search *ret_search); /* one port at a time */
    void (*destroy)(void *context);
};

/* A request that a client makes with a signed URL. */
struct cc_media_client_request {
    struct cc_slice method;
    struct cc_slice url;
    const struct cc_header *headers;
    size_t header_count;
    struct cc_slice body;
    int ret_status;           /* of HTTP */
    struct cc_slice ret_body; /* until the next request, or `destroy` */
};

struct cc_media_factory {
    size_t size;
    void *context;
    int (*make)(void *context);
    int (*open)(void *context, struct cc_media *ret_media); /* one port at a time */
    /* Makes a request of the media store as a client would; the port is open. */
    int (*request)(void *context, struct cc_media_client_request *request);
    void (*destroy)(void *context);
};

/* What the provider is to make of what comes for a device. */
enum cc_notifier_token {
    CC_TOKEN_GOOD = 1, /* it takes it */
    CC_TOKEN_GONE,     /* it has no such device any more */
    CC_TOKEN_LATER,    /* it can't take it just now */
    CC_TOKEN_HANGS,    /* it never answers */
    CC_TOKEN_NONE      /* it could be no device's: no notification may come of it */
};

struct cc_notifier_factory {
    size_t size;
    void *context;
    int (*make)(void *context); /* a provider that has received nothing */
    int (*open)(void *context, struct cc_notifier *ret_notifier); /* one port at a time */
    /* A token of that kind; others for other numbers, below 32. It stays valid until `destroy`. An
     * empty one when the provider has none of that kind. */
    struct cc_slice (*token)(void *context, enum cc_notifier_token kind, unsigned number);
    /* How many notifications the provider has received for the token that hold the text (ASCII). */
    size_t (*received)(void *context, struct cc_slice token, const char *text);
    void (*destroy)(void *context);
};

/* Run all cases of a port. Answer the number of those that failed. Any thread; blocks. Errors:
 * CC_EINVAL. */
int cc_conformance_directory(const struct cc_directory_factory *factory,
                             const struct cc_conformance_options *options);
int cc_conformance_cluster(const struct cc_cluster_factory *factory,
                           const struct cc_conformance_options *options);
int cc_conformance_log(const struct cc_log_factory *factory,
                       const struct cc_conformance_options *options);
int cc_conformance_store(const struct cc_store_factory *factory,
                         const struct cc_conformance_options *options);
int cc_conformance_media(const struct cc_media_factory *factory,
                         const struct cc_conformance_options *options);
int cc_conformance_search(const struct cc_search_factory *factory,
                          const struct cc_conformance_options *options);
int cc_conformance_notifier(const struct cc_notifier_factory *factory,
                            const struct cc_conformance_options *options);

/*
 * Run one random program of `steps` operations, made from `seed`, on two backends, and compare
 * every answer. Both are made anew. Reported as a single case. Answer 0, or 1 when they differed.
 * Any thread; blocks. Errors: CC_EINVAL.
 */
int cc_conformance_compare_directories(const struct cc_directory_factory *a,
                                       const struct cc_directory_factory *b, uint64_t seed,
                                       size_t steps, const struct cc_conformance_options *options);
int cc_conformance_compare_logs(const struct cc_log_factory *a, const struct cc_log_factory *b,
                                uint64_t seed, size_t steps,
                                const struct cc_conformance_options *options);
int cc_conformance_compare_stores(const struct cc_store_factory *a,
                                  const struct cc_store_factory *b, uint64_t seed, size_t steps,
                                  const struct cc_conformance_options *options);

#ifdef __cplusplus
}
#endif
#endif
