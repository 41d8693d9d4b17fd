"""What cffi compiles: the declarations are read from the public headers, so they cannot differ."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import cffi

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INCLUDES = """
#include <chatcore/backend/memory.h>
#include <chatcore/consumer.h>
#include <chatcore/error.h>
#include <chatcore/gateway.h>
#include <chatcore/host.h>
"""

# A queue's wake function runs on threads of the library: it stays in C, away from the interpreter.
HELPERS = INCLUDES + """
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static void wake_descriptor(void *context)
{
    uint64_t one = 1;
    ssize_t written = write((int)(intptr_t)context, &one, sizeof one);

    (void)written; /* full: it is readable already */
}

static int queue_on_descriptor(struct cc_engine *engine, int fd, struct cc_queue **ret_queue)
{
    return cc_queue_new(engine, wake_descriptor, (void *)(intptr_t)fd, ret_queue);
}

/* What a backend in Python answers with: chunks of zeroed memory in a chain that hangs on the
 * operation. The engine releases it without the interpreter. */
struct answer_chunk {
    struct answer_chunk *next;
    uint64_t bytes[];
};

static void *answer_room(void *chain, size_t size)
{
    struct answer_chunk *chunk = calloc(1, sizeof *chunk + size);

    if (chunk)
        chunk->next = chain;
    return chunk;
}

static void *answer_bytes(void *chunk)
{
    return ((struct answer_chunk *)chunk)->bytes;
}

static void answer_drop(void *chain)
{
    struct answer_chunk *next;

    for (struct answer_chunk *chunk = chain; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
}

static void answer_release(struct cc_op *op)
{
    answer_drop(op->backend);
    op->backend = NULL;
}

"""

OURS = """
int queue_on_descriptor(struct cc_engine *engine, int fd, struct cc_queue **ret_queue);
void *answer_room(void *chain, size_t size);
void *answer_bytes(void *chunk);
void answer_drop(void *chain);
void answer_release(struct cc_op *op);
"""

# The ports that can be written in Python.
PORTS = ("auth", "cluster", "directory", "filter", "log", "media", "notifier", "search", "store")


def callbacks(headers):
    """A function for each slot of each port's vtable, which Python defines: _bridge.py."""
    found = []
    for port in PORTS:
        body = re.search(r"struct cc_%s_vtable\s*\{(.*?)\n\};" % port, headers, re.S).group(1)
        for result, name, arguments in re.findall(r"([\w ]+?)\(\*(\w+)\)\(([^)]*)\);", body):
            found.append(f'extern "Python" {result.strip()} {port}_{name}({arguments});')
    return "\n".join(found)


def declarations(includes, flags, ours="chatcore/"):
    """The headers, preprocessed, without what others' headers say."""
    text = subprocess.run([os.environ.get("CC", "cc"), "-E", *flags, "-"], input=includes,
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = []
    is_ours = False
    for line in text.splitlines():
        marker = re.match(r'# \d+ "(.*?)"', line)
        if marker:
            is_ours = ours in marker.group(1)
        elif is_ours and line.strip():
            lines.append(line)
    return "\n".join(lines)


def build_library():
    """Builds the tree's library and puts it into the package; CHATCORE_BUILD names a folder of
    meson's where that has been done."""
    folder = pathlib.Path(os.environ.get("CHATCORE_BUILD", HERE / "build" / "library"))
    if "CHATCORE_BUILD" not in os.environ:
        if not (folder / "build.ninja").exists():
            subprocess.run(["meson", "setup", folder, ROOT, "--buildtype", "release",
                            "-Dtests=false", "-Dwerror=false"], check=True)
        subprocess.run(["ninja", "-C", folder], check=True)
    for name in ("libchatcore.so.0", "libchatcore-testing.so.0"):
        shutil.copy2((folder / "lib" / name).resolve(), HERE / "src" / "chatcore" / name)
    return {"include_dirs": [str(ROOT / "include")], "library_dirs": [str(folder / "lib")],
            "libraries": ["chatcore"], "extra_link_args": ["-Wl,-rpath,$ORIGIN"]}


def installed_library():
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "chatcore"], check=True,
                                       stdout=subprocess.PIPE, text=True).stdout)
    return {"include_dirs": [flag[2:] for flag in flags if flag.startswith("-I")],
            "library_dirs": [flag[2:] for flag in flags if flag.startswith("-L")],
            "libraries": [flag[2:] for flag in flags if flag.startswith("-l")]}


def make(options):
    builder = cffi.FFI()
    headers = declarations(INCLUDES, ["-I" + folder for folder in options["include_dirs"]])
    builder.cdef(headers + OURS + callbacks(headers))
    builder.set_source("chatcore._chatcore", HELPERS, **options)
    return builder


SUITES = "#include <chatcore/testing/conformance.h>\n"
SUITE_CALLBACKS = """
extern "Python" int suite_make(void *context);
extern "Python" int suite_open_directory(void *context, struct cc_directory *place);
extern "Python" int suite_open_log(void *context, struct cc_log *place);
extern "Python" int suite_open_media(void *context, struct cc_media *place);
extern "Python" int suite_open_node(void *context, struct cc_slice node, struct cc_cluster *place);
extern "Python" int suite_open_notifier(void *context, struct cc_notifier *place);
extern "Python" int suite_open_search(void *context, struct cc_search *place);
extern "Python" int suite_open_store(void *context, struct cc_store *place);
extern "Python" int64_t suite_pass_time(void *context, uint32_t ms);
extern "Python" size_t suite_received(void *context, struct cc_slice token, const char *text);
extern "Python" void suite_report(void *context, const char *suite, const char *name,
                                  const char *failure);
extern "Python" int suite_request(void *context, struct cc_media_client_request *request);
extern "Python" struct cc_slice suite_token(void *context, enum cc_notifier_token kind,
                                            unsigned number);
"""


def make_suites(options, base):
    """The conformance suites, for those who write a backend: testing.py."""
    builder = cffi.FFI()
    builder.include(base)
    builder.cdef(declarations(SUITES, ["-I" + folder for folder in options["include_dirs"]],
                              "chatcore/testing/") + SUITE_CALLBACKS)
    builder.set_source("chatcore._testing", INCLUDES + SUITES,
                       **{**options, "libraries": ["chatcore-testing", "chatcore"]})
    return builder


library = installed_library() if os.environ.get("CHATCORE_SYSTEM") else build_library()
ffi = make(library)
suites = make_suites(library, ffi)
