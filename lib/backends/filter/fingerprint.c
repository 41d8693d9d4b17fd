/*
 * Fingerprints of texts.
 */
#include "backends/filter/fingerprint.h"

#include "base/hash.h"

/* --- code points --------------------------------------------------------------------------------
 */

/* The code point at `at`, and behind it. The text was checked to be UTF-8 before it came here; if
 * it isn't, the bytes are taken one by one. */
static uint32_t next_point(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    size_t size = p[0] < 0xc0 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t point = size == 1 ? p[0] : p[0] & (0xffU >> (size + 1));

    if (size > (size_t)(end - p)) {
        *at = p + 1;
        return p[0];
    }
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (p[i] & 0x3f);
    *at = p + size;
    return point;
}

/* White space, and what shows nothing: the classic way to make equal texts differ. */
static bool is_invisible(uint32_t point)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {
        {0x0000, 0x0020}, {0x007f, 0x00a0}, {0x00ad, 0x00ad}, {0x034f, 0x034f},   {0x061c, 0x061c},
        {0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180e},   {0x2000, 0x200f},
        {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800}, {0x3000, 0x3000},   {0x3164, 0x3164},
        {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xe0000, 0xe0fff},
    };

    if (point > 0x20 && point < 0x7f)
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* How the capital letters of a block become small ones: by adding, or, where both take turns, to
 * the next odd or the next even code point. */
enum folding { BY_ADDING, TO_ODD, TO_EVEN };

/* It need not be all of Unicode: what is missing costs a sender's variant one more message. */
static const struct {
    uint32_t first;
    uint32_t last;
    enum folding folding;
    uint32_t distance;
} capitals[] = {
    {'A', 'Z', BY_ADDING, 0x20},     {0xc0, 0xd6, BY_ADDING, 0x20},
    {0xd8, 0xde, BY_ADDING, 0x20},   {0x100, 0x137, TO_ODD, 0},
    {0x139, 0x148, TO_EVEN, 0},      {0x14a, 0x177, TO_ODD, 0},
    {0x179, 0x17e, TO_EVEN, 0},      {0x391, 0x3a9, BY_ADDING, 0x20},
    {0x400, 0x40f, BY_ADDING, 0x50}, {0x410, 0x42f, BY_ADDING, 0x20},
    {0x460, 0x481, TO_ODD, 0},       {0x48a, 0x4bf, TO_ODD, 0},
};

static uint32_t small_letter(uint32_t point)
{
    size_t at = 0;

    while (at < sizeof capitals / sizeof capitals[0] && point > capitals[at].last)
        at++;
    if (at == sizeof capitals / sizeof capitals[0] || point < capitals[at].first)
        return point;
    switch (capitals[at].folding) {
    case BY_ADDING:
        return point + capitals[at].distance;
    case TO_ODD:
        return point | 1;
    case TO_EVEN:
        return point + (point & 1);
    }
    return point;
}

/* Small letters for capital ones, plain ones for those of full width, 0 for each digit. */
static uint32_t fold(uint32_t point)
{
    if (point >= 0xff01 && point <= 0xff5e)
        point -= 0xfee0;
    if (point >= '0' && point <= '9')
        return '0';
    return small_letter(point);
}

/* --- hashing ------------------------------------------------------------------------------------
 */

/* Takes points of any number in constant memory: each block starts with the hash of those before.
 */
struct chain_hash {
    uint64_t block[64];
    size_t used;
};

static void chain_hash_close(struct chain_hash *chain)
{
    chain->block[0] = hash_stable(slice_of(chain->block, chain->used * sizeof chain->block[0]));
    chain->used = 1;
}

static void chain_hash_add(struct chain_hash *chain, uint32_t point)
{
    if (chain->used == sizeof chain->block / sizeof chain->block[0])
        chain_hash_close(chain);
    chain->block[chain->used++] = point;
}

uint32_t spam_fingerprint(struct cc_slice text)
{
    const uint8_t *at = (const uint8_t *)text.data;
    const uint8_t *end = at + text.size;
    struct chain_hash chain = {.used = 1};
    uint32_t last = 0;
    uint32_t hash;

    while (at < end) {
        uint32_t point = next_point(&at, end);

        if (is_invisible(point))
            continue;
        point = fold(point);
        if (point != '0' || last != '0')
            chain_hash_add(&chain, point);
        last = point;
    }
    if (!last)
        return 0;
    chain_hash_close(&chain);
    hash = (uint32_t)chain.block[0];
    return hash ? hash : 1;
}

/* --- links --------------------------------------------------------------------------------------
 */

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (uint8_t)c >= 0x80;
}

/* The size of the prefix if the text starts with it, in any case of its letters, and goes on with
 * a word; else 0. */
static size_t starts_with(struct cc_slice text, const char *prefix)
{
    size_t size = strlen(prefix);

    if (text.size <= size || !is_word(text.data[size]))
        return 0;
    for (size_t i = 0; i < size; i++) {
        char c = text.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 0x20);
        if (c != prefix[i])
            return 0;
    }
    return size;
}

/* The size of what a link begins with, or 0. */
static size_t link_prefix(struct cc_slice text)
{
    static const char *const prefixes[] = {"https://www.", "http://www.", "https://", "http://",
                                           "www."};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t size = starts_with(text, prefixes[i]);

        if (size)
            return size;
    }
    return 0;
}

uint32_t spam_links(struct cc_slice text)
{
    uint32_t links = 0;
    bool in_word = false;

    for (size_t at = 0; at < text.size;) {
        char c = text.data[at];
        size_t size = 0;

        if (!in_word && (c == 'h' || c == 'H' || c == 'w' || c == 'W'))
            size = link_prefix(slice_of(text.data + at, text.size - at));
        if (size)
            links++;
        in_word = is_word(c);
        at += size ? size : 1;
    }
    return links;
}
