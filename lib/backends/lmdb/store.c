/*
 * The store on LMDB: keys, seeking, opening.
 */
#include "backends/lmdb/store.h"

#include "chatcore/error.h"

/* --- keys --- */

void store_key_name(struct store_key *key, struct cc_slice name)
{
    key->bytes[key->size++] = (unsigned char)name.size;
    if (name.size)
        memcpy(key->bytes + key->size, name.data, name.size);
    key->size += name.size;
}

static void write_number(unsigned char *to, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        to[i] = (unsigned char)number;
}

static uint64_t read_number(const unsigned char *from)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | from[i];
    return number;
}

void store_key_rows(struct store_key *key, struct cc_slice conversation)
{
    key->size = 0;
    store_key_name(key, conversation);
}

static void key_partition(struct store_key *key, uint32_t partition)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        key->bytes[key->size++] = (unsigned char)(partition >> shift);
}

void store_key_inbox(struct store_key *key, struct cc_slice user, uint32_t partition)
{
    key->size = 0;
    store_key_name(key, user);
    key_partition(key, partition);
}

void store_key_bucket(struct store_key *key, uint32_t partition, uint32_t bucket)
{
    key->size = 0;
    key_partition(key, partition);
    key->bytes[key->size++] = (unsigned char)(bucket >> 8);
    key->bytes[key->size++] = (unsigned char)bucket;
}

void store_key_cursor(struct store_key *key, struct cc_slice user, struct cc_slice device)
{
    key->size = 0;
    store_key_name(key, user);
    store_key_name(key, device);
}

void store_key_number(struct store_key *key, size_t prefix, uint64_t number)
{
    write_number(key->bytes + prefix, number);
    key->size = prefix + sizeof number;
}

bool store_key_match(const struct store_key *key, size_t prefix, const MDB_val *found,
                     uint64_t *ret_number)
{
    if (found->mv_size != prefix + sizeof *ret_number ||
        memcmp(found->mv_data, key->bytes, prefix) != 0)
        return false;
    *ret_number = read_number((const unsigned char *)found->mv_data + prefix);
    return true;
}

/* --- seeking --- */

int store_step(MDB_cursor *cursor, const struct store_key *key, size_t prefix, MDB_cursor_op step,
               uint64_t *ret_first, MDB_val *ret_value)
{
    MDB_val found;
    int r = mdb_cursor_get(cursor, &found, ret_value, step);

    if (r)
        return r;
    return store_key_match(key, prefix, &found, ret_first) ? 0 : MDB_NOTFOUND;
}

int store_seek(MDB_cursor *cursor, struct store_key *key, size_t prefix, uint64_t number,
               uint64_t *ret_first, MDB_val *ret_value)
{
    MDB_val found;
    int r;

    store_key_number(key, prefix, number);
    found = store_key_value(key);
    r = mdb_cursor_get(cursor, &found, ret_value, MDB_SET_RANGE);
    if (r && r != MDB_NOTFOUND)
        return r;
    if (!r && store_key_match(key, prefix, &found, ret_first) && *ret_first == number)
        return 0;
    if (number) {
        r = store_step(cursor, key, prefix, r ? MDB_LAST : MDB_PREV, ret_first, ret_value);
        if (r != MDB_NOTFOUND)
            return r;
    }
    /* nothing begins before: what begins after comes first, if there is something */
    store_key_number(key, prefix, 0);
    found = store_key_value(key);
    r = mdb_cursor_get(cursor, &found, ret_value, MDB_SET_RANGE);
    if (r)
        return r;
    return store_key_match(key, prefix, &found, ret_first) ? 0 : MDB_NOTFOUND;
}

int store_get(MDB_txn *txn, MDB_dbi table, const struct store_key *key, void *ret_value,
              size_t size)
{
    MDB_val wanted = store_key_value(key);
    MDB_val found;
    int r = mdb_get(txn, table, &wanted, &found);

    if (r)
        return r;
    if (found.mv_size != size)
        return MDB_CORRUPTED;
    memcpy(ret_value, found.mv_data, size);
    return 0;
}

/* --- the port --- */

static void slot_write(void *self, struct cc_store_write *op)
{
    writer_submit(&((struct lmdb_store *)self)->writer, &op->op, &store_write_kind);
}

static void slot_write_cursors(void *self, struct cc_store_write_cursors *op)
{
    writer_submit(&((struct lmdb_store *)self)->writer, &op->op, &store_write_cursors_kind);
}

static void slot_amend(void *self, struct cc_store_amend *op)
{
    writer_submit(&((struct lmdb_store *)self)->writer, &op->op, &store_amend_kind);
}

static void slot_forget_cursors(void *self, struct cc_store_forget_cursors *op)
{
    writer_submit(&((struct lmdb_store *)self)->writer, &op->op, &store_forget_cursors_kind);
}

static void slot_free(void *self)
{
    struct lmdb_store *store = self;
    struct cc_allocator allocator = store->environment.allocator;

    writer_stop(&store->writer);
    environment_close(&store->environment);
    grouping_deinit(&store->grouping);
    store_buckets_free(store);
    store_arrivals_free(store);
    mem_free(&allocator, store);
}

static const struct cc_store_vtable vtable = {
    .size = sizeof vtable,
    .write = slot_write,
    .write_cursors = slot_write_cursors,
    .read_offset = store_read_offset,
    .read_rows = store_read_rows,
    .read_heads = store_read_heads,
    .read_inbox = store_read_inbox,
    .read_dedup = store_read_dedup,
    .read_cursors = store_read_cursors,
    .list_heads = store_list_heads,
    .amend = slot_amend,
    .forget_cursors = slot_forget_cursors,
    .free = slot_free,
};

static int tables_open(void *context, MDB_txn *txn)
{
    struct lmdb_store *store = context;
    struct {
        const char *name;
        MDB_dbi *table;
    } tables[] = {
        {"rows", &store->rows},         {"heads", &store->heads}, {"inbox", &store->inbox},
        {"arrivals", &store->arrivals}, {"dedup", &store->dedup}, {"cursors", &store->cursors},
        {"marks", &store->marks},
    };
    int r = 0;

    for (size_t i = 0; !r && i < sizeof tables / sizeof tables[0]; i++)
        r = environment_table_open(&store->environment, txn, tables[i].name, 0, tables[i].table);
    return r;
}

static void begin(void *port)
{
    struct lmdb_store *store = port;

    if (store->is_writing)
        store_arrivals_forget(store);
    store->is_writing = true;
}

static void committed(void *port)
{
    struct lmdb_store *store = port;

    store->is_writing = false;
}

int cc_lmdb_store_open(const struct cc_allocator *allocator, const struct cc_lmdb_options *options,
                       struct cc_store *ret_store)
{
    static const struct environment_spec spec = {"store", STORE_FORMAT, 7, STORE_FORMAT};
    static const struct writer_hooks hooks = {.begin = begin, .committed = committed};
    struct lmdb_store *store;
    int r;

    if (!allocator)
        allocator = cc_allocator_default();
    store = mem_zalloc(allocator, 1, sizeof *store);
    if (!store)
        return CC_ENOMEM;
    r = environment_open(&store->environment, allocator, options, &spec);
    if (r) {
        mem_free(allocator, store);
        return r;
    }
    grouping_init(&store->grouping, &store->environment.allocator);
    r = environment_run(&store->environment, tables_open, store);
    if (!r)
        r = writer_start(&store->writer, &store->environment, store, &hooks);
    if (r) {
        slot_free(store);
        return r;
    }
    ret_store->vtable = &vtable;
    ret_store->self = store;
    return 0;
}
