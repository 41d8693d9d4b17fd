#!/usr/bin/python3
"""The README's first command on a machine that has nothing but git: tools/run installs, builds,
and a browser finds the page.

    fresh_machine_test.py SOURCE
"""
import subprocess
import sys
import tempfile

from debian_root import DebianRoot, why_not
from harness import free_port, page_when_served, skip

PATIENCE_S = 900


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
            assert "<title>" in page_when_served(f"http://127.0.0.1:{port}/", process, PATIENCE_S)
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
