/* TCP and TLS under a connection: see internal.h. Certificates are not checked: tests make their
 * own. */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_source(int fd, const char *source)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int on = 1;
    if (!source[0])
        return 0;
    /* The port is chosen at connect, so that it need only be free towards this server. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (inet_pton(AF_INET, source, &address.sin_addr) != 1)
        return -1;
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

int wsc_transport_open(struct wsc *client)
{
    const struct wsc_target *target = client->target;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(target->port)};
    int on = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return -1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (inet_pton(AF_INET, target->host, &address.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    if (bind_source(client->fd, target->source) < 0)
        return -1;
    int status = connect(client->fd, (struct sockaddr *)&address, sizeof address);
    return status < 0 && errno != EINPROGRESS ? -1 : 0;
}

int wsc_transport_connect_error(struct wsc *client)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return errno;
    return error;
}

static int tls_status(struct wsc *client, int result)
{
    int error = SSL_get_error(client->ssl, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

int wsc_transport_start_tls(struct wsc *client)
{
    if (!client->ssl) {
        client->ssl = SSL_new(client->loop->tls);
        if (!client->ssl || SSL_set_fd(client->ssl, client->fd) != 1)
            return -1;
        SSL_set_connect_state(client->ssl);
    }
    int result = SSL_do_handshake(client->ssl);
    if (result == 1)
        return 1;
    int error = SSL_get_error(client->ssl, result);
    wsc_watch(client, error == SSL_ERROR_WANT_WRITE);
    return tls_status(client, result);
}

long wsc_transport_read(struct wsc *client, void *data, size_t size)
{
    if (client->ssl) {
        int result = SSL_read(client->ssl, data, (int)size);
        return result > 0 ? result : tls_status(client, result);
    }
    ssize_t result = recv(client->fd, data, size, 0);
    if (result > 0)
        return result;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

long wsc_transport_write(struct wsc *client, const void *data, size_t size)
{
    if (client->ssl) {
        int result = SSL_write(client->ssl, data, (int)size);
        return result > 0 ? result : tls_status(client, result);
    }
    ssize_t result = send(client->fd, data, size, MSG_NOSIGNAL);
    if (result >= 0)
        return result;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}
