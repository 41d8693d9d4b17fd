/*
 * floor [--connections N] [--members N] [--outstanding N] [--seconds N] [--json]: the least that a
 * chat server through WebSocket can cost on this machine: raw epoll, framing by hand, no chat.
 *
 * One thread is the server: it reads masked 250-byte messages, unmasks them, and writes each to all
 * members of the sender's group (2 by default: the sender and one other), the sender's copy behind
 * an acknowledgement of 40 bytes. What one turn of the loop has for a connection leaves in one
 * write. Another thread is the clients: each connection keeps some messages outstanding. Upgrades
 * are left out: connections begin as WebSockets. The figures are the server thread's CPU, user and
 * system.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_BYTES 250
#define ACK_BYTES     40
#define IN_BYTES      16384
#define OUT_BYTES     262144
#define EVENTS_MAX    1024

/* One end of a connection. */
struct peer {
    int fd;
    unsigned number;
    bool is_dirty; /* in the list of those with something to write */
    size_t in_size;
    size_t out_size;
    unsigned char *in;
    unsigned char *out;
};

/* One side: its connections and its loop. */
struct side {
    int epoll;
    struct peer *peers;
    struct peer **dirty;
    size_t dirty_count;
    void (*frame)(struct side *side, struct peer *peer, unsigned char *payload, size_t size);
    double cpu; /* written by the side's thread at each turn, read when it has ended */
    _Atomic unsigned long long frames;
};

struct settings {
    unsigned connections;
    unsigned members;
    unsigned outstanding;
    double seconds;
    bool json;
};

static struct settings settings = {1000, 2, 16, 5, false};
static struct side server;
static struct side client;
static _Atomic bool is_over;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- output --- */

static void peer_write(struct peer *peer)
{
    size_t done = 0;

    while (done < peer->out_size) {
        ssize_t n = send(peer->fd, peer->out + done, peer->out_size - done, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            fail("send");
        if (n < 0)
            break; /* the rest stays; the peer stays dirty */
        done += (size_t)n;
    }
    memmove(peer->out, peer->out + done, peer->out_size - done);
    peer->out_size -= done;
}

static void write_dirty(struct side *side)
{
    size_t kept = 0;

    for (size_t i = 0; i < side->dirty_count; i++) {
        struct peer *peer = side->dirty[i];

        peer_write(peer);
        peer->is_dirty = peer->out_size > 0;
        if (peer->is_dirty)
            side->dirty[kept++] = peer;
    }
    side->dirty_count = kept;
}

/* Room for a frame; its header is written, its payload is the caller's to fill. */
static unsigned char *frame_add(struct side *side, struct peer *peer, size_t size, bool masked)
{
    unsigned char *to;

    while (peer->out_size + size + 14 > OUT_BYTES)
        peer_write(peer);
    if (!peer->is_dirty)
        side->dirty[side->dirty_count++] = peer;
    peer->is_dirty = true;
    to = peer->out + peer->out_size;
    *to++ = 0x82;
    if (size < 126) {
        *to++ = (unsigned char)((masked ? 0x80 : 0) | size);
    } else {
        *to++ = (unsigned char)((masked ? 0x80 : 0) | 126);
        *to++ = (unsigned char)(size >> 8);
        *to++ = (unsigned char)size;
    }
    if (masked) {
        memcpy(to, "mask", 4);
        to += 4;
    }
    peer->out_size = (size_t)(to - peer->out) + size;
    return to;
}

/* --- input --- */

static void unmask(unsigned char *payload, size_t size, const unsigned char *mask)
{
    uint64_t wide;
    uint64_t word;
    size_t i = 0;

    memcpy(&wide, mask, 4);
    memcpy((char *)&wide + 4, mask, 4);
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, payload + i, 8);
        word ^= wide;
        memcpy(payload + i, &word, 8);
    }
    for (; i < size; i++)
        payload[i] ^= mask[i % 4];
}

/* The size of the frame at `at`, or 0 when it is not whole; gives its payload. */
static size_t frame_read(unsigned char *at, size_t left, unsigned char **ret_payload,
                         size_t *ret_size)
{
    size_t header = 2;
    size_t size = left >= 2 ? at[1] & 0x7f : 0;
    bool masked = left >= 2 && at[1] & 0x80;

    if (left < 8)
        return 0;
    if (size == 126) {
        size = (size_t)at[2] << 8 | at[3];
        header = 4;
    }
    if (left < header + (masked ? 4 : 0) + size)
        return 0;
    *ret_payload = at + header + (masked ? 4 : 0);
    *ret_size = size;
    if (masked)
        unmask(*ret_payload, size, at + header);
    return (size_t)(*ret_payload - at) + size;
}

static void peer_read(struct side *side, struct peer *peer)
{
    ssize_t n = recv(peer->fd, peer->in + peer->in_size, IN_BYTES - peer->in_size, 0);
    unsigned char *payload;
    size_t done = 0;
    size_t frame;
    size_t size;

    if (n == 0 || (n < 0 && errno != EAGAIN))
        fail("recv");
    if (n > 0)
        peer->in_size += (size_t)n;
    while ((frame = frame_read(peer->in + done, peer->in_size - done, &payload, &size)) != 0) {
        side->frame(side, peer, payload, size);
        done += frame;
    }
    memmove(peer->in, peer->in + done, peer->in_size - done);
    peer->in_size -= done;
}

