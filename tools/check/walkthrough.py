"""lib/README.md walks one message through the code: the files and functions it names must exist.

A name is what stands in backticks: `lib/engine/chat.c`, `chat_send()`. Files are looked for from the
top and from lib/; a function anywhere in lib/ and include/.
"""
import pathlib
import re
import sys

README = pathlib.Path("lib/README.md")


def main():
    if not README.exists():
        print(f"{README} is not written yet")
        sys.exit(77)
    names = re.findall(r"`([^`\s]+)`", README.read_text(encoding="utf8"))
    code = "\n".join(path.read_text(encoding="utf8") for folder in ("lib", "include")
                     for path in pathlib.Path(folder).rglob("*.[ch]"))
    missing = []
    for name in names:
        if re.fullmatch(r"[\w./-]+\.(c|h|md|build|py|map|txt)|[\w.-]+/[\w./-]*", name):
            if not (pathlib.Path(name).exists() or (README.parent / name).exists()):
                missing.append(name)
        elif re.fullmatch(r"\w+\(\)", name):
            if not re.search(rf"\b{name[:-2]}\(", code):
                missing.append(name)
    for name in missing:
        print(f"{README} names {name}, which does not exist")
    sys.exit(1 if missing else 0)


main()
