/*
 * The figures of a running server: what /metrics says.
 */
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_MAX    65536
#define FIGURES_MAX 256
#define NAME_MAX_   96

struct figures {
    size_t count;
    struct figure {
        char name[NAME_MAX_];
        uint64_t value;
        bool is_counter;
    } items[FIGURES_MAX];
};

static int dial(const char *address, char *host)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char *colon;
    int fd = -1;

    snprintf(host, NAME_MAX_, "%s", address);
    colon = strrchr(host, ':');
    if (!colon)
        return -1;
    *colon = 0;
    if (getaddrinfo(host, colon + 1, &hints, &found))
        return -1;
    for (struct addrinfo *each = found; each && fd < 0; each = each->ai_next) {
        fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen)) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* The whole answer, terminated. */
static bool fetch(const char *address, char *text)
{
    char host[NAME_MAX_], request[256];
    int fd = dial(address, host);
    size_t size = 0;
    ssize_t got;

    if (fd < 0)
        return false;
    snprintf(request, sizeof request,
             "GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    got = send(fd, request, strlen(request), MSG_NOSIGNAL);
    while (got > 0 && size < TEXT_MAX - 1) {
        got = recv(fd, text + size, TEXT_MAX - 1 - size, 0);
        size += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    text[size] = 0;
    return got == 0 && !strncmp(text, "HTTP/1.1 200", 12);
}

static void take_line(struct figures *figures, const char *line)
{
    struct figure *figure = &figures->items[figures->count];
    size_t size = strcspn(line, " ");
    char *end;

    if (strncmp(line, "chatcore_", 9) != 0 || figures->count == FIGURES_MAX || !line[size] ||
        size >= sizeof figure->name)
        return;
    memcpy(figure->name, line, size);
    figure->name[size] = '\0';
    figure->value = strtoull(line + size, &end, 10);
    if (end == line + size)
        return;
    figure->is_counter = strstr(figure->name, "_total") != NULL;
    figures->count++;
}

static bool read_figures(const char *address, struct figures *figures)
{
    static char text[TEXT_MAX];
    char *rest = NULL;

    figures->count = 0;
    if (!fetch(address, text))
        return false;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        take_line(figures, line);
    return figures->count > 0;
}

static const char *address_of(int count, char **arguments)
{
    return count ? arguments[0] : "127.0.0.1:8080";
}

int command_stats(int count, char **arguments)
{
    const char *address = address_of(count, arguments);
    static struct figures figures;

    if (!read_figures(address, &figures))
        return command_failed(address, "no server answers here");
    for (size_t i = 0; i < figures.count; i++)
        printf("%-48s %" PRIu64 "\n", figures.items[i].name, figures.items[i].value);
    return 0;
}

/* Counters as what was added in the last second; the same server has the same lines. */
static void show(const struct figures *now, const struct figures *before)
{
    printf("\033[H\033[J%-48s %14s %14s\n", "", "now", "a second");
    for (size_t i = 0; i < now->count; i++) {
        const struct figure *figure = &now->items[i];

        printf("%-48s %14" PRIu64, figure->name, figure->value);
        if (figure->is_counter && i < before->count)
            printf(" %14" PRIu64, figure->value - before->items[i].value);
        printf("\n");
    }
    fflush(stdout);
}

int command_top(int count, char **arguments)
{
    const char *address = address_of(count, arguments);
    static struct figures figures[2];

    for (int turn = 0; read_figures(address, &figures[turn]); turn = !turn) {
        show(&figures[turn], &figures[!turn]);
        sleep(1);
    }
    return command_failed(address, "no server answers here");
}
