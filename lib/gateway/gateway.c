/*
 * Making a gateway, and asking it for things.
 */
#include "gateway/gateway.h"

#include "base/options.h"
#include "chatcore/error.h"
#include "gateway/listener.h"
#include "gateway/metrics.h"
#include "gateway/openapi.h"
#include "gateway/tls.h"
#include "gateway/worker.h"

#include <sys/resource.h>
#include <unistd.h>

/* Files that the rest of the process keeps, when the limit of connections is taken from what the
 * process may open. */
#define GATEWAY_RESERVED_FILES 64

/* More threads than any machine has cores are a mistake in a configuration. */
#define GATEWAY_THREADS_MAX 1024

/* --- the gateway's own routes ------------------------------------------------------------------
 */

static void answer_text(struct cc_http_response *response, int status, const char *text)
{
    cc_http_response_status(response, status);
    cc_http_response_write(response, slice_str(text));
}

static void openapi(void *context, const struct cc_http_request *request,
                    struct cc_http_response *response)
{
    (void)context;
    (void)request;
    cc_http_response_type(response, "application/yaml");
    cc_http_response_write(response, slice_of(openapi_yaml, openapi_yaml_size));
}

static void healthz(void *context, const struct cc_http_request *request,
                    struct cc_http_response *response)
{
    (void)context;
    (void)request;
    answer_text(response, 200, "alive\n");
}

static void readyz(void *context, const struct cc_http_request *request,
                   struct cc_http_response *response)
{
    struct cc_gateway *gateway = context;

    (void)request;
    if (gateway_is_draining(gateway))
        answer_text(response, 503, "draining\n");
    else if (!cc_engine_is_ready(gateway->engine))
        answer_text(response, 503, "a backend is not available\n");
    else
        answer_text(response, 200, "ready\n");
}

static void metrics(void *context, const struct cc_http_request *request,
                    struct cc_http_response *response)
{
    struct cc_gateway *gateway = context;
    struct cc_gateway_stats own = {.size = sizeof own};
    struct cc_engine_stats engine = {.size = sizeof engine};

    (void)request;
    cc_gateway_get_stats(gateway, &own);
    cc_engine_get_stats(gateway->engine, &engine);
    cc_http_response_type(response, METRICS_TYPE);
    metrics_write(&own, &engine, &response->body);
    if (gateway->options.add_metrics)
        gateway->options.add_metrics(gateway->options.context, response);
}

/* The host's routes come first: it may answer, say, /metrics itself. */
static int add_routes(struct cc_gateway *gateway, const struct cc_http_route *routes, size_t count)
{
    const struct cc_http_route own[] = {
        {"GET", "/healthz", healthz, gateway},
        {"GET", "/readyz", readyz, gateway},
        {"GET", "/metrics", metrics, gateway},
        {"GET", "/v1/openapi.yaml", openapi, NULL},
    };
    int r = 0;

    for (size_t i = 0; i < count && !r; i++)
        r = http_router_add(&gateway->router, &routes[i]);
    for (size_t i = 0; i < sizeof own / sizeof *own && !r; i++)
        r = http_router_add(&gateway->router, &own[i]);
    return r;
}

/* --- options ---------------------------------------------------------------------------------- */

static void default_u32(uint32_t *option, uint32_t value)
{
    if (!*option)
        *option = value;
}

static uint32_t default_connections(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY ||
        files.rlim_cur > UINT32_MAX)
        return UINT32_MAX;
    return files.rlim_cur > 2 * GATEWAY_RESERVED_FILES
               ? (uint32_t)files.rlim_cur - GATEWAY_RESERVED_FILES
               : (uint32_t)(files.rlim_cur / 2);
}

static void set_defaults(struct cc_gateway_options *options)
{
    default_u32(&options->threads, 1);
    default_u32(&options->max_connections, default_connections());
    default_u32(&options->max_address_connections, 1000);
    default_u32(&options->max_handshakes, 1000);
    default_u32(&options->max_frame_bytes, 524288);
    default_u32(&options->max_body_bytes, 524288);
    default_u32(&options->ping_interval_ms, 25000);
    default_u32(&options->handshake_ms, 10000);
    default_u32(&options->close_ms, 5000);
    default_u32(&options->max_transfers, 256);
    default_u32(&options->media_stall_ms, 30000);
    default_u32(&options->retry_after_s, 5);
    if (!options->max_output_bytes)
        options->max_output_bytes = (size_t)4 << 20;
    if (!options->max_partial_bytes)
        options->max_partial_bytes = (size_t)64 << 20;
    if (!options->address)
        options->address = "127.0.0.1";
}

