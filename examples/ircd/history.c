/*
 * CHATHISTORY and MARKREAD. IRC names places by message ids and times, the engine by seqs: a place
 * is looked for from the newest message backwards, PAGES_MAX pages of PAGE at most. What lies
 * further back is answered as if it were at that bound.
 */
#include "ircd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAGE      200
#define PAGES_MAX 50 /* of one look-up: bounds the work of one line */

/* What is asked, in request.word; the places, in .low and .high: both exclusive, 0 is none. */
enum { FIRST_PLACE, SECOND_PLACE };

static void next_step(struct client *client, const struct request *done);

/* A request that goes on for another one. NULL: the client has been told. */
static struct request *ask(struct client *client, struct cc_command *command, answer_fn *answer,
                           const struct request *done)
{
    struct channel *channel = channel_named(client, done->name);
    struct request *request;

    if (!channel)
        return NULL;
    command->type = CC_COMMAND_HISTORY;
    command->conversation = cc_text(channel->id);
    request = request_submit(client, client->live.session, command, answer, done->name);
    if (!request)
        return NULL;
    memcpy(request->word, done->word, sizeof request->word);
    memcpy(request->word2, done->word2, sizeof request->word2);
    request->low = done->low;
    request->high = done->high;
    request->ts = done->ts;
    request->limit = done->limit;
    request->pages = done->pages;
    request->flag = done->flag;
    return request;
}

/* --- places --- */

/* `ret_id` or, if that is false, `ret_ts`. False: neither. */
static bool parse_place(const char *text, bool *ret_is_id, struct cc_id *ret_id, int64_t *ret_ts)
{
    *ret_is_id = strncmp(text, "msgid=", 6) == 0;
    if (*ret_is_id)
        return id_parse(text + 6, ret_id);
    return strncmp(text, "timestamp=", 10) == 0 && time_parse(text + 10, ret_ts);
}

/* Where the place is in a page: `ret_below` the last seq before it, `ret_upto` the last one at or
 * before it. False: before this page. */
static bool find_place(const char *text, const struct cc_reply *reply, uint64_t *ret_below,
                       uint64_t *ret_upto)
{
    struct cc_id id;
    bool is_id, found = false;
    int64_t ts = 0;

    *ret_below = *ret_upto = 0;
    if (!parse_place(text, &is_id, &id, &ts))
        return true;
    for (size_t i = 0; i < reply->message_count; i++) {
        const struct cc_message *message = &reply->messages[i];

        if (is_id && memcmp(&id, &message->id, sizeof id) == 0) {
            *ret_below = message->seq - 1;
            *ret_upto = message->seq;
            return true;
        }
        if (is_id || message->ts > ts)
            continue;
        *ret_upto = message->seq;
        if (message->ts < ts)
            *ret_below = message->seq;
        found = found || message->ts < ts;
    }
    return found;
}

static void place_answered(struct client *client, struct request *request,
                           const struct cc_reply *reply)
{
    struct cc_command command = {.limit = PAGE};
    uint64_t below, upto;

    if (reply->error) {
        fail(client, "CHATHISTORY", "MESSAGE_ERROR", request->name, cc_strerror(reply->error));
        return;
    }
    if (!find_place(request->word, reply, &below, &upto) && reply->more && reply->message_count &&
        ++request->pages < PAGES_MAX) {
        command.before = reply->messages[0].seq;
        ask(client, &command, place_answered, request);
        return;
    }
    /* low: the place to go on behind; high: the place to stop before. */
    request->low = upto;
    request->high = below + 1;
    next_step(client, request);
}

/* --- a page of history --- */

static void page_answered(struct client *client, struct request *request,
                          const struct cc_reply *reply)
{
    char batch[16];

    if (reply->error) {
        fail(client, "CHATHISTORY", "MESSAGE_ERROR", request->name, cc_strerror(reply->error));
        return;
    }
    if (!batch_begin(client, "chathistory", request->name, batch))
        *batch = 0;
    for (size_t i = 0; i < reply->message_count; i++)
        if (reply->messages[i].seq > request->low &&
            (!request->high || reply->messages[i].seq < request->high))
            show_message(client, &reply->messages[i], batch);
    if (*batch)
        say(client, NULL, "BATCH -%s", batch);
}

