/*
 * Allocation helpers, slices and the checks of text that every layer shares.
 */
#include "base/memory.h"

#include "chatcore/error.h"

#include <stdlib.h>

static void *default_alloc(void *context, size_t size)
{
    (void)context;
    return malloc(size ? size : 1);
}

static void *default_realloc(void *context, void *pointer, size_t size)
{
    (void)context;
    return realloc(pointer, size ? size : 1);
}

static void default_release(void *context, void *pointer)
{
    (void)context;
    free(pointer);
}

const struct cc_allocator *cc_allocator_default(void)
{
    static const struct cc_allocator allocator = {default_alloc, default_realloc, default_release,
                                                  NULL};

    return &allocator;
}

struct cc_slice cc_text(const char *text)
{
    return text ? slice_str(text) : slice_of(NULL, 0);
}

void *mem_zalloc(const struct cc_allocator *allocator, size_t count, size_t size)
{
    void *pointer;

    if (size && count > SIZE_MAX / size)
        return NULL;
    pointer = mem_alloc(allocator, count * size);
    if (pointer)
        memset(pointer, 0, count * size);
    return pointer;
}

int mem_reserve(const struct cc_allocator *allocator, void **array, size_t *capacity, size_t wanted,
                size_t element_size)
{
    size_t grown = *capacity ? *capacity : 8;
    void *bigger;

    if (wanted <= *capacity)
        return 0;
    while (grown < wanted) {
        if (grown > SIZE_MAX / 2)
            return CC_ENOMEM;
        grown *= 2;
    }
    if (grown > SIZE_MAX / element_size)
        return CC_ENOMEM;
    bigger = allocator->realloc(allocator->context, *array, grown * element_size);
    if (!bigger)
        return CC_ENOMEM;
    *array = bigger;
    *capacity = grown;
    return 0;
}

int slice_compare(struct cc_slice a, struct cc_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;

    if (order)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

size_t slice_find(const struct cc_slice *slices, size_t count, struct cc_slice wanted)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(slices[middle], wanted);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return count;
}

int slice_copy(const struct cc_allocator *allocator, struct cc_slice from,
               struct cc_slice *ret_copy)
{
    char *bytes = NULL;

    if (from.size) {
        bytes = mem_alloc(allocator, from.size);
        if (!bytes)
            return CC_ENOMEM;
        memcpy(bytes, from.data, from.size);
    }
    *ret_copy = slice_of(bytes, from.size);
    return 0;
}

/* The length of the well-formed sequence at `p`, or 0 (Unicode 15, table 3-7). */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t length;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0)
        low = 0xa0;
    if (p[0] == 0xed)
        high = 0x9f;
    if (p[0] == 0xf0)
        low = 0x90;
    if (p[0] == 0xf4)
        high = 0x8f;
    if (left < length || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

#define EACH_BYTE(value) ((uint64_t)0x0101010101010101u * (value))

/* Where the words of ASCII end that begin at `at`. */
static size_t skip_ascii(struct cc_slice text, size_t at)
{
    for (uint64_t word; text.size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        if (word & EACH_BYTE(0x80))
            break;
    }
    return at;
}

bool utf8_is_valid(struct cc_slice text)
{
    const uint8_t *p = (const uint8_t *)text.data;

    for (size_t at = skip_ascii(text, 0); at < text.size;) {
        size_t length = utf8_sequence(p + at, text.size - at);

        if (!length)
            return false;
        at += length;
        if (length == 1)
            at = skip_ascii(text, at);
    }
    return true;
}

/* True when the 8 bytes are ASCII from '!' to '~'; false means: look closer. */
static bool is_graphic_word(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    /* high bits: set already, set by adding 1 to DEL, or by a borrow from what is below '!' */
    return !((word | (word + EACH_BYTE(1)) | (word - EACH_BYTE(0x21))) & EACH_BYTE(0x80));
}

/* The usual name, without looking at each byte. */
static bool is_graphic(struct cc_slice name)
{
    size_t at = 0;

    for (; name.size - at >= 8; at += 8)
        if (!is_graphic_word(name.data + at))
            return false;
    while (at < name.size && name.data[at] > 0x20 && name.data[at] < 0x7f)
        at++;
    return at == name.size;
}

/* Spaces, controls, and marks that turn the direction of what follows: all that makes a name look
 * like another one, or like none, beyond its own letters. */
static bool is_blank(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } blanks[] = {
        {0x0000, 0x0020}, {0x007f, 0x00a0}, {0x061c, 0x061c}, {0x1680, 0x1680},
        {0x2000, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x2060},
        {0x2066, 0x2069}, {0x3000, 0x3000}, {0xfeff, 0xfeff},
    };

    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (c >= blanks[i].first && c <= blanks[i].last)
            return true;
    return false;
}

/* Of a well-formed sequence of so many bytes. */
static uint32_t code_point(const uint8_t *p, size_t length)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = *p & first_bits[length];

    for (size_t i = 1; i < length; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

bool name_is_valid(struct cc_slice name)
{
    const uint8_t *p = (const uint8_t *)name.data;
    size_t length;

    if (name.size < 1 || name.size > CC_NAME_MAX)
        return false;
    if (is_graphic(name))
        return true;
    for (size_t at = 0; at < name.size; at += length) {
        length = utf8_sequence(p + at, name.size - at);
        if (!length || is_blank(code_point(p + at, length)))
            return false;
    }
    return true;
}
