/*
 * The tokenizer "chat": SQLite's unicode61 with accents taken off, and runs of scripts that write
 * no spaces cut into single characters. What is asked for is cut in the same way and asked for as
 * a phrase, so in those scripts a text is found wherever it stands, however short it is.
 */
#include "backends/search_sqlite/database.h"

struct chat_tokenizer {
    fts5_tokenizer words;
    Fts5Tokenizer *instance;
};

/* The blocks whose scripts write no spaces between words. */
static const struct {
    uint32_t first, last;
} spaceless[] = {
    {0x0E00, 0x0EFF},   /* Thai, Lao */
    {0x1000, 0x109F},   /* Myanmar */
    {0x1780, 0x17FF},   /* Khmer */
    {0x2E80, 0x2FDF},   /* radicals */
    {0x3005, 0x3007},   /* 々〆〇 */
    {0x3040, 0x30FF},   /* kana */
    {0x31F0, 0x31FF},   /* kana */
    {0x3400, 0x4DBF},   /* Han */
    {0x4E00, 0x9FFF},   /* Han */
    {0xF900, 0xFAFF},   /* Han */
    {0xFF66, 0xFF9F},   /* narrow kana */
    {0x20000, 0x323AF}, /* Han */
};

static bool is_spaceless(uint32_t character)
{
    if (character < spaceless[0].first) /* nearly all there is, in most languages */
        return false;
    for (size_t i = 0; i < sizeof spaceless / sizeof spaceless[0]; i++)
        if (character >= spaceless[i].first && character <= spaceless[i].last)
            return true;
    return false;
}

/* The character at `at`, which is valid UTF-8 but may be cut. */
static uint32_t character_at(const unsigned char *at, size_t left, size_t *ret_size)
{
    size_t size = *at < 0xC0 ? 1 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : 4;
    uint32_t character = *at;

    if (size > left)
        size = left;
    if (size > 1)
        character = *at & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        character = character << 6 | (at[i] & 0x3F);
    *ret_size = size;
    return character;
}

struct splitting {
    void *context;
    int (*token)(void *context, int flags, const char *text, int size, int start, int end);
};

/* How much of `text` is one token of ours. */
static size_t piece_size(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t width;

        if (is_spaceless(character_at((const unsigned char *)text + at, size - at, &width)))
            return at ? at : width;
        at += width;
    }
    return size;
}

static int split(void *context, int flags, const char *text, int size, int start, int end)
{
    const struct splitting *splitting = context;
    int at = 0;
    int r = SQLITE_OK;

    while (r == SQLITE_OK && at < size) {
        int piece = (int)piece_size(text + at, (size_t)(size - at));
        int from = start + at < end ? start + at : end;
        int to = from + piece < end ? from + piece : end;

        r = splitting->token(splitting->context, flags, text + at, piece, from, to);
        at += piece;
    }
    return r;
}

static int chat_tokenize(Fts5Tokenizer *self, void *context, int flags, const char *text, int size,
                         int (*token)(void *, int, const char *, int, int, int))
{
    struct chat_tokenizer *tokenizer = (struct chat_tokenizer *)(void *)self;
    struct splitting splitting = {context, token};

    return tokenizer->words.xTokenize(tokenizer->instance, &splitting, flags, text, size, split);
}

static void chat_delete(Fts5Tokenizer *self)
{
    struct chat_tokenizer *tokenizer = (struct chat_tokenizer *)(void *)self;

    if (tokenizer->instance)
        tokenizer->words.xDelete(tokenizer->instance);
    sqlite3_free(tokenizer);
}

static int chat_create(void *context, const char **arguments, int count, Fts5Tokenizer **ret_self)
{
    static const char *options[] = {"remove_diacritics", "2"};
    fts5_api *api = context;
    struct chat_tokenizer *tokenizer = sqlite3_malloc64(sizeof *tokenizer);
    void *inner = NULL;
    int r;

    (void)arguments;
    (void)count;
    if (!tokenizer)
        return SQLITE_NOMEM;
    memset(tokenizer, 0, sizeof *tokenizer);
    r = api->xFindTokenizer(api, "unicode61", &inner, &tokenizer->words);
    if (r == SQLITE_OK)
        r = tokenizer->words.xCreate(inner, options, 2, &tokenizer->instance);
    if (r != SQLITE_OK) {
        sqlite3_free(tokenizer);
        return r;
    }
    *ret_self = (Fts5Tokenizer *)(void *)tokenizer;
    return SQLITE_OK;
}

static fts5_api *find_api(sqlite3 *handle)
{
    sqlite3_stmt *statement;
    fts5_api *api = NULL;

    if (sqlite3_prepare_v2(handle, "SELECT fts5(?1)", -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_pointer(statement, 1, (void *)&api, "fts5_api_ptr", NULL);
    sqlite3_step(statement);
    sqlite3_finalize(statement);
    return api;
}

int tokenizer_register(sqlite3 *handle)
{
    static fts5_tokenizer chat = {chat_create, chat_delete, chat_tokenize};
    fts5_api *api = find_api(handle);

    return api ? api->xCreateTokenizer(api, "chat", api, &chat, NULL) : SQLITE_NOTFOUND;
}
