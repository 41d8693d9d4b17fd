"""Holds #include to the layers, third-party libraries to one folder, and the engine to purity.

lib/README.md tells what the layers are for. The tables here are the rule: a folder that is not in
them may include nothing of lib/.
"""
import pathlib
import re
import sys

# Folder of lib/ → the other folders of lib/ whose headers it may include.
MAY_INCLUDE = {
    "base": [],
    "wire": ["base"],
    "engine": ["base", "wire"],
    "backends": ["base", "wire"],
    "gateway": ["base", "wire"],
    "testing": ["base"],
    "host": ["base", "wire", "engine", "backends", "gateway"],
}

# What hosts see is all that these may see.
OUTSIDE = ["examples", "bindings"]

# Header of another project → the one folder that includes it.
THIRD_PARTY = {
    "curl/": "lib/backends/notify",
    "event2/": "lib/host",
    "jansson.h": "lib/wire",
    "libwebsockets.h": "lib/gateway",
    "lmdb.h": "lib/backends/lmdb",
    "msgpack.h": "lib/wire",
    "msgpack/": "lib/wire",
    "openssl/": "lib/backends/auth",
    "sqlite3.h": "lib/backends/search_sqlite",
    "sodium.h": "lib/base",
    "utarray.h": "lib/base",
    "uthash.h": "lib/base",
    "uv.h": "lib/gateway",
    "vips/": "lib/backends/media_folder",
    "xxhash.h": "lib/base",
}

# The folders that do no input or output, start no thread, read no clock: the C headers they need.
# The wire formats write and read numbers as text, always as the C locale does.
PURE = {"lib/engine": [], "lib/wire": ["locale.h", "stdio.h"]}
PURE_HEADERS = ["assert.h", "errno.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
                "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"]

# What a public header may include beyond its own kind.
PUBLIC_HEADERS = ["stdbool.h", "stddef.h", "stdint.h", "sys/types.h"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def third_party_home(header):
    for prefix, home in THIRD_PARTY.items():
        if header == prefix or (prefix.endswith("/") and header.startswith(prefix)):
            return home
    return None


def within(path, folder):
    return path.is_relative_to(folder)


def wrong_project_include(path, header):
    """Why a file may not include a header of this project, or None."""
    first = header.split("/")[0]
    if first == "chatcore" or "/" not in header:
        return None
    if path.parts[0] in OUTSIDE or path.parts[0] == "include":
        return "only public headers are for it"
    if path.parts[0] != "lib" or first not in MAY_INCLUDE:
        return None
    layer = path.parts[1]
    if first != layer and first not in MAY_INCLUDE.get(layer, []):
        return f"{layer} may not reach into {first}"
    if first == layer == "backends" and len(path.parts) == 4 and header.count("/") == 2:
        if header.split("/")[1] != path.parts[2]:
            return "backends do not know each other"
    return None


def wrong_system_include(path, header):
    """Why a file may not include a header from outside, or None."""
    home = third_party_home(header)
    if home and path.parts[0] in ("lib", "include") and not within(path, home):
        return f"only {home} includes it"
    if path.parts[0] == "include" and header not in PUBLIC_HEADERS:
        return "a public header brings in no more than it must"
    for folder, more in PURE.items():
        if home is None and within(path, folder) and header not in PURE_HEADERS + more:
            return "this folder is pure: no files, sockets, threads, clocks or randomness"
    return None


def main():
    wrong = 0
    for folder in ["include", "lib", *OUTSIDE]:
        for path in sorted(pathlib.Path(folder).rglob("*.[ch]")):
            for mark, header in INCLUDE.findall(path.read_text(encoding="utf8")):
                why = (wrong_project_include if mark == '"' else wrong_system_include)(path, header)
                if why:
                    print(f"{path}: includes {header}: {why}")
                    wrong += 1
    sys.exit(1 if wrong else 0)


main()
