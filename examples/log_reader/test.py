"""The reader prints each message once, over several starts of it and of the program that writes."""
import os
import subprocess
import sys
import tempfile

writer, reader = (os.path.abspath(name) for name in sys.argv[1:3])


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def texts(lines):
    return [line.split(" ", 1)[1] for line in lines]


with tempfile.TemporaryDirectory() as folder:
    assert run(reader, "first.data", cwd=folder) == []
    run(writer, cwd=folder)
    first = run(reader, "first.data", cwd=folder)
    assert texts(first) == ["1 alice: Hello, Bob!"], first
    again = run(reader, "first.data", cwd=folder)
    assert again == [], again
    run(writer, cwd=folder)
    second = run(reader, "first.data", cwd=folder)
    assert texts(second) == ["2 alice: Hello, Bob!"], second
    print("ok the reader prints each message once")
