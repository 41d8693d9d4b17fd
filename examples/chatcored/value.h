/*
 * Values of settings: one check for each kind, and what the checked text means. Pure but for FILE,
 * which looks whether it can be read.
 */
#ifndef CHATCORED_VALUE_H
#define CHATCORED_VALUE_H

#include <chatcore/engine.h>

/* Each answers NULL for a value that makes sense, else why it does not. */
const char *value_check_text(const char *text);
const char *value_check_file(const char *text);
const char *value_check_networks(const char *text);
const char *value_check_listen(const char *text);
const char *value_check_rate(const char *text);
const char *value_check_quota(const char *text);
const char *value_check_level(const char *text);
const char *value_check_format(const char *text);

const char *value_number(const char *text, uint64_t *ret_number);
const char *value_flag(const char *text, bool *ret_flag);

/* "127.0.0.1:8080", "[::1]:8080". False when it is none, or does not fit. */
bool value_listen(const char *text, char *ret_address, size_t size, int *ret_port);

/* "50/10" is a burst of 50, and 10 a second; "off" no limit. `text` NULL leaves it as it is. */
bool value_rate(const char *text, struct cc_rate *rate);

/* "20/3600" is 20 in an hour. `text` NULL leaves both as they are. */
bool value_quota(const char *text, uint32_t *count, uint32_t *window_ms);

/* False for what is no level. */
bool value_level(const char *text, enum cc_trace_level *ret_level);

/* The items of a list are cut off at their commas and spaces, in place: at most `max`, the number
 * of which is answered. */
size_t value_split(char *text, const char **items, size_t max);

#endif
