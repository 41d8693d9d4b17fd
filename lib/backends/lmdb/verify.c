/*
 * Walking the pages of a data file, as LMDB 0.9 lays them out (on the machine's own byte order and
 * word size; only 64-bit ones are known here).
 *
 *   page   number(8) pad(2) flags(2) lower(2) upper(2), then offsets of nodes(2 each), then nodes
 *   node   low(2) high(2) flags(2) key size(2) key data: low and high are a leaf's data size, with
 *          flags on top a branch's page number
 *   meta   pages 0 and 1; the one with the greater transaction number counts
 */
#include "backends/lmdb/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_HEADER 16
#define PAGE_MIN    512
#define PAGE_MAX    65536
#define NODE_HEADER 8
#define META_MAGIC  0xbeefc0de
#define META_FORMAT 1
#define NO_PAGE     UINT64_MAX
#define DEPTH_MAX   32 /* LMDB's own */

enum page_flags { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum node_flags { NODE_BIG = 1, NODE_TABLE = 2, NODE_DUPLICATES = 4 };

struct tree_record {
    uint32_t pad; /* of the free tree: the page size */
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
};

enum tree_kind { TREE_FREE, TREE_MAIN, TREE_TABLE };

struct meta {
    uint32_t magic;
    uint32_t format;
    uint64_t address;
    uint64_t map_bytes;
    struct tree_record trees[2];
    uint64_t last_page;
    uint64_t transaction;
};

struct page_header {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower;
    uint16_t upper;
};

struct node {
    uint16_t low;
    uint16_t high;
    uint16_t flags;
    uint16_t key_size;
};

struct verifier {
    const struct cc_allocator *allocator;
    int file;
    uint64_t file_pages;
    size_t page_bytes;
    struct meta meta;
    uint64_t pages_left; /* a tree that shows more pages than there are goes in circles */
    bool with_leaves;
};

/* What a walk carries along. */
struct walk {
    struct verifier *verifier;
    enum tree_kind kind;
    unsigned depth; /* of the leaves, from 1 */
};

static int read_at(int file, void *bytes, size_t size, uint64_t offset)
{
    ssize_t got = pread(file, bytes, size, (off_t)offset);

    if (got < 0)
        return errno;
    return (size_t)got == size ? 0 : MDB_CORRUPTED;
}

/* --- meta pages --- */

static bool meta_is_valid(const struct page_header *header, const struct meta *meta)
{
    size_t page = meta->trees[0].pad;

    return (header->flags & PAGE_META) && meta->magic == META_MAGIC &&
           meta->format == META_FORMAT && page >= PAGE_MIN && page <= PAGE_MAX &&
           (page & (page - 1)) == 0 && meta->last_page >= 1 &&
           meta->last_page < meta->map_bytes / page && meta->map_bytes < (uint64_t)1 << 47;
}

static int meta_read(struct verifier *verifier, uint64_t offset, struct meta *ret_meta)
{
    unsigned char bytes[PAGE_HEADER + sizeof(struct meta)];
    struct page_header header;
    int r = read_at(verifier->file, bytes, sizeof bytes, offset);

    if (r)
        return r;
    memcpy(&header, bytes, sizeof header);
    memcpy(ret_meta, bytes + PAGE_HEADER, sizeof *ret_meta);
    return meta_is_valid(&header, ret_meta) ? 0 : MDB_CORRUPTED;
}

static int metas_read(struct verifier *verifier)
{
    struct meta second;
    int r = meta_read(verifier, 0, &verifier->meta);

    if (!r) {
        verifier->page_bytes = verifier->meta.trees[0].pad;
        r = meta_read(verifier, verifier->page_bytes, &second);
    }
    if (!r && second.trees[0].pad != verifier->page_bytes)
        return MDB_CORRUPTED;
    if (!r && second.transaction > verifier->meta.transaction)
        verifier->meta = second;
    return r;
}

/* --- pages --- */

static bool page_is_there(const struct verifier *verifier, uint64_t first, uint64_t count)
{
    return first >= 2 && count && first <= verifier->meta.last_page &&
           count - 1 <= verifier->meta.last_page - first && first < verifier->file_pages &&
           count <= verifier->file_pages - first;
}

static int page_read(struct verifier *verifier, uint64_t number, unsigned char *page,
                     struct page_header *ret_header)
{
    int r;

