#!/usr/bin/python3
"""The public IRC test suite (github.com/progval/irctest) against examples/ircd.

  run.py IRCD            runs it all; fails where a test that is expected to pass does not
  run.py IRCD --fix      runs it all, and writes what came out into expected.txt
  run.py IRCD PATTERN…   only the tests whose names contain one of these, with their output
  run.py --table         the table of docs/irc.md, of expected.txt; --check compares the two

The suite is not part of this repository. $IRCTEST is a checkout of it; without that it is looked
for where `tools/deps.sh all` puts it, with the Python environment that it needs.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
EXPECTED = os.path.join(HERE, "expected.txt")
PAGE = os.path.join(TOP, "docs", "irc.md")
SKIPPED = 77
WORKERS = 4  # most of a test's time is waiting
OUTCOMES = ("passed", "failed", "skipped")


def home():
    return subprocess.run([os.path.join(TOP, "tools", "deps.sh"), "--irctest"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()


def find_suite():
    """The suite's folder and the Python that runs it; None: it is not here."""
    suite = os.environ.get("IRCTEST") or os.path.join(home(), "suite")
    python = os.path.join(home(), "bin", "python")
    if not os.access(python, os.X_OK):
        python = os.environ.get("IRCTEST_PYTHON", sys.executable)
    if not os.path.exists(os.path.join(suite, "irctest", "cases.py")):
        return None
    needs = subprocess.run([python, "-c", "import pytest, xdist, filelock, websockets.sync.client"],
                           stderr=subprocess.DEVNULL, check=False)
    return (suite, python) if needs.returncode == 0 else None


def outcome_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def read_report(path):
    """Outcomes by name: file, class and function, and the parameters."""
    found = {}
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = case.get("classname").replace("irctest.server_tests.", "") + "." + case.get("name")
        name = re.sub(r"[^!-~]+", "_", name)  # a line of expected.txt has no other spaces
        found[name] = outcome_of(case)
    return found


def run_suite(ircd, patterns):
    suite, python = find_suite() or (None, None)
    if not suite:
        print("SKIPPED: irctest is not here; `tools/deps.sh all` fetches it, or set IRCTEST")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.xml")
        command = [python, "-m", "pytest", "-q", "--controller", "chatcore_ircd", "--tb",
                   "short" if patterns else "no", "-p", "no:cacheprovider", f"--junitxml={report}",
                   "-n", str(WORKERS), "irctest/server_tests"]
        if patterns:
            command += ["-k", " or ".join(patterns)]
        subprocess.run(command, cwd=suite, check=False, stdin=subprocess.DEVNULL,
                       env={**os.environ, "IRCD": os.path.abspath(ircd), "PYTHONPATH": HERE,
                            "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder})
        return read_report(report)


def read_expected():
    with open(EXPECTED, encoding="utf8") as file:
        return dict(reversed(line.split()) for line in file if not line.startswith("#"))


def write_expected(found):
    with open(EXPECTED, "w", encoding="utf8") as file:
        file.write("# What came out of irctest: run.py writes it with --fix, and compares.\n")
        for name in sorted(found):
            file.write(f"{found[name]} {name}\n")


def compare(found, expected):
    """The exit code."""
    worse = [name for name in expected if expected[name] == "passed" and
             found.get(name) != "passed"]
    better = [name for name in found if found[name] == "passed" and
              expected.get(name) != "passed"]
    for name in worse:
        print(f"not ok {name}: {found.get(name, 'was not run')}, and has to pass")
    for name in better:
        print(f"passes now, expected.txt does not know: {name}")
    print(f"{sum(found[name] == 'passed' for name in found)} passed, {len(worse)} of those that "
          f"have to pass did not")
    return 1 if worse else 0


def counts():
    """Of each file of the suite: how many tests came out how."""
    files = collections.defaultdict(collections.Counter)
    for name, outcome in read_expected().items():
        parts = name.split("[")[0].split(".")
        files[".".join(parts[:-2])][outcome] += 1
    return files


def rows():
    return [f"| `{file}` | " + " | ".join(str(count[outcome]) for outcome in OUTCOMES) + " |"
            for file, count in sorted(counts().items())]


def check_page():
    """Each file has its row in docs/irc.md, with its numbers and, where not all pass, a reason."""
    with open(PAGE, encoding="utf8") as file:
        lines = file.read().splitlines()
    wrong = 0
    for row in rows():
        found = [line[len(row):].strip(" |") for line in lines if line.startswith(row)]
        has_all = row.endswith("| 0 | 0 |")
        if not found or (not found[0] and not has_all):
            print(f"docs/irc.md lacks this row, or its reason: {row}")
            wrong += 1
    print(f"{len(rows())} files of irctest, {wrong} rows of docs/irc.md are wrong")
    return 1 if wrong else 0


def main(arguments):
    if arguments == ["--table"]:
        print("\n".join(rows()))
        return 0
    if arguments == ["--check"]:
        return check_page()
    ircd, patterns = arguments[0], [word for word in arguments[1:] if word != "--fix"]
    found = run_suite(ircd, patterns)
    if patterns:
        return 0 if found and "failed" not in found.values() else 1
    if "--fix" in arguments:
        write_expected(found)
        return 0
    return compare(found, read_expected())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
