/*
 * Fingerprints of texts. Every message passes here, so ASCII goes without a branch for a character.
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

/* What becomes of the code points of a block: nothing, for they are white space or show nothing;
 * or small letters, at a distance, or, where capital and small letters take turns, the next odd or
 * even point. */
enum folding { TO_NOTHING, AT_DISTANCE, TO_ODD, TO_EVEN };

/*
 * Beyond ASCII, in order. Of the letters it need not be all of Unicode: what is missing costs a
 * sender's variant one more message.
 */
static const struct block {
    uint32_t first;
    uint32_t last;
    enum folding folding;
    int32_t distance;
} blocks[] = {
    {0x0080, 0x00a0, TO_NOTHING, 0},     {0x00ad, 0x00ad, TO_NOTHING, 0},
    {0x00c0, 0x00d6, AT_DISTANCE, 0x20}, {0x00d8, 0x00de, AT_DISTANCE, 0x20},
    {0x0100, 0x0137, TO_ODD, 0},         {0x0139, 0x0148, TO_EVEN, 0},
    {0x014a, 0x0177, TO_ODD, 0},         {0x0179, 0x017e, TO_EVEN, 0},
    {0x034f, 0x034f, TO_NOTHING, 0},     {0x0391, 0x03a9, AT_DISTANCE, 0x20},
    {0x0400, 0x040f, AT_DISTANCE, 0x50}, {0x0410, 0x042f, AT_DISTANCE, 0x20},
    {0x0460, 0x0481, TO_ODD, 0},         {0x048a, 0x04bf, TO_ODD, 0},
    {0x061c, 0x061c, TO_NOTHING, 0},     {0x115f, 0x1160, TO_NOTHING, 0},
    {0x1680, 0x1680, TO_NOTHING, 0},     {0x17b4, 0x17b5, TO_NOTHING, 0},
    {0x180b, 0x180e, TO_NOTHING, 0},     {0x2000, 0x200f, TO_NOTHING, 0},
    {0x2028, 0x202f, TO_NOTHING, 0},     {0x205f, 0x206f, TO_NOTHING, 0},
    {0x2800, 0x2800, TO_NOTHING, 0},     {0x3000, 0x3000, TO_NOTHING, 0},
    {0x3164, 0x3164, TO_NOTHING, 0},     {0xfe00, 0xfe0f, TO_NOTHING, 0},
    {0xfeff, 0xfeff, TO_NOTHING, 0},     {0xff01, 0xff5e, AT_DISTANCE, -0xfee0},
    {0xffa0, 0xffa0, TO_NOTHING, 0},     {0xe0000, 0xe0fff, TO_NOTHING, 0},
};

#define BLOCKS (sizeof blocks / sizeof blocks[0])

