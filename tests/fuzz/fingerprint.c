/*
 * Texts of any bytes through the spam filter's eyes: white space anywhere changes nothing, and each
 * link takes the four bytes of "www." at least, with a word behind the last.
 */
#include "backends/filter/fingerprint.h"

#include <stdlib.h>

#define SHORTEST_LINK strlen("www.")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* The text with a space behind its first `at` bytes: between characters, so not in a sequence. */
static void check_space(struct cc_slice text, size_t at)
{
    char *spaced = malloc(text.size + 1);

    require(spaced != NULL);
    memcpy(spaced, text.data, at);
    spaced[at] = ' ';
    memcpy(spaced + at + 1, text.data + at, text.size - at);
    require(spam_fingerprint(slice_of(spaced, text.size + 1)) == spam_fingerprint(text));
    free(spaced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cc_slice text = slice_of(data, size);

    spam_fingerprint(text);
    require(spam_links(text) * SHORTEST_LINK <= (size ? size - 1 : 0));
    if (!size || !utf8_is_valid(text))
        return 0;
    for (size_t at = 0; at <= size && at < 1200; at += 1 + at / 8)
        if (at == size || (data[at] & 0xc0) != 0x80)
            check_space(text, at);
    return 0;
}
