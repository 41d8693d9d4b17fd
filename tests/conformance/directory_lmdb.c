/*
 * The directory's suite on the LMDB backend, with commits that are not synced: what is durable is
 * not looked at here, and the disk's speed is not what is tested.
 */
#include "chatcore/backend/lmdb.h"
#include "driver.h"
#include "support/folder.h"

#include <stdbool.h>

struct place {
    struct folder folder;
    bool is_made;
};

static void destroy(void *context)
{
    struct place *place = context;

    if (place->is_made)
        folder_remove(&place->folder);
    place->is_made = false;
}

static int make(void *context)
{
    struct place *place = context;

    destroy(context);
    folder_make(&place->folder);
    place->is_made = true;
    return 0;
}

static int open_port(void *context, struct cc_directory *ret_directory)
{
    struct place *place = context;
    struct cc_lmdb_options options = CC_LMDB_OPTIONS_INIT;

    options.path = place->folder.path;
    options.sync = false;
    options.map_bytes = 1 << 20; /* so that it grows on the way */
    return cc_lmdb_directory_open(NULL, &options, ret_directory);
}

int main(int argc, char **argv)
{
    struct place place = {.is_made = false};
    struct cc_conformance_options options = driver_options(argc, argv);
    struct cc_directory_factory factory = {sizeof factory, &place, make, open_port, destroy};

    return driver_end(cc_conformance_directory(&factory, &options));
}
