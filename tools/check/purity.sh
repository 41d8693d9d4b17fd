#!/bin/bash
# The engine and the wire formats call nothing that reads a clock, a file, a socket or chance, and
# start no thread: of the C library their objects use only the names below. (malloc, calloc and free
# come with uthash, whose tables don't take the host's allocator.)
set -euo pipefail

build=${1:?the build folder}
allowed='^(malloc|calloc|free|mem(cpy|move|cmp|set|chr|mem|rchr)|str(n?len|n?cmp|r?chr|nstr)|qsort|bsearch|strpbrk|snprintf|strtod_l|(new|use|free)locale|__.*_chk|__(asan|ubsan|tsan|stack_chk|sanitizer|assert).*|_GLOBAL_OFFSET_TABLE_)$'
objects=("$build"/lib/libchatcore_static.a.p/{engine,wire}_*.o)
archive=$build/lib/libchatcore_static.a

ours=$(nm --defined-only "$archive" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u)
called=$(nm -u "${objects[@]}" | awk '$1 == "U" {print $2}' | sort -u)
foreign=$(comm -23 <(echo "$called") <(echo "$ours") | grep -vE "$allowed" || true)
[ -z "$foreign" ] || {
    echo "the engine or the wire formats call:" $foreign
    exit 1
}
