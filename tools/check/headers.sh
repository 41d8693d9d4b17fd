#!/bin/bash
# Each public header compiles alone, as C99 and as C++17, without a warning.
set -euo pipefail

status=0
warnings=(-Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only)
while IFS= read -r header; do
    gcc -std=c99 "${warnings[@]}" -x c "include/$header" || status=1
    g++ -std=c++17 "${warnings[@]}" -x c++ "include/$header" || status=1
done < <(cd include && find chatcore -name '*.h' | sort)
exit $status
