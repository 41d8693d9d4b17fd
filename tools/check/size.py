"""Holds functions and files to their sizes.

A function of more than 60 lines or a file of more than 600 is named; more than 100 or 1,000, or
a complexity above 15, fails. pmccabe counts: a switch is one decision there, so that tables
written as a switch don't count case by case.
"""
import pathlib
import re
import subprocess
import sys

FOLDERS = ["include", "lib", "examples", "bindings", "tests", "tools", "bench"]
FUNCTION_LINES = (60, 100)
FILE_LINES = (600, 1000)
COMPLEXITY = 15


def sources():
    for folder in FOLDERS:
        for path in sorted(pathlib.Path(folder).rglob("*.[ch]")):
            if not {"node_modules", "build"} & set(path.parts):
                yield path


def functions(paths):
    """Yields (complexity, lines, place) as pmccabe sees them."""
    listed = subprocess.run(["pmccabe", *map(str, paths)], check=True, stdout=subprocess.PIPE,
                            text=True).stdout
    for line in listed.splitlines():
        fields = re.split(r"\t", line)
        yield int(fields[0]), int(fields[4]), fields[5]


def main():
    paths = list(sources())
    large, wrong = [], []
    for path in paths:
        lines = len(path.read_text(encoding="utf8").splitlines())
        if lines > FILE_LINES[0]:
            (wrong if lines > FILE_LINES[1] else large).append(f"{path}: {lines} lines")
    for complexity, lines, place in functions([path for path in paths if path.suffix == ".c"]):
        if lines > FUNCTION_LINES[0]:
            (wrong if lines > FUNCTION_LINES[1] else large).append(f"{place}: {lines} lines")
        if complexity > COMPLEXITY:
            wrong.append(f"{place}: complexity {complexity}, more than {COMPLEXITY}")
    for text in large:
        print(f"large: {text}")
    for text in wrong:
        print(f"too large: {text}")
    sys.exit(1 if wrong else 0)


main()