static void fetch(struct client *client, const struct request *places, uint64_t before,
                  uint64_t after, bool is_after)
{
    struct cc_command command = {.before = before, .after = after, .has_after = is_after};

    command.limit = places->limit;
    ask(client, &command, page_answered, places);
}

static void fetch_around(struct client *client, struct request *places)
{
    uint64_t half = places->limit / 2, at = places->high ? places->high - 1 : 0;

    places->low = at > half ? at - half : 0;
    places->high = 0;
    fetch(client, places, 0, places->low, true);
}

/* One place is known. BETWEEN keeps it in `ts` while it looks for the other. */
static void between(struct client *client, struct request *places)
{
    struct cc_command command = {.limit = PAGE};
    uint64_t low = (uint64_t)places->ts >> 1, high = places->high;

    if (!places->flag) {
        places->flag = true;
        /* Both ends of the first place: it may be the earlier or the later one. */
        places->ts = (int64_t)((places->low << 1) | (places->low + 1 == places->high));
        snprintf(places->word, sizeof places->word, "%s", places->word2);
        snprintf(places->word2, sizeof places->word2, "BETWEEN");
        places->pages = 0;
        ask(client, &command, place_answered, places);
        return;
    }
    if (low < places->high) { /* forwards from the first */
        places->low = low;
        places->high = high;
        fetch(client, places, 0, low, true);
    } else { /* backwards from the first */
        places->high = low + ((places->ts & 1) != 0);
        fetch(client, places, places->high, 0, false);
    }
}

static void next_step(struct client *client, const struct request *done)
{
    struct request places = *done;
    const char *verb = done->word2;

    if (strcmp(verb, "BEFORE") == 0) {
        places.low = 0;
        fetch(client, &places, places.high, 0, false);
    } else if (strcmp(verb, "AFTER") == 0) {
        places.high = 0;
        fetch(client, &places, 0, places.low, true);
    } else if (strcmp(verb, "LATEST") == 0) {
        places.high = 0;
        fetch(client, &places, 0, 0, false);
    } else if (strcmp(verb, "AROUND") == 0)
        fetch_around(client, &places);
    else
        between(client, &places);
}

/* --- targets --- */

static int by_time(const void *one, const void *other)
{
    const struct channel *a = *(struct channel *const *)one, *b = *(struct channel *const *)other;

    return (a->ts > b->ts) - (a->ts < b->ts);
}

/* Conversations with something newer than `from`, and nothing newer than `to`: the oldest first. */
static void show_targets(struct client *client, int64_t from, int64_t to, uint32_t limit)
{
    struct channel *channel, **found;
    char batch[16] = "", text[32];
    size_t count = 0;

    TAILQ_FOREACH(channel, &client->channels, entry)
    count++;
    found = calloc(count + 1, sizeof *found);
    if (!found) {
        fail(client, "CHATHISTORY", "MESSAGE_ERROR", "TARGETS", cc_strerror(CC_ENOMEM));
        return;
    }
    count = 0;
    TAILQ_FOREACH(channel, &client->channels, entry)
    if (!channel->is_pending && channel->ts > from && channel->ts < to)
        found[count++] = channel;
    qsort(found, count, sizeof(struct channel *), by_time);
    batch_begin(client, "draft/chathistory-targets", "", batch);
    for (size_t i = 0; i < count && i < limit; i++) {
        struct tags tags = {.batch = *batch ? batch : NULL};

        time_print(found[i]->ts, text);
        say(client, &tags, ":%s CHATHISTORY TARGETS %s %s", client->server->name, found[i]->name,
            text);
    }
    free(found);
    if (*batch)
        say(client, NULL, "BATCH -%s", batch);
}

static uint32_t parse_limit(const char *text);

