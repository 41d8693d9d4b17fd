"""The C and C++ code that the documents show is the code that is compiled.

A comment before a block names where it is from: <!-- from examples/NAME/NAME.c -->. The block's lines
must stand in that file one after the other; indentation does not count. A line that is `...` leaves
lines out.
"""
import pathlib
import re
import sys

DOCUMENTS = [pathlib.Path("README.md"), *sorted(pathlib.Path("docs").glob("*.md")),
             *sorted(pathlib.Path("bindings").glob("*/README.md"))]
BLOCK = re.compile(r"<!-- from (\S+) -->\s*```c(?:pp)?\n(.*?)```", re.DOTALL)


def stripped(text):
    return [line.strip() for line in text.splitlines()]


def runs(block):
    """The runs of lines between those that leave something out."""
    run = []
    for line in stripped(block):
        if line == "...":
            yield run
            run = []
        else:
            run.append(line)
    yield run


def find(run, lines, start):
    return next((at + len(run) for at in range(start, len(lines) - len(run) + 1)
                 if lines[at:at + len(run)] == run), None)


def differs(block, path):
    lines = stripped(path.read_text(encoding="utf8"))
    at = 0
    for run in runs(block):
        at = find(run, lines, at)
        if at is None:
            return run[0] if run else ""
    return None


def main():
    failed = False
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf8")
        for name, block in BLOCK.findall(text):
            path = pathlib.Path(name)
            line = differs(block, path) if path.exists() else "(the file does not exist)"
            if line is not None:
                print(f"{document} shows code that is not that of {name}, from: {line}")
                failed = True
        if len(re.findall("```c(?:pp)?\n", text)) != len(BLOCK.findall(text)):
            print(f"{document} shows C code without saying which file it is from")
            failed = True
    sys.exit(1 if failed else 0)


main()
