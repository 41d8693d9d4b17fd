#!/bin/bash
# Every C file is as clang-format would write it. `tools/check/format.sh --fix` rewrites them.
set -euo pipefail

mode=(--dry-run -Werror)
[ "${1:-}" != --fix ] || mode=(-i)
folders=()
for folder in include lib clients examples bindings tests tools bench; do
    [ ! -d "$folder" ] || folders+=("$folder")
done
find "${folders[@]}" \( -name node_modules -o -name build \) -prune -o \( -name '*.[ch]' -o -name '*.[ch]pp' \) -print0 |
    xargs -0 clang-format "${mode[@]}"