    if (!page_is_there(verifier, number, 1) || !verifier->pages_left)
        return MDB_CORRUPTED;
    verifier->pages_left--;
    r = read_at(verifier->file, page, verifier->page_bytes, number * verifier->page_bytes);
    if (r)
        return r;
    memcpy(ret_header, page, sizeof *ret_header);
    return ret_header->number == number ? 0 : MDB_CORRUPTED;
}

static size_t node_count(const struct page_header *header)
{
    return (size_t)(header->lower - PAGE_HEADER) / 2;
}

/* The bounds of the page's index, and no fewer nodes than LMDB takes for granted. */
static bool page_is_sound(const struct verifier *verifier, const struct page_header *header)
{
    return header->lower >= PAGE_HEADER && header->lower <= header->upper &&
           header->upper <= verifier->page_bytes && header->lower % 2 == 0 &&
           node_count(header) >= (header->flags & PAGE_BRANCH ? 2u : 1u);
}

/* Finds a node whose header and key lie in its page. */
static bool node_find(const struct verifier *verifier, const unsigned char *page, size_t index,
                      struct node *ret_node, const unsigned char **ret_bytes)
{
    uint16_t offset;

    memcpy(&offset, page + PAGE_HEADER + 2 * index, sizeof offset);
    if (offset < PAGE_HEADER || (size_t)offset + NODE_HEADER > verifier->page_bytes)
        return false;
    memcpy(ret_node, page + offset, sizeof *ret_node);
    *ret_bytes = page + offset + NODE_HEADER;
    return (size_t)offset + NODE_HEADER + ret_node->key_size <= verifier->page_bytes;
}

/* --- values --- */

static int tree_walk(struct verifier *verifier, enum tree_kind kind,
                     const struct tree_record *tree);

static int overflow_check(struct verifier *verifier, uint64_t first, size_t size)
{
    uint64_t count =
        (PAGE_HEADER + (uint64_t)size + verifier->page_bytes - 1) / verifier->page_bytes;
    unsigned char bytes[PAGE_HEADER];
    struct page_header header;
    uint32_t pages;
    int r;

    if (!page_is_there(verifier, first, count))
        return MDB_CORRUPTED;
    r = read_at(verifier->file, bytes, sizeof bytes, first * verifier->page_bytes);
    if (r)
        return r;
    memcpy(&header, bytes, sizeof header);
    memcpy(&pages, bytes + offsetof(struct page_header, lower), sizeof pages);
    if (header.number != first || !(header.flags & PAGE_OVERFLOW) || pages != count)
        return MDB_CORRUPTED;
    return 0;
}

/* A list of free pages: the count, then page numbers that fall. LMDB will write to them. */
static int free_list_check(const struct verifier *verifier, const unsigned char *bytes, size_t size)
{
    uint64_t previous = verifier->meta.last_page + 1;
    uint64_t count;

    if (size < sizeof count)
        return MDB_CORRUPTED;
    memcpy(&count, bytes, sizeof count);
    if (count > (size - sizeof count) / sizeof count)
        return MDB_CORRUPTED;
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number;

        memcpy(&number, bytes + i * sizeof number, sizeof number);
        if (number < 2 || number >= previous)
            return MDB_CORRUPTED;
        previous = number;
    }
    return 0;
}

/* A list that has overflow pages of its own is read piece by piece. */
static int free_list_check_big(const struct verifier *verifier, uint64_t first, size_t size)
{
    uint64_t offset = first * verifier->page_bytes + PAGE_HEADER;
    uint64_t previous = verifier->meta.last_page + 1;
    uint64_t numbers[64];
    uint64_t count;
    int r = read_at(verifier->file, &count, sizeof count, offset);

    if (!r && count > size / sizeof count - 1)
        r = MDB_CORRUPTED;
    for (uint64_t done = 0; !r && done < count;) {
        uint64_t part = count - done < 64 ? count - done : 64;

        r = read_at(verifier->file, numbers, part * sizeof *numbers,
                    offset + (1 + done) * sizeof *numbers);
        for (uint64_t i = 0; !r && i < part; i++) {
            if (numbers[i] < 2 || numbers[i] >= previous)
                r = MDB_CORRUPTED;
            previous = numbers[i];
        }
        done += part;
    }
    return r;
}

static int table_check(const struct walk *walk, const unsigned char *bytes, size_t size)
{
    struct tree_record tree;

    if (size != sizeof tree || walk->kind != TREE_MAIN)
        return MDB_CORRUPTED;
    memcpy(&tree, bytes, sizeof tree);
    return tree_walk(walk->verifier, TREE_TABLE, &tree);
}

static int big_value_check(const struct walk *walk, const unsigned char *bytes, size_t size)
{
    uint64_t first;
    int r;

    memcpy(&first, bytes, sizeof first);
    r = overflow_check(walk->verifier, first, size);
    if (!r && walk->kind == TREE_FREE)
        r = free_list_check_big(walk->verifier, first, size);
    return r;
}