static void *side_run(void *context)
{
    struct side *side = context;
    struct epoll_event events[EVENTS_MAX];

    while (!atomic_load(&is_over)) {
        int count = epoll_wait(side->epoll, events, EVENTS_MAX, side->dirty_count ? 0 : 10);

        for (int i = 0; i < count; i++)
            peer_read(side, events[i].data.ptr);
        write_dirty(side);
        side->cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    }
    return NULL;
}

/* --- what is said --- */

/* To all of the sender's group; the sender's copy behind its acknowledgement. */
static void server_frame(struct side *side, struct peer *peer, unsigned char *payload, size_t size)
{
    unsigned first = peer->number / settings.members * settings.members;

    for (unsigned i = first; i < first + settings.members; i++) {
        struct peer *to = &side->peers[i];
        size_t ahead = to == peer ? ACK_BYTES : 0;
        unsigned char *out = frame_add(side, to, ahead + size, false);

        memset(out, 'A', ahead);
        memcpy(out + ahead, payload, size);
    }
    atomic_fetch_add_explicit(&side->frames, 1, memory_order_relaxed);
}

static void say(struct side *side, struct peer *peer)
{
    unsigned char *out = frame_add(side, peer, MESSAGE_BYTES, true);

    memset(out, 'x', MESSAGE_BYTES);
    unmask(out, MESSAGE_BYTES, (const unsigned char *)"mask");
}

static void client_frame(struct side *side, struct peer *peer, unsigned char *payload, size_t size)
{
    (void)payload;
    atomic_fetch_add_explicit(&side->frames, 1, memory_order_relaxed);
    if (size > MESSAGE_BYTES) /* its own copy, with the acknowledgement */
        say(side, peer);
}

/* --- connections --- */

static void peer_add(struct side *side, unsigned number, int fd)
{
    struct peer *peer = &side->peers[number];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    int on = 1;

    peer->fd = fd;
    peer->number = number;
    peer->in = malloc(IN_BYTES);
    peer->out = malloc(OUT_BYTES);
    if (!peer->in || !peer->out)
        fail("malloc");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(side->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

static void side_open(struct side *side,
                      void (*frame)(struct side *, struct peer *, unsigned char *, size_t))
{
    side->epoll = epoll_create1(0);
    side->peers = calloc(settings.connections, sizeof *side->peers);
    side->dirty = calloc(settings.connections, sizeof(struct peer *));
    side->frame = frame;
    if (side->epoll < 0 || !side->peers || !side->dirty)
        fail("a side");
}

static void connect_all(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 128) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        fail("listen");
    for (unsigned i = 0; i < settings.connections; i++) {
        int near = socket(AF_INET, SOCK_STREAM, 0);
        int far;

        if (connect(near, (struct sockaddr *)&address, sizeof address) < 0)
            fail("connect");
        far = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (far < 0)
            fail("accept");
        peer_add(&server, i, far);
        peer_add(&client, i, near);
    }
    close(listener);
}

/* The first messages of every sender; each is followed by the next when it has come back. With
 * large groups few send, so that about a million deliveries wait at most. */
static void begin_sending(void)
{
    unsigned step = settings.members > 10 ? settings.members / 10 : 1;

    for (unsigned i = 0; i < settings.connections; i += step)
        for (unsigned k = 0; k < settings.outstanding; k++)
            say(&client, &client.peers[i]);
}

/* --- running --- */

static void read_settings(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (!strcmp(argv[i], "--json"))
            settings.json = true;
        else if (!strcmp(argv[i], "--connections"))
            settings.connections = (unsigned)atoi(value), i++;
        else if (!strcmp(argv[i], "--members"))
            settings.members = (unsigned)atoi(value), i++;
        else if (!strcmp(argv[i], "--outstanding"))
            settings.outstanding = (unsigned)atoi(value), i++;
        else if (!strcmp(argv[i], "--seconds"))
            settings.seconds = atof(value), i++;
        else
            fprintf(stderr, "not an option: %s\n", argv[i]), exit(2);
    }
    if (!settings.members || settings.connections % settings.members)
        fprintf(stderr, "connections must be a multiple of members\n"), exit(2);
}

static void report(double wall)
{
    double messages = (double)atomic_load(&server.frames);
    double deliveries = messages * settings.members;
    double each = messages > 0 ? server.cpu * 1e6 / messages : 0;

    if (settings.json)
        printf("{\"name\":\"floor\",\"connections\":%u,\"members\":%u,\"messages_per_s\":%.0f,"
               "\"us_message\":%.3f,\"us_delivery\":%.3f,\"server_cores\":%.2f}\n",
               settings.connections, settings.members, messages / wall, each,
               deliveries > 0 ? server.cpu * 1e6 / deliveries : 0, server.cpu / wall);
    else
        printf("floor: %u connections, groups of %u: %.0f messages/s, %.2f us a message, %.2f us a "
               "delivery, %.2f cores\n",
               settings.connections, settings.members, messages / wall, each,
               deliveries > 0 ? server.cpu * 1e6 / deliveries : 0, server.cpu / wall);
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    double begin;

    read_settings(argc, argv);
    side_open(&server, server_frame);
    side_open(&client, client_frame);
    connect_all();
    begin_sending();
    begin = seconds(CLOCK_MONOTONIC);
    if (pthread_create(&threads[0], NULL, side_run, &server) != 0 ||
        pthread_create(&threads[1], NULL, side_run, &client) != 0)
        fail("pthread_create");
    usleep((useconds_t)(settings.seconds * 1e6));
    atomic_store(&is_over, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    report(seconds(CLOCK_MONOTONIC) - begin);
    return 0;
}
