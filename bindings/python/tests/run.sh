#!/bin/bash
# Installs the binding into an environment of its own, against the library in BUILD, and runs its
# tests and a short benchmark there:  run.sh BUILD FOLDER
set -euo pipefail

build=$(readlink -f "$1")
folder=$2
source=$(dirname "$(dirname "$(readlink -f "$0")")")

rm -rf "$folder"
mkdir -p "$folder/source"
cp -r "$source"/{pyproject.toml,setup.py,build_chatcore.py,README.md,src} "$folder/source"
sed -i "s|^ROOT = .*|ROOT = pathlib.Path('$(dirname "$(dirname "$source")")')|" \
    "$folder/source/build_chatcore.py"
/usr/bin/python3 -m venv --system-site-packages "$folder/venv"
CHATCORE_BUILD=$build "$folder/venv/bin/pip" install --quiet --no-index --no-build-isolation \
    --disable-pip-version-check "$folder/source"
cd "$folder"
for test in chatcore backends life fastapi django; do
    venv/bin/python "$source/tests/test_$test.py"
done
(cd source/src && /usr/bin/python3 -m mypy --strict --cache-dir "$folder/mypy" -p chatcore)
venv/bin/python "$source/bench.py" 2000
echo "ok the Python binding installs, and its tests pass"
