#!/usr/bin/python3
"""The tests of clients/js, against CHATCORED too: js_test.py NODE CHATCORED [OPTION…]. With options,
cut_proxy/run.py with them instead. Exit code 77 when its npm packages are not installed
(tools/deps.sh all)."""
import fcntl
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.join(HERE, "..", "..", "clients", "js")
CUT_PROXY = os.path.join(HERE, "cut_proxy")


def newest(pattern):
    return max(map(os.path.getmtime, glob.glob(os.path.join(CLIENT, pattern))), default=0)


def build(node, compiler):
    """Once, where several of these tests run at a time."""
    with open(os.path.join(CLIENT, "node_modules", ".build.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = os.path.join(CLIENT, "dist", ".built")
        if os.path.exists(built) and os.path.getmtime(built) > newest("src/*"):
            return 0
        status = subprocess.run([node, compiler, "-p", CLIENT], check=False).returncode
        if status == 0:
            with open(built, "w", encoding="ascii"):
                pass
        return status


def main():
    node, chatcored, *options = sys.argv[1:]
    compiler = os.path.join(CLIENT, "node_modules", "typescript", "bin", "tsc")
    if not os.path.exists(compiler):
        print("SKIP: the packages of clients/js are not installed", flush=True)
        return 77
    status = build(node, compiler)
    if status != 0:
        return status
    if options:
        return subprocess.run([sys.executable, os.path.join(CUT_PROXY, "run.py"), chatcored,
                               *options, "--", node, os.path.join(CUT_PROXY, "js_driver.mjs")],
                              check=False).returncode
    tests = sorted(glob.glob(os.path.join(CLIENT, "test", "*.test.mjs")))
    environment = dict(os.environ, CHATCORED=os.path.abspath(chatcored))
    return subprocess.run([node, "--test", "--test-reporter=tap", *tests], env=environment,
                          cwd=CLIENT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
