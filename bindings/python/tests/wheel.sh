#!/bin/bash
# Builds the wheel and tries it where nothing of ours is:  wheel.sh FOLDER
#
# That is a Debian of its own, with python3 and python3-venv and what these need, in a chroot: no
# libchatcore, no liblmdb, libwebsockets, libuv, libevent, libsodium, no compiler, no header. An example
# runs there: an engine on a folder, a client of its gateway, backends in Python.
set -euo pipefail

folder=$1
source=$(dirname "$(dirname "$(readlink -f "$0")")")
root=$(dirname "$(dirname "$source")")

for program in mmdebstrap cmake dpkg-source; do
    if ! command -v "$program" >/dev/null; then
        echo "skipped: $program is not installed"
        exit 77
    fi
done
if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: a chroot takes root"
    exit 77
fi
if ! unshare --mount true 2>/dev/null; then
    echo "skipped: mounts of one's own are not allowed here"
    exit 77
fi

mkdir -p "$folder/wheels"
"$root/tools/wheel" "$folder/wheels"
/usr/bin/python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" download --quiet --disable-pip-version-check --only-binary :all: \
    -d "$folder/wheels" cffi msgpack websockets

clean=$folder/clean
rm -rf "$clean"
mmdebstrap --quiet --variant=minbase --include=python3,python3-venv \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$clean" http://deb.debian.org/debian
for library in chatcore lmdb websockets uv event sodium cffi; do
    if find "$clean/usr/lib" "$clean/lib" -name "lib$library*.so*" | grep .; then
        echo "the clean system is not clean"
        exit 1
    fi
done
mkdir "$clean/try"
cp -r "$folder"/wheels/*.whl "$source/examples/sqlite_backends.py" \
    "$source/tests/wheel_example.py" "$clean/try"
unshare --mount --pid --fork --mount-proc="$clean/proc" chroot "$clean" \
    /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root /bin/sh -ec '
    cd /try
    python3 -m venv venv
    venv/bin/pip install --quiet --no-index --find-links . --disable-pip-version-check \
        chatcore websockets
    venv/bin/python wheel_example.py'
rm -rf "$clean"
echo "ok the wheel runs where nothing of ours is"