static bool are_valid(const struct cc_gateway_options *options)
{
    return options->threads <= GATEWAY_THREADS_MAX && options->port >= -1 &&
           options->port <= UINT16_MAX && options->max_frame_bytes <= INT32_MAX &&
           options->max_body_bytes <= INT32_MAX && options->ping_interval_ms <= INT32_MAX &&
           !options->tls_cert_file == !options->tls_key_file &&
           (!options->proxy_protocol || options->trusted_proxy_count);
}

static int copy_text(const struct cc_allocator *allocator, const char *from, char **ret_copy)
{
    size_t size = from ? strlen(from) + 1 : 0;
    char *copy;

    if (!from)
        return 0;
    copy = mem_alloc(allocator, size);
    if (!copy)
        return CC_ENOMEM;
    memcpy(copy, from, size);
    *ret_copy = copy;
    return 0;
}

static int copy_options(struct cc_gateway *gateway, const struct cc_gateway_options *options)
{
    const struct cc_allocator *allocator = &gateway->allocator;
    int r = copy_text(allocator, options->tls_cert_file, &gateway->tls_cert_file);

    if (!r)
        r = copy_text(allocator, options->tls_key_file, &gateway->tls_key_file);
    if (!r)
        r = admission_init(&gateway->admission, allocator, options->origins, options->origin_count,
                           options->trusted_proxies, options->trusted_proxy_count);
    if (!r)
        r = cors_init(&gateway->cors, allocator, options->cors_origins, options->cors_origin_count);
    if (!r)
        r = add_routes(gateway, options->routes, options->route_count);
    gateway->options = *options;
    gateway->can_unsubscribe = options->unsubscribe_key != NULL;
    if (gateway->can_unsubscribe)
        memcpy(gateway->unsubscribe_key, options->unsubscribe_key, CC_UNSUBSCRIBE_KEY);
    return r;
}

/* --- threads ---------------------------------------------------------------------------------- */

/* Each worker has a listener of its own on the same port, which the first one may have chosen. */
static int add_worker(struct cc_gateway *gateway, struct cc_gateway_options *options)
{
    int fd = -1;
    int r = 0;

    if (options->port >= 0)
        r = listener_socket(options->address, &options->port, &fd);
    if (r)
        return r;
    r = worker_new(gateway, fd, &gateway->workers[gateway->worker_count]);
    if (!r)
        gateway->worker_count++;
    else if (fd >= 0)
        close(fd);
    return r;
}

static int add_workers(struct cc_gateway *gateway, struct cc_gateway_options *options)
{
    int r = 0;

    if (options->port > 0 && !options->share_port)
        r = listener_probe(options->address, options->port);
    if (r)
        return r;
    gateway->workers = mem_zalloc(&gateway->allocator, options->threads, sizeof *gateway->workers);
    if (!gateway->workers)
        return CC_ENOMEM;
    for (uint32_t i = 0; i < options->threads && !r; i++)
        r = add_worker(gateway, options);
    gateway->port = options->port > 0 ? options->port : 0;
    return r;
}

static void free_gateway(struct cc_gateway *gateway, uint32_t started)
{
    struct cc_allocator allocator = gateway->allocator;

    for (uint32_t i = 0; i < gateway->worker_count; i++)
        worker_free(gateway->workers[i], i < started);
    mem_free(&allocator, gateway->workers);
    mem_free(&allocator, gateway->tls_cert_file);
    mem_free(&allocator, gateway->tls_key_file);
    admission_deinit(&gateway->admission);
    cors_deinit(&gateway->cors);
    http_router_deinit(&gateway->router);
    quota_deinit(&gateway->transfers);
    quota_deinit(&gateway->quota);
    mem_free(&allocator, gateway);
}

static int start(struct cc_gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->worker_count; i++) {
        int r = worker_start(gateway->workers[i]);

        if (!r)
            continue;
        cc_gateway_stop(gateway);
        free_gateway(gateway, i);
        return r;
    }
    atomic_store(&gateway->is_serving, true);
    return 0;
}

/* Slow ones of a single address leave most of a thread's places to others. */
static uint32_t transfers_of_an_address(uint32_t max_transfers)
{
    return max_transfers < 4 ? 1 : max_transfers / 4;
}

static int gateway_new(struct cc_engine *engine, const struct cc_gateway_options *options,
                       struct cc_gateway **ret_gateway)
{
    const struct cc_allocator *allocator =
        options->allocator.alloc ? &options->allocator : cc_allocator_default();
    struct cc_gateway *gateway = mem_zalloc(allocator, 1, sizeof *gateway);