/* TARGETS timestamp timestamp limit */
static void do_targets(struct client *client, const struct line *line)
{
    uint32_t limit = line->count == 4 ? parse_limit(line->params[3]) : 0;
    int64_t from, to;

    if (!limit || strncmp(line->params[1], "timestamp=", 10) != 0 ||
        strncmp(line->params[2], "timestamp=", 10) != 0 ||
        !time_parse(line->params[1] + 10, &from) || !time_parse(line->params[2] + 10, &to))
        fail(client, "CHATHISTORY", "INVALID_PARAMS", "TARGETS", "Malformed");
    else
        show_targets(client, from < to ? from : to, from < to ? to : from, limit);
}

/* --- the command --- */

static bool is_place(const char *text)
{
    struct cc_id id;
    int64_t ts;
    bool is_id;

    return strlen(text) < 64 && parse_place(text, &is_id, &id, &ts);
}

static uint32_t parse_limit(const char *text)
{
    char *end;
    long limit = strtol(text, &end, 10);

    if (*end || limit <= 0)
        return 0;
    return limit > HISTORY_MAX ? HISTORY_MAX : (uint32_t)limit;
}

static bool is_verb(const char *text)
{
    static const char *const verbs[] = {"LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN"};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i], text) == 0)
            return true;
    return false;
}

static void start(struct client *client, struct line *line, bool is_between)
{
    struct request first = {.limit = parse_limit(line->params[line->count - 1])};
    struct cc_command command = {.limit = PAGE};
    const char *place = line->params[2];

    snprintf(first.name, sizeof first.name, "%s", line->params[1]);
    snprintf(first.word, sizeof first.word, "%s", place);
    snprintf(first.word2, sizeof first.word2, "%s", is_between ? line->params[3] : line->params[0]);
    if (strcmp(place, "*") == 0)
        fetch(client, &first, 0, 0, false);
    else
        ask(client, &command, place_answered, &first);
}

/* A conversation that there is not has no history. */
static void no_history(struct client *client, const char *verb, const char *name)
{
    char batch[16], context[BODY_MAX];

    snprintf(context, sizeof context, "%s %s", verb, name);
    if (*name == '#' || *name == '&')
        fail(client, "CHATHISTORY", "INVALID_TARGET", context, "You're not on that channel");
    else if (batch_begin(client, "chathistory", name, batch))
        say(client, NULL, "BATCH -%s", batch);
}

static bool is_well_formed(const struct line *line, bool is_between)
{
    const char *place = line->params[2];

    if (line->count != (is_between ? 5 : 4) || strlen(line->params[1]) > NAME_MAX_ESCAPED ||
        !parse_limit(line->params[line->count - 1]))
        return false;
    if (strcmp(place, "*") == 0)
        return strcmp(line->params[0], "LATEST") == 0;
    return is_place(place) && (!is_between || is_place(line->params[3]));
}

static void make_upper(char *text)
{
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
}

void do_chathistory(struct client *client, struct line *line)
{
    bool is_between;

    if (line->count)
        make_upper(line->params[0]);
    if (line->count && strcmp(line->params[0], "TARGETS") == 0) {
        do_targets(client, line);
        return;
    }
    if (!line->count || !is_verb(line->params[0])) {
        fail(client, "CHATHISTORY", "INVALID_PARAMS", "", "Unknown command");
        return;
    }
    is_between = strcmp(line->params[0], "BETWEEN") == 0;
    if (!is_well_formed(line, is_between))
        fail(client, "CHATHISTORY", "INVALID_PARAMS", line->params[0], "Malformed");
    else if (!channel_named(client, line->params[1]))
        no_history(client, line->params[0], line->params[1]);
    else
        start(client, line, is_between);
}

/* --- what came before it was known where it belongs --- */

static void caught_up(struct client *client, struct request *request, const struct cc_reply *reply)
{
    struct channel *channel = channel_named(client, request->name);

    if (!channel || !channel->is_pending)
        return;
    channel->is_pending = false;
    for (size_t i = 0; !reply->error && i < reply->message_count; i++) {
        channel->first = reply->messages[i].seq + 1;
        show_message(client, &reply->messages[i], NULL);
    }
    if (reply->error || !reply->message_count || channel->first > channel->skipped)
        return;
    channel->is_pending = true;
    catch_up(client, channel);
}

