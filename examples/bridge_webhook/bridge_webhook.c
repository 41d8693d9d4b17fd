/*
 * A bridge between one conversation and a service outside: what is said goes to a webhook, what the
 * service posts is said by the user "bridge", whom somebody has made a member.
 *
 *   bridge_webhook DIR CONVERSATION WEBHOOK_URL PORT      (0: any free port)
 *
 * Out: a durable consumer of the log, on a thread of its own, since it waits for the service. Each
 * message is posted (form fields seq, from, text) until it is taken, also after a restart; at least
 * once, and known by its seq.
 * In: the gateway's REST, with the token that is printed. A post is answered when the message is
 * durable; again with the same client_id, it is still one message.
 */
#include <chatcore/consumer.h>
#include <chatcore/error.h>
#include <chatcore/gateway.h>
#include <chatcore/host.h>

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static const char secret[] = "a secret of 32 bytes, for example";

static struct cc_slice conversation;
static const char *webhook_url;
static int bell; /* rings when the consumer's queue has events */
static _Atomic bool is_stopping;

static bool equal(struct cc_slice a, struct cc_slice b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* False: try again; a status of 400 or more is no success either. */
static bool post(CURL *curl, const struct cc_message *message)
{
    char *from = curl_easy_escape(curl, message->from.data, (int)message->from.size);
    char *text = curl_easy_escape(curl, message->text.data, (int)message->text.size);
    char *body = NULL;
    bool is_done;

    is_done = from && text &&
              asprintf(&body, "seq=%llu&from=%s&text=%s", (unsigned long long)message->seq, from,
                       text) > 0 &&
              curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
              curl_easy_perform(curl) == CURLE_OK;
    curl_free(from);
    curl_free(text);
    free(body);
    return is_done;
}

/* What has not been posted is not committed, and comes again. */
static void consumed(CURL *curl, const struct cc_event *event)
{
    for (size_t i = 0; i < event->u.consumed.count; i++) {
        const struct cc_message *message = &event->u.consumed.messages[i];

        if (message->kind != CC_MESSAGE_TEXT || !message->text.size ||
            !equal(message->conversation, conversation) || equal(message->from, cc_text("bridge")))
            continue;
        while (!post(curl, message)) {
            if (is_stopping)
                return;
            usleep(500000);
        }
    }
    cc_consumer_commit(event->u.consumed.consumer, event->u.consumed.partition,
                       event->u.consumed.next);
}

static void *out(void *queue)
{
    CURL *curl = curl_easy_init();
    const struct cc_event *event;
    eventfd_t count;

    curl_easy_setopt(curl, CURLOPT_URL, webhook_url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    for (;;) {
        while (!(event = cc_queue_next(queue)))
            eventfd_read(bell, &count);
        if (event->type == CC_EVENT_CONSUMER_CLOSED)
            break;
        if (event->type == CC_EVENT_CONSUMED)
            consumed(curl, event);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

static void ring(void *context)
{
    eventfd_write(*(int *)context, 1);
}

static void on_gateway_stopped(void *engine)
{
    cc_engine_stop(*(struct cc_engine **)engine, CC_CLOSE_DRAINING);
}

/* Chat, with those who use it by WebSocket, and the service by REST, on `port`. */
static int open_chat(const char *folder, int port, struct cc_host *host,
                     struct cc_engine **ret_engine, struct cc_gateway **ret_gateway)
{
    struct cc_embedded_options embedded = CC_EMBEDDED_OPTIONS_INIT;
    struct cc_auth_tokens_options tokens = CC_AUTH_TOKENS_OPTIONS_INIT;
    struct cc_gateway_options gateway = CC_GATEWAY_OPTIONS_INIT;

    gateway.port = port;
    gateway.on_stopped = on_gateway_stopped;
    gateway.context = ret_engine;
    return cc_auth_tokens_new(cc_allocator_default(), &tokens, &embedded.auth) ||
           cc_auth_tokens_add_secret(&embedded.auth, NULL, cc_text(secret)) ||
           cc_open_embedded(folder, &embedded, host, ret_engine) ||
           cc_host_thread_start(host, *ret_engine) ||
           cc_gateway_new(*ret_engine, &gateway, ret_gateway);
}

static int start_out(struct cc_engine *engine, pthread_t *ret_thread)
{
    struct cc_consumer_options options = CC_CONSUMER_OPTIONS_INIT;
    struct cc_consumer *consumer;
    struct cc_queue *queue;

    bell = eventfd(0, EFD_CLOEXEC);
    options.name = cc_text("webhook");
    return cc_queue_new(engine, ring, &bell, &queue) ||
           cc_consumer_open(queue, &options, &consumer) ||
           pthread_create(ret_thread, NULL, out, queue);
}

int main(int argc, char **argv)
{
    struct cc_gateway *gateway;
    struct cc_engine *engine;
    struct cc_host *host;
    sigset_t signals;
    pthread_t thread;
    char *token;
    int signal;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (argc != 5)
        return 2;
    conversation = cc_text(argv[2]);
    webhook_url = argv[3];
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (cc_host_new(NULL, &host) ||
        open_chat(argv[1], (int)strtol(argv[4], NULL, 10), host, &engine, &gateway) ||
        start_out(engine, &thread) ||
        cc_auth_tokens_sign(cc_allocator_default(), cc_text(secret), cc_text("bridge"),
                            time(NULL) + 365 * 86400, &token))
        return 1;
    printf("ready 127.0.0.1:%d token %s\n", cc_gateway_port(gateway), token);
    fflush(stdout);
    sigwait(&signals, &signal);
    is_stopping = true;
    cc_gateway_stop(gateway);
    pthread_join(thread, NULL);
    cc_host_thread_stop(host, CC_CLOSE_DRAINING);
    cc_gateway_free(gateway);
    cc_engine_free(engine);
    cc_host_free(host);
    close(bell);
    free(token);
    return 0;
}
