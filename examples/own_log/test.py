"""The log in a file keeps what the suite asks of a log, and an engine runs on it: over restarts,
and with a torn frame at its end, as a power cut leaves one."""
import os
import subprocess
import sys
import tempfile

program, check = (os.path.abspath(name) for name in sys.argv[1:3])


def say(folder):
    done = subprocess.run([program, folder], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split(":")[0]


with tempfile.TemporaryDirectory() as folder:
    subprocess.run([check, os.path.join(folder, "suite")], check=True)
with tempfile.TemporaryDirectory() as folder:
    assert say(folder) == "message 1"
    for torn in (b"", b"\1", b"\1" * 100):
        size = os.path.getsize(f"{folder}/log.file")
        with open(f"{folder}/log.file", "ab") as file:
            file.write(torn)
        seen = say(folder)
        assert os.path.getsize(f"{folder}/log.file") > size
    assert seen == "message 4", seen
print("ok an engine runs on it")