/* The point's block, or NULL. */
static const struct block *block_of(uint32_t point)
{
    size_t low = 0;
    size_t high = BLOCKS;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (point > blocks[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < BLOCKS && point >= blocks[low].first ? &blocks[low] : NULL;
}

/* What the point becomes; 0: nothing. */
static uint32_t fold(uint32_t point)
{
    const struct block *block = block_of(point);

    if (!block)
        return point;
    switch (block->folding) {
    case TO_NOTHING:
        return 0;
    case AT_DISTANCE:
        return point + (uint32_t)block->distance;
    case TO_ODD:
        return point | 1;
    case TO_EVEN:
        return point + (point & 1);
    }
    return point;
}

/* --- the folded text ---------------------------------------------------------------------------
 */

/* A block of folded text: most messages fit in one. */
#define BLOCK_BYTES 512

/* What one step of put_point() adds at most. */
#define POINT_BYTES 3

/*
 * Folded text on its way into the hash. Blocks are cut where the folded text has its so manieth
 * byte, whatever was dropped between; each starts with the hash of those before.
 */
struct folded {
    uint8_t bytes[BLOCK_BYTES + POINT_BYTES];
    size_t used;
    char last; /* visible character, 'x' for one beyond ASCII: after '0', another adds nothing */
    bool is_empty;
    uint64_t hash;
};

static void folded_init(struct folded *folded)
{
    folded->used = sizeof folded->hash;
    folded->last = 'x';
    folded->is_empty = true;
    folded->hash = 0;
}

/* Hashes the first `size` bytes; what stands behind them begins the next block. */
static void folded_close(struct folded *folded, size_t size)
{
    size_t rest = folded->used - size;

    if (size > sizeof folded->hash)
        folded->is_empty = false;
    memcpy(folded->bytes, &folded->hash, sizeof folded->hash);
    folded->hash = hash_stable(slice_of(folded->bytes, size));
    memmove(folded->bytes + sizeof folded->hash, folded->bytes + size, rest);
    folded->used = sizeof folded->hash + rest;
}

/* What each ASCII character becomes: small letters, 0 for each digit; NUL: nothing. */
static const char ascii[128 + 1] =
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0!\"#$%&'()*+,-./"
    "0000000000:;<=>?"
    "@abcdefghijklmnopqrstuvwxyz[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

/* Adds as much ASCII as there is and fits. */
static const uint8_t *put_ascii(struct folded *folded, const uint8_t *at, const uint8_t *end)
{
    size_t room = sizeof folded->bytes - folded->used;
    uint8_t *to = folded->bytes + folded->used;
    char last = folded->last;

    if ((size_t)(end - at) > room)
        end = at + room;
    for (; at < end && *at < 0x80; at++) {
        char c = ascii[*at];

        *to = (uint8_t)c;
        to += (c != '\0') & ((c != '0') | (last != '0'));
        last = c ? c : last;
    }
    folded->used = (size_t)(to - folded->bytes);
    folded->last = last;
    return at;
}

/* A point beyond ASCII: three bytes, the first of which is above ASCII. */
static void put_point(struct folded *folded, uint32_t point)
{
    uint32_t small = fold(point);
    uint8_t *to = folded->bytes + folded->used;

    if (!small)
        return;
    if (small < 0x80) {
        uint8_t plain = (uint8_t)small;

        put_ascii(folded, &plain, &plain + 1);
        return;
    }
    to[0] = (uint8_t)(0x80 | small >> 16);
    to[1] = (uint8_t)(small >> 8);
    to[2] = (uint8_t)small;
    folded->used += POINT_BYTES;
    folded->last = 'x';
}

uint32_t spam_fingerprint(struct cc_slice text)
{
    const uint8_t *at = (const uint8_t *)text.data;
    const uint8_t *end = at + text.size;
    struct folded folded;
    uint32_t hash;

    folded_init(&folded);
    while (at < end) {
        if (*at < 0x80)
            at = put_ascii(&folded, at, end);
        else
            put_point(&folded, next_point(&at, end));
        if (folded.used >= BLOCK_BYTES)
            folded_close(&folded, BLOCK_BYTES);
    }
    folded_close(&folded, folded.used);
    if (folded.is_empty)
        return 0;
    hash = (uint32_t)folded.hash;
    return hash ? hash : 1;
}

/* --- links --------------------------------------------------------------------------------------
 */

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (uint8_t)c >= 0x80;
}

/* True if the text ends with `word`, in any case, and no letter or digit stands before it. */
static bool ends_with_word(struct cc_slice text, const char *word)
{
    size_t size = strlen(word);
    const char *at;

    if (text.size < size)
        return false;
    at = text.data + text.size - size;
    for (size_t i = 0; i < size; i++)
        if ((at[i] | 0x20) != word[i])
            return false;
    return text.size == size || !is_word(at[-1]);
}

/* The text from `at` on starts with `mark` and goes on with a word. */
static bool goes_on(struct cc_slice text, size_t at, const char *mark)
{
    size_t size = strlen(mark);

    return text.size - at > size && memcmp(text.data + at, mark, size) == 0 &&
           is_word(text.data[at + size]);
}

static bool is_address(struct cc_slice text, size_t colon)
{
    struct cc_slice before = slice_of(text.data, colon);

    return goes_on(text, colon, "://") &&
           (ends_with_word(before, "http") || ends_with_word(before, "https"));
}

/* What has a scheme in front was counted by its colon. */
static bool is_www(struct cc_slice text, size_t dot)
{
    struct cc_slice before = slice_of(text.data, dot);

    return goes_on(text, dot, ".") && ends_with_word(before, "www") &&
           !(dot >= 6 && is_address(text, dot - 6));
}

static uint32_t count(struct cc_slice text, char mark,
                      bool (*is_link)(struct cc_slice text, size_t at))
{
    uint32_t links = 0;

    for (size_t at = 0; at < text.size; at++) {
        const char *found = memchr(text.data + at, mark, text.size - at);

        if (!found)
            break;
        at = (size_t)(found - text.data);
        links += is_link(text, at);
    }
    return links;
}

uint32_t spam_links(struct cc_slice text)
{
    return count(text, ':', is_address) + count(text, '.', is_www);
}
