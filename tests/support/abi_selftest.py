#!/usr/bin/python3
"""The check of the ABI tells additions from breaks: a small library, changed in one way at a time.

    abi_selftest.py SOURCE
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

HEADER = """
#include <stddef.h>
#include <stdint.h>
enum cc_kind { CC_ONE = 1, CC_TWO = 2, CC_KIND_COUNT };
struct cc_limits { uint32_t first; uint64_t second; uint64_t reserved[4]; };
struct cc_options { size_t size; int number; struct cc_limits limits; enum cc_kind kind; };
struct cc_event { int type; union { struct { int code; } closed; void *reply; } u; };
struct cc_inner;
int cc_open(const struct cc_options *options, struct cc_event *event, struct cc_inner *inner);
int cc_close(int handle);
"""
SOURCE = """
#include "library.h"
struct cc_inner { int own; };
int cc_open(const struct cc_options *options, struct cc_event *event, struct cc_inner *inner)
{ return options->number + event->type + inner->own; }
int cc_close(int handle) { return handle; }
"""

ADDITIONS = {
    "nothing": [],
    "an enumerator": [("CC_TWO = 2,", "CC_TWO = 2, CC_THREE,")],
    "a member of options": [("enum cc_kind kind; }", "enum cc_kind kind; int64_t more; }")],
    "a member from the reserve": [("uint64_t reserved[4]", "uint64_t third; uint64_t reserved[3]")],
    "a member of an event's union": [("void *reply;", "void *reply; struct { int a[8]; } other;")],
    "a function": [("int cc_close(int handle) {", "int cc_new(void) { return 0; }\nint cc_close(int handle) {"),
                   ("int cc_close(int handle);", "int cc_close(int handle); int cc_new(void);")],
    "a private member": [("int own;", "int own; int other;")],
}
BREAKS = {
    "an enumerator's number": [("CC_ONE = 1, CC_TWO = 2", "CC_TWO = 1, CC_ONE = 2")],
    "an enumerator less": [(", CC_TWO = 2", "")],
    "members in another order": [("int number; struct cc_limits limits;", "struct cc_limits limits; int number;")],
    "a member in front of others": [("size_t size; int number;", "size_t size; int64_t new; int number;")],
    "a member's type": [("uint32_t first;", "int32_t first;")],
    "a member less": [("int number; struct", "int numbers; struct"), ("->number", "->numbers")],
    "a struct that must keep its size": [("uint64_t reserved[4]", "uint64_t third; uint64_t reserved[4]")],
    "an event's member": [("struct { int code; } closed;", "struct { int64_t code; } closed;")],
    "a parameter": [("cc_close(int handle)", "cc_close(long handle)"), ("return handle", "return (int)handle")],
    "a function less": [("cc_close(", "cc_end(")],
}


def built(folder, changes, source):
    header, code = HEADER, SOURCE
    for old, new in changes:
        assert old in header + code, old
        header, code = header.replace(old, new), code.replace(old, new)
    (folder / "library.h").write_text(header, encoding="utf8")
    (folder / "library.c").write_text(code, encoding="utf8")
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "library.c", "-o", "library.so"], cwd=folder,
                   check=True)
    described = folder / f"{source}.xml"
    subprocess.run(["abidw", "--exported-interfaces-only", "--no-show-locs", "--no-corpus-path",
                    "--out-file", described, folder / "library.so"], check=True)
    return described


def main():
    check = pathlib.Path(sys.argv[1]) / "tools/check/abi.py"
    if not shutil.which("abidw"):
        print("abigail-tools is not installed")
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        old = built(folder, [], "old")
        for expected, cases in ((0, ADDITIONS), (1, BREAKS)):
            for what, changes in cases.items():
                new = built(folder, changes, "new")
                done = subprocess.run([sys.executable, check, old, new, folder], check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                assert done.returncode == expected, (what, done.returncode, done.stdout)
                print("ok", what.replace(" ", "_"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
