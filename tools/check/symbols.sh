#!/bin/bash
# What the shared library exports is what lib/symbols.txt lists, and is all that the headers for
# hosts declare. With `--fix` after the build folder the list is written anew: a name that goes
# breaks hosts, so look at the difference before committing it.
set -euo pipefail

build=${1:?the build folder}
exported=$(nm -D --defined-only "$build/lib/libchatcore.so" | awk '{print $3}' | LC_ALL=C sort)
if [ "${2:-}" = --fix ]; then
    printf '%s\n' "$exported" >lib/symbols.txt
fi
status=0
diff -u lib/symbols.txt <(printf '%s\n' "$exported") || status=1

declared=$(cat include/chatcore/*.h include/chatcore/backend/*.h |
    grep -E '^[a-z].*\bcc_[a-z0-9_]+\(' | grep -v '^static' |
    sed -E 's/^[^(]*\b(cc_[a-z0-9_]+)\(.*/\1/' | LC_ALL=C sort -u)
missing=$(LC_ALL=C comm -23 <(printf '%s\n' "$declared") <(printf '%s\n' "$exported"))
if [ -n "$missing" ]; then
    echo "declared and not exported:" $missing
    status=1
fi
exit $status
