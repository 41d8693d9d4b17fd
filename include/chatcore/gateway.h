/*
 * The gateway: WebSocket and HTTP in front of an engine, on threads of its own.
 *
 * Each thread has its own event loop, its own listening socket on the shared port, and its own
 * cc_queue: a connection stays on the thread that accepted it. The engine may be driven anywhere.
 *
 * Life of a gateway: cc_gateway_new() listens and serves; cc_gateway_drain() sends the clients
 * elsewhere; cc_gateway_stop() asks the threads to end; on_stopped (or cc_gateway_has_stopped())
 * says that they did. Only then is the engine stopped: the threads wait for it to end their
 * sessions, for 5 seconds at most. cc_gateway_free() comes before cc_engine_free().
 */
#ifndef CHATCORE_GATEWAY_H
#define CHATCORE_GATEWAY_H

#include "chatcore/backend/api_keys.h"
#include "chatcore/backend/media.h"
#include "chatcore/backend/notifier.h"
#include "chatcore/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cc_gateway;

/* --- HTTP -------------------------------------------------------------------------------------
 */

struct cc_http_request {
    struct cc_slice method; /* "GET"; a HEAD request is answered by the GET route, without body */
    struct cc_slice path;   /* without the query */
    struct cc_slice query;
    struct cc_slice authorization; /* the header, or empty */
    struct cc_slice body;
    struct cc_slice address; /* the client's, as text */
    /* Headers, or empty: for answers that a browser keeps, and for packed ones. */
    struct cc_slice if_none_match;
    struct cc_slice accept_encoding;
};

struct cc_http_response;

/* Set the status (200 until then) and the content type (plain text until then; `type` must outlive
 * the handler). In the handler. Errors: none. */
void cc_http_response_status(struct cc_http_response *response, int status);
void cc_http_response_type(struct cc_http_response *response, const char *type);

/* Adds a header; name and value must hold no control characters. An answer without a Cache-Control
 * of its own is kept by nobody ("no-store"). In the handler. Errors: none: what there is no memory
 * for makes the answer a 503. */
void cc_http_response_header(struct cc_http_response *response, const char *name,
                             const char *value);

/* Appends to the body; copied. In the handler. Errors: none, likewise. */
void cc_http_response_write(struct cc_http_response *response, struct cc_slice bytes);

struct cc_http_route {
    const char *method; /* "GET", "POST" … */
    const char *path;   /* the whole path, such as "/v1/status" */
    /* Answers a request: on a gateway thread, so it must not block, and may run on several at
     * once. */
    void (*handle)(void *context, const struct cc_http_request *request,
                   struct cc_http_response *response);
    void *context;
};

/* --- options ----------------------------------------------------------------------------------
 */

/* Bounds, each with its default in parentheses (a 0 stands for it) and what happens at it. */
/* A request that is part of a trace. */
struct cc_gateway_traced {
    char trace_id[33]; /* as traceparent has them: hexadecimal digits, terminated */
    char parent_id[17];
    bool is_sampled; /* who called records the trace */
    struct cc_slice method;
    struct cc_slice path; /* without the query */
    int status;           /* 101: became a WebSocket */
    uint64_t duration_us; /* from when the headers had come; 0 for a handshake */
};

