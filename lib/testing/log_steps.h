/*
 * Steps on a log in the language of its conformance cases: records are words, "a b c", and what is
 * read comes back as "0:a 1:b", so that a failure shows both.
 */
#ifndef CC_TESTING_LOG_STEPS_H
#define CC_TESTING_LOG_STEPS_H

#include "testing/suite.h"

struct logs {
    struct suite *suite;
    struct cc_log port;
};

/* Submits to a slot and waits; answers the status. */
#define LOG_RUN(log, slot, operation)                                                              \
    (suite_submit((log)->suite, &(operation)->op),                                                 \
     (log)->port.vtable->slot((log)->port.self, operation),                                        \
     suite_wait((log)->suite, &(operation)->op))

/* Without waiting. */
#define LOG_SUBMIT(log, slot, operation)                                                           \
    (suite_submit((log)->suite, &(operation)->op),                                                 \
     (log)->port.vtable->slot((log)->port.self, operation))

/* The most words of one append. */
#define LOG_WORDS_MAX 16

/* Appends words as one operation's records. `ret_offset` may be NULL. */
int log_append_words(struct logs *log, uint32_t partition, const char *words, uint64_t *ret_offset);

/* Appends `count` records of `size` bytes; what is in them follows from their offset. */
int log_append_filled(struct logs *log, uint32_t partition, uint64_t offset, size_t count,
                      size_t size);

/* True when a record is as log_append_filled() made it. */
bool log_is_filled(const struct cc_log_record *record, size_t size);

/* Adds "0:a 1:b"; for a status other than 0 its name. */
void log_read_words(struct logs *log, uint32_t partition, uint64_t offset, size_t max_records,
                    size_t max_bytes, struct text *text);
void log_add_records(const struct cc_log_read *op, struct text *text);

/* Adds "first..next". */
void log_read_bounds(struct logs *log, uint32_t partition, struct text *text);

int log_commit(struct logs *log, const char *consumer, uint32_t partition, uint64_t offset);
int log_committed(struct logs *log, const char *consumer, uint32_t partition, uint64_t *ret_offset);
bool log_knows(struct logs *log, const char *consumer, uint32_t partition);
int log_forget(struct logs *log, const char *consumer, uint32_t partition);
int log_trim(struct logs *log, uint32_t partition, uint64_t before);

#define CHECK_WORDS(log, partition, offset, wanted)                                                \
    do {                                                                                           \
        struct text got_words = {0};                                                               \
        log_read_words(log, partition, offset, SIZE_MAX, SIZE_MAX, &got_words);                    \
        CHECK_TEXT((log)->suite, got_words.bytes, wanted);                                         \
    } while (0)

#define CHECK_BOUNDS(log, partition, wanted)                                                       \
    do {                                                                                           \
        struct text got_bounds = {0};                                                              \
        log_read_bounds(log, partition, &got_bounds);                                              \
        CHECK_TEXT((log)->suite, got_bounds.bytes, wanted);                                        \
    } while (0)

#define CHECK_COMMITTED(log, consumer, partition, wanted)                                          \
    do {                                                                                           \
        uint64_t got_offset = 0;                                                                   \
        CHECK_STATUS((log)->suite, log_committed(log, consumer, partition, &got_offset), 0);       \
        CHECK_NUMBER((log)->suite, got_offset, wanted);                                            \
    } while (0)

#endif
