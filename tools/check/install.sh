#!/bin/bash
# A host outside the tree can use what `meson install` installs: its headers, found by pkg-config,
# compile; the program links with the shared library alone and runs.
set -euo pipefail

build=${1:?the build folder}
if [ ! -e "$build/lib/libchatcore.so" ]; then
    echo "the shared library is not built yet"
    exit 77
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root meson install -C "$build" --no-rebuild --quiet

pc=$(find "$root" -name chatcore.pc)
prefix=$root$(pkg-config --variable=prefix "$pc")
libdir=$root$(pkg-config --variable=libdir "$pc")
cat >"$root/host.c" <<'EOF'
#include <chatcore/engine.h>
#include <chatcore/error.h>
#include <stdio.h>
int main(void)
{
    struct cc_engine_options options = CC_ENGINE_OPTIONS_INIT;
    struct cc_engine *engine = NULL;
    puts(cc_version());
    return cc_engine_new(&options, &engine) == CC_EINVAL ? 0 : 1;
}
EOF
export PKG_CONFIG_PATH=${pc%/*}
flags=$(pkg-config --define-variable=prefix="$prefix" --cflags --libs chatcore)
gcc -std=c99 -Wall -Wextra -Werror "$root/host.c" -o "$root/host" $flags
version=$(LD_LIBRARY_PATH=$libdir "$root/host")
[ "$version" = "$(pkg-config --modversion chatcore)" ]
readelf -d "$libdir/libchatcore.so" | grep -q 'SONAME.*libchatcore\.so\.0\]'
