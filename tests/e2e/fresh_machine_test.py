#!/usr/bin/python3
"""The README's first command on a machine that has nothing but git: tools/run installs, builds,
and a browser finds the page.

    fresh_machine_test.py SOURCE
"""
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from debian_root import DebianRoot, why_not
from harness import free_port, skip

PATIENCE_S = 900


def page_of(port, process):
    """The page, once it is served."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "tools/run has ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise AssertionError(f"nothing served within {PATIENCE_S} s")


def main():
    reason = why_not()
    if reason:
        skip(reason)
    port = free_port()
    with DebianRoot() as root, tempfile.TemporaryFile("w+") as said:
        subprocess.run(["git", "clone", "--quiet", sys.argv[1], f"{root.path}/root/libchatcore"],
                       check=True)
        process = root.start("tools/run", "--listen", f"127.0.0.1:{port}",
                             cwd="/root/libchatcore", stdout=said, stderr=subprocess.STDOUT)
        try:
            assert "<title>" in page_of(port, process)
        except AssertionError:
            said.seek(0)
            print(said.read()[-5000:])
            raise
        finally:
            process.kill()
            process.wait()
    print("ok a_fresh_machine_serves_the_page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
