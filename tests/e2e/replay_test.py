#!/usr/bin/python3
"""A real chat log through a real server: tools/replay against a chatcored of its own.

    replay_test.py CHATCORED REPLAY LOG      exit 77 when there is no such log

The spam filter is off: people repeat themselves, and a help channel's bot writes to hundreds of
strangers. The limits for each user are as they are by default, and are waited for.
"""
import os
import subprocess
import sys

import harness
from harness import Server


def main(replay, log):
    if not os.path.exists(log):
        harness.skip(f"{log} is not there")
    with Server("--spam-filter-off") as server:
        result = subprocess.run([replay, log, "--url", server.url, "--jwt-secret-file",
                                 server.secret_path, "--patience", "120"], check=False)
    passed = result.returncode == 0
    print(f"{int(passed)} passed, {int(not passed)} failed")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[2:4]))
