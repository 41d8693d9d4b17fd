"""Runs the checks and the suites, counts what they did, and ends with one plain line.

Called by tools/test, from the top of the tree, with `quick` or `full`. Each stage adds to one
Tally; a stage that cannot run counts as failed, a suite or check without anything to do is named
as skipped with its reason. Exit code 77 of a check or a test means "skipped", and the last line
that it printed says why.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

SUITES = ["unit", "conformance", "scenario", "support", "e2e"]
SANITIZED_SUITES = ["unit", "conformance", "scenario"]
SKIPPED = 77
FUZZ_SECONDS = 10
CORES = os.cpu_count() or 1

# How a test program names a case and its outcome: cmocka's lines, and TAP's.
CASE = re.compile(r"^(?:\[ +)?(OK|FAILED|SKIPPED|ok|not ok)(?: +\])? (\S.*)$", re.MULTILINE)
CASE_OUTCOMES = {"OK": "passed", "ok": "passed", "FAILED": "failed", "not ok": "failed",
                 "SKIPPED": "skipped"}
SEVERITY = ["passed", "skipped", "failed"]

CHECKS_BEFORE_BUILD = ["headers", "layers", "size", "format", "comments", "walkthrough", "snippets",
                       "mutations", "page", "openapi"]
CHECKS_AFTER_BUILD = ["purity", "symbols", "abi", "install"]


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add(self, name, outcome, reason=""):
        if outcome == "passed":
            self.passed += 1
        elif outcome == "skipped":
            self.skipped.append((name, reason or "it gave no reason"))
        else:
            self.failed.append((name, reason))

    def report(self):
        for title, entries in (("SKIPPED", self.skipped), ("FAILED", self.failed)):
            for name, reason in entries:
                print(f"{title}: {name}" + (f": {reason}" if reason else ""))
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped")
        return 1 if self.failed or not self.passed else 0


STARTED = time.monotonic()


def say(text):
    print(f"\n== {time.monotonic() - STARTED:.0f} s: {text}", flush=True)


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def side_by_side(function, items):
    """function(item) for each, as many at a time as there are cores; the results, in order."""
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        return pool.map(function, items)


def run_checks(tally, names, *arguments):
    for name, done in zip(names, side_by_side(lambda name: check(name, *arguments), names)):
        tell_check(tally, name, done)


def check(name, *arguments):
    script = next(f"tools/check/{name}{end}" for end in (".py", ".sh")
                  if os.path.exists(f"tools/check/{name}{end}"))
    interpreter = "/usr/bin/python3" if script.endswith(".py") else "bash"
    return subprocess.run([interpreter, script, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)


def tell_check(tally, name, done):
    outcome = {0: "passed", SKIPPED: "skipped"}.get(done.returncode, "failed")
    print(f"check {name}: {outcome}", flush=True)
    if done.stdout.strip():
        print(done.stdout.rstrip(), flush=True)
    reasons = {"skipped": last_line(done.stdout), "failed": "its output stands above"}
    tally.add(f"check {name}", outcome, reasons.get(outcome, ""))


def build(tally, folder, *options, compiler="gcc"):
    """True when the folder holds an up-to-date build with these options. Warnings are counted, but
    don't keep the tests from running."""
    say(f"build {folder}")
    environment = dict(os.environ, CC=compiler, CXX={"gcc": "g++", "clang": "clang++"}[compiler])
    configured = os.path.exists(f"{folder}/build.ninja")
    setup = ["meson", "setup", folder, *options] + (["--reconfigure"] if configured else [])
    for command in (setup, ["ninja", "-C", folder, "--quiet"]):
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        if done.returncode != 0:
            print(done.stdout[-20000:], flush=True)
            tally.add(f"build {folder}", "failed", "see above")
            return False
    has_warnings = "warning: " in done.stdout
    if has_warnings:
        print(done.stdout[-20000:], flush=True)
    tally.add(f"build {folder}", "failed" if has_warnings else "passed", "warnings, see above")
    return True


def cases(result):
    """The outcomes within one test program: its cases, as cmocka or a suite of ours names them, or
    the program as a whole."""
    output = result.get("stdout", "") + result.get("stderr", "")
    outcome = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(
        result["result"], "failed")
    reason = last_line(output) if outcome != "passed" else ""
    if outcome == "failed" and result["result"] != "FAIL":
        reason = result["result"].lower()
    named = {}
    for mark, name in CASE.findall(output):
        named[name] = max(named.get(name, "passed"), CASE_OUTCOMES[mark], key=SEVERITY.index)
    found = [(name, of_case, "") for name, of_case in named.items()]
    if found and (outcome == "passed" or "failed" in named.values()):
        return found
    return [entry for entry in found if entry[1] == "passed"] + [("", outcome, reason)]


