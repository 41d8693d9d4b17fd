#!/bin/bash
# The committed script of the web page is what its source gives, and the source has the right types.
# --fix bundles it anew. Exit code 77 when the npm packages are not there (tools/deps.sh all).
set -euo pipefail
cd "$(dirname "$0")/../../examples/chatcored/page"

bin=node_modules/.bin
if [ ! -x $bin/esbuild ] || [ ! -d ../../../clients/js/node_modules/@msgpack ]; then
    echo "the packages of examples/chatcored/page and clients/js are not installed"
    exit 77
fi
$bin/tsc -p ../../../clients/js
$bin/tsc -p .
made=$(mktemp)
trap 'rm -f "$made"' EXIT
npm run -s build -- --log-level=warning --allow-overwrite --outfile="$made"
if [ "${1:-}" = --fix ]; then
    cp "$made" chat.js
elif ! cmp -s "$made" chat.js; then
    echo "page/chat.js is not what page/src and clients/js give: tools/check/page.sh --fix"
    exit 1
fi
