/*
 * The gateway: WebSocket and HTTP in front of an engine. Needs a library that was built with it.
 */
#ifndef CHATCORE_GATEWAY_HPP
#define CHATCORE_GATEWAY_HPP

#include "chatcore/engine.hpp"
#include "chatcore/gateway.h"

namespace chatcore
{

/* What a route answers. */
class HttpResponse
{
  public:
    explicit HttpResponse(cc_http_response *raw) noexcept : raw_(raw)
    {
    }
    HttpResponse &status(int status) noexcept
    {
        cc_http_response_status(raw_, status);
        return *this;
    }
    /* `type` must outlive the handler: a literal. */
    HttpResponse &type(const char *type) noexcept
    {
        cc_http_response_type(raw_, type);
        return *this;
    }
    HttpResponse &header(const char *name, const char *value) noexcept
    {
        cc_http_response_header(raw_, name, value);
        return *this;
    }
    HttpResponse &write(std::string_view bytes) noexcept
    {
        cc_http_response_write(raw_, slice(bytes));
        return *this;
    }

  private:
    cc_http_response *raw_;
};

/* Called on gateway threads, maybe on several at once; must not block. One that throws is answered
 * with 500. */
using HttpHandler = std::function<void(const cc_http_request &, HttpResponse)>;

/* Members that it inherits are those of C, with their defaults. `context` of C, and what is called
 * with it, stay empty. */
struct GatewayOptions : cc_gateway_options {
    struct Route {
        std::string method;
        std::string path;
        HttpHandler handle;
    };

    GatewayOptions() noexcept : cc_gateway_options()
    {
        size = sizeof(cc_gateway_options);
    }

    std::vector<Route> own_routes;
    std::function<void()> drained; /* a drain has closed the last session; only signals */
    std::function<void()> stopped; /* a stop is complete; only signals */
    /* Writes the program's own figures behind those of /metrics. On gateway threads; must not
     * block. What it throws ends them there. */
    std::function<void(HttpResponse)> metrics;
};

/*
 * Serves from its making on. It must go before its engine does: with the engine driven elsewhere,
 * or after stop() and `stopped`, its destructor waits a moment; otherwise some seconds, for the
 * engine to end its sessions.
 */
class Gateway
{
  public:
    Gateway() noexcept = default;
    /* Errors: those of cc_gateway_new(). */
    explicit Gateway(Engine &engine, GatewayOptions options = {}) : own_(std::make_unique<Own>())
    {
        detail::raise_if(to_error_code(own_->open(engine.raw(), std::move(options))),
                         "chatcore: open a gateway");
    }

    int port() const noexcept
    {
        return cc_gateway_port(own_->gateway);
    }
    /* Serves a connected socket, which is the gateway's from success on. Any thread. Errors:
     * CC_EBUSY, CC_ENOMEM. */
    std::error_code adopt(int fd) noexcept
    {
        return to_error_code(cc_gateway_adopt(own_->gateway, fd));
    }
    /* Sends the clients elsewhere, spread over a time. Any thread. */
    void drain(std::uint32_t ms) noexcept
    {
        cc_gateway_drain(own_->gateway, ms);
    }
    /* Any thread. */
    void stop() noexcept
    {
        cc_gateway_stop(own_->gateway);
    }
    bool has_stopped() const noexcept
    {
        return cc_gateway_has_stopped(own_->gateway);
    }
    cc_gateway *raw() const noexcept
    {
        return own_->gateway;
    }

  private:
    /* What functions of C point to, so it does not move. */
    struct Own {
        cc_gateway *gateway = nullptr;
        GatewayOptions options;

        Own() = default;
        Own(const Own &) = delete;
        Own &operator=(const Own &) = delete;
        ~Own()
        {
            if (gateway)
                cc_gateway_free(gateway);
        }

        int open(cc_engine *engine, GatewayOptions &&given)
        {
            std::vector<cc_http_route> routes;

            options = std::move(given);
            for (GatewayOptions::Route &route : options.own_routes)
                routes.push_back({route.method.c_str(), route.path.c_str(), handle, &route.handle});
            options.routes = routes.data();
            options.route_count = routes.size();
            options.on_drained = [](void *own) { call(static_cast<Own *>(own)->options.drained); };
            options.on_stopped = [](void *own) { call(static_cast<Own *>(own)->options.stopped); };
            if (options.metrics)
                options.add_metrics = add_metrics;
            options.context = this;
            return cc_gateway_new(engine, &options, &gateway);
        }

        static void call(const std::function<void()> &function) noexcept
        {
            if (function)
                function();
        }
        static void add_metrics(void *own, cc_http_response *response) noexcept
        {
            const auto &metrics = static_cast<Own *>(own)->options.metrics;

            detail::guarded([&] { metrics(HttpResponse(response)); });
        }
        static void handle(void *context, const cc_http_request *request,
                           cc_http_response *response) noexcept
        {
            const HttpHandler &handler = *static_cast<HttpHandler *>(context);

            if (detail::guarded([&] { handler(*request, HttpResponse(response)); }))
                cc_http_response_status(response, 500);
        }
    };

    std::unique_ptr<Own> own_;
};

} // namespace chatcore

#endif
