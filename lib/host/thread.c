/*
 * The driver on a thread of the library's: a libevent base of its own, and the driver for bases.
 */
#include "base/thread.h"
#include "chatcore/error.h"
#include "host/host.h"

#include <event2/event.h>

static void *run(void *context)
{
    struct cc_host *host = context;

    /* Ends by itself: after CC_EVENT_STOPPED the base has no events left. */
    event_base_dispatch(host->base);
    return NULL;
}

int cc_host_thread_start(struct cc_host *host, struct cc_engine *engine)
{
    int r;

    if (!engine || host->driver != HOST_NONE)
        return CC_EINVAL;
    host->base = event_base_new();
    if (!host->base)
        return CC_ENOMEM;
    host->driver = HOST_THREAD;
    r = cc_host_attach(host, engine, host->base);
    if (!r && thread_start(&host->thread, run, host))
        r = CC_ENOMEM;
    if (r) {
        host_detach(host);
        event_base_free(host->base);
        host->base = NULL;
        host->driver = HOST_NONE;
    }
    return r;
}

void cc_host_thread_stop(struct cc_host *host, enum cc_close_code code)
{
    if (!host->base)
        return;
    cc_engine_stop(host->engine, code);
    pthread_join(host->thread, NULL);
    event_base_free(host->base);
    host->base = NULL;
}
