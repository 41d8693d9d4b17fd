#!/bin/bash
# Each public header compiles alone, as C99 and as C++17, without a warning; so does each of its
# …_INIT macros when it is used.
# Those of C++ compile alone as C++17 and C++20, and without exceptions.
set -euo pipefail

status=0
warnings=(-Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only)
unit=$(mktemp)
trap 'rm -f "$unit"' EXIT

use_of() {
    echo "#include \"$1\""
    sed -nE 's/^#define CC_(\w+)_INIT\b.*/\1/p' "include/$1" | while IFS= read -r name; do
        echo "struct cc_${name,,} use_${name,,}(void);"
        echo "struct cc_${name,,} use_${name,,}(void)"
        echo "{ struct cc_${name,,} options = CC_${name}_INIT; return options; }"
    done
}

while IFS= read -r header; do
    use_of "$header" >"$unit"
    gcc -std=c99 "${warnings[@]}" -x c "$unit" || status=1
    g++ -std=c++17 "${warnings[@]}" -x c++ "$unit" || status=1
done < <(cd include && find chatcore -name '*.h' | sort)
while IFS= read -r header; do
    echo "#include \"$header\"" >"$unit"
    for standard in c++17 c++20; do
        g++ -std=$standard "${warnings[@]}" -Wconversion -Ibindings/cpp/include -x c++ "$unit" || status=1
    done
    g++ -std=c++17 -fno-exceptions "${warnings[@]}" -Ibindings/cpp/include -x c++ "$unit" || status=1
done < <(cd bindings/cpp/include && find chatcore -name '*.hpp' | sort)
exit $status
