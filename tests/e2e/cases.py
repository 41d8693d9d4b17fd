"""Running a script's cases: each is a function without arguments, and the others go on where one
fails. What it prints is what tools/check/run.py counts."""
import functools
import time
import traceback

from harness import Server


class Missing(Exception):
    """What a case needs is not on this machine."""


def served(function, *options):
    """A case of a function that wants a server of its own, with these options."""
    @functools.wraps(function)
    def case():
        with Server(*options) as server:
            function(server)
    return case


def run_one(case):
    began = time.monotonic()
    try:
        case()
    except Missing as missing:
        print(f"SKIPPED {case.__name__}: {missing}", flush=True)
    except Exception:  # a case may fail in any way
        print(f"not ok {case.__name__}\n{traceback.format_exc()}", flush=True)
        return False
    else:
        print(f"ok {case.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def run_cases(cases, wanted=()):
    """The exit code. `wanted`: names of those to run, if any are given."""
    results = [run_one(case) for case in cases if not wanted or case.__name__ in wanted]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1
