#!/usr/bin/python3
"""clients/c, each of whose allocations fails: c_sweep_test.py CHATCORED SWEEP. Every ninth one in a quick
run; CHATCORE_TEST_LEVEL=full takes all."""
import os
import subprocess
import sys
import tempfile

import harness

STEP = 1 if os.environ.get("CHATCORE_TEST_LEVEL") == "full" else 9
LIMITS_OFF = ["--spam-filter-off", "--send-rate", "off", "--connect-rate", "off", "--request-rate", "off"]


def main():
    chatcored, sweep = sys.argv[1:3]
    with harness.Server(*LIMITS_OFF, path=chatcored) as server:
        with tempfile.TemporaryDirectory(prefix="chatcore-sweep-") as folder:
            token = os.path.join(folder, "token")
            with open(token, "w", encoding="ascii") as file:
                file.write(server.token("sweep") + "\n")
            status = subprocess.run([sweep, server.url, token, os.path.join(folder, "data"),
                                     str(STEP)], check=False).returncode
    print("ok" if status == 0 else "not ok", "each allocation failed once")
    return status


if __name__ == "__main__":
    sys.exit(main())