struct cc_gateway_options {
    size_t size;
    struct cc_allocator allocator; /* all zero: the C library's */
    struct cc_trace trace;         /* all zero: none */
    const char *address;           /* numeric; NULL: 127.0.0.1 */
    int port;                      /* 0: any free one; -1: none, only cc_gateway_adopt() */
    bool share_port;               /* other processes may listen on the same port; else CC_EIO */
    uint32_t threads;              /* (1) */
    const char *tls_cert_file;     /* PEM; both, or neither */
    const char *tls_key_file;
    /* Web pages whose scripts may connect: "https://chat.example.org", or "*" for all. None given:
     * those of the gateway's own host, on any port. Clients that send no Origin may always. */
    const char *const *origins;
    size_t origin_count;
    /* Proxies whose X-Forwarded-For is believed: addresses or networks ("10.0.0.0/8"). */
    const char *const *trusted_proxies;
    size_t trusted_proxy_count;
    const struct cc_http_route *routes; /* besides the gateway's own; copied */
    size_t route_count;
    uint32_t max_connections; /* of all threads; 0: what the process's limit of open files leaves.
                                 At it, accepting pauses */
    uint32_t max_address_connections; /* of one client address (IPv6: one /64), other than loopback:
                                         503 at the handshake (1,000) */
    uint32_t max_handshakes;   /* of one thread, accepted and not yet upgraded: accepting pauses
                                  (1,000) */
    uint32_t max_frame_bytes;  /* a WebSocket message: closed with 4500 (524,288: a message of
                                  65,536 bytes with every byte escaped, and its envelope) */
    uint32_t max_body_bytes;   /* of an HTTP request: 413 (524,288: as much as a frame) */
    size_t max_output_bytes;   /* waiting for one connection that does not read: it is cut and comes
                                  back by its cursor (4 MiB: pushes stay below, for they weigh at
                                  most limits.max_outstanding; replies may not) */
    size_t max_partial_bytes;  /* of one thread, in messages not yet complete, and bodies of
                                  requests not yet answered: who adds to it is closed with 4029,
                                  or 503 (64 MiB) */
    uint32_t ping_interval_ms; /* the engine's limits.ping_interval_ms should be the same (25,000);
                                  silent for two intervals: closed with 4008 */
    uint32_t handshake_ms;     /* from accepting to the upgrade, and for each HTTP request
                                  (10,000) */
    uint32_t close_ms;         /* for the closing handshake, then the connection is cut (5,000) */
    uint32_t retry_after_s;    /* what a 503 tells (5) */
    /* Called once, from a gateway thread, when a drain has closed the last session. It only signals
     * (cc_gateway_stop() does no more than that). May be NULL. */
    void (*on_drained)(void *context);
    /* Called once, from a gateway thread, when a stop is complete. It only signals
     * (cc_engine_stop() does no more than that). May be NULL. */
    void (*on_stopped)(void *context);
    void *context;
    /* Objects that the gateway serves under CC_MEDIA_PATH; all zero: none. To outlive the gateway.
     * Origins are as above. */
    struct cc_media_server media;
    uint32_t max_transfers;  /* of one thread, of objects at a time, a quarter of it for one client
                                address on all threads: one more is answered with 503
                                (256) */
    uint32_t media_stall_ms; /* a transfer that moves less than 64 KiB in this time is cut
                                (30,000) */
    /* Web pages of other origins whose scripts may read what REST answers, as `origins`. None
     * given: none. */
    const char *const *cors_origins;
    size_t cors_origin_count;
    struct cc_api_keys *api_keys; /* with which servers use REST; to outlive the gateway; NULL: only
                                     users can use it */
    /* Of CC_UNSUBSCRIBE_KEY bytes, copied: CC_UNSUBSCRIBE_PATH and CC_VERIFY_PATH are served, for
     * the links that a notifier signs with it. NULL: it is not. */
    const uint8_t *unsubscribe_key;
    /* Appends the host's own figures to /metrics, in the same format: on a gateway thread, so it
     * must not block. With `context`. May be NULL. */
    void (*add_metrics)(void *context, struct cc_http_response *response);
    /* Told of each request of HTTP and each handshake that came with a valid traceparent (W3C Trace
     * Context), when it has been answered; not of objects. From a gateway thread: it must not
     * block. May be NULL. */
    void (*traced)(void *context, const struct cc_gateway_traced *request);
    void *traced_context;
    /* Connections from trusted_proxies begin with a header of the PROXY protocol, version 1 or 2,
     * that tells the client's address; one without is closed. Those from elsewhere have none. Needs
     * trusted_proxies. */
    bool proxy_protocol;
};
#define CC_GATEWAY_OPTIONS_INIT CC_SIZED(struct cc_gateway_options)

