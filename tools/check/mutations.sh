#!/bin/bash
# What tools/mutate breaks on purpose is still there to be broken.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec /usr/bin/python3 tools/mutate --check
