/*
 * The sockets of connections, found by their port: it is what libcurl tells of a connection at any
 * time.
 */
#include "backends/notify/partings.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static curl_socket_t opened(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct partings *partings = context;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    if (fd >= 0 && partings->count < PARTINGS_MAX)
        partings->sockets[partings->count++] = fd;
    return fd;
}

static int closed(void *context, curl_socket_t fd)
{
    struct partings *partings = context;

    for (size_t i = 0; i < partings->count; i++) {
        if (partings->sockets[i] != fd)
            continue;
        partings->sockets[i] = partings->sockets[--partings->count];
        break;
    }
    return close(fd);
}

bool partings_watch(struct partings *partings, CURL *easy)
{
    return !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, opened) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, partings) &&
           !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, closed) &&
           !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, partings);
}

/* 0: it has none. */
static long port_of(int fd)
{
    struct sockaddr_in6 address = {0}; /* the port stands where that of IPv4 does */
    socklen_t size = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &size))
        return 0;
    return ntohs(address.sin6_port);
}

static void end(const struct partings *partings, CURL *easy, int how)
{
    long port = 0;

    curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port);
    for (size_t i = 0; port && i < partings->count; i++)
        if (port_of(partings->sockets[i]) == port)
            shutdown(partings->sockets[i], how);
}

void partings_leave(const struct partings *partings, CURL *easy)
{
    end(partings, easy, SHUT_RD);
}

void partings_cut(const struct partings *partings, CURL *easy)
{
    end(partings, easy, SHUT_RDWR);
}

void partings_leave_all(const struct partings *partings)
{
    for (size_t i = 0; i < partings->count; i++)
        shutdown(partings->sockets[i], SHUT_RD);
}
