#!/bin/bash
# clang-tidy, with the checks of .clang-tidy, over every file of the library, the
# clients, bindings and examples.
set -euo pipefail

build=${1:?a build folder made with clang}
sources=$(/usr/bin/python3 - "$build" <<'EOF'
import json, os, sys
build = sys.argv[1]
for entry in json.load(open(f"{build}/compile_commands.json", encoding="utf8")):
    path = os.path.relpath(os.path.join(entry["directory"], entry["file"]))
    if path.split("/")[0] in ("lib", "examples", "bindings", "clients"):
        print(path)
EOF
)
sort -u <<<"$sources" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$build" 2>/dev/null
