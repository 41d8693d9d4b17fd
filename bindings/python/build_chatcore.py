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
#include <chatcore/consumer.h>
#include <chatcore/error.h>
#include <chatcore/gateway.h>
#include <chatcore/host.h>
"""

# A queue's wake function runs on threads of the library: it stays in C, away from the interpreter.
HELPERS = INCLUDES + """
#include <stdint.h>
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

"""

CALLBACKS = """
int queue_on_descriptor(struct cc_engine *engine, int fd, struct cc_queue **ret_queue);
extern "Python" void filter_check(void *self, struct cc_filter_check *op);
extern "Python" void filter_free(void *self);
extern "Python" void filter_release(struct cc_op *op);
extern "Python" void auth_verify(void *self, struct cc_auth_verify *op);
extern "Python" void auth_free(void *self);
extern "Python" void auth_release(struct cc_op *op);
"""


def declarations(flags):
    """The headers, preprocessed, without what the system's headers say."""
    text = subprocess.run([os.environ.get("CC", "cc"), "-E", *flags, "-"], input=INCLUDES,
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = []
    is_ours = False
    for line in text.splitlines():
        marker = re.match(r'# \d+ "(.*?)"', line)
        if marker:
            is_ours = "chatcore/" in marker.group(1)
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
    shutil.copy2((folder / "lib" / "libchatcore.so.0").resolve(),
                 HERE / "src" / "chatcore" / "libchatcore.so.0")
    return {"include_dirs": [str(ROOT / "include")], "library_dirs": [str(folder / "lib")],
            "libraries": ["chatcore"], "extra_link_args": ["-Wl,-rpath,$ORIGIN"]}


def installed_library():
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "chatcore"], check=True,
                                       stdout=subprocess.PIPE, text=True).stdout)
    return {"include_dirs": [flag[2:] for flag in flags if flag.startswith("-I")],
            "library_dirs": [flag[2:] for flag in flags if flag.startswith("-L")],
            "libraries": [flag[2:] for flag in flags if flag.startswith("-l")]}


def make():
    options = installed_library() if os.environ.get("CHATCORE_SYSTEM") else build_library()
    builder = cffi.FFI()
    builder.cdef(declarations(["-I" + folder for folder in options["include_dirs"]]))
    builder.cdef(CALLBACKS)
    builder.set_source("chatcore._chatcore", HELPERS, **options)
    return builder


ffi = make()
