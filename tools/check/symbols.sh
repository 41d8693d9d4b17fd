#!/bin/bash
# What the shared library exports is what lib/symbols.txt lists. With `--fix` after the build
# folder the list is written anew: a removed name breaks hosts, so look at the difference.
set -euo pipefail

build=${1:?the build folder}
library=$build/lib/libchatcore.so
if [ ! -e "$library" ]; then
    echo "the shared library is not built yet"
    exit 77
fi
exported=$(nm -D --defined-only "$library" | awk '{print $3}' | LC_ALL=C sort)
if [ "${2:-}" = --fix ]; then
    printf '%s\n' "$exported" >lib/symbols.txt
fi
diff -u lib/symbols.txt <(printf '%s\n' "$exported")
