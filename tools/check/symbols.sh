#!/bin/bash
# What the shared libraries export is what their lists tell, and is all that the headers declare.
# With `--fix` after the build folder the lists are written anew: a name that goes breaks hosts, so
# look at the difference before committing it.
set -euo pipefail
export LC_ALL=C

build=${1:?the build folder}
fix=${2:-}
status=0

declared_in() {
    cat "$@" | grep -E '^[a-z].*\bcc_[a-z0-9_]+\(' | grep -v '^static\|^template' |
        sed -E 's/^[^(]*\b(cc_[a-z0-9_]+)\(.*/\1/' | sort -u
}

# LIBRARY LIST HEADER…
check() {
    local exported missing
    exported=$(nm -D --defined-only "$build/lib/$1" | awk '{print $3}' | grep -v '^CHATCORE' |
        sed 's/@.*//' | sort)
    [ "$fix" != --fix ] || printf '%s\n' "$exported" >"$2"
    diff -u --label "$2" "$2" --label "$1" <(printf '%s\n' "$exported") || status=1
    missing=$(comm -23 <(declared_in "${@:3}") <(printf '%s\n' "$exported"))
    if [ -n "$missing" ]; then
        echo "declared, and not in $1:" $missing
        status=1
    fi
}

check libchatcore.so lib/symbols.txt include/chatcore/*.h include/chatcore/backend/*.h
check libchatcore-testing.so lib/testing/symbols.txt include/chatcore/testing/*.h
exit $status
