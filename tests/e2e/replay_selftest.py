#!/usr/bin/python3
"""The replay tool tested against the mock server: a right server passes, and a server that loses,
doubles, reorders or changes one push in some hundred is found out.

    replay_selftest.py REPLAY        exit 77 when a Python module is missing
"""
import os
import subprocess
import sys
import tempfile

try:
    import msgpack  # noqa: F401  (the mock needs both)
    import websockets  # noqa: F401
except ImportError as missing:
    print(f"SKIP: {missing}")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
MOCK = os.path.join(HERE, "..", "support", "mock_server.py")
SAMPLE = os.path.join(HERE, "..", "data", "chatlog-sample.tsv")
CASES = [([], 0)] + [(["--fault", f"{fault}:300"], 1)
                     for fault in ("lose", "double", "swap", "corrupt")]


def replay(program, secret, mock_options):
    mock = subprocess.Popen([sys.executable, MOCK, *mock_options], stdout=subprocess.PIPE, text=True)
    try:
        url = mock.stdout.readline().split()[1]
        return subprocess.run(
            [program, SAMPLE, "--url", url, "--jwt-secret-file", secret, "--patience", "3",
             "--connect-rate", "500", "--seed", "1"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    finally:
        mock.kill()
        mock.wait()


def main(program):
    failures = 0
    with tempfile.NamedTemporaryFile("w") as secret:
        secret.write("a secret of the tests, 32 bytes!")
        secret.flush()
        for options, expected in CASES:
            result = replay(program, secret.name, options)
            right = result.returncode == expected
            failures += not right
            print("ok  " if right else "FAIL", *options or ["no fault"], "-> exit", result.returncode)
            if not right:
                print(result.stdout)
    print(f"{len(CASES) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