    if (!gateway)
        return CC_ENOMEM;
    gateway->allocator = *allocator;
    gateway->trace = options->trace;
    gateway->engine = engine;
    atomic_init(&gateway->drain_ms, -1);
    atomic_init(&gateway->undrained, options->threads);
    http_router_init(&gateway->router, &gateway->allocator);
    if (quota_init(&gateway->quota, &gateway->allocator, options->max_address_connections)) {
        mem_free(allocator, gateway);
        return CC_ENOMEM;
    }
    if (quota_init(&gateway->transfers, &gateway->allocator,
                   transfers_of_an_address(options->max_transfers))) {
        quota_deinit(&gateway->quota);
        mem_free(allocator, gateway);
        return CC_ENOMEM;
    }
    *ret_gateway = gateway;
    return 0;
}

int cc_gateway_new(struct cc_engine *engine, const struct cc_gateway_options *options,
                   struct cc_gateway **ret_gateway)
{
    struct cc_gateway_options given = CC_GATEWAY_OPTIONS_INIT;
    struct cc_gateway *gateway;
    int r;

    if (!engine || (options && options_read(&given, sizeof given, options)))
        return CC_EINVAL;
    set_defaults(&given);
    if (!are_valid(&given))
        return CC_EINVAL;
    r = gateway_new(engine, &given, &gateway);
    if (r)
        return r;
    r = copy_options(gateway, &given);
    if (!r)
        r = add_workers(gateway, &given);
    if (r) {
        free_gateway(gateway, 0);
        return r;
    }
    r = start(gateway);
    if (!r)
        *ret_gateway = gateway;
    return r;
}

/* --- asking it for things ----------------------------------------------------------------------
 */

int cc_gateway_port(const struct cc_gateway *gateway)
{
    return gateway->port;
}

static void ring_all(struct cc_gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->worker_count; i++)
        worker_ring(gateway->workers[i]);
}

int cc_gateway_adopt(struct cc_gateway *gateway, int fd)
{
    uint32_t next;

    if (gateway_is_draining(gateway) || atomic_load(&gateway->is_stopping) ||
        atomic_load(&gateway->sockets) >= gateway->options.max_connections)
        return CC_EBUSY;
    next = atomic_fetch_add(&gateway->next_worker, 1) % gateway->worker_count;
    return worker_adopt(gateway->workers[next], fd);
}

int cc_gateway_renew_tls(struct cc_gateway *gateway)
{
    struct ssl_ctx_st *loaded;
    int r = CC_EINVAL;

    if (gateway->tls_cert_file)
        r = tls_load(gateway->tls_cert_file, gateway->tls_key_file, &loaded);
    if (r)
        return r;
    for (uint32_t i = 0; i < gateway->worker_count; i++) {
        tls_ref(loaded);
        tls_free(atomic_exchange(&gateway->workers[i]->renewed, loaded));
    }
    tls_free(loaded);
    ring_all(gateway);
    return 0;
}

void cc_gateway_drain(struct cc_gateway *gateway, uint32_t ms)
{
    int64_t not_draining = -1;

    if (atomic_compare_exchange_strong(&gateway->drain_ms, &not_draining, (int64_t)ms))
        ring_all(gateway);
}

void gateway_worker_drained(struct cc_gateway *gateway)
{
    if (atomic_fetch_sub(&gateway->undrained, 1) == 1 && gateway->options.on_drained)
        gateway->options.on_drained(gateway->options.context);
}

void gateway_worker_stopped(struct cc_gateway *gateway)
{
    if (atomic_fetch_sub(&gateway->running, 1) == 1 && atomic_load(&gateway->is_serving) &&
        gateway->options.on_stopped)
        gateway->options.on_stopped(gateway->options.context);
}

void cc_gateway_stop(struct cc_gateway *gateway)
{
    if (!atomic_exchange(&gateway->is_stopping, true))
        ring_all(gateway);
}

bool cc_gateway_has_stopped(const struct cc_gateway *gateway)
{
    return atomic_load(&gateway->running) == 0;
}

void cc_gateway_free(struct cc_gateway *gateway)
{
    if (!gateway)
        return;
    cc_gateway_stop(gateway);
    free_gateway(gateway, gateway->worker_count);
}

void cc_gateway_get_stats(const struct cc_gateway *gateway, struct cc_gateway_stats *ret_stats)
{
    struct cc_gateway_stats sum = {0};
    size_t size = ret_stats->size;

    for (uint32_t i = 0; i < gateway->worker_count; i++)
        stats_sum(&gateway->workers[i]->stats, &sum);
    memcpy(ret_stats, &sum, size < sizeof sum ? size : sizeof sum);
    ret_stats->size = size;
}
