/*
 * systemd's notification protocol. It is a datagram; a library for it would bring more than it
 * saves.
 */
#include "notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool fill_address(const char *path, struct sockaddr_un *address, socklen_t *ret_size)
{
    size_t length = strlen(path);

    if (length >= sizeof address->sun_path || (path[0] != '/' && path[0] != '@'))
        return false;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    if (path[0] == '@') /* the abstract name space */
        address->sun_path[0] = 0;
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

void notify_send(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size;
    ssize_t sent;
    int fd;

    if (!path || !fill_address(path, &address, &size))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    (void)sent; /* a manager that does not listen is not waited for */
    close(fd);
}

unsigned long notify_watchdog_us(void)
{
    const char *text = getenv("WATCHDOG_USEC");

    return text ? strtoul(text, NULL, 10) / 2 : 0;
}