/*
 * Makes a gateway and starts it: it takes connections when this returns. Any thread; blocks while
 * it reads certificates. Diagnostics of libwebsockets are switched off for the process. Errors:
 * CC_EINVAL (an option, or the certificate), CC_EIO (the address cannot be listened on), CC_ENOMEM,
 * CC_ENOTSUP (libwebsockets' libuv plugin is not installed).
 */
int cc_gateway_new(struct cc_engine *engine, const struct cc_gateway_options *options,
                   struct cc_gateway **ret_gateway);

/* The port it listens on; 0: none. Any thread. Errors: none. */
int cc_gateway_port(const struct cc_gateway *gateway);

/*
 * Hands over a connected socket that the host accepted and read nothing from: the gateway serves it
 * as if it had accepted it, and closes it. On failure it stays the caller's. Any thread. Errors:
 * CC_EBUSY (a limit, or draining), CC_ENOMEM.
 */
int cc_gateway_adopt(struct cc_gateway *gateway, int fd);

/*
 * Reads the certificate and its key again, from the files that the options named. Connections made
 * from now on get the new one. Any thread; blocks while it reads. Errors: CC_EINVAL (there is no
 * TLS, or the files do not fit: the old certificate stays), CC_ENOMEM.
 */
int cc_gateway_renew_tls(struct cc_gateway *gateway);

/*
 * Answers /readyz and WebSocket handshakes with 503, and closes the sessions with 4001, one by one,
 * spread at random over `ms`. HTTP is served until cc_gateway_stop(), also on new connections; but
 * with share_port it stops accepting. Any thread; more calls have no effect. Errors: none.
 */
void cc_gateway_drain(struct cc_gateway *gateway, uint32_t ms);

/* Asks the threads to end: connections still there are cut. Any thread. Errors: none. */
void cc_gateway_stop(struct cc_gateway *gateway);

/* True when no thread serves anything any more. Any thread. Errors: none. */
bool cc_gateway_has_stopped(const struct cc_gateway *gateway);

/* Stops it if that has not been asked, waits for its threads to end (at most a moment after
 * cc_gateway_has_stopped()), and frees it. Not from a gateway thread. Errors: none. */
void cc_gateway_free(struct cc_gateway *gateway);

/* --- figures ----------------------------------------------------------------------------------
 */

/* Counters since the start, and gauges; /metrics shows them too. */
struct cc_gateway_stats {
    size_t size;
    uint64_t connections;        /* gauge: sockets open now */
    uint64_t sessions;           /* gauge: WebSocket sessions now */
    uint64_t accepted;           /* sockets */
    uint64_t handshakes;         /* upgraded to WebSocket */
    uint64_t handshakes_refused; /* answered with 4xx or 503 */
    uint64_t accept_pauses;      /* out of files, or at a limit */
    uint64_t accepting;          /* gauge: threads that accept now */
    uint64_t frames_in;          /* WebSocket messages */
    uint64_t frames_out;
    uint64_t bytes_in; /* payload of WebSocket messages */
    uint64_t bytes_out;
    uint64_t commands;         /* given to the engine */
    uint64_t events;           /* encoded for a connection */
    uint64_t output_bytes;     /* gauge: waiting for connections that do not read */
    uint64_t blocked;          /* writes that the kernel did not take whole */
    uint64_t protocol_errors;  /* connections closed with 4500 by the gateway */
    uint64_t silent;           /* connections closed with 4008 */
    uint64_t output_overflows; /* connections cut at max_output_bytes */
    uint64_t http_requests;
    uint64_t transfers;     /* gauge: objects being received and sent now */
    uint64_t transfers_cut; /* that stood still */
    uint64_t upload_bytes;  /* of objects */
    uint64_t download_bytes;
};

/* Copies the figures; members beyond ret_stats->size are not written. Any thread. Errors: none. */
void cc_gateway_get_stats(const struct cc_gateway *gateway, struct cc_gateway_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
