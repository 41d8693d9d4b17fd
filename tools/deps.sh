#!/bin/bash
# The one list of the Debian packages that this project uses, and what installs the missing ones.
#
#   tools/deps.sh build     what compiling the library, the server and the tools takes
#   tools/deps.sh all       that, and what the tests and checks take
#   tools/deps.sh --list build|all     only names them
#   tools/deps.sh --schemathesis       where `all` puts schemathesis, which is not in Debian
#   tools/deps.sh --irctest            where it puts the IRC test suite, and what runs it
set -euo pipefail

build=(
    dpkg-dev gcc libc6-dev libcurl4-openssl-dev meson ninja-build pkg-config python3
    libevent-dev libinih-dev libjansson-dev liblmdb-dev libmsgpack-dev libsodium-dev libsqlite3-dev
    libssl-dev libvips-dev
    libuv1-dev libwebsockets-dev libwebsockets-evlib-uv libxxhash-dev uthash-dev zlib1g-dev
)
checks=(
    abigail-tools binutils clang clang-format clang-tidy cmake g++ libasio-dev libclang-rt-dev libcmocka-dev llvm pmccabe python3-yaml
)
packaging=(
    curl fish haproxy lintian man-db mandoc nginx openssl prometheus systemd zsh
)
python_binding=(
    mmdebstrap python3-cffi python3-dev python3-django python3-fastapi python3-httpx python3-mypy
    python3-setuptools python3-uvicorn python3-venv python3-wheel
)
foreign_clients=(
    chromium irssi node-ws nodejs npm python3-aiosmtpd python3-cryptography python3-jwt
    python3-msgpack python3-websockets weechat-curses weechat-plugins
)

# PyPI's, in an environment of its own.
schemathesis=4.32.5
schemathesis_home=${XDG_CACHE_HOME:-$HOME/.cache}/chatcore/schemathesis-$schemathesis

if [ "${1:-}" = --schemathesis ]; then
    echo "$schemathesis_home/bin/schemathesis"
    exit
fi

# GitHub's, with what it takes of PyPI. tests/irctest/expected.txt is of this commit.
irctest=b00c039766f5c497920dd787f7cb0e0005bd5ce0
irctest_home=${XDG_CACHE_HOME:-$HOME/.cache}/chatcore/irctest-$irctest

if [ "${1:-}" = --irctest ]; then
    echo "$irctest_home"
    exit
fi

install_irctest() {
    [ -d "$irctest_home/suite" ] && return
    echo "fetching from GitHub: irctest $irctest"
    rm -rf "$irctest_home" "$irctest_home.new"
    if ! { /usr/bin/python3 -m venv "$irctest_home" &&
        "$irctest_home/bin/pip" install -q filelock pytest pytest-xdist websockets &&
        GIT_TERMINAL_PROMPT=0 timeout 120 git clone -q https://github.com/progval/irctest \
            "$irctest_home.new" &&
        git -C "$irctest_home.new" checkout -q "$irctest" &&
        mv "$irctest_home.new" "$irctest_home/suite"; }; then
        rm -rf "$irctest_home.new"
        echo "irctest can't be had: its test is skipped" >&2
    fi
}

install_schemathesis() {
    [ -x "$schemathesis_home/bin/schemathesis" ] && return
    echo "installing from PyPI: schemathesis $schemathesis"
    /usr/bin/python3 -m venv "$schemathesis_home"
    if ! "$schemathesis_home/bin/pip" install -q "schemathesis==$schemathesis"; then
        rm -rf "$schemathesis_home"
        echo "schemathesis can't be installed: its test is skipped" >&2
    fi
}

only_list=false
if [ "${1:-}" = --list ]; then
    only_list=true
    shift
fi
case ${1:-} in
build) wanted=("${build[@]}") ;;
all) wanted=("${build[@]}" "${checks[@]}" "${packaging[@]}" "${python_binding[@]}"
    "${foreign_clients[@]}") ;;
*)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
if $only_list; then
    printf '%s\n' "${wanted[@]}"
    exit
fi

missing=()
for package in "${wanted[@]}"; do
    # A node that brings its own npm needs no other.
    if [ "$package" = npm ] && command -v npm >/dev/null; then
        continue
    fi
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done

# What the packages of clients/ take from npm, by their lock files, where npm is there.
npm_packages() {
    local folder

    cd "$(dirname "$0")/.."
    command -v npm >/dev/null || return 0
    for folder in clients/js examples/chatcored/page; do
        if [ ! "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
            npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error ||
                echo "npm's packages of $folder can't be installed: its tests are skipped" >&2
        fi
    done
}

install_missing() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "installing from Debian: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -q
    # A machine that has just started may be updating itself: its lock is waited for.
    "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "${missing[@]}"
}

[ ${#missing[@]} -eq 0 ] || install_missing
if [ "$1" = all ]; then
    install_schemathesis
    install_irctest
    npm_packages
fi