void catch_up(struct client *client, struct channel *channel)
{
    struct cc_command command = {.type = CC_COMMAND_HISTORY, .limit = PAGE, .has_after = true};

    command.after = channel->first - 1;
    command.conversation = cc_text(channel->id);
    if (!request_submit(client, client->live.session, &command, caught_up, channel->name))
        channel->is_pending = false;
}

/* --- read marks --- */

static void say_marker(struct client *client, const char *name, int64_t ts)
{
    char text[32];

    if (ts)
        time_print(ts, text);
    say(client, NULL, ":%s MARKREAD %s %s%s", client->server->name, name, ts ? "timestamp=" : "*",
        ts ? text : "");
}

static void marker_answered(struct client *client, struct request *request,
                            const struct cc_reply *reply)
{
    bool is_there = !reply->error && reply->message_count;

    say_marker(client, request->name, is_there ? reply->messages[reply->message_count - 1].ts : 0);
}

/* The mark is a seq: its time is that of the message. */
void show_marker(struct client *client, struct channel *channel)
{
    struct cc_command command = {.type = CC_COMMAND_HISTORY, .limit = 1};

    if (!(client->caps & CAP_MARKER))
        return;
    if (!channel->read) {
        say_marker(client, channel->name, 0);
        return;
    }
    command.before = channel->read + 1;
    command.conversation = cc_text(channel->id);
    request_submit(client, client->live.session, &command, marker_answered, channel->name);
}

static void marked(struct client *client, struct request *request, const struct cc_reply *reply)
{
    struct channel *channel = channel_named(client, request->name);

    if (reply->error)
        fail(client, "MARKREAD", "INTERNAL_ERROR", request->name, cc_strerror(reply->error));
    else if (channel) {
        if (request->low > channel->read)
            channel->read = request->low;
        show_marker(client, channel);
    }
}

static void mark_answered(struct client *client, struct request *request,
                          const struct cc_reply *reply)
{
    struct cc_command page = {.limit = PAGE}, command = {.type = CC_COMMAND_READ};
    struct channel *channel = channel_named(client, request->name);
    struct request *reading;
    uint64_t below, upto;

    if (reply->error || !channel) {
        fail(client, "MARKREAD", "INTERNAL_ERROR", request->name, cc_strerror(reply->error));
        return;
    }
    find_place(request->word, reply, &below, &upto);
    if (!upto && reply->more && reply->message_count && ++request->pages < PAGES_MAX) {
        page.before = reply->messages[0].seq;
        ask(client, &page, mark_answered, request);
        return;
    }
    if (upto <= channel->read) { /* it only moves forward */
        show_marker(client, channel);
        return;
    }
    command.seq = upto;
    command.conversation = cc_text(channel->id);
    reading = request_submit(client, client->live.session, &command, marked, channel->name);
    if (reading)
        reading->low = upto;
}

void do_markread(struct client *client, struct line *line)
{
    struct channel *channel = line->count ? channel_named(client, line->params[0]) : NULL;
    struct cc_command command = {.limit = PAGE};
    struct request first = {.limit = PAGE};

    if (!line->count)
        fail(client, "MARKREAD", "NEED_MORE_PARAMS", "", "Missing parameters");
    else if (!channel)
        fail(client, "MARKREAD", "INVALID_PARAMS", line->params[0], "No such conversation");
    else if (line->count == 1)
        show_marker(client, channel);
    else if (strncmp(line->params[1], "timestamp=", 10) != 0 || !is_place(line->params[1]))
        fail(client, "MARKREAD", "INVALID_PARAMS", line->params[0], "Malformed timestamp");
    else {
        snprintf(first.name, sizeof first.name, "%s", channel->name);
        snprintf(first.word, sizeof first.word, "%s", line->params[1]);
        ask(client, &command, mark_answered, &first);
    }
}
