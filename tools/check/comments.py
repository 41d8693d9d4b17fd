"""Each function of a public header has a comment that tells its thread and its errors.

"Thread" must occur in it (or "in the handler", for what a handler is told its thread by), and
"Errors:". A comment right above the function counts; functions that share one comment stand
directly below each other.
"""
import pathlib
import re
import sys

DECLARATION = re.compile(r"^(?!typedef|static|#|\s)[\w\s*]+?\b(cc_\w+)\(", re.MULTILINE)
TOLD = {"its thread": r"thread|in\s+(\*\s+)?the\s+(\*\s+)?handler", "its errors": r"errors:"}
COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)


def comment_above(text, start):
    """The comment that ends right above a position; declarations in between are passed over."""
    above = text[:start].rstrip(" ")
    while True:
        if above.endswith("*/\n"):
            opened = above.rindex("/*")
            return COMMENT.match(above[opened:]).group(1)
        if not above.endswith(";\n") or above.endswith("}\n"):
            return ""
        statement = above.rfind("\n\n")
        comment = above.rfind("*/\n")
        cut = max(statement + 2 if statement >= 0 else 0, comment + 3 if comment >= 0 else 0)
        if cut == 0 or cut >= len(above):
            return ""
        above = above[:cut]


def faults(path):
    text = path.read_text(encoding="utf8")
    for found in DECLARATION.finditer(text):
        comment = comment_above(text, found.start())
        missing = [name for name, told in TOLD.items() if not re.search(told, comment, re.I)]
        if missing:
            yield f"{path}: {found.group(1)}: its comment does not tell: {', '.join(missing)}"


def main():
    found = [fault for path in sorted(pathlib.Path("include").rglob("*.h"))
             for fault in faults(path)]
    for fault in found:
        print(fault)
    sys.exit(1 if found else 0)


main()