static int leaf_node_check(const struct walk *walk, const unsigned char *page, size_t index)
{
    struct verifier *verifier = walk->verifier;
    const unsigned char *bytes;
    struct node node;
    size_t size;
    size_t inside;

    if (!node_find(verifier, page, index, &node, &bytes))
        return MDB_CORRUPTED;
    size = node.low | (size_t)node.high << 16;
    inside = node.flags & NODE_BIG ? sizeof(uint64_t) : size;
    bytes += node.key_size;
    if (inside > verifier->page_bytes || (size_t)(bytes - page) > verifier->page_bytes - inside ||
        (node.flags & NODE_DUPLICATES) || (walk->kind == TREE_FREE && node.key_size != 8))
        return MDB_CORRUPTED;
    if (node.flags & NODE_TABLE)
        return node.flags & NODE_BIG ? MDB_CORRUPTED : table_check(walk, bytes, size);
    if (node.flags & NODE_BIG)
        return big_value_check(walk, bytes, size);
    return walk->kind == TREE_FREE ? free_list_check(verifier, bytes, size) : 0;
}

/* --- trees --- */

static int page_walk(const struct walk *walk, uint64_t number, unsigned depth);

static int branch_walk(const struct walk *walk, const unsigned char *page, size_t count,
                       unsigned depth)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned char *bytes;
        struct node node;
        uint64_t child;
        int r;

        if (!node_find(walk->verifier, page, i, &node, &bytes))
            return MDB_CORRUPTED;
        child = node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32;
        r = page_walk(walk, child, depth + 1);
        if (r)
            return r;
    }
    return 0;
}

static int leaf_walk(const struct walk *walk, const unsigned char *page, size_t count)
{
    int r = 0;

    for (size_t i = 0; !r && i < count; i++)
        r = leaf_node_check(walk, page, i);
    return r;
}

/* The main and the free tree are small and tell of everything else: their leaves always count. */
static bool leaves_count(const struct walk *walk)
{
    return walk->verifier->with_leaves || walk->kind != TREE_TABLE;
}

static int page_walk_in(const struct walk *walk, uint64_t number, unsigned depth,
                        unsigned char *page)
{
    struct verifier *verifier = walk->verifier;
    unsigned wanted = depth < walk->depth ? PAGE_BRANCH : PAGE_LEAF;
    struct page_header header;
    int r = page_read(verifier, number, page, &header);

    if (r)
        return r;
    if (header.flags != wanted || !page_is_sound(verifier, &header))
        return MDB_CORRUPTED;
    if (wanted == PAGE_BRANCH)
        return branch_walk(walk, page, node_count(&header), depth);
    return leaf_walk(walk, page, node_count(&header));
}

static int page_walk(const struct walk *walk, uint64_t number, unsigned depth)
{
    struct verifier *verifier = walk->verifier;
    unsigned char *page;
    int r;

    if (depth == walk->depth && !leaves_count(walk))
        return page_is_there(verifier, number, 1) ? 0 : MDB_CORRUPTED;
    page = mem_alloc(verifier->allocator, verifier->page_bytes);
    if (!page)
        return ENOMEM;
    r = page_walk_in(walk, number, depth, page);
    mem_free(verifier->allocator, page);
    return r;
}

static int tree_walk(struct verifier *verifier, enum tree_kind kind, const struct tree_record *tree)
{
    struct walk walk = {verifier, kind, tree->depth};

    if (kind == TREE_TABLE ? tree->flags & ~MDB_INTEGERKEY : tree->flags & MDB_DUPSORT)
        return MDB_CORRUPTED;
    if (tree->root == NO_PAGE)
        return tree->depth == 0 ? 0 : MDB_CORRUPTED;
    if (tree->depth < 1 || tree->depth > DEPTH_MAX)
        return MDB_CORRUPTED;
    return page_walk(&walk, tree->root, 1);
}

static int verify_open_file(struct verifier *verifier, uint64_t size)
{
    int r = metas_read(verifier);

    if (r)
        return r;
    verifier->file_pages = size / verifier->page_bytes;
    verifier->pages_left = verifier->meta.last_page;
    verifier->with_leaves =
        size <= VERIFY_ALL_BYTES || verifier->file_pages <= verifier->meta.last_page;
    r = tree_walk(verifier, TREE_FREE, &verifier->meta.trees[0]);
    if (!r)
        r = tree_walk(verifier, TREE_MAIN, &verifier->meta.trees[1]);
    return r;
}

int verify_file(const struct cc_allocator *allocator, const char *path, bool *ret_is_new)
{
    struct verifier verifier = {.allocator = allocator, .file = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat info;
    int r = 0;

    *ret_is_new = verifier.file < 0 && errno == ENOENT;
    if (verifier.file < 0)
        return *ret_is_new ? 0 : errno;
    if (fstat(verifier.file, &info) != 0)
        r = errno;
    else if (info.st_size == 0)
        *ret_is_new = true;
    else if (sizeof(size_t) == 8)
        r = verify_open_file(&verifier, (uint64_t)info.st_size);
    close(verifier.file);
    return r;
}
