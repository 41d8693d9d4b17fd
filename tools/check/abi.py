"""The shared library still fits programs that were compiled with an earlier one.

    abi.py BUILD           compares what is built with the baseline
    abi.py BUILD --fix     writes the baseline anew: for a release, or when a break is meant
    abi.py OLD.xml NEW.xml HEADERS    compares two descriptions, of the structs that HEADERS define

The baseline is abidw's description of the last release, packaging/abi/libchatcore.xml. abidiff finds
functions that went or changed. What it can't tell apart is a struct that grew as docs/stability.md
allows from one that broke, so the layouts are compared here:

 - a member stays where it is, with its type; an enumerator keeps its number (…_COUNT may rise);
 - `reserved` room may be used up; the struct keeps its size;
 - only these grow: structs that begin with `size_t size`, operations of ports (they begin with a
   cc_op), and those that only the library makes (GROWN_BY_LIBRARY).

New functions, enumerators and members in allowed places are additions, and pass.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

BASELINE = pathlib.Path("packaging/abi/libchatcore.xml")
LIBRARY = "lib/libchatcore.so"
ABIDW = ["abidw", "--exported-interfaces-only", "--no-corpus-path", "--no-comp-dir-path",
         "--no-show-locs", "--no-architecture", "--no-elf-needed", "--no-write-default-sizes",
         "--no-parameter-names"]

# Hosts get pointers to them, one at a time, and make none.
GROWN_BY_LIBRARY = {"cc_event", "cc_reply", "cc_receipt", "cc_typing", "cc_profile",
                    "cc_http_request"}

ABIDIFF_INCOMPATIBLE = 8
DEFINED = re.compile(r"^(?:struct|enum) (\w+)\s*\{", re.MULTILINE)


class Abi:
    """One description: the public structs, flattened to members by path, and the public enums."""

    def __init__(self, path, public):
        self.types = {}
        self.names = {}
        for element in ET.parse(path).iter():
            if "id" in element.attrib and not element.get("is-declaration-only"):
                self.types.setdefault(element.get("id"), element)
        for element in list(self.types.values()):
            if element.tag in ("class-decl", "enum-decl") and element.get("name") in public:
                self.names.setdefault(element.get("name"), element)

    def type_name(self, type_id, depth=0):
        """A type as text: what it points to by name, so that it compares across descriptions."""
        element = self.types.get(type_id)
        if element is None or depth > 8:
            return "declared"
        inner = self.type_name(element.get("type-id"), depth + 1) if element.get("type-id") else ""
        if element.tag == "pointer-type-def":
            return inner + "*"
        if element.tag == "qualified-type-def":
            return "const " + inner
        if element.tag == "array-type-def":
            return f"{inner}[{element.get('size-in-bits')}]"
        if element.tag == "typedef-decl":
            return element.get("name")
        if element.tag == "function-type":
            return "function(" + ",".join(self.type_name(part.get("type-id"), depth + 1)
                                          for part in element) + ")"
        return element.get("name", "").split("__anonymous")[0]

    def members(self, element, at=0, path=""):
        """(path, offset, type) of each member; those of nameless structs and unions one by one."""
        for member in element.findall("data-member"):
            variable = member.find("var-decl")
            offset = at + int(member.get("layout-offset-in-bits", 0))
            name = path + variable.get("name")
            inner = self.types.get(variable.get("type-id"))
            if inner is not None and inner.get("name", "").startswith("__anonymous"):
                yield from self.members(inner, offset, name + ".")
            else:
                yield name, offset, self.type_name(variable.get("type-id"))


def enum_faults(name, old, new):
    numbers = {entry.get("name"): entry.get("value") for entry in new.findall("enumerator")}
    for entry in old.findall("enumerator"):
        constant = entry.get("name")
        if not constant.endswith("_COUNT") and numbers.get(constant) != entry.get("value"):
            yield f"enum {name}: {constant} was {entry.get('value')}, is {numbers.get(constant)}"


def may_grow(name, members):
    first = members[0] if members else ("", 0, "")
    return name in GROWN_BY_LIBRARY or first[:1] + first[2:] in (("size", "size_t"),
                                                                ("op", "cc_op"))


def struct_faults(name, old_abi, old, new_abi, new):
    before = list(old_abi.members(old))
    after = {path: rest for path, *rest in new_abi.members(new)}
    for path, offset, kind in before:
        if path.endswith("reserved"):
            continue
        if path not in after:
            yield f"struct {name}: {path} is gone"
        elif after[path] != [offset, kind]:
            yield f"struct {name}: {path} was {kind} at bit {offset}, is {after[path]}"
    if old.get("size-in-bits") != new.get("size-in-bits") and not may_grow(name, before):
        yield (f"struct {name}: its size was {old.get('size-in-bits')} bits, is "
               f"{new.get('size-in-bits')}")


def type_faults(old_abi, new_abi):
    for name, old in sorted(old_abi.names.items()):
        new = new_abi.names.get(name)
        if new is None:
            yield f"{name} is gone"
        elif old.tag == "enum-decl":
            yield from enum_faults(name, old, new)
        else:
            yield from struct_faults(name, old_abi, old, new_abi, new)


def function_faults(old_abi_file, new_abi_file):
    """What abidiff says of functions: those that are gone, and parameters that changed."""
    done = subprocess.run(["abidiff", "--no-added-syms", "--leaf-changes-only", old_abi_file,
                           new_abi_file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode & 3:
        yield f"abidiff failed: {done.stdout[-500:]}"
    elif done.returncode & ABIDIFF_INCOMPATIBLE:
        yield from re.findall(r"^ *\[D\].*$", done.stdout, re.MULTILINE)
    yield from re.findall(r"^ *\[C\] 'function.*$", done.stdout, re.MULTILINE)


def public_names(headers):
    return {name for path in pathlib.Path(headers).rglob("*.h")
            for name in DEFINED.findall(path.read_text(encoding="utf8"))}


def compare(old, new, headers):
    public = public_names(headers)
    found = list(function_faults(old, new)) + list(type_faults(Abi(old, public), Abi(new, public)))
    for fault in found:
        print(fault)
    return 1 if found else 0


def describe(library, path):
    subprocess.run([*ABIDW, "--out-file", path, library], check=True)
    text = pathlib.Path(path).read_text(encoding="utf8")
    # Where the tree lies is of no interest, and differs between builds.
    text = re.sub(r" path='[^']*?(lib/[^']*)'", r" path='\1'", text)
    pathlib.Path(path).write_text(text, encoding="utf8")


def main():
    if len(sys.argv) == 4:
        return compare(*sys.argv[1:])
    library = f"{sys.argv[1]}/{LIBRARY}"
    if not shutil.which("abidw") or not pathlib.Path(library).exists():
        print("abigail-tools is not installed, or the library is not built")
        return 77
    if sys.argv[2:] == ["--fix"]:
        BASELINE.parent.mkdir(parents=True, exist_ok=True)
        describe(library, BASELINE)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        describe(library, f"{folder}/now.xml")
        return compare(BASELINE, f"{folder}/now.xml", "include")


sys.exit(main())
