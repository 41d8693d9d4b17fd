/*
 * The figures of a running server: what /metrics says.
 */
#include "print.h"
#include "remote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

static bool read_figures(struct remote *remote, struct figures *figures)
{
    char *rest = NULL;

    figures->count = 0;
    if (remote_call(remote, "GET", "/metrics") != 200 || !remote->size)
        return false;
    for (char *line = strtok_r(remote->body, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        take_line(figures, line);
    return figures->count > 0;
}

/* The server that the argument names, or the options do. */
static bool dial(struct remote *remote, const struct invocation *invocation)
{
    return remote_open(remote, invocation, invocation->count ? invocation->arguments[0] : NULL,
                       NULL);
}

static int figures_print(const struct figures *figures, bool is_json)
{
    json_t *object = is_json ? json_object() : NULL;

    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->items[i];

        if (is_json)
            json_object_set_new(object, figure->name, json_integer((json_int_t)figure->value));
        else
            printf("%-48s %" PRIu64 "\n", figure->name, figure->value);
    }
    return is_json ? print_object(object) : EXIT_DONE;
}

int command_stats(const struct invocation *invocation)
{
    static struct figures figures;
    struct remote remote;
    int r = EXIT_FAILED;

    if (dial(&remote, invocation))
        r = read_figures(&remote, &figures)
                ? figures_print(&figures, invocation->options[OPTION_JSON] != NULL)
                : command_failed(remote.server, "no server answers here");
    remote_close(&remote);
    return r;
}

/* Lines of the terminal; plenty where there is none. */
static size_t screen_rows(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 ? size.ws_row
                                                                           : FIGURES_MAX + 2;
}

/* Where not all fit, what is 0 is left out first. */
static size_t choose(const struct figures *figures, size_t rows, bool shown[FIGURES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < figures->count; i++) {
        shown[i] = count < rows && (figures->count <= rows || figures->items[i].value);
        count += shown[i];
    }
    return count;
}

/* Counters as what was added in the last second; the same server has the same lines. */
static void show(const struct figures *now, const struct figures *before)
{
    bool shown[FIGURES_MAX] = {false};
    size_t count = choose(now, screen_rows() - 2, shown);

    printf("\033[H\033[J%-48s %14s %14s\n", "", "now", "a second");
    for (size_t i = 0; i < now->count; i++) {
        const struct figure *figure = &now->items[i];

        if (!shown[i])
            continue;
        printf("%-48s %14" PRIu64, figure->name, figure->value);
        if (figure->is_counter && i < before->count)
            printf(" %14" PRIu64, figure->value - before->items[i].value);
        printf("\n");
    }
    if (count < now->count)
        printf("and %zu more: chatcorectl stats", now->count - count);
    fflush(stdout);
}

int command_top(const struct invocation *invocation)
{
    static struct figures figures[2];
    struct remote remote;

    if (dial(&remote, invocation))
        for (int turn = 0; read_figures(&remote, &figures[turn]); turn = !turn) {
            show(&figures[turn], &figures[!turn]);
            sleep(1);
        }
    command_failed(remote.server, "no server answers here");
    remote_close(&remote);
    return EXIT_FAILED;
}