def known_suites(folder):
    listed = subprocess.run(["meson", "introspect", folder, "--tests"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    names = set()
    for test in json.loads(listed):
        names.update(suite.split(":")[-1] for suite in test["suite"])
    return names


def run_suites(tally, folder, suites, quick):
    say(f"tests in {folder}")
    present = known_suites(folder)
    for suite in suites:
        if suite not in present:
            tally.add(f"suite {suite} in {folder}", "skipped", "it has no test yet")
    # Half of the tests wait for clocks and sockets most of the time.
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs",
               "--num-processes", str(2 * CORES)]
    for suite in suites:
        if suite in present:
            command += ["--suite", suite]
    if quick:
        command += ["--no-suite", "slow"]
        if "slow" in present:
            tally.add(f"suite slow in {folder}", "skipped", "only the full run takes the time")
    if folder != "build-test":
        command += ["--timeout-multiplier", "5"]
    log = f"{folder}/meson-logs/testlog.json"
    if os.path.exists(log):
        os.remove(log)
    environment = dict(os.environ, CHATCORE_TEST_LEVEL="quick" if quick else "full",
                       ASAN_OPTIONS="detect_stack_use_after_return=1:allocator_may_return_null=1",
                       UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
                       TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1")
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)
    if not os.path.exists(log):
        tally.add(f"tests in {folder}", "failed", "meson wrote no log")
        return
    with open(log, encoding="utf8") as lines:
        for line in lines:
            result = json.loads(line)
            for case, outcome, reason in cases(result):
                name = f"{folder}: {result['name'].split(':')[-1].strip()}"
                tally.add(name + (f": {case}" if case else ""), outcome, reason)


def run_fuzzers(tally, folder):
    say(f"fuzzers, {FUZZ_SECONDS} s each")
    programs = f"{folder}/tests/fuzz"
    names = sorted(name for name in (os.listdir(programs) if os.path.isdir(programs) else [])
                   if name.startswith("fuzz_") and os.access(f"{programs}/{name}", os.X_OK)
                   and os.path.isfile(f"{programs}/{name}"))
    if not names:
        tally.add("fuzzers", "skipped", "tests/fuzz has none yet")
    for name, done in zip(names, side_by_side(lambda name: fuzz(folder, name), names)):
        outcome = "passed" if done.returncode == 0 else "failed"
        print(f"{name}: {outcome}", flush=True)
        if outcome == "failed":
            print(done.stdout[-10000:], flush=True)
        tally.add(f"fuzzer {name}", outcome, f"input under {folder}/found/{name}")


def fuzz(folder, name):
    found = f"{folder}/found/{name}"
    os.makedirs(found, exist_ok=True)
    corpus = f"tests/fuzz/corpus/{name[len('fuzz_'):]}"
    # Entropic scheduling takes nine tenths of the time where inputs have many features.
    command = [f"{folder}/tests/fuzz/{name}", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
               "-rss_limit_mb=2048", "-verbosity=0", "-entropic=0",
               f"-artifact_prefix={found}/crash-", found]
    if os.path.isdir(corpus):
        command.append(corpus)
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)


def run_all(tally, quick):
    say("checks")
    run_checks(tally, CHECKS_BEFORE_BUILD)
    if build(tally, "build-test", "-Dwerror=false"):
        say("checks of what was built")
        run_checks(tally, CHECKS_AFTER_BUILD, "build-test")
        run_suites(tally, "build-test", SUITES, quick)
    if quick:
        tally.add("clang-tidy, sanitizers, fuzzers", "skipped", "only the full run takes the time")
        return
    if build(tally, "build-asan", "-Dwerror=false", "-Dfuzzers=true", "-Db_lundef=false",
             "-Db_sanitize=address,undefined", compiler="clang"):
        run_suites(tally, "build-asan", SANITIZED_SUITES, quick)
        run_fuzzers(tally, "build-asan")
        run_checks(tally, ["tidy"], "build-asan")
    if build(tally, "build-tsan", "-Dwerror=false", "-Db_lundef=false", "-Db_sanitize=thread",
             compiler="clang"):
        run_suites(tally, "build-tsan", SANITIZED_SUITES, quick)


def main():
    tally = Tally()
    run_all(tally, quick=sys.argv[1] == "quick")
    say("the end")
    sys.exit(tally.report())


if __name__ == "__main__":
    main()
