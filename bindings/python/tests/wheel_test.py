#!/usr/bin/python3
"""Builds the wheel and tries it where nothing of ours is:  wheel_test.py FOLDER

That is a fresh Debian with python3 and python3-venv and what these need: no libchatcore, no liblmdb,
libwebsockets, libuv, libevent, libsodium, no compiler, no header. An example runs there: an engine on
a folder, a client of its gateway, backends in Python.
"""
import pathlib
import shutil
import subprocess
import sys

BINDING = pathlib.Path(__file__).resolve().parent.parent
TOP = BINDING.parent.parent
sys.path.insert(0, str(TOP / "tests" / "e2e"))

from debian_root import DebianRoot, why_not  # pylint: disable=wrong-import-position

NOT_THERE = ("chatcore", "lmdb", "websockets", "uv", "event", "sodium", "cffi")
TRY = """
python3 -m venv venv
venv/bin/pip install --quiet --no-index --find-links . --disable-pip-version-check chatcore websockets
venv/bin/python wheel_example.py
"""


def why_skipped():
    for program in ("cmake", "dpkg-source"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return why_not()


def build(folder):
    """The wheel and what it needs of PyPI; the folder with them."""
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    subprocess.run([TOP / "tools" / "wheel", wheels], check=True)
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder / "venv"], check=True)
    subprocess.run([folder / "venv/bin/pip", "download", "--quiet", "--disable-pip-version-check",
                    "--only-binary", ":all:", "-d", wheels, "cffi", "msgpack", "websockets"],
                   check=True)
    return wheels


def main():
    reason = why_skipped()
    if reason:
        print(f"skipped: {reason}")
        return 77
    wheels = build(pathlib.Path(sys.argv[1]))
    with DebianRoot("python3", "python3-venv") as root:
        for library in NOT_THERE:
            found = [str(path) for lib in ("usr/lib", "lib")
                     for path in pathlib.Path(root.path, lib).rglob(f"lib{library}*.so*")]
            assert not found, f"the clean system is not clean: {found}"
        folder = pathlib.Path(root.path, "try")
        folder.mkdir()
        for path in (*wheels.glob("*.whl"), BINDING / "examples/sqlite_backends.py",
                     BINDING / "tests/wheel_example.py"):
            shutil.copy(path, folder)
        print(root.run("/bin/sh", "-ec", TRY, cwd="/try"))
    print("ok the wheel runs where nothing of ours is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
