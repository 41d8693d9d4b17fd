#!/bin/bash
# clang-tidy, with the checks of .clang-tidy, over the library and the examples.
set -euo pipefail

build=${1:?a build folder made with clang}
run-clang-tidy -quiet -p "$build" "$PWD/(lib|examples|bindings)/.*" 2>/dev/null |
    grep -E '(warning|error):' | sort -u && exit 1
exit 0
